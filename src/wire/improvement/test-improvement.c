/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "test.h"
#include "wire/improvement/image-seal.h"
#include "wire/terms/label.h"
#include "wire/improvement/offer.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/rollout.h"
#include "wire/json/document.h"

#define VECTORS    TEST_SOURCE_ROOT "/tests/vectors/index"
#define MACHINE_ID "4c2a1d0f8f5d4f0e9a6a3f6f3b8a7c11"

/* -- labels -- */

static const struct {
	uint64_t sequence;
	const char *letters;
} labels[] = {{1, "a"}, {2, "b"}, {25, "y"}, {26, "z"}, {27, "aa"}, {28, "ab"}, {52, "az"},
	{53, "ba"}, {702, "zz"}, {703, "aaa"}, {18278, "zzz"}, {18279, "aaaa"},
	{LABEL_SEQUENCE_MAX, "zzzz"}};

TEST(labels_count_like_columns_of_a_spreadsheet)
{
	char letters[LABEL_LETTERS_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		uint64_t sequence;

		ASSERT_OK(label_letters(labels[i].sequence, letters));
		ASSERT_STREQ(letters, labels[i].letters);
		ASSERT_OK(label_parse(letters, &sequence));
		ASSERT_EQ(sequence, labels[i].sequence);
	}
	ASSERT_OK(label_letters(0, letters));
	ASSERT_STREQ(letters, "");
	ASSERT_ERROR(-ERANGE, label_letters(LABEL_SEQUENCE_MAX + 1, letters));
	ASSERT_ERROR(-ERANGE, label_letters(UINT64_MAX, letters));
}

TEST(every_label_reads_back)
{
	for (uint64_t i = 1; i <= LABEL_SEQUENCE_MAX; i++) {
		char letters[LABEL_LETTERS_SIZE];
		uint64_t sequence = 0;

		if (label_letters(i, letters) != 0 || label_parse(letters, &sequence) != 0 ||
			sequence != i)
			test_fail(__FILE__, __LINE__, "%llu reads back as %llu",
				(unsigned long long)i, (unsigned long long)sequence);
	}
}

TEST(labels_are_shown_in_two_forms)
{
	char text[LABEL_TEXT_SIZE], version[LABEL_TEXT_SIZE + 1];

	ASSERT_OK(label_shown("26.3.1", 1, text));
	ASSERT_STREQ(text, "26.3.1 (a)");
	ASSERT_OK(label_machine("26.3.1", 27, text));
	ASSERT_STREQ(text, "26.3.1-aa");
	ASSERT_OK(label_shown("26.3.1", 0, text));
	ASSERT_STREQ(text, "26.3.1");
	ASSERT_OK(label_machine("26.3.1", 0, text));
	ASSERT_STREQ(text, "26.3.1");
	ASSERT_ERROR(-ERANGE, label_shown("26.3.1", LABEL_SEQUENCE_MAX + 1, text));
	memset(version, '1', sizeof(version) - 1);
	version[sizeof(version) - 1] = '\0';
	ASSERT_ERROR(-ERANGE, label_shown(version, 1, text));
	version[LABEL_TEXT_SIZE - 1] = '\0';
	ASSERT_OK(label_machine(version, 0, text));
	ASSERT_ERROR(-ERANGE, label_machine(version, 1, text));
}

TEST(labels_are_read_strictly)
{
	static const char *const bad[] = {"", "()", "(", ")", "(a", "a)", "A", "a1", "a ", "aaaaa",
		"(aaaaa)", "((a))", "-a", "\xc3\xa4"};
	uint64_t sequence = 99;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EINVAL, label_parse(bad[i], &sequence));
	ASSERT_EQ(sequence, 99);
	ASSERT_OK(label_parse("(aa)", &sequence));
	ASSERT_EQ(sequence, 27);
}

/* -- the index -- */

