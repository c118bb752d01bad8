/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

void hex_encode(const void *data, size_t size, char *ret_text)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * size] = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hex_decode(const char *text, uint8_t *ret_data, size_t size)
{
	if (strlen(text) != 2 * size)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		if (digit_value(text[2 * i]) < 0 || digit_value(text[2 * i + 1]) < 0)
			return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		ret_data[i] =
			(uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
	return 0;
}
