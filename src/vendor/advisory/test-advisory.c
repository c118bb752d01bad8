/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "test.h"
#include "vendor/advisory/agreement.h"
#include "vendor/advisory/appstream.h"
#include "vendor/advisory/csaf.h"
#include "vendor/advisory/feed.h"
#include "vendor/advisory/history.h"
#include "vendor/advisory/mail.h"
#include "vendor/advisory/markup.h"
#include "vendor/advisory/openvex.h"
#include "vendor/advisory/osv.h"
#include "vendor/advisory/page.h"
#include "vendor/advisory/provider.h"
#include "wire/json/document.h"

/* -- small rules -- */

TEST(file_names_are_those_of_csaf)
{
	char name[ADVISORY_NAME_SIZE];

	advisory_name("EXAMPLE-2026-0007", name);
	ASSERT_STREQ(name, "example-2026-0007");
	advisory_name("../Ünï/ a+b\"", name);
	ASSERT_STREQ(name, "_n_a+b_");
}

TEST(a_base_key_has_parts)
{
	static const struct {
		const char *key, *variant, *architecture;
	} cases[] = {
		{"26.3.1_x86_64", "", "x86_64"},
		{"26.3.1_aarch64", "", "aarch64"},
		{"26.3.1_phone_x86_64", "phone", "x86_64"},
		{"26.3.1_my_phone_aarch64", "my_phone", "aarch64"},
		{"26.3.1+12_kiosk_riscv64", "+12_kiosk", "riscv64"},
	};
	AdvisoryBaseParts parts;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		advisory_base_parts(cases[i].key, "26.3.1", &parts);
		ASSERT_STREQ(parts.variant, cases[i].variant);
		ASSERT_STREQ(parts.architecture, cases[i].architecture);
	}
}

#define COMMIT "902bc9190331343b2017211debcec8d2ab87e17a"

TEST(commits_are_known_by_their_address)
{
	static const struct {
		const char *address, *repository; /* NULL: none */
	} cases[] = {
		{"https://github.com/a/b/commit/" COMMIT, "https://github.com/a/b"},
		{"https://gitlab.com/a/b/c/-/commit/" COMMIT, "https://gitlab.com/a/b/c"},
		{"https://chromium.googlesource.com/webm/libwebp/+/" COMMIT,
			"https://chromium.googlesource.com/webm/libwebp"},
		{"https://github.com/a/b/commit/902bc91", NULL},
		{"https://github.com/a/b/commit/" COMMIT "#x", NULL},
		{"https://github.com/a/b/tree/" COMMIT, NULL},
		{"/commit/" COMMIT, NULL},
		{COMMIT, NULL},
	};
	OsvCommit commit;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool found = osv_commit_parse(cases[i].address, &commit);

		ASSERT_EQ(found, cases[i].repository != NULL);
		if (!found)
			continue;
		ASSERT_EQ(commit.repository, strlen(cases[i].repository));
		ASSERT(strncmp(cases[i].address, cases[i].repository, commit.repository) == 0);
		ASSERT_STREQ(commit.id, COMMIT);
	}
}

TEST(text_is_never_markup)
{
	_cleanup_buffer_ Buffer html = {}, plain = {};
	Markup markup = {.buffer = &html};
	static const char text[] =
		"<a b=\"c\">&\x1b\xc2\x85\xe2\x80\xae\xe2\x80\xa8\xc3\xa9\xf0\x9f"
		"\x99\x82";

	markup_text(&markup, text);
	ASSERT_OK(markup.error);
	ASSERT_STREQ(html.data,
		"&lt;a b=&quot;c&quot;&gt;&amp;[U+001B][U+0085][U+202E][U+2028]\xc3\xa9\xf0\x9f"
		"\x99\x82");
	ASSERT_OK(markup_plain(&plain, text));
	ASSERT_STREQ(
		plain.data, "<a b=\"c\">&[U+001B][U+0085][U+202E][U+2028]\xc3\xa9\xf0\x9f\x99\x82");
}

TEST(text_that_is_cut_is_not_overrun)
{
	static const char *const cut[] = {"\xe2", "\xe2\x80", "\xf0\x9f\x99", "a\xc3"};

	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		_cleanup_buffer_ Buffer plain = {};

		ASSERT_OK(markup_plain(&plain, cut[i]));
		ASSERT_STREQ(plain.data, cut[i]);
	}
}

