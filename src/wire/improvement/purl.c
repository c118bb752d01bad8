/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/purl.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "wire/terms/label.h"

/* What stands for itself: RFC 3986's unreserved characters, and the colon of an epoch. */
static bool is_plain(char c)
{
	return (unsigned char)c < 0x80 && (isalnum(c) || strchr("-._~:", c));
}

static int add_encoded(Buffer *buffer, const char *text)
{
	int r = 0;

	for (; r == 0 && *text; text++)
		r = is_plain(*text) ? buffer_append(buffer, text, 1)
				    : buffer_printf(buffer, "%%%02X", (unsigned char)*text);
	return r;
}

char *purl_of_base(const char *product, const char *key, const char *version, uint64_t sequence)
{
	_cleanup_buffer_ Buffer purl = {};
	char label[LABEL_TEXT_SIZE];
	int r = label_machine(version, sequence, label);

	if (r == 0)
		r = buffer_printf(&purl, "pkg:generic/%s@%s?base=", product, label);
	if (r == 0)
		r = add_encoded(&purl, key);
	return r < 0 ? NULL : (char *)TAKE_PTR(purl.data);
}

char *purl_of_deb(
	const char *distribution, const char *name, const char *version, const char *architecture)
{
	_cleanup_buffer_ Buffer purl = {};
	int r = buffer_printf(&purl, "pkg:deb/%s/", distribution);

	if (r == 0)
		r = add_encoded(&purl, name);
	if (r == 0)
		r = buffer_text(&purl, "@");
	if (r == 0)
		r = add_encoded(&purl, version);
	if (r == 0)
		r = buffer_text(&purl, "?arch=");
	if (r == 0)
		r = add_encoded(&purl, architecture);
	return r < 0 ? NULL : (char *)TAKE_PTR(purl.data);
}
