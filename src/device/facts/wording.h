/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Wording of the facts, pure: what stands in each file, from the object of `suture status --json`.
 * Calls append to the buffer: 0 or -ENOMEM. Nothing appended: there is to be no such file.
 */
#include <jansson.h>

#include "base/buffer.h"

/* As os-release(5), for everybody: patch-release of suture-facts(7). */
int wording_release(const json_t *status, Buffer *text);

/* One line for a login message: "Example OS 26.3.1 (a)", and what waits. Nothing for a base for
 * which nothing waits. */
int wording_message(const json_t *status, Buffer *text);

/* The same for agetty, which takes a backslash for one of its own words. */
int wording_issue(const json_t *status, Buffer *text);
