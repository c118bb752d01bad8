/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory: allocation, cleanup attributes, ownership transfer.
 *
 * Every allocation of the project goes through these calls, so that a test can make any one of them
 * fail (memory_fail_at). They return NULL when memory is short; callers answer -ENOMEM. What they
 * return is freed with free().
 *
 *     _cleanup_free_ char *name = NULL;            freed when it leaves scope
 *     *ret_name = TAKE_PTR(name);                  moved out: the local becomes NULL
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) _taken = (p);                                                        \
		(p) = NULL;                                                                        \
		_taken;                                                                            \
	})
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Defines NAMEp(), the cleanup handler of a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, name)                                                                 \
	static inline void name##p(type *p)                                                        \
	{                                                                                          \
		name(*p);                                                                          \
	}

static inline void memory_freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(memory_freep)

void *memory_new(size_t size);                     /* zeroed; size 0 gives a unique pointer */
void *memory_new_array(size_t count, size_t size); /* zeroed; NULL when count * size overflows */
void *memory_copy(const void *data, size_t size);
char *memory_string(const char *string);
char *memory_string_n(const char *string, size_t length); /* terminates with NUL */
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more element in *array of *count elements of the given size, and zeroes it.
 * The array grows by doubling at powers of two, so no capacity has to be kept. 0 or -ENOMEM. */
int memory_grow(void *array, size_t count, size_t size);

/* For json_set_alloc_funcs() and the like: memory_new() without the zeroing promise. */
void *memory_raw(size_t size);

/* Test hook: the n-th allocation from now (1 = next) fails, once. 0 turns it off.
 * Returns how many allocations were made since the last call. */
size_t memory_fail_at(size_t n);
