/* SPDX-License-Identifier: Apache-2.0 */
/* libdemo: the component of the test device that is improved. VERSION is what it says; CRASHES
 * makes a fix that kills whoever calls it, LACKS_SYMBOL one that lost what its callers need. */
#ifdef LACKS_SYMBOL
#define demo_version demo_version_2
#endif

const char *demo_version(void);

const char *demo_version(void)
{
#ifdef CRASHES
	*(volatile int *)0 = 0;
#endif
	return VERSION;
}
