/* SPDX-License-Identifier: Apache-2.0 */
/* A library with a mistake that -DFIXED mends: it reads one byte beyond a short name. */
#include <stdio.h>
#include <string.h>

int greet(char *answer, size_t size, const char *name)
{
#ifdef FIXED
	size_t length = strlen(name);
#else
	size_t length = strlen(name) + 1;
#endif
	return snprintf(answer, size, "hello, %.*s\n", (int)length, name);
}
