/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Payload: what devices download to obtain an image. Every image has a full one (zstd); a delta
 * from the base's files is added where it is smaller. Each is undone again and compared before it
 * counts.
 */
#include "vendor/make/image.h"

/* Writes the blobs below `blobs` (two digits / digest) and fills image->payloads, smallest first.
 */
int payload_make_all(
	const ImageBuild *build, const char *blobs, IndexImage *image, Reason *reterr_reason);

/* Checks that a full payload's bytes unpack to the image. -EKEYREJECTED with a reason if not. */
int payload_check_full(
	const uint8_t *data, size_t size, const IndexImage *image, Reason *reterr_reason);

/* The same for a delta, with the files that it names read below `root`. */
int payload_check_delta(const uint8_t *data, size_t size, const Payload *payload, const char *root,
	const IndexImage *image, Reason *reterr_reason);
