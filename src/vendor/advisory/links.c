/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/links.h"

#include "base/time.h"

char *links_file(const char *name, int64_t first_date, size_t number)
{
	static const struct {
		bool is_csaf;
		const char *end;
	} files[LINKS_FILES] = {{false, ".html"}, {false, ".txt"}, {false, ".openvex.json"},
		{true, ".json"}, {true, ".json.sha256"}, {true, ".json.sha512"},
		{false, ".osv.json"}};
	char date[TIME_TEXT_SIZE];

	time_format(first_date, date);
	return files[number].is_csaf
		? memory_printf(LINKS_CSAF_WHITE "%.4s/%s%s", date, name, files[number].end)
		: memory_printf(LINKS_ADVISORIES "%s%s", name, files[number].end);
}

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