static const struct {
	const char *file, *reason;
} bad_vectors[] = {
	{"bad-format.json", "format: is not of the allowed form"},
	{"bad-version-0.json", "version: is too small"},
	{"bad-version-text.json", "version: is not a whole number"},
	{"bad-unknown-member.json", "severity: is not known here"},
	{"bad-product-missing.json", "product: is missing"},
	{"bad-product-upper.json", "product: is not of the allowed form"},
	{"bad-product-65.json", "product: is too long"},
	{"bad-base-slash.json", "base: is not of the allowed form"},
	{"bad-channel-dot.json", "channel: is not of the allowed form"},
	{"bad-issued-form.json", "issued: is not a time"},
	{"bad-issued-day.json", "issued: is not a time"},
	{"bad-superseded-empty.json", "superseded_by: is not of the allowed form"},
	{"bad-includes-sequence-0.json", "includes[0].sequence: is too small"},
	{"bad-optional-list.json", "optional: is not an object"},
	{"bad-optional-real.json", "optional: holds a number that is not whole"},
	{"bad-improvements-missing.json", "improvements: is missing"},
	{"bad-improvements-17.json", "improvements: has too many"},
	{"bad-sequence-0.json", "improvements[1].sequence: is too small"},
	{"bad-sequence-above-zzzz.json", "improvements[0].sequence: is too large"},
	{"bad-sequence-negative.json", "improvements[0].sequence: is not a whole number"},
	{"bad-sequence-order.json", "improvement 2: is not in descending order"},
	{"bad-sequence-twice.json", "improvement 2: is not in descending order"},
	{"bad-urgency-word.json", "urgency: is none of the words"},
	{"bad-summary-newline.json", "summary: is not a printable text"},
	{"bad-summary-401.json", "summary: is too long"},
	{"bad-summary-empty.json", "summary: is not of the allowed form"},
	{"bad-notes-size-0.json", "notes.size: is too small"},
	{"bad-cve-lower.json", "fixes[0].cve: is not of the allowed form"},
	{"bad-requires-upper.json", "requires[1]: is not of the allowed form"},
	{"bad-ramp-hours-twice.json", "improvement 2: the roll-out ramp"},
	{"bad-ramp-percent-down.json", "improvement 2: the roll-out ramp"},
	{"bad-ramp-percent-101.json", "ramp[2].percent: is too large"},
	{"bad-rollout-start-missing.json", "rollout.start: is missing"},
	{"bad-hold-number.json", "rollout.hold: is neither"},
	{"bad-component-twice.json", "component openssl: stands there twice"},
	{"bad-image-digest-short.json", "images[1].sha256: is not a SHA-256"},
	{"bad-image-digest-upper.json", "images[1].sha256: is not a SHA-256"},
	{"bad-image-size-0.json", "component openssh: the image"},
	{"bad-image-size-odd.json", "component openssh: the image"},
	{"bad-image-size-huge.json", "size: is too large"},
	{"bad-verity-missing.json", "verity: is missing"},
	{"bad-verity-salt-short.json", "verity.salt: is not a SHA-256"},
	{"bad-directories-none.json", "component openssh: has no graft directory"},
	{"bad-directories-order.json", "graft directories are not in ascending order"},
	{"bad-directories-twice.json", "graft directories are not in ascending order"},
	{"bad-directories-nested.json", "lies inside another"},
	{"bad-directories-nested-across.json",
		"graft directory usr/lib/x86_64-linux-gnu/openssh lies inside another, of "
		"components openssl and openssh"},
	{"bad-directories-17.json", "directories: has too many"},
	{"bad-directory-absolute.json", "directories[1]: is not of the allowed form"},
	{"bad-directory-dotdot.json", "directories[1]: is not of the allowed form"},
	{"bad-file-outside.json", "a file lies outside the graft directories"},
	{"bad-file-beside.json", "a file lies outside the graft directories"},
	{"bad-file-is-directory.json", "a file lies outside the graft directories"},
	{"bad-file-dotdot.json", "files[1].path: is not of the allowed form"},
	{"bad-file-kind.json", "files[1].kind: is none of the words"},
	{"bad-files-order.json", "files are not in ascending order"},
	{"bad-files-twice.json", "files are not in ascending order"},
	{"bad-no-change.json", "component openssh: changes no file"},
	{"bad-removed-outside.json", "a removed file lies outside"},
	{"bad-removed-order.json", "removed files are not in ascending order"},
	{"bad-path-changed-and-removed.json", "usr/sbin/sshd is changed twice"},
	{"bad-path-of-two-images.json", "usr/sbin/sshd is changed twice"},
	{"bad-mix-word.json", "mix: is none of the words"},
	{"bad-after-word.json", "after[1]: is none of the words"},
	{"bad-hosts-order.json", "hosts are not in ascending order"},
	{"bad-hosts-twice.json", "hosts are not in ascending order"},
	{"bad-hosts-17.json", "hosts: has too many"},
	{"bad-host-absolute.json", "hosts[0]: is not of the allowed form"},
	{"bad-hosts-without-read-once.json", "has hosts, but no file that they read"},
	{"bad-build-id-odd.json", "build_id: is not of the allowed form"},
	{"bad-build-id-upper.json", "build_id: is not of the allowed form"},
	{"bad-build-id-of-data.json", "only a kernel module has a build-id"},
	{"bad-restart-word.json", "restart: is none of the words"},
	{"bad-seal-short.json", "seal: is not of the allowed form"},
	{"bad-seal-long.json", "seal: is too long"},
	{"bad-seal-upper.json", "seal: is not of the allowed form"},
	{"bad-payloads-none.json", "component openssh: has no full payload"},
	{"bad-payloads-delta-only.json", "component openssh: has no full payload"},
	{"bad-payloads-5.json", "payloads: has too many"},
	{"bad-payload-kind.json", "payloads[0].kind: is none of the words"},
	{"bad-payload-size-0.json", "payloads[0].size: is too small"},
	{"bad-delta-without-sources.json", "a delta must name its sources"},
	{"bad-full-with-sources.json", "a delta must name its sources"},
	{"bad-source-neither.json", "a source must be either a path or an image"},
	{"bad-source-both.json", "a source must be either a path or an image"},
	{"bad-withdrawal-twice.json", "improvement 1: is withdrawn twice"},
	{"bad-withdrawal-level.json", "withdrawals[0].level: is none of the words"},
	{"bad-withdrawal-sequence-0.json", "withdrawals[0].sequence: is too small"},
	{"bad-withdrawal-replacement-0.json", "withdrawals[0].replacement: is too small"},
	{"bad-withdrawal-image.json", "withdrawals[0].images[0]: is not of the allowed form"},
	{"bad-withdrawal-reason-missing.json", "withdrawals[0].reason: is missing"},
	{"bad-json-duplicate.json", "duplicate object key"},
	{"bad-json-trailing.json", "end of file expected"},
	{"bad-json-cut.json", "not JSON"},
	{"bad-json-list.json", "not a JSON object"},
	{"bad-json-depth.json", "deeper than 32 levels"},
	{"bad-json-utf8.json", "unable to decode byte"},
	{"bad-json-surrogate.json", "invalid Unicode"},
	{"bad-json-nul.json", "NUL"},
	{"bad-json-number.json", "too big integer"},
};