TEST(an_address_has_no_other_characters)
{
	_cleanup_free_ char *safe = vendor_address("https://a/b c\"<\xc3\xa9>[1]%20%zz?x=y#z");

	ASSERT_STREQ(safe, "https://a/b%20c%22%3C%C3%A9%3E%5B1%5D%20%25zz?x=y#z");
	ASSERT(vendor_is_address(safe));
}

TEST(dates_are_for_people)
{
	char date[PAGE_DATE_SIZE];

	page_date(0, date);
	ASSERT_STREQ(date, "1 January 1970");
	page_date(TIME_MAX, date);
	ASSERT_STREQ(date, "31 December 9999");
}

/* -- the whole way, from an index -- */

#define NOW 1800000000

static const char notes_text[] =
	"[{\"fixes\":[{\"component\":\"tls\",\"credit\":\"A\",\"cve\":\"CVE-2026-0001\",\"cvss\":"
	"\"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N\",\"description\":\"D\",\"exploited\":"
	"true,\"impact\":\"I\",\"references\":[\"https://a/commit/" COMMIT "\"]}],\"id\":\"EX-1\","
	"\"schema\":2,\"title\":\"T\",\"urgency\":\"high\"}]";

static int give_notes(void *context, const Notes *notes, uint8_t **ret_data, Reason *reterr_reason)
{
	const char *text = context;

	*ret_data = memory_copy(text, strlen(text) + 1);
	return *ret_data ? 0 : -ENOMEM;
}

#define DIGEST_TEXT "00000000000000000000000000000000000000000000000000000000000000aa"

/* An index with one improvement, whose notes are of `size` bytes, and what is withdrawn. */
static void make_index(Index *ret_index, size_t size, const char *withdrawals)
{
	_cleanup_free_ char *text = memory_printf(
		"{\"format\":\"suture-index\",\"version\":1,\"product\":\"exampleos\",\"base\":"
		"\"26.3.1_x86_64\",\"base_version\":\"26.3.1\",\"channel\":\"public\",\"issued\":"
		"\"2026-03-01T00:00:00Z\",\"improvements\":[{\"sequence\":1,\"published\":"
		"\"2026-03-01T00:00:00Z\",\"urgency\":\"high\",\"summary\":\"T\",\"advisory\":"
		"\"EX-1\",\"notes\":{\"sha256\":\"" DIGEST_TEXT "\",\"size\":%zu},\"fixes\":["
		"{\"cve\":\"CVE-2026-0001\",\"component\":\"tls\"}],\"images\":[]}],"
		"\"withdrawals\":[%s]}",
		size, withdrawals);
	Reason reason = {};

	ASSERT(text);
	if (index_read(text, strlen(text), ret_index, &reason) != 0)
		test_fail(__FILE__, __LINE__, "%s", reason.text);
}

#define WITHDRAWN                                                                                  \
	"{\"sequence\":1,\"level\":\"stop\",\"issued\":\"2026-03-02T00:00:00Z\",\"reason\":\"R\"}"

static int close_all(AdvisoryList *list, int64_t now, size_t *ret_changed)
{
	int r = history_close(list, now);

	for (size_t i = 0; r == 0 && i < list->count; i++)
		*ret_changed += list->items[i].changed;
	return r;
}

static const Vendor vendor = {1, (char *)"V", (char *)"https://v", (char *)"mailto:s@v",
	(char *)"https://v/", (char *)"en", {}};

static int check_json(json_t *json)
{
	_cleanup_json_ json_t *owned = json;
	_cleanup_buffer_ Buffer text = {};

	return owned ? document_write(owned, &text) : -ENOMEM;
}

/* The forms that were just made agree with each other. */
static int compare_forms(
	const AdvisoryEntry *entry, const json_t *feed, const Buffer *page, const Buffer *mail)
{
	_cleanup_json_ json_t *csaf = csaf_document(&entry->advisory, entry->name, &vendor);
	_cleanup_json_ json_t *vex = openvex_document(&entry->advisory, entry->name, &vendor);
	_cleanup_json_ json_t *osv = osv_document(&entry->advisory, entry->name, &vendor);
	_cleanup_json_ json_t *promises = json_object();
	const AgreementForms forms = {feed, json_array_get(json_object_get(feed, "advisories"), 0),
		entry->name, csaf, vex, osv, (char *)page->data, (char *)mail->data};
	Reason reason = {};
	int r = csaf && vex && osv && promises ? agreement_check(&forms, promises, &reason)
					       : -ENOMEM;

	if (r < 0 && r != -ENOMEM)
		test_fail(__FILE__, __LINE__, "%s", reason.text);
	return r;
}

