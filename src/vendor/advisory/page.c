/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "wire/improvement/cvss.h"
#include "vendor/advisory/markup.h"
#include "vendor/advisory/osv.h"
#include "wire/improvement/index-schema.h"

/* The colours keep a contrast of 7:1 or more with what they stand on. */
static const char style[] =
	":root{color-scheme:light dark;--ink:#1b1d21;--soft:#4a4f57;--paper:#fff;--card:#f4f5f7;"
	"--line:#c9ccd2;--link:#0b4a9e;--warn:#7a1f00;--warn-card:#fdeee6}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e9ebef;--soft:#b6bbc4;--paper:#15171b;"
	"--card:#1f2228;--line:#454a54;--link:#9cc7ff;--warn:#ffc4a8;--warn-card:#3a2015}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1.5rem 1.25rem 3rem;max-width:48rem;background:var(--paper);"
	"color:var(--ink);font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:break-word}\n"
	"a{color:var(--link);text-underline-offset:.15em}\n"
	"a:focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
	"h1{font-size:1.9rem;line-height:1.25;margin:1.5rem 0 .5rem}\n"
	"h2{font-size:1.35rem;line-height:1.3;margin:2.5rem 0 .75rem;padding-bottom:.3rem;"
	"border-bottom:1px solid var(--line)}\n"
	"h3{font-size:1.1rem;margin:0 0 .75rem}\n"
	"p{margin:.5rem 0}\n"
	".soft{color:var(--soft)}\n"
	".fix{background:var(--card);border-radius:.5rem;padding:1rem 1.25rem;margin:1rem 0}\n"
	"dl{margin:0}\n"
	"dt{font-weight:600;margin-top:.75rem}\n"
	"dt:first-child{margin-top:0}\n"
	"dd,dd>p:first-child{margin:0}\n"
	".notice{background:var(--warn-card);color:var(--warn);border-left:.3rem solid;"
	"padding:.75rem 1rem;margin:1rem 0;font-weight:600}\n"
	".scroll{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-size:1rem}\n"
	"caption{text-align:left;color:var(--soft);padding-bottom:.5rem}\n"
	"th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;"
	"border-bottom:1px solid var(--line)}\n"
	"thead th{border-bottom-width:2px}\n"
	"th[scope=row]{font-weight:400}\n"
	"tbody tr:last-child>*{border-bottom:0}\n"
	"code{font-size:.95em}\n"
	"footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem}\n"
	"@media "
	"(max-width:34rem){thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;"
	"overflow:hidden}tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}"
	"th,td{display:block;border:0;padding:0 0 .2rem}}\n"
	"@media print{body{max-width:none;padding:0;font-size:11pt}.fix{border:1px solid #888;"
	"break-inside:avoid}footer{display:none}a{color:inherit}}\n";

void page_date(int64_t seconds, char ret_date[static PAGE_DATE_SIZE])
{
	static const char *const months[] = {"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November", "December"};
	char text[TIME_TEXT_SIZE];
	unsigned month, day;

	time_format(seconds, text);
	month = (unsigned)((text[5] - '0') * 10 + text[6] - '0') - 1;
	day = (unsigned)((text[8] - '0') * 10 + text[9] - '0');
	snprintf(ret_date, PAGE_DATE_SIZE, "%u %s %.4s", day, months[month % 12], text);
}

static void put_date(Markup *markup, int64_t seconds)
{
	char shown[PAGE_DATE_SIZE], text[TIME_TEXT_SIZE];

	page_date(seconds, shown);
	time_format(seconds, text);
	markup_printf(markup, "<time datetime=\"%s\">%s</time>", text, shown);
}