static const char *const good_vectors[] = {"good-full.json", "good-empty.json", "good-one.json",
	"good-rehearsal.json", "good-held.json", "good-hosts.json", "future-optional.json",
	"future-requires.json", "future-encoding.json"};

static void load(const char *name, uint8_t **ret_data, size_t *ret_size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
	if (file_read(AT_FDCWD, path, INDEX_SIZE_MAX, ret_data, ret_size) < 0)
		test_fail(__FILE__, __LINE__, "cannot read %s", path);
}

static int read_vector(const char *name, Index *ret_index, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	load(name, &data, &size);
	return index_read(data, size, ret_index, reason);
}

TEST(bad_indexes_are_refused_for_their_cause)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_vectors); i++) {
		Index index = {};
		Reason reason = {};
		int r = read_vector(bad_vectors[i].file, &index, &reason);

		if (r != -EBADMSG)
			test_fail(__FILE__, __LINE__, "%s gave %d", bad_vectors[i].file, r);
		if (!strstr(reason.text, bad_vectors[i].reason))
			test_fail(
				__FILE__, __LINE__, "%s: \"%s\"", bad_vectors[i].file, reason.text);
		ASSERT_MEMEQ(&index, &(Index){}, sizeof(index));
	}
}

/* Frozen: bytes that were signed once must be written again just so. */
TEST(good_indexes_survive_to_the_byte)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_vectors); i++) {
		_cleanup_free_ uint8_t *data = NULL;
		_cleanup_buffer_ Buffer written = {};
		_cleanup_index_ Index index = {};
		Reason reason = {};
		size_t size;

		load(good_vectors[i], &data, &size);
		if (index_read(data, size, &index, &reason) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s", good_vectors[i], reason.text);
		ASSERT_OK(index_write(&index, &written));
		ASSERT_STREQ(written.data, data);
	}
}