static int write_and_compare(const AdvisoryList *list, const FeedBases *bases)
{
	const AdvisoryEntry *entry = &list->items[0];
	_cleanup_feed_files_ FeedFiles files = {};
	_cleanup_json_ json_t *feed = feed_document(list, bases, &files, &vendor, NOW);
	_cleanup_buffer_ Buffer page = {}, mail = {};
	int r = feed ? page_write(&entry->advisory, entry->name, &vendor, &page) : -ENOMEM;

	if (r == 0)
		r = mail_write(&entry->advisory, entry->name, &vendor, &mail);
	return r < 0 ? r : compare_forms(entry, feed, &page, &mail);
}

static int write_all(const AdvisoryList *list, const FeedBases *bases)
{
	const AdvisoryEntry *entry = &list->items[0];
	_cleanup_feed_files_ FeedFiles files = {};
	_cleanup_buffer_ Buffer text = {};
	int r = check_json(csaf_document(&entry->advisory, entry->name, &vendor));

	if (r == 0)
		r = check_json(openvex_document(&entry->advisory, entry->name, &vendor));
	if (r == 0)
		r = check_json(osv_document(&entry->advisory, entry->name, &vendor));
	if (r == 0)
		r = feed_files_add(&files, "advisories/a.html", "a", 1);
	if (r == 0)
		r = check_json(feed_document(list, bases, &files, &vendor, NOW));
	if (r == 0)
		r = check_json(provider_metadata(list, &vendor, NULL, NOW));
	if (r == 0)
		r = provider_index(list, NOW, &text);
	if (r == 0)
		r = provider_changes(list, NOW, &text);
	if (r == 0)
		r = provider_security_txt(&vendor, NULL, NOW, &text);
	if (r == 0)
		r = appstream_write(list, "exampleos", &vendor, NOW, &text);
	if (r == 0)
		r = page_write(&entry->advisory, entry->name, &vendor, &text);
	if (r == 0)
		r = page_write_index(list, &vendor, NOW, &text);
	return r < 0 ? r : write_and_compare(list, bases);
}

static int whole_way(const Index *index)
{
	_cleanup_advisory_list_ AdvisoryList list = {};
	_cleanup_feed_bases_ FeedBases bases = {};
	size_t changed = 0;
	int r = history_observe(&list, index, give_notes, (void *)notes_text, NULL);

	if (r == 0)
		r = close_all(&list, NOW, &changed);
	if (r == 0)
		r = feed_bases_add(&bases, index);
	return r < 0 ? r : write_all(&list, &bases);
}

TEST(the_whole_way_survives_failing_allocations)
{
	_cleanup_index_ Index index = {};

	make_index(&index, sizeof(notes_text) - 1, WITHDRAWN);
	TEST_EACH_ALLOCATION(whole_way(&index), (void)0);
}

TEST(an_index_that_says_nothing_new_changes_nothing)
{
	_cleanup_advisory_list_ AdvisoryList list = {};
	_cleanup_index_ Index index = {}, later = {};
	size_t changed = 0;

	make_index(&index, sizeof(notes_text) - 1, "");
	make_index(&later, sizeof(notes_text) - 1, WITHDRAWN);
	ASSERT_OK(history_observe(&list, &index, give_notes, (void *)notes_text, NULL));
	ASSERT_OK(close_all(&list, NOW, &changed));
	ASSERT_EQ(changed, 1);
	/* what is known needs no notes any more */
	ASSERT_OK(history_observe(&list, &index, give_notes, NULL, NULL));
	ASSERT_OK(close_all(&list, NOW + 1, &changed));
	ASSERT_EQ(changed, 1);
	ASSERT_OK(history_observe(&list, &later, give_notes, NULL, NULL));
	ASSERT_OK(history_observe(&list, &later, give_notes, NULL, NULL));
	ASSERT_OK(close_all(&list, NOW - 5, &changed));
	ASSERT_EQ(changed, 2);
	ASSERT_EQ(list.items[0].advisory.revisions.count, 2);
	ASSERT_EQ(advisory_last_date(&list.items[0].advisory), NOW); /* never back in time */
	ASSERT_STREQ(
		list.items[0].advisory.revisions.items[1].summary, "26.3.1-a is withdrawn: R.");
}

