/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Place: a file that is written for others, in folders that may be others' too. Nothing that stands
 * there is followed or waited for, and what has the bytes already is left alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"

#define PLACE_SIZE_MAX 65536 /* of what is read; what is written is far below */

/* Makes the file have these bytes, in one step. `is_marked`: so that place_is_marked() tells it
 * from what others write. Parents are made (0755). */
int place_put(int root, const char *path, const Buffer *text, bool is_marked);

/* The bytes, with a NUL behind; -ENOENT, or -EINVAL for what is no ordinary file. */
int place_read(int root, const char *path, Buffer *ret_text);

/* Whether it is as place_put() left it: a `touch` by somebody else makes it theirs, too. */
bool place_is_marked(int root, const char *path);

int place_remove(int root, const char *path); /* a missing file is fine */
