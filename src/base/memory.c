/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static size_t fail_at;
static size_t allocations;

static bool must_fail(void)
{
	allocations++;
	return fail_at > 0 && allocations == fail_at;
}

size_t memory_fail_at(size_t n)
{
	size_t made = allocations;

	allocations = 0;
	fail_at = n;
	return made;
}

void *memory_raw(size_t size)
{
	return must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *memory_new(size_t size)
{
	return must_fail() ? NULL : calloc(1, size > 0 ? size : 1);
}

void *memory_new_array(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return memory_new(total);
}

void *memory_copy(const void *data, size_t size)
{
	void *copy = memory_raw(size);

	if (copy && size > 0)
		memcpy(copy, data, size);
	return copy;
}

char *memory_string_n(const char *string, size_t length)
{
	char *copy = memory_raw(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *memory_string(const char *string)
{
	return memory_string_n(string, strlen(string));
}

char *memory_printf(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	if (must_fail())
		return NULL;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

int memory_grow(void *array, size_t count, size_t size)
{
	void **slot = array;
	size_t bytes;
	void *bigger;

	if ((count & (count - 1)) == 0) {
		size_t capacity = count > 0 ? count * 2 : 1;

		if (capacity < count || __builtin_mul_overflow(capacity, size, &bytes) ||
			must_fail())
			return -ENOMEM;
		bigger = realloc(*slot, bytes);
		if (!bigger)
			return -ENOMEM;
		*slot = bigger;
	}
	memset((char *)*slot + count * size, 0, size);
	return 0;
}