TEST(a_software_centre_gets_nothing_that_it_would_order_wrong)
{
	static IndexFix fixes[] = {{(char *)"CVE-1", (char *)"tls"}};
	static const uint64_t sequences[] = {26, 27, 28};
	AdvisoryRelease releases[ARRAY_SIZE(sequences)];
	Fixes text = {.title = (char *)"T"};
	AdvisoryRevision revision = {.date = 1};
	AdvisoryEntry entry = {.name = (char *)"ex-1",
		.advisory = {.fixes = &text,
			.releases = {releases, ARRAY_SIZE(sequences)},
			.revisions = {&revision, 1}}};
	AdvisoryList list = {&entry, 1};
	_cleanup_buffer_ Buffer xml = {};

	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++)
		releases[i] = (AdvisoryRelease){.product = (char *)"os",
			.base = (char *)"1_x86_64",
			.version = (char *)"1",
			.sequence = sequences[i],
			.fixes = {fixes, 1}};
	ASSERT_OK(appstream_write(&list, "os", &vendor, NOW, &xml));
	ASSERT(strstr((char *)xml.data, "1-ab\"") < strstr((char *)xml.data, "1-aa\""));
	ASSERT(strstr((char *)xml.data, "1-aa\""));
	ASSERT(!strstr((char *)xml.data, "1-z\""));
}

TEST(a_feed_can_name_no_other_file)
{
	static const char *const good[] = {"advisories/ex-1.html", "advisories/a.b/c+_.xml",
		".well-known/csaf/white/2026/ex-1.json.sha512", ".well-known/csaf/index.txt"};
	static const char *const bad[] = {"", "advisories", "advisories/", "advisories/feed.json",
		"metadata/1.root.json", ".well-known/security.txt", "advisories/../a.html",
		"/advisories/a.html", "advisories//a.html", "advisories/.htaccess",
		"advisories/a/.b/c.txt", "advisories/a.php", "advisories/A.html",
		"advisories/a%2f.html", "advisories/a b.html", ".well-known/csafe/a.txt"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ASSERT(feed_is_path(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT(!feed_is_path(bad[i]));
}

#define FEED(files) "{\"format\":\"suture-feed\",\"schema\":1,\"more\":1,\"files\":" files "}"
#define FEED_FILE(path, size)                                                                      \
	"{\"path\":\"" path "\",\"size\":" size ",\"sha256\":\"" DIGEST_TEXT "\"}"

static int read_feed(const char *text, FeedFiles *ret_files, Reason *reason)
{
	_cleanup_json_ json_t *feed = NULL;
	int r = feed_parse(text, strlen(text), &feed, reason);

	return r < 0 ? r : feed_files_read(feed, ret_files, reason);
}

TEST(a_feed_that_is_none_is_refused)
{
	static const char *const bad[] = {"", "{}", FEED("1"), FEED("[1]"), FEED("[{}]"),
		FEED("[" FEED_FILE("metadata/1.root.json", "1") "]"),
		FEED("[" FEED_FILE("advisories/a.html", "-1") "]"),
		FEED("[" FEED_FILE("advisories/a.html", "99999999999") "]"),
		FEED("[" FEED_FILE("advisories/a.html", "\"1\"") "]"),
		FEED("[" FEED_FILE("advisories/a.html", "1") "," FEED_FILE(
			"advisories/a.html", "2") "]"),
		"{\"format\":\"suture-feed\",\"schema\":2,\"files\":[]}"};
	_cleanup_feed_files_ FeedFiles files = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		Reason reason = {};

		ASSERT_ERROR(-EBADMSG, read_feed(bad[i], &files, &reason));
		ASSERT(reason.text[0]);
		ASSERT_EQ(files.count, 0);
	}
	ASSERT_OK(read_feed(FEED("[" FEED_FILE("advisories/a.html", "7") "]"), &files, NULL));
	ASSERT_EQ(feed_files_find(&files, "advisories/a.html")->size, 7);
	ASSERT(!feed_files_find(&files, "advisories/b.html"));
}

TEST(notes_that_do_not_fit_are_refused)
{
	static const char *const bad[] = {
		"{}", "[", "[{}]", "[],\"notes\":[]", "[]}", "[{\"id\":1}]"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_advisory_list_ AdvisoryList list = {};
		_cleanup_index_ Index index = {};
		Reason reason = {};

		make_index(&index, strlen(bad[i]), "");
		ASSERT_ERROR(-EBADMSG,
			history_observe(&list, &index, give_notes, (void *)bad[i], &reason));
		ASSERT(reason.text[0]);
		ASSERT_EQ(list.count, 0);
	}
}
