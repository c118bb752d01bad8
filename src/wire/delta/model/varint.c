/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/varint.h"

#include <errno.h>

#define VARINT_SIZE_MAX 9 /* 63 bits: no limit of the format is above */

int varint_append(Buffer *buffer, uint64_t number)
{
	uint8_t bytes[10];
	size_t size = 0;

	do {
		bytes[size++] = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
		number >>= 7;
	} while (number > 0);
	return buffer_append(buffer, bytes, size);
}

int varint_read(const uint8_t **at, const uint8_t *end, uint64_t max, uint64_t *ret_number)
{
	const uint8_t *next = *at;
	uint64_t number = 0;

	for (unsigned i = 0; i < VARINT_SIZE_MAX; i++) {
		uint8_t byte;

		if (next == end)
			return -EBADMSG;
		byte = *next++;
		number |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte & 0x80)
			continue;
		if (byte == 0 && i > 0)
			return -EBADMSG;
		if (number > max)
			return -ERANGE;
		*at = next;
		*ret_number = number;
		return 0;
	}
	return -ERANGE;
}
