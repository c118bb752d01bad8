/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Pattern: a shell-style pattern over target paths (The Update Framework 1.0.34, section 4.5), as
 * the reference client reads it: component by component, so that nothing matches a slash. `*` is
 * any text, `?` any one character, `[a-z]` and `[!a-z]` a set; there is no escape, a bracket that
 * is not closed stands for itself, and a leading dot is like any other character.
 *
 * Not fnmatch(3): that one depends on the locale, knows classes that other clients do not, and has
 * no bound on its time. This takes at most the product of both lengths.
 */
#include <stdbool.h>

bool pattern_matches(const char *pattern, const char *path);
