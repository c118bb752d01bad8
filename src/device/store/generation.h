/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Generation: the record of one set of images that are grafted together, as the text file
 * generations/N of the store. doc/format/generation.md has the bytes.
 *
 * The record is bound by its own digest against accidents only; what proves its images to the
 * activator are the vendor's seals inside it (device/store/proof.h), which stay unparsed here until
 * their signatures were checked.
 *
 * generation_parse() is pure. Malformed text is -EBADMSG; a text of a later version of the format
 * is -EOPNOTSUPP ("made by a newer Suture"), so that a downgraded system can tell the two apart.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/reason.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "wire/seal/seal.h"
#include "wire/terms/terms.h"

#define GENERATION_TEXT_MAX   (8 * 1024 * 1024) /* about 60,000 files: several desktops' worth */
#define GENERATION_IMAGES_MAX SEAL_PARTS_MAX
#define GENERATION_ID_MAX     64 /* CVE-2026-12345, GHSA-xxxx-xxxx-xxxx */

typedef struct GenerationFile {
	Digest digest;
	FileKind kind;
	char *path;
	char *build_id; /* of a kernel module, in hex; NULL: not told */
} GenerationFile;

typedef struct GenerationImage {
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	char *seal; /* the vendor's text, verbatim; NUL-terminated */
	size_t seal_size;
	RestartScope restart;
	bool mix_forbidden; /* old and new processes must not meet (grafting rule 3) */
	unsigned after;     /* a set: bit n stands for after_names[n] */
	char **hosts;       /* sorted: programs that read the read-once files */
	size_t host_count;
	GenerationFile *files; /* sorted by path */
	size_t file_count;
	char **removed; /* sorted */
	size_t removed_count;
	char **ids; /* of what it fixes: CVE and similar */
	size_t id_count;
	GenerationFile
		*bases; /* what it replaces or removes (base-file.h): digest and path, sorted */
	size_t base_count;
} GenerationImage;

typedef struct Generation {
	char product[SEAL_NAME_MAX + 1];
	char base[SEAL_BASE_MAX + 1];
	char version[SEAL_NAME_MAX + 1]; /* the base's VERSION_ID, for people */
	uint32_t sequence;
	GenerationImage *images;
	size_t image_count;
	Digest digest; /* of the text; set by generation_parse() */
} Generation;

int generation_parse(const void *text, size_t size, Generation **ret, Reason *reterr_reason);

/* Appends the text. -EINVAL with the reason when a reader would refuse it. */
int generation_write(const Generation *generation, Buffer *buffer, Reason *reterr_reason);

/* Frees the generation and all it points to; returns NULL. To build one by hand, allocate the
 * Generation and its arrays with memory_new() and memory_grow(). */
Generation *generation_free(Generation *generation);
DEFINE_CLEANUP(Generation *, generation_free)

/* Whether it has the image with this digest; NULL has none. */
bool generation_has_image(const Generation *generation, const Digest *image);
