/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/mail.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/markup.h"
#include "vendor/advisory/page.h"
#include "wire/improvement/index-schema.h"

#define LINE_CHARACTERS 72 /* so that it can be quoted a few times: RFC 5322, section 2.1.1 */

/* Characters, not bytes: those that continue one are not counted. */
static size_t width(const char *text, size_t bytes)
{
	size_t characters = 0;

	for (size_t i = 0; i < bytes; i++)
		characters += ((unsigned char)text[i] & 0xc0) != 0x80;
	return characters;
}

/* Breaks at spaces only; a longer word has a line of its own. */
static int put_wrapped(Buffer *out, const char *indent, const char *text)
{
	size_t used = 0, length;
	int r = 0;

	for (; r == 0 && *text; text += length + (text[length] == ' ')) {
		size_t wide;

		length = strcspn(text, " ");
		wide = width(text, length);
		if (used > 0 && used + 1 + wide > LINE_CHARACTERS) {
			r = buffer_text(out, "\n");
			used = 0;
		}
		if (r == 0)
			r = buffer_text(out, used == 0 ? indent : " ");
		if (r == 0)
			r = buffer_append(out, text, length);
		used += (used == 0 ? strlen(indent) : 1) + wide;
	}
	return r < 0 ? r : buffer_text(out, "\n");
}

/* What a vendor wrote, behind a word of ours. */
static int put_field(Buffer *out, const char *word, const char *text)
{
	_cleanup_buffer_ Buffer line = {};
	int r = buffer_text(&line, word);

	if (r == 0)
		r = markup_plain(&line, text);
	return r < 0 ? r : put_wrapped(out, "  ", (const char *)line.data);
}

/* A line for each base. */
static int put_available(
	Buffer *out, const Advisory *advisory, const Fix *fix, const Vendor *vendor)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];
		_cleanup_free_ char *title = NULL;

		if (release != advisory_remedy(advisory, release, fix->cve, fix->component))
			continue;
		title = advisory_base_title(
			vendor, release->product, release->base, release->version, 0);
		r = title ? put_field(out, "Available for: ", title) : -ENOMEM;
		count++;
	}
	return r < 0 || count > 0 ? r : put_field(out, "Available for: ", "nothing at present");
}

static int put_fix(Buffer *out, const Advisory *advisory, const Fix *fix, const Vendor *vendor)
{
	int r = buffer_printf(out, "\n%s, %s\n", fix->component, fix->cve);

	if (r == 0)
		r = put_available(out, advisory, fix, vendor);
	if (r == 0)
		r = put_field(out, "Impact: ", fix->impact);
	if (r == 0 && fix->exploited)
		r = put_wrapped(out, "  ", "This is known to have been used in attacks.");
	if (r == 0)
		r = put_field(out, "Description: ", fix->description);
	if (r == 0 && fix->credit)
		r = put_field(out, "Credit: ", fix->credit);
	for (size_t i = 0; r == 0 && i < fix->references.count; i++)
		r = put_field(out, "", fix->references.items[i]);
	return r;
}

static int put_release(Buffer *out, const AdvisoryRelease *release, const Vendor *vendor)
{
	_cleanup_free_ char *title = advisory_base_title(
		vendor, release->product, release->base, release->version, release->sequence);
	int r = title ? put_field(out, "", title) : -ENOMEM;

	if (r == 0 && release->withdrawal)
		r = put_field(out, "  withdrawn: ", release->withdrawal->reason);
	return r;
}

static int put_head(Buffer *out, const Advisory *advisory)
{
	char date[PAGE_DATE_SIZE];
	int r = markup_plain(out, advisory->fixes->id);

	page_date(advisory_first_date(advisory), date);
	if (r == 0)
		r = buffer_text(out, ": ");
	if (r == 0)
		r = markup_plain(out, advisory->fixes->title);
	if (r == 0)
		r = buffer_printf(out, "\n\nReleased %s. Urgency: %s.\n", date,
			urgency_names[advisory->fixes->urgency]);
	if (r < 0 || advisory->revisions.count < 2)
		return r;
	page_date(advisory_last_date(advisory), date);
	r = buffer_printf(out, "Revised %s:\n", date);
	return r < 0 ? r
		     : put_field(out, "",
			       advisory->revisions.items[advisory->revisions.count - 1].summary);
}

int mail_write(const Advisory *advisory, const char *name, const Vendor *vendor, Buffer *ret_text)
{
	_cleanup_free_ char *page = links_page(vendor, name);
	int r = page ? put_head(ret_text, advisory) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++)
		if (advisory_is_released(advisory, &advisory->fixes->fixes.items[i]))
			r = put_fix(ret_text, advisory, &advisory->fixes->fixes.items[i], vendor);
	if (r == 0)
		r = buffer_text(ret_text, "\nBackground security improvements:\n");
	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++)
		r = put_release(ret_text, &advisory->releases.items[i], vendor);
	if (r == 0)
		r = buffer_printf(ret_text, "\n%s\n", page);
	if (r == 0)
		r = markup_plain(ret_text, vendor->name);
	return r < 0 ? r : buffer_text(ret_text, "\n");
}