/* A title is text without markup in HTML, so it stands between no other element. */
static void put_head(Markup *markup, const Vendor *vendor, const char *title, const char *more)
{
	markup_raw(markup,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	markup_text(markup, title);
	markup_raw(markup, " – ");
	markup_text(markup, vendor->name);
	markup_raw(markup, "</title>\n");
	markup_raw(markup, more);
	markup_raw(markup, "<style>\n");
	markup_raw(markup, style);
	markup_raw(markup, "</style>\n</head>\n<body>\n");
}

/* What a vendor wrote, in the vendor's language and of either direction. */
static void put_prose(Markup *markup, const Vendor *vendor, const char *element, const char *text)
{
	markup_printf(markup, "<%s lang=\"%s\" dir=\"auto\">", element, vendor->language);
	markup_text(markup, text);
	markup_printf(markup, "</%s>", element);
}

static void put_link(Markup *markup, const char *address)
{
	_cleanup_free_ char *safe = vendor_address(address);

	if (!safe)
		markup->error = -ENOMEM;
	if (markup->error < 0)
		return;
	markup_raw(markup, "<a href=\"");
	markup_text(markup, safe);
	markup_raw(markup, "\">");
	markup_text(markup, address);
	markup_raw(markup, "</a>");
}

/* -- one advisory -- */

static bool has_same_label(const AdvisoryRelease *a, const AdvisoryRelease *b)
{
	return strcmp(a->version, b->version) == 0 && a->sequence == b->sequence;
}

/* Whether a release before it has the same label, as those of other variants have. */
static bool is_first_of_label(const Advisory *advisory, size_t release)
{
	const AdvisoryRelease *items = advisory->releases.items;

	for (size_t i = 0; i < release; i++)
		if (has_same_label(&items[i], &items[release]))
			return false;
	return true;
}

static bool is_withdrawn_everywhere(const Advisory *advisory, const AdvisoryRelease *release)
{
	for (size_t i = 0; i < advisory->releases.count; i++)
		if (has_same_label(&advisory->releases.items[i], release) &&
			!advisory->releases.items[i].withdrawal)
			return false;
	return true;
}

/* "26.3.1 (a), 26.3.2 (a)": what was released under it, each once. */
static void put_labels(Markup *markup, const Advisory *advisory)
{
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];
		bool gone = is_withdrawn_everywhere(advisory, release);
		char label[LABEL_TEXT_SIZE];

		if (!is_first_of_label(advisory, i))
			continue;
		label_shown(release->version, release->sequence, label);
		markup_printf(markup, "%s%s%s%s", i > 0 ? ", " : "", gone ? "<s>" : "", label,
			gone ? "</s>" : "");
	}
}

static void put_base(Markup *markup, const Vendor *vendor, const AdvisoryRelease *release)
{
	_cleanup_free_ char *title =
		advisory_base_title(vendor, release->product, release->base, release->version, 0);

	if (!title)
		markup->error = -ENOMEM;
	else
		markup_text(markup, title);
}

static void put_available(
	Markup *markup, const Vendor *vendor, const Advisory *advisory, const Fix *fix)
{
	size_t count = 0;

	markup_raw(markup, "<dt>Available for:</dt>\n");
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (release != advisory_remedy(advisory, release, fix->cve, fix->component))
			continue;
		markup_raw(markup, "<dd>");
		put_base(markup, vendor, release);
		markup_raw(markup, "</dd>\n");
		count++;
	}
	markup_raw(markup, count > 0 ? "" : "<dd>nothing at present</dd>\n");
}

static void put_credit(Markup *markup, const Vendor *vendor, const Fix *fix)
{
	bool is_cve = text_starts_with(fix->cve, "CVE-");

	markup_raw(markup, "<dt>");
	if (is_cve)
		markup_printf(markup, "<a href=\"https://www.cve.org/CVERecord?id=%s\">", fix->cve);
	markup_printf(markup, "%s%s%s</dt>\n<dd>", fix->cve, is_cve ? "</a>" : "",
		fix->credit ? ":" : "");
	if (fix->credit)
		put_prose(markup, vendor, "span", fix->credit);
	else
		markup_raw(markup, "<span class=\"soft\">no credit given</span>");
	markup_raw(markup, "</dd>\n");
}

static void put_references(Markup *markup, const Fix *fix)
{
	if (fix->references.count == 0)
		return;
	markup_raw(markup, "<dt>References:</dt>\n");
	for (size_t i = 0; i < fix->references.count; i++) {
		markup_raw(markup, "<dd>");
		put_link(markup, fix->references.items[i]);
		markup_raw(markup, "</dd>\n");
	}
}