static bool is_listed(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_vectors); i++)
		if (strcmp(good_vectors[i], name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(bad_vectors); i++)
		if (strcmp(bad_vectors[i].file, name) == 0)
			return true;
	return strcmp(name, "future-version.json") == 0;
}

TEST(no_vector_is_forgotten)
{
	DIR *stream = opendir(VECTORS);
	struct dirent *entry;

	ASSERT(stream);
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.' && !is_listed(entry->d_name))
			test_fail(__FILE__, __LINE__, "%s is in no table", entry->d_name);
	closedir(stream);
}

TEST(an_index_says_what_it_says)
{
	_cleanup_index_ Index index = {};
	const Improvement *b;

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	ASSERT_STREQ(index.base, "26.3.1+2026030100_desktop_x86_64");
	ASSERT_EQ(index.supported_until, 1822262400);
	ASSERT_EQ(index.includes.items[0].sequence, 3);
	ASSERT_EQ(index_newest_sequence(&index), 2);
	ASSERT(!index_find(&index, 3));
	ASSERT_EQ(index_withdrawal(&index, 1)->level, WITHDRAWAL_REVERT);
	ASSERT(!index_withdrawal(&index, 2));
	b = index_find(&index, 2);
	ASSERT_EQ(b->urgency, URGENCY_CRITICAL);
	ASSERT_EQ(b->images.count, 2);
	ASSERT_EQ(b->images.items[1].after.items[1], 6);
	ASSERT_STREQ(b->images.items[1].removed.items[1], "usr/sbin/old-tool");
	ASSERT_EQ(b->images.items[1].payloads.items[0].kind, PAYLOAD_DELTA);
	ASSERT_STREQ(b->images.items[1].payloads.items[0].encoding, "suture-delta-1");
}

TEST(an_index_from_the_future_is_told_apart)
{
	Index index = {};
	Reason reason = {};

	ASSERT_ERROR(INDEX_FROM_FUTURE, read_vector("future-version.json", &index, &reason));
	ASSERT(strstr(reason.text, "newer format"));
	ASSERT_MEMEQ(&index, &(Index){}, sizeof(index));
	ASSERT_ERROR(-EBADMSG, index_read("{\"format\":\"x\",\"version\":2}", 26, &index, NULL));
}

TEST(an_unknown_optional_member_is_kept_and_ignored)
{
	_cleanup_index_ Index index = {};

	ASSERT_OK(read_vector("future-optional.json", &index, NULL));
	ASSERT(json_object_get(json_object_get(index.optional, "shape"), "deep"));
	ASSERT_EQ(json_integer_value(
			  json_object_get(index.improvements.items[0].optional, "battery")),
		20);
}

TEST(an_index_has_a_size_limit)
{
	_cleanup_free_ char *large = memory_new(INDEX_SIZE_MAX + 2);
	Index index = {};
	Reason reason = {};

	memset(large, ' ', INDEX_SIZE_MAX + 1);
	ASSERT_ERROR(-EBADMSG, index_read(large, INDEX_SIZE_MAX + 1, &index, &reason));
	ASSERT(strstr(reason.text, "larger than"));
}

