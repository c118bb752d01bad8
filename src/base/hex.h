/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Hex: bytes as lower-case hexadecimal text and back. Upper case is refused on reading: a digest
 * has one spelling, so that texts can be compared. */
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * size characters and a NUL. */
void hex_encode(const void *data, size_t size, char *ret_text);

/* Reads exactly 2 * size lower-case digits of `text`, which must end there. 0 or -EBADMSG. */
int hex_decode(const char *text, uint8_t *ret_data, size_t size);
