/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/links.h"

#include "base/time.h"

char *links_csaf_file(const Advisory *advisory, const char *name)
{
	char date[TIME_TEXT_SIZE];

	time_format(advisory_first_date(advisory), date);
	return memory_printf("%.4s/%s.json", date, name);
}

char *links_csaf(const Vendor *vendor, const Advisory *advisory, const char *name)
{
	_cleanup_free_ char *file = links_csaf_file(advisory, name);

	return file ? memory_printf("%s" LINKS_CSAF_WHITE "%s", vendor->url, file) : NULL;
}

char *links_page(const Vendor *vendor, const char *name)
{
	return memory_printf("%s" LINKS_ADVISORIES "%s.html", vendor->url, name);
}