static int read_and_write(const uint8_t *data, size_t size)
{
	_cleanup_index_ Index index = {};
	_cleanup_buffer_ Buffer written = {};
	int r = index_read(data, size, &index, NULL);

	return r < 0 ? r : index_write(&index, &written);
}

TEST(an_index_survives_failing_allocations)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	load("good-full.json", &data, &size);
	TEST_EACH_ALLOCATION(read_and_write(data, size), (void)0);
}

static int copy_image(const IndexImage *image)
{
	IndexImage copy = {};
	int r = index_copy_image(image, &copy);

	index_image_clear(&copy);
	return r;
}

TEST(images_are_copied_whole)
{
	_cleanup_index_ Index index = {};
	IndexImage copy = {};
	const IndexImage *image;

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	image = &index.improvements.items[0].images.items[1];
	ASSERT_OK(index_copy_image(image, &copy));
	ASSERT(copy.component != image->component);
	ASSERT_STREQ(copy.removed.items[0], image->removed.items[0]);
	ASSERT(digest_equal(&copy.verity->salt, &image->verity->salt));
	index_image_clear(&copy);
	TEST_EACH_ALLOCATION(copy_image(image), (void)0);
}

TEST(a_newer_improvement_goes_first_and_two_are_listed)
{
	_cleanup_index_ Index index = {};
	Improvement stale = {.sequence = 2}, next = {.sequence = 3};

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	ASSERT_ERROR(-EINVAL, index_add_improvement(&index, &stale));
	next.summary = memory_string("third");
	ASSERT_OK(index_add_improvement(&index, &next));
	ASSERT(!next.summary);
	ASSERT_EQ(index.improvements.count, INDEX_LISTED);
	ASSERT_STREQ(index.improvements.items[0].summary, "third");
	ASSERT_EQ(index.improvements.items[1].sequence, 2);
}

/* Who is not let into the newest yet can still have the good one. */
TEST(what_was_withdrawn_makes_room_first)
{
	_cleanup_index_ Index index = {};
	Improvement next = {.sequence = 3}, last = {.sequence = 4};

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	index.withdrawals.items[0].sequence = 2;
	ASSERT_OK(index_add_improvement(&index, &next));
	ASSERT_EQ(index.improvements.count, INDEX_LISTED);
	ASSERT_EQ(index.improvements.items[1].sequence, 1);
	index.withdrawals.items[0].sequence = 3;
	ASSERT_OK(index_add_improvement(&index, &last));
	ASSERT_EQ(index.improvements.items[0].sequence, 4);
	ASSERT_EQ(index.improvements.items[1].sequence, 1);
}

/* It may have been another channel's: what is between may still come here. */
TEST(a_withdrawal_keeps_out_its_own_sequence_only)
{
	_cleanup_index_ Index index = {};
	Improvement next = {.sequence = 3};

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	index.withdrawals.items[0].sequence = 7;
	ASSERT_OK(index_add_improvement(&index, &next));
	ASSERT_EQ(index.improvements.items[0].sequence, 3);
}

static int copy_improvement(const Improvement *improvement)
{
	Improvement copy = {};
	int r = index_copy_improvement(improvement, &copy);

	index_improvement_clear(&copy);
	return r;
}

TEST(improvements_are_copied_whole)
{
	_cleanup_index_ Index index = {};
	Improvement copy = {};

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	ASSERT_OK(index_copy_improvement(&index.improvements.items[0], &copy));
	ASSERT_EQ(copy.sequence, 2);
	ASSERT(copy.rollout != index.improvements.items[0].rollout);
	ASSERT_EQ(copy.images.count, index.improvements.items[0].images.count);
	index_improvement_clear(&copy);
	TEST_EACH_ALLOCATION(copy_improvement(&index.improvements.items[0]), (void)0);
}

/* A sequence is allocated once: one that is only known as withdrawn counts too. */
TEST(a_withdrawn_sequence_is_not_used_again)
{
	_cleanup_index_ Index index = {};
	Improvement next = {.sequence = 7};

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	index.withdrawals.items[0].sequence = 7;
	ASSERT_EQ(index_newest_sequence(&index), 7);
	ASSERT_ERROR(-EINVAL, index_add_improvement(&index, &next));
}

