/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Staging: the folder from which an image is made. */
#include "vendor/make/image.h"

/* Makes below `folder` what the image will hold: changed files, whiteouts, and the folders above
 * them. ret_time: the time that all of it is to carry, seconds since 1970. Needs root, like every
 * program that keeps owners and security attributes. */
int staging_make(
	const ImageBuild *build, const char *folder, int64_t *ret_time, Reason *reterr_reason);