static void put_score(Markup *markup, const Fix *fix)
{
	unsigned score;

	if (!fix->cvss)
		return;
	score = cvss_score(fix->cvss);
	markup_printf(markup,
		"<dt>Severity:</dt>\n<dd>%u.%u of 10 <span class=\"soft\">%s</span></dd>\n",
		score / 10, score % 10, fix->cvss);
}

static void put_fix(Markup *markup, const Vendor *vendor, const Advisory *advisory, const Fix *fix)
{
	markup_raw(markup, "<div class=\"fix\">\n<dl>\n");
	put_available(markup, vendor, advisory, fix);
	markup_raw(markup, "<dt>Impact:</dt>\n<dd>");
	put_prose(markup, vendor, "p", fix->impact);
	if (fix->exploited)
		markup_raw(markup,
			"\n<p><strong>This is known to have been used in attacks.</strong></p>");
	markup_raw(markup, "</dd>\n");
	put_score(markup, fix);
	markup_raw(markup, "<dt>Description:</dt>\n<dd>");
	put_prose(markup, vendor, "p", fix->description);
	markup_raw(markup, "</dd>\n");
	put_credit(markup, vendor, fix);
	put_references(markup, fix);
	markup_raw(markup, "</dl>\n</div>\n");
}

static bool is_first_of_component(const Advisory *advisory, size_t fix)
{
	const Fix *fixes = advisory->fixes->fixes.items;

	for (size_t i = 0; i < fix; i++)
		if (strcmp(fixes[i].component, fixes[fix].component) == 0 &&
			advisory_is_released(advisory, &fixes[i]))
			return false;
	return advisory_is_released(advisory, &fixes[fix]);
}

static void put_component(
	Markup *markup, const Vendor *vendor, const Advisory *advisory, const char *component)
{
	const Fixes *fixes = advisory->fixes;

	markup_printf(markup, "<section aria-labelledby=\"component-%s\">\n", component);
	markup_printf(markup, "<h2 id=\"component-%s\">%s</h2>\n", component, component);
	for (size_t i = 0; i < fixes->fixes.count; i++)
		if (strcmp(fixes->fixes.items[i].component, component) == 0 &&
			advisory_is_released(advisory, &fixes->fixes.items[i]))
			put_fix(markup, vendor, advisory, &fixes->fixes.items[i]);
	markup_raw(markup, "</section>\n");
}

static void put_notices(Markup *markup, const Vendor *vendor, const Advisory *advisory)
{
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];
		const AdvisoryWithdrawal *withdrawal = release->withdrawal;
		char label[LABEL_TEXT_SIZE];

		if (!withdrawal)
			continue;
		label_shown(release->version, release->sequence, label);
		markup_printf(markup, "<p class=\"notice\">%s for ", label);
		put_base(markup, vendor, release);
		markup_raw(markup, " was withdrawn on ");
		put_date(markup, withdrawal->issued);
		markup_raw(markup, ": ");
		put_prose(markup, vendor, "span", withdrawal->reason);
		if (withdrawal->replacement > 0) {
			label_shown(release->version, withdrawal->replacement, label);
			markup_printf(markup, " It is replaced by %s.", label);
		}
		markup_raw(markup, "</p>\n");
	}
}

static const char *const restart_words[] = {"nothing to restart",
	"restarts the services that use it", "needs a new session", "needs a soft reboot",
	"needs a reboot"};

static void put_release(Markup *markup, const Vendor *vendor, const AdvisoryRelease *release)
{
	char shown[LABEL_TEXT_SIZE], machine[LABEL_TEXT_SIZE];

	label_shown(release->version, release->sequence, shown);
	label_machine(release->version, release->sequence, machine);
	markup_raw(markup, "<tr><th scope=\"row\">");
	put_base(markup, vendor, release);
	markup_printf(markup, "</th><td>%s%s%s <code class=\"soft\">%s</code></td><td>",
		release->withdrawal ? "<s>" : "", shown,
		release->withdrawal ? "</s> withdrawn" : "", machine);
	put_date(markup, release->published);
	markup_printf(markup, "</td><td>%s</td></tr>\n", restart_words[release->restart]);
}

