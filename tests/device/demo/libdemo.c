/* SPDX-License-Identifier: Apache-2.0 */
/* libdemo: the component of the test device that is improved. VERSION is what it says; CRASHES
 * makes a fix that kills whoever calls it, LACKS_SYMBOL one that needs what nobody has: the dynamic
 * linker then ends every program that loads it. */
const char *demo_version(void);
void demo_lacking(void);

const char *demo_version(void)
{
#ifdef LACKS_SYMBOL
	demo_lacking();
#endif
#ifdef CRASHES
	*(volatile int *)0 = 0;
#endif
	return VERSION;
}
