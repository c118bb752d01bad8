/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Image: a component's changed files sealed into an uncompressed EROFS image, the same bytes for
 * the same input every time, and the facts about it that go into the index.
 *
 * Folders take mode, owner and attributes from the base; files keep theirs from the new root,
 * labels, capabilities and setuid included; a removed file becomes a whiteout. All files carry one
 * time, later than every time in the base's and the new files, because programs that cache by time
 * must notice.
 */
#include "vendor/files/changes.h"
#include "vendor/files/component.h"
#include "wire/improvement/index.h"

typedef struct ImageBuild {
	const Component *component;
	const Changes *changes;
	const char *old_root, *new_root;
	const char *work; /* folder for temporary files, on the file system of `path` */
	const char *path; /* where the image goes */
} ImageBuild;

/* Writes the image and fills `ret_image` but for seal and payloads. */
int image_build(const ImageBuild *build, IndexImage *ret_image, Reason *reterr_reason);

/* Where in the image the bytes of changed files lie, and the base's files that they come from. */
typedef struct ImageSource {
	char *path; /* relative to the root */
	Digest sha256;
	uint64_t size;
	uint8_t *data; /* mapped */
} ImageSource;

typedef struct ImageExtent {
	uint64_t offset, size; /* in the image, bytes */
	size_t source;         /* index into sources */
} ImageExtent;

typedef struct ImageMap {
	ImageSource *sources;
	size_t source_count;
	ImageExtent *extents; /* ascending, apart from each other */
	size_t extent_count;
} ImageMap;

int image_map(const ImageBuild *build, const uint8_t *image, size_t size, ImageMap *ret_map,
	Reason *reterr_reason);
void image_map_done(ImageMap *map);
