/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
static int counts[64];
const char *names[] = {"zero", "one", "two", "three", "four"};
static double ratios[] = {0.5, 1.5, 2.5};
int failures;
extern void report(const char *text, int line);
extern int clock_now(void);
static __attribute__((noinline)) int check(const char *text, int least)
{
	if (!text || (int)strlen(text) < least) {
		report("too short", __LINE__);
		failures++;
		return -1;
	}
	return 0;
}
#ifdef FIX
int bounded(unsigned which)
{
	return which < 5;
}
#endif
const char *name_of(unsigned which)
{
#ifdef FIX
	if (!bounded(which)) {
		report("no such number, and so no name", __LINE__);
		return NULL;
	}
#endif
	return names[which];
}
int classify(int kind, int number)
{
	switch (kind) {
	case 0: return number * 3 + counts[1];
	case 1: return (int)strtol(name_of((unsigned)number), NULL, 10);
	case 2: return number / 7 - failures;
	case 3: return clock_now() % 10;
	case 4: return check(name_of(1), number);
	case 5: return abs(number) ^ 0x55;
	default: report("unknown", __LINE__); return -1;
	}
}
double total(void)
{
	double sum = 0;

	for (int i = 0; i < 3; i++)
		sum += ratios[i] * counts[i];
	if (check("total", 3) < 0)
		report("no total", __LINE__);
	return sum;
}
void note(int kind)
{
	if ((unsigned)kind >= 64)
		report("out of range", __LINE__);
	counts[kind & 63]++;
	memcpy(counts + 32, counts, 32 * sizeof(int));
}
