/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/amount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define DIGITS_MAX 20 /* of a 64-bit number */

typedef struct Unit {
	const char *name;
	uint64_t size;
} Unit;

/* Largest first. */
static const Unit durations[] = {
	{"w", 7 * 86400}, {"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
static const Unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}};

static int read_amount(
	const char *text, const Unit *units, size_t count, uint64_t max, uint64_t *ret)
{
	size_t length = strspn(text, TEXT_DIGITS);
	char digits[DIGITS_MAX + 1];
	uint64_t number, size = 0;

	if (length == 0 || length > DIGITS_MAX)
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	text += length;
	if (!*text)
		size = 1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, units[i].name) == 0)
			size = units[i].size;
	if (size == 0 || text_to_u64(digits, UINT64_MAX, &number) < 0 ||
		__builtin_mul_overflow(number, size, &number) || number > max)
		return -EINVAL;
	*ret = number;
	return 0;
}

int amount_duration(const char *text, uint64_t max, uint64_t *ret_seconds)
{
	return read_amount(text, durations, ARRAY_SIZE(durations), max, ret_seconds);
}

int amount_bytes(const char *text, uint64_t max, uint64_t *ret_bytes)
{
	return read_amount(text, sizes, ARRAY_SIZE(sizes), max, ret_bytes);
}

void amount_describe(int64_t seconds, char ret_text[static AMOUNT_TEXT_SIZE])
{
	uint64_t rest = seconds > 0 ? (uint64_t)seconds : 0;
	size_t length = 0;

	snprintf(ret_text, AMOUNT_TEXT_SIZE, "0 s");
	for (size_t i = 1, told = 0; i < ARRAY_SIZE(durations) && told < 2; i++) {
		uint64_t number = rest / durations[i].size;

		rest %= durations[i].size;
		told += number > 0 || told > 0;
		if (number > 0)
			length += (size_t)snprintf(ret_text + length, AMOUNT_TEXT_SIZE - length,
				"%s%" PRIu64 " %s", length > 0 ? " " : "", number,
				durations[i].name);
	}
}