TEST(paths_on_the_server_follow_from_names_and_digests)
{
	_cleanup_free_ char *path = index_target_path("exampleos", "26.3.1_x86_64", "public");
	char blob[INDEX_BLOB_PATH_SIZE], text[DIGEST_TEXT_SIZE];
	Digest digest;

	ASSERT_STREQ(path, "exampleos/26.3.1_x86_64/public/index.json");
	memset(&digest, 0xab, sizeof(digest));
	digest_to_text(&digest, text);
	index_blob_path(&digest, blob);
	ASSERT(text_starts_with(blob, "ab/abab"));
	ASSERT_STREQ(blob + 3, text);
}

TEST(a_seal_says_what_the_index_says)
{
	_cleanup_index_ Index index = {};
	_cleanup_buffer_ Buffer text = {};
	const Improvement *b;
	Reason reason = {};
	Seal seal;

	ASSERT_OK(read_vector("good-full.json", &index, NULL));
	b = &index.improvements.items[0];
	ASSERT_OK(image_seal(&index, b, 1, &seal, &reason));
	ASSERT_STREQ(seal.product, "exampleos");
	ASSERT_STREQ(seal.base, index.base);
	ASSERT_STREQ(seal.component, "openssh");
	ASSERT_EQ(seal.sequence, 2);
	ASSERT_EQ(seal.part, 2);
	ASSERT_EQ(seal.parts, 2);
	ASSERT_STREQ(seal_directory(&seal, 1), "usr/sbin");
	ASSERT(digest_equal(&seal.image, &b->images.items[1].sha256));
	ASSERT_OK(seal_write(&seal, &text, &reason));
}

TEST(no_seal_covers_a_directory_that_may_not_be_grafted)
{
	_cleanup_index_ Index index = {};
	Reason reason = {};
	IndexImage *image;
	Seal seal;

	ASSERT_OK(read_vector("good-one.json", &index, NULL));
	image = &index.improvements.items[0].images.items[0];
	free(image->directories.items[0]);
	image->directories.items[0] = memory_string("usr/lib");
	ASSERT_ERROR(-EINVAL, image_seal(&index, index.improvements.items, 0, &seal, &reason));
	ASSERT(strstr(reason.text, "usr/lib"));
}

/* -- offers -- */

#define AFTER_ALL 1900000000 /* 2030: every ramp is at its end */

static bool one_is_bad(void *context, const Digest *image)
{
	return digest_equal(image, context);
}

static Offer choose(const Index *index, OfferDevice device)
{
	Offer offer = {};

	device.machine_id = MACHINE_ID;
	device.now = device.now ? device.now : AFTER_ALL;
	ASSERT_OK(offer_choose(index, &device, &offer));
	return offer;
}

static void expect(const Index *index, OfferDevice device, OfferState state, uint64_t sequence)
{
	Offer offer = choose(index, device);

	ASSERT_STREQ(offer_states[offer.state], offer_states[state]);
	ASSERT_EQ(offer.improvement ? offer.improvement->sequence : 0, sequence);
}

/* good-full.json without its withdrawal: (b) and (a). */
static void load_two(Index *ret)
{
	ASSERT_OK(read_vector("good-full.json", ret, NULL));
	ret->withdrawals.items[0].sequence = 99;
}

TEST(the_newest_is_offered_once)
{
	_cleanup_index_ Index index = {}, empty = {};

	load_two(&index);
	ASSERT_OK(read_vector("good-empty.json", &empty, NULL));
	expect(&index, (OfferDevice){}, OFFER_AVAILABLE, 2);
	expect(&index, (OfferDevice){.installed = 1}, OFFER_AVAILABLE, 2);
	expect(&index, (OfferDevice){.installed = 2}, OFFER_NONE, 0);
	expect(&index, (OfferDevice){.installed = 3}, OFFER_NONE, 0);
	expect(&empty, (OfferDevice){}, OFFER_NONE, 0);
}

