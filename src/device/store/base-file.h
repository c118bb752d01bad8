/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * BaseFile: the files of the base that an improvement replaces or removes. Their digests are
 * recorded when it is staged, so that the activator notices a base which is another by then though
 * its version is the same: a package manager or an image update changed it, and the improvement was
 * not made for what is there now.
 */
#include "device/store/store.h"

/* A file of the pristine base: below Suture's copy of it where something is grafted over. The
 * descriptor or a negative errno. */
int base_file_open(const Store *store, const char *path);

/* Fills image->bases from the image's files and removed ones. What the base does not have, or has
 * as something else than a regular file, is left out. */
int base_file_record(const Store *store, GenerationImage *image, Reason *reterr_reason);
