/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Paths: checks on names from outside, and directory trees. */
#include <stdbool.h>
#include <sys/types.h>

#define PATH_TEXT_MAX 4095 /* PATH_MAX without its NUL */

/* True for a relative path in its only normal form: components separated by single slashes, none of
 * them empty, "." or "..", no control characters, at most PATH_TEXT_MAX bytes. Every path that
 * arrives in a document must pass this before it touches a file system. */
bool path_is_normal(const char *path);

/* True when `path` is `directory` or lies below it; both normal. */
bool path_is_below(const char *path, const char *directory);

char *path_join(const char *directory, const char *name); /* one slash between; NULL: no memory */
char *path_parent(const char *path);                      /* "." where there is none */
const char *path_name(const char *path);                  /* behind the last slash */

/* mkdir -p, existing directories are fine. */
int path_make_directories(int dir, const char *path, mode_t mode);

/* mkdir -p for the directory that will hold `path`. */
int path_make_parent(int dir, const char *path, mode_t mode);

/* rm -rf, never crossing into another file system. A missing path is fine. */
int path_remove_tree(int dir, const char *path);

/* A new directory below `parent` whose name starts with `prefix`; caller frees the path and removes
 * the tree. */
int path_make_temporary(const char *parent, const char *prefix, char **ret_path);
