/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory: allocation, cleanup attributes, ownership transfer.
 *
 * Every allocation of the project goes through these calls, so that a test can make any one of them
 * fail (memory_fail_at). They return NULL when memory is short; callers answer -ENOMEM. What they
 * return is freed with memory_free(), which is free() unless a thread uses an allocator of its own;
 * only what such a thread never calls may use free().
 *
 *     _cleanup_free_ char *name = NULL;            freed when it leaves scope
 *     *ret_name = TAKE_PTR(name);                  moved out: the local becomes NULL
 */
#include <stdarg.h>
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

void memory_free(void *p); /* NULL is allowed */

static inline void memory_freep(void *p)
{
	memory_free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(memory_freep)

void *memory_new(size_t size);                     /* zeroed; size 0 gives a unique pointer */
void *memory_new_array(size_t count, size_t size); /* zeroed; NULL when count * size overflows */
void *memory_copy(const void *data, size_t size);
char *memory_string(const char *string);
char *memory_string_n(const char *string, size_t length); /* terminates with NUL */
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *memory_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Makes room for one more element in *array of *count elements of the given size, and zeroes it.
 * The array grows by doubling at powers of two, so no capacity has to be kept: it began as NULL, or
 * in memory_new_growable(). 0 or -ENOMEM. */
int memory_grow(void *array, size_t count, size_t size);

/* As memory_new_array(), with the room that memory_grow() expects of an array of `count`. */
void *memory_new_growable(size_t count, size_t size);

/* For json_set_alloc_funcs() and the like: memory_new() without the zeroing promise. */
void *memory_raw(size_t size);

/* Somebody else's memory, for a library inside a program that has its own. */
typedef struct MemoryAllocator {
	void *(*allocate)(void *userdata, size_t size); /* size > 0; NULL: memory is short */
	void (*release)(void *userdata, void *memory);  /* never NULL */
	void *userdata;
} MemoryAllocator;

/* From now on this thread allocates and frees there; NULL: malloc() and free(), as at the start.
 * Returns what was used before, which whoever calls this puts back: what is allocated under an
 * allocator is freed under it.
 *
 *     const MemoryAllocator *before = memory_use(&theirs);
 *     r = ...
 *     memory_use(before);
 */
const MemoryAllocator *memory_use(const MemoryAllocator *allocator);

/* Test hook, for this thread: the n-th allocation from now (1 = next) fails, once. 0 turns it off.
 * Returns how many allocations were made since the last call. */
size_t memory_fail_at(size_t n);