TEST(before_its_turn_a_device_waits)
{
	_cleanup_index_ Index index = {};
	int64_t start;

	load_two(&index);
	start = index.improvements.items[0].rollout->start;
	expect(&index, (OfferDevice){.installed = 1, .now = start - 1}, OFFER_WAITS_ROLLOUT, 2);
	/* by hand does not open the roll-out: the percent is a true cap */
	expect(&index, (OfferDevice){.installed = 1, .now = start - 1, .by_hand = true},
		OFFER_WAITS_ROLLOUT, 2);
	expect(&index, (OfferDevice){.installed = 1, .now = start + 72 * 3600}, OFFER_AVAILABLE, 2);
	/* meanwhile an older one that is open is offered */
	expect(&index, (OfferDevice){.now = start - 1}, OFFER_AVAILABLE, 1);
}

TEST(a_held_roll_out_waits)
{
	_cleanup_index_ Index index = {};

	ASSERT_OK(read_vector("good-held.json", &index, NULL));
	expect(&index, (OfferDevice){}, OFFER_WAITS_HOLD, 1);
	expect(&index, (OfferDevice){.by_hand = true}, OFFER_WAITS_HOLD, 1);
	expect(&index, (OfferDevice){.installed = 1}, OFFER_NONE, 0);
}

TEST(what_the_owner_removed_stays_removed)
{
	_cleanup_index_ Index index = {};

	load_two(&index);
	expect(&index, (OfferDevice){.removed = 2}, OFFER_REMOVED_BY_OWNER, 2);
	expect(&index, (OfferDevice){.removed = 1}, OFFER_AVAILABLE, 2);
	expect(&index, (OfferDevice){.removed = 2, .by_hand = true}, OFFER_AVAILABLE, 2);
	/* nor does an older one come instead */
	ASSERT_EQ(choose(&index, (OfferDevice){.removed = 2}).improvement->sequence, 2);
}

TEST(an_image_that_failed_here_is_not_tried_again)
{
	_cleanup_index_ Index index = {};
	OfferDevice device = {.is_bad = one_is_bad};

	load_two(&index);
	device.context = &index.improvements.items[0].images.items[1].sha256;
	expect(&index, device, OFFER_AVAILABLE, 1);
	device.installed = 1;
	expect(&index, device, OFFER_FAILED_BEFORE, 2);
	device.by_hand = true;
	expect(&index, device, OFFER_FAILED_BEFORE, 2);
}

TEST(an_unknown_requirement_waits_and_blocks_no_other)
{
	_cleanup_index_ Index index = {};
	Offer offer;

	ASSERT_OK(read_vector("future-requires.json", &index, NULL));
	expect(&index, (OfferDevice){}, OFFER_AVAILABLE, 1);
	offer = choose(&index, (OfferDevice){.installed = 1});
	ASSERT_EQ(offer.state, OFFER_NEEDS_NEWER_BASE);
	ASSERT_EQ(offer.improvement->sequence, 2);
	ASSERT_STREQ(offer.detail, "composefs-2");
}

TEST(a_withdrawn_improvement_is_never_offered)
{
	for (int level = WITHDRAWAL_ADVISE; level <= WITHDRAWAL_REVERT; level++) {
		_cleanup_index_ Index index = {};

		load_two(&index);
		index.withdrawals.items[0].sequence = 2;
		index.withdrawals.items[0].level = level;
		expect(&index, (OfferDevice){}, OFFER_AVAILABLE, 1);
		expect(&index, (OfferDevice){.by_hand = true}, OFFER_AVAILABLE, 1);
		expect(&index, (OfferDevice){.installed = 1}, OFFER_NONE, 0);
		ASSERT(!choose(&index, (OfferDevice){.installed = 1}).withdrawn);
	}
}

