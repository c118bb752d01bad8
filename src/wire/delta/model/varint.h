/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Varint: unsigned numbers in groups of seven bits, the lowest first; every byte but the last has
 * its top bit set. A number has one form: the shortest. */
#include "base/buffer.h"

int varint_append(Buffer *buffer, uint64_t number); /* 0 or -ENOMEM */

/* Reads a number of at most `max` at *at and moves *at behind it. 0, -EBADMSG when it is cut short
 * by `end` or not the shortest form, -ERANGE when it is above max. */
int varint_read(const uint8_t **at, const uint8_t *end, uint64_t max, uint64_t *ret_number);
