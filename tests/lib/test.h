/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Test: a small harness that speaks TAP (https://testanything.org).
 *
 *     TEST(labels_count_like_spreadsheets)
 *     {
 *             ASSERT_OK(label_of(27, text));
 *             ASSERT_STREQ(text, "(aa)");
 *     }
 *
 * A program with TEST()s needs no main(). A failed assertion ends its test, not the program. The
 * folder of test vectors is TEST_SOURCE_ROOT "/tests/vectors". TEST_EACH_ALLOCATION runs a call
 * again and again, each time with a later allocation failing, until it succeeds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

typedef struct TestCase {
	const char *name;
	void (*run)(void);
	struct TestCase *next;
} TestCase;

void test_register(TestCase *test);
_Noreturn void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *why);

/* A fresh folder, removed at the end of the program. */
const char *test_folder(void);

#define TEST(id)                                                                                   \
	static void test_##id(void);                                                               \
	__attribute__((constructor)) static void register_##id(void)                               \
	{                                                                                          \
		static TestCase test = {.name = #id, .run = test_##id};                            \
		test_register(&test);                                                              \
	}                                                                                          \
	static void test_##id(void)

#define ASSERT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			test_fail(__FILE__, __LINE__, "not so: %s", #condition);                   \
	} while (0)

#define ASSERT_EQ(a, b)                                                                            \
	do {                                                                                       \
		long long _a = (long long)(a), _b = (long long)(b);                                \
		if (_a != _b)                                                                      \
			test_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld", #a, _a, #b, _b);   \
	} while (0)

#define ASSERT_OK(call)                                                                            \
	do {                                                                                       \
		int _r = (call);                                                                   \
		if (_r != 0)                                                                       \
			test_fail(__FILE__, __LINE__, "%s gave %d (%s)", #call, _r,                \
				strerror(_r < 0 ? -_r : _r));                                      \
	} while (0)

#define ASSERT_ERROR(error, call) ASSERT_EQ(call, error)

#define ASSERT_STREQ(a, b)                                                                         \
	do {                                                                                       \
		const char *_a = (const char *)(a), *_b = (const char *)(b);                       \
		if (!_a || !_b || strcmp(_a, _b) != 0)                                             \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #a,              \
				_a ? _a : "(null)", _b ? _b : "(null)");                           \
	} while (0)

#define ASSERT_MEMEQ(a, b, size)                                                                   \
	do {                                                                                       \
		if (memcmp((a), (b), (size)) != 0)                                                 \
			test_fail(__FILE__, __LINE__, "%s differs from %s", #a, #b);               \
	} while (0)

/* `call` must fail cleanly with -ENOMEM for each allocation that fails, and succeed (0) once none
 * does. `undo` is run after each success. */
#define TEST_EACH_ALLOCATION(call, undo)                                                           \
	do {                                                                                       \
		for (size_t _n = 1;; _n++) {                                                       \
			int _r;                                                                    \
			memory_fail_at(_n);                                                        \
			_r = (call);                                                               \
			if (memory_fail_at(0) < _n) {                                              \
				ASSERT_EQ(_r, 0);                                                  \
				undo;                                                              \
				break;                                                             \
			}                                                                          \
			ASSERT_EQ(_r, -ENOMEM);                                                    \
		}                                                                                  \
	} while (0)
