/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* StatusScreen: the object of screen_status() for people: what is applied, what waits and why, and
 * one line on what can be done. Times are the machine's own. */
#include <jansson.h>

void status_screen_print(const json_t *status);

/* The same with each image, each graft that is as it should be, who still holds an old one, and
 * all that is fixed. */
void status_screen_print_all(const json_t *status);
