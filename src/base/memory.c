/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of the thread, as the delta library may run in several threads of somebody else's program. */
static _Thread_local const MemoryAllocator *current;
static _Thread_local size_t fail_at;
static _Thread_local size_t allocations;

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

const MemoryAllocator *memory_use(const MemoryAllocator *allocator)
{
	const MemoryAllocator *before = current;

	current = allocator;
	return before;
}

void memory_free(void *p)
{
	if (!current)
		free(p);
	else if (p)
		current->release(current->userdata, p);
}

void *memory_raw(size_t size)
{
	size = size > 0 ? size : 1;
	if (must_fail())
		return NULL;
	return current ? current->allocate(current->userdata, size) : malloc(size);
}

void *memory_new(size_t size)
{
	void *p;

	size = size > 0 ? size : 1;
	if (!current)
		return must_fail() ? NULL : calloc(1, size);
	p = memory_raw(size);
	return p ? memset(p, 0, size) : NULL;
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

char *memory_vprintf(const char *format, va_list args)
{
	va_list again;
	char *text = NULL;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n >= 0)
		text = memory_raw((size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

char *memory_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = memory_vprintf(format, args);
	va_end(args);
	return text;
}

/* An allocator of somebody else's has no realloc(): what the array has is copied. */
static void *resize(void *p, size_t size, size_t bigger)
{
	void *copy;

	if (!current)
		return must_fail() ? NULL : realloc(p, bigger);
	copy = memory_raw(bigger);
	if (copy && size > 0)
		memcpy(copy, p, size);
	if (copy)
		memory_free(p);
	return copy;
}

void *memory_new_growable(size_t count, size_t size)
{
	size_t capacity = 1;

	while (capacity < count && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	return memory_new_array(capacity < count ? count : capacity, size);
}

int memory_grow(void *array, size_t count, size_t size)
{
	void **slot = array;
	size_t bytes;
	void *bigger;

	if ((count & (count - 1)) == 0) {
		size_t capacity = count > 0 ? count * 2 : 1;

		if (capacity < count || __builtin_mul_overflow(capacity, size, &bytes))
			return -ENOMEM;
		bigger = resize(*slot, count * size, bytes);
		if (!bigger)
			return -ENOMEM;
		*slot = bigger;
	}
	memset((char *)*slot + count * size, 0, size);
	return 0;
}
