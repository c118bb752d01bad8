/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Summary: what somebody is about to sign, in lines that can be read. It knows nothing of what the
 * members mean, so that nothing can be in a file which it does not show: every value of the new
 * body that the old one has not, as "+ where: value", and what is gone as "- where: value"; and
 * that the elements with a name which are in both stand in another order.
 */
#include <jansson.h>

#define SUMMARY_ORDER "~ what is in both stands in another order, which counts for delegated roles"

/* A list of the lines, in the order of the bodies, printable in ASCII. `old` NULL: all of the new
 * one. -EFBIG when the lines would be too long for anybody to read, or -ENOMEM. */
int summary_changes(const json_t *old, const json_t *new, json_t **ret_changes);
