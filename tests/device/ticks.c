/* SPDX-License-Identifier: Apache-2.0 */
/* ticks: prints how many thousand ticks the processor's time stamp counter makes in a second;
 * nothing where there is none. An emulated machine has this counter as its own, and on a busy
 * computer it measures the speed so wrongly that its clock runs sixty times too fast. */
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#define SECONDS 0.2
#define GAP_MAX                                                                                    \
	20000 /* ticks between which the clock was really read, and no other program ran           \
	       */

/* Both clocks at one moment. */
static double look(unsigned long long *ret_ticks)
{
	unsigned long long before, after;
	struct timespec now;

	do {
		before = __builtin_ia32_rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		after = __builtin_ia32_rdtsc();
	} while (after - before > GAP_MAX);
	*ret_ticks = before;
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
	unsigned long long first, last;
	double start = look(&first), end;

	do
		end = look(&last);
	while (end - start < SECONDS);
	printf("%.0f\n", (double)(last - first) / (end - start) / 1000);
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
