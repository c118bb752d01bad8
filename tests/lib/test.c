/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/path.h"

enum { RUN_OK, RUN_FAILED, RUN_SKIPPED };

static TestCase *first, **last = &first;
static jmp_buf finish;
static char message[1024];
static char *folder;

void test_register(TestCase *test)
{
	*last = test;
	last = &test->next;
}

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;
	int n = snprintf(message, sizeof(message), "%s:%d: ", file, line);

	va_start(args, format);
	vsnprintf(message + n, sizeof(message) - (size_t)n, format, args);
	va_end(args);
	longjmp(finish, RUN_FAILED);
}

_Noreturn void test_skip(const char *why)
{
	snprintf(message, sizeof(message), "%s", why);
	longjmp(finish, RUN_SKIPPED);
}

const char *test_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (!folder && path_make_temporary(parent ? parent : "/tmp", "suture-test", &folder) < 0)
		test_fail(__FILE__, __LINE__, "no temporary folder");
	return folder;
}

static int run_one(const TestCase *test)
{
	int result = setjmp(finish);

	if (result == RUN_OK)
		test->run();
	memory_fail_at(0);
	return result;
}

int main(void)
{
	int number = 0, failed = 0;

	for (TestCase *t = first; t; t = t->next)
		number++;
	printf("1..%d\n", number);
	number = 0;
	for (TestCase *t = first; t; t = t->next) {
		int result = run_one(t);

		printf("%s %d - %s%s%s\n", result == RUN_FAILED ? "not ok" : "ok", ++number,
			t->name, result == RUN_SKIPPED ? " # SKIP " : "",
			result == RUN_SKIPPED ? message : "");
		if (result == RUN_FAILED)
			printf("# %s\n", message);
		failed += result == RUN_FAILED;
		fflush(stdout);
	}
	if (folder)
		path_remove_tree(AT_FDCWD, folder);
	free(folder);
	return failed > 0;
}