static void put_inclusions(Markup *markup, const Vendor *vendor, const Advisory *advisory)
{
	for (size_t i = 0; i < advisory->includes.count; i++) {
		const AdvisoryInclusion *inclusion = &advisory->includes.items[i];
		_cleanup_free_ char *newer = advisory_base_title(
			vendor, inclusion->product, inclusion->base, inclusion->version, 0);

		if (!newer) {
			markup->error = -ENOMEM;
			return;
		}
		markup_raw(markup, "<p>");
		markup_text(markup, newer);
		markup_raw(markup, " includes the fixes of ");
		for (size_t j = 0; j < inclusion->cves.count; j++)
			markup_printf(markup, "%s%s", j > 0 ? ", " : "", inclusion->cves.items[j]);
		markup_raw(markup, ".</p>\n");
	}
}

static void put_releases(Markup *markup, const Vendor *vendor, const Advisory *advisory)
{
	markup_raw(markup,
		"<section aria-labelledby=\"improvements\">\n<h2 id=\"improvements\">Improvements"
		"</h2>\n<div class=\"scroll\">\n<table>\n<thead>\n<tr><th scope=\"col\">For</th>"
		"<th scope=\"col\">Improvement</th><th scope=\"col\">Published</th>"
		"<th scope=\"col\">Restart</th></tr>\n</thead>\n<tbody>\n");
	for (size_t i = 0; i < advisory->releases.count; i++)
		put_release(markup, vendor, &advisory->releases.items[i]);
	markup_raw(markup, "</tbody>\n</table>\n</div>\n");
	put_inclusions(markup, vendor, advisory);
	markup_raw(markup, "</section>\n");
}

static void put_revisions(Markup *markup, const Vendor *vendor, const Advisory *advisory)
{
	markup_raw(markup,
		"<section aria-labelledby=\"revisions\">\n<h2 id=\"revisions\">Revisions</h2>\n"
		"<ol>\n");
	for (size_t i = 0; i < advisory->revisions.count; i++) {
		markup_raw(markup, "<li>");
		put_date(markup, advisory->revisions.items[i].date);
		markup_raw(markup, ": ");
		put_prose(markup, vendor, "span", advisory->revisions.items[i].summary);
		markup_raw(markup, "</li>\n");
	}
	markup_raw(markup, "</ol>\n</section>\n");
}

static void put_contact(Markup *markup, const Vendor *vendor)
{
	markup_raw(markup, "<p>Security contact: ");
	markup_raw(markup, "<a href=\"");
	markup_text(markup, vendor->contact);
	markup_raw(markup, "\">");
	markup_text(markup,
		text_starts_with(vendor->contact, "mailto:") ? vendor->contact + strlen("mailto:")
							     : vendor->contact);
	markup_raw(markup, "</a></p>\n</footer>\n</body>\n</html>\n");
}

static void put_footer(
	Markup *markup, const Vendor *vendor, const Advisory *advisory, const char *name)
{
	char date[TIME_TEXT_SIZE];

	time_format(advisory_first_date(advisory), date);
	markup_printf(markup,
		"<footer>\n<p>The same for machines: "
		"<a href=\"../.well-known/csaf/white/%.4s/%s.json\">CSAF</a>, "
		"<a href=\"%s.openvex.json\">OpenVEX</a>",
		date, name, name);
	if (osv_applies(advisory))
		markup_printf(markup, ", <a href=\"%s.osv.json\">OSV</a>", name);
	markup_printf(markup,
		"; as <a href=\"%s.txt\">plain text</a>. "
		"<a href=\"feed.json\">Feed of all improvements</a>.</p>\n",
		name);
	put_contact(markup, vendor);
}

static void put_summary(Markup *markup, const Vendor *vendor, const Advisory *advisory)
{
	markup_raw(markup, "<h1><span");
	markup_printf(markup, " lang=\"%s\" dir=\"auto\">", vendor->language);
	markup_text(markup, advisory->fixes->title);
	markup_raw(markup, "</span></h1>\n<p>Background Security Improvement ");
	put_labels(markup, advisory);
	markup_raw(markup, "</p>\n<p class=\"soft\">");
	markup_text(markup, advisory->fixes->id);
	markup_raw(markup, " · released ");
	put_date(markup, advisory_first_date(advisory));
	if (advisory->revisions.count > 1) {
		markup_raw(markup, " · revised ");
		put_date(markup, advisory_last_date(advisory));
	}
	markup_printf(markup, " · urgency: %s</p>\n", urgency_names[advisory->fixes->urgency]);
}