TEST(only_a_withdrawal_to_revert_goes_back)
{
	_cleanup_index_ Index index = {};
	Withdrawal *withdrawal;

	load_two(&index);
	withdrawal = &index.withdrawals.items[0];
	withdrawal->sequence = 2;
	withdrawal->level = WITHDRAWAL_ADVISE;
	expect(&index, (OfferDevice){.installed = 2}, OFFER_NONE, 0);
	ASSERT(choose(&index, (OfferDevice){.installed = 2}).withdrawn == withdrawal);
	withdrawal->level = WITHDRAWAL_STOP;
	expect(&index, (OfferDevice){.installed = 2}, OFFER_NONE, 0);
	withdrawal->level = WITHDRAWAL_REVERT;
	expect(&index, (OfferDevice){.installed = 2}, OFFER_AVAILABLE, 1);
	ASSERT(choose(&index, (OfferDevice){.installed = 2}).withdrawn == withdrawal);
	/* what the owner removed before does not come back that way */
	expect(&index, (OfferDevice){.installed = 2, .removed = 1}, OFFER_REMOVED_BY_OWNER, 1);
}

/* The word on an image reaches every improvement that has it, and no other. */
TEST(an_image_that_was_withdrawn_is_never_offered)
{
	_cleanup_index_ Index index = {};
	Withdrawal *withdrawal;
	char text[DIGEST_TEXT_SIZE];

	load_two(&index);
	withdrawal = &index.withdrawals.items[0];
	ASSERT(withdrawal->images.count > 0);
	free(withdrawal->images.items[0]);
	digest_to_text(&index.improvements.items[0].images.items[1].sha256, text);
	withdrawal->images.items[0] = memory_string(text);
	ASSERT(index_objection(&index, &index.improvements.items[0]) == withdrawal);
	ASSERT(!index_objection(&index, &index.improvements.items[1]));
	expect(&index, (OfferDevice){}, OFFER_AVAILABLE, 1);
	expect(&index, (OfferDevice){.installed = 1, .by_hand = true}, OFFER_NONE, 0);
}

static int offer_two(const Index *index)
{
	OfferDevice device = {.machine_id = MACHINE_ID, .now = AFTER_ALL};
	Offer offer;

	return offer_choose(index, &device, &offer);
}

TEST(offers_survive_failing_allocations)
{
	_cleanup_index_ Index index = {};

	load_two(&index);
	TEST_EACH_ALLOCATION(offer_two(&index), (void)0);
}

static bool has_all(void *context, const PayloadSource *source)
{
	return true;
}

static bool has_files(void *context, const PayloadSource *source)
{
	return source->path != NULL;
}

static bool has_images(void *context, const PayloadSource *source)
{
	return source->path == NULL;
}

static bool has_none(void *context, const PayloadSource *source)
{
	return false;
}

TEST(the_best_payload_whose_sources_are_here_is_chosen)
{
	_cleanup_index_ Index index = {};
	const IndexImage *image;
	const Payload *payloads;

	load_two(&index);
	image = &index.improvements.items[0].images.items[1];
	payloads = image->payloads.items;
	ASSERT(offer_payload(image, has_all, NULL) == &payloads[0]);
	ASSERT(offer_payload(image, has_files, NULL) == &payloads[0]);
	ASSERT(offer_payload(image, has_images, NULL) == &payloads[1]);
	ASSERT(offer_payload(image, has_none, NULL) == &payloads[2]);
	ASSERT(offer_payload(image, NULL, NULL) == &payloads[2]);
}

TEST(an_unknown_encoding_is_passed_over)
{
	_cleanup_index_ Index index = {};
	IndexImage *image;

	ASSERT_OK(read_vector("future-encoding.json", &index, NULL));
	image = index.improvements.items[0].images.items;
	ASSERT(offer_payload(image, has_all, NULL) == &image->payloads.items[1]);
	ASSERT(offer_payload(image, has_none, NULL) == &image->payloads.items[2]);
	/* a known encoding of the other kind is as good as unknown */
	strcpy(image->payloads.items[1].encoding, "zstd");
	free(image->payloads.items[2].encoding);
	image->payloads.items[2].encoding = memory_string("suture-delta-1");
	ASSERT(!offer_payload(image, has_all, NULL));
}
