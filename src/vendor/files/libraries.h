/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Libraries: which file of a tree the dynamic linker would load for a soname, and what a program
 * loads with all that its libraries need. RUNPATHs are not read: the usual folders are looked at,
 * which is right for what many programs share. */
#include <stdbool.h>

/* The path relative to the root, or NULL where no usual folder has it. The caller frees. 0 or
 * -ENOMEM. */
int libraries_find(const char *root, const char *soname, char **ret_path);

/* 1 when the program (a path relative to the root) loads the soname when it starts, 0 when not or
 * when there is no such program; or a negative errno. */
int libraries_loaded(const char *root, const char *program, const char *soname);