int page_write(const Advisory *advisory, const char *name, const Vendor *vendor, Buffer *ret_page)
{
	Markup markup = {.buffer = ret_page};
	const Fixes *fixes = advisory->fixes;

	put_head(&markup, vendor, fixes->title, "");
	markup_raw(&markup, "<header>\n<p><a href=\"index.html\">Security advisories</a> of ");
	markup_text(&markup, vendor->name);
	markup_raw(&markup, "</p>\n</header>\n<main>\n");
	put_summary(&markup, vendor, advisory);
	put_notices(&markup, vendor, advisory);
	for (size_t i = 0; i < fixes->fixes.count; i++)
		if (is_first_of_component(advisory, i))
			put_component(&markup, vendor, advisory, fixes->fixes.items[i].component);
	put_releases(&markup, vendor, advisory);
	put_revisions(&markup, vendor, advisory);
	markup_raw(&markup, "</main>\n");
	put_footer(&markup, vendor, advisory, name);
	return markup.error;
}

/* -- the index -- */

static void put_line(Markup *markup, const Vendor *vendor, const AdvisoryEntry *entry)
{
	const Advisory *advisory = &entry->advisory;

	markup_raw(markup, "<tr><td>");
	put_date(markup, advisory_first_date(advisory));
	markup_printf(markup, "</td><th scope=\"row\"><a href=\"%s.html\">", entry->name);
	put_prose(markup, vendor, "span", advisory->fixes->title);
	markup_raw(markup, "</a><br><span class=\"soft\">");
	markup_text(markup, advisory->fixes->id);
	markup_raw(markup, "</span></th><td>");
	put_labels(markup, advisory);
	markup_printf(markup, "</td><td>%s</td></tr>\n", urgency_names[advisory->fixes->urgency]);
}

static void put_year(Markup *markup, const char *year)
{
	markup_printf(markup,
		"<section aria-labelledby=\"year-%s\">\n<h2 id=\"year-%s\">%s</h2>\n"
		"<div class=\"scroll\">\n<table>\n<thead>\n<tr><th scope=\"col\">Released</th>"
		"<th scope=\"col\">Advisory</th><th scope=\"col\">Improvements</th>"
		"<th scope=\"col\">Urgency</th></tr>\n</thead>\n<tbody>\n",
		year, year, year);
}

static void put_years(Markup *markup, const AdvisoryList *list, const Vendor *vendor, int64_t now)
{
	static const char end[] = "</tbody>\n</table>\n</div>\n</section>\n";
	char year[5] = "", date[TIME_TEXT_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		if (!advisory_is_public(&list->items[i].advisory, now))
			continue;
		time_format(advisory_first_date(&list->items[i].advisory), date);
		if (strncmp(year, date, 4) != 0) {
			markup_raw(markup, year[0] ? end : "");
			snprintf(year, sizeof(year), "%.4s", date);
			put_year(markup, year);
		}
		put_line(markup, vendor, &list->items[i]);
	}
	markup_raw(markup, year[0] ? end : "<p>There is none yet.</p>\n");
}

int page_write_index(const AdvisoryList *list, const Vendor *vendor, int64_t now, Buffer *ret_page)
{
	Markup markup = {.buffer = ret_page};

	put_head(&markup, vendor, "Security advisories",
		"<link rel=\"alternate\" type=\"application/json\" href=\"feed.json\" "
		"title=\"Feed of all improvements\">\n");
	markup_raw(&markup, "<main>\n<h1>Security advisories of ");
	markup_text(&markup, vendor->name);
	markup_raw(&markup,
		"</h1>\n<p>What background security improvements fix, newest first.</p>\n");
	put_years(&markup, list, vendor, now);
	markup_raw(&markup,
		"</main>\n<footer>\n<p>For machines: "
		"<a href=\"../.well-known/csaf/provider-metadata.json\">CSAF</a>, "
		"<a href=\"feed.json\">feed of all improvements</a>.</p>\n");
	put_contact(&markup, vendor);
	return markup.error;
}
