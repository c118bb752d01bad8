/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Made: which payloads were made before, in WORK/made/KEY.json. The key is a digest of all that
 * they depend on: the image, the files of the base that a delta reads, and this program's version.
 * Losing one costs the time to make it again.
 */
#include "vendor/make/image.h"
#include "vendor/work/workspace.h"

/* Of an image that was built. 0 or a negative errno with a reason. */
int made_key(
	const ImageBuild *build, const IndexImage *image, Digest *ret_key, Reason *reterr_reason);

/* Fills image->payloads and returns 1 when they were made before and their blobs are still there
 * and good; else 0, or a negative errno. */
int made_find(const Workspace *workspace, const Digest *key, IndexImage *image);

/* Remembers image->payloads. */
int made_keep(const Workspace *workspace, const Digest *key, const IndexImage *image,
	Reason *reterr_reason);

/* Gives `to` a copy of the payloads of the same image. 0 or -ENOMEM. */
int made_copy(const IndexImage *from, IndexImage *to);
