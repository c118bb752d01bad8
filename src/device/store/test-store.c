/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "device/store/history.h"
#include "device/store/notes-file.h"
#include "device/store/proof.h"
#include "device/store/store.h"
#include "test.h"

#define VECTORS TEST_SOURCE_ROOT "/tests/vectors/generation/"

static const struct {
	const char *file;
	int error;
	const char *reason; /* a part of it */
} vectors[] = {
	{"good-version-1", 0, ""}, /* frozen: every later Suture must read it */
	{"good-bare-image", 0, ""},
	{"good-two-images", 0, ""},
	{"good-base-lines", 0, ""},
	{"bad-base-unsorted", -EBADMSG, "not in order"},
	{"bad-base-digest", -EBADMSG, "base SHA256"},
	{"bad-base-without-path", -EBADMSG, "base SHA256"},
	{"bad-base-dot-dot", -EBADMSG, "no plain path"},
	{"bad-base-before-cve", -EBADMSG, "nothing is expected"},
	{"good-hosts-and-build-id", 0, ""},
	{"bad-from-the-future", -EOPNOTSUPP, "newer Suture"},
	{"bad-version-zero", -EBADMSG, "no generation record"},
	{"bad-no-record", -EBADMSG, "no generation record"},
	{"bad-empty", -EBADMSG, "no generation record"},
	{"bad-digest", -EBADMSG, "digest does not match"},
	{"bad-digest-missing", -EBADMSG, "does not end in a digest"},
	{"bad-behind-digest", -EBADMSG, "does not end in a digest"},
	{"bad-no-image", -EBADMSG, "'signature' is expected"},
	{"bad-no-version", -EBADMSG, "'version' is expected"},
	{"bad-sequence", -EBADMSG, "number"},
	{"bad-signature-short", -EBADMSG, "signature in hex"},
	{"bad-seal-empty", -EBADMSG, "seal is empty"},
	{"bad-seal-without-end", -EBADMSG, "seal does not end"},
	{"bad-seal-too-long", -EBADMSG, "seal does not end"},
	{"bad-restart-unknown", -EBADMSG, "unknown word"},
	{"bad-mix-missing", -EBADMSG, "'mix' is expected"},
	{"bad-after-unknown", -EBADMSG, "unknown word"},
	{"bad-after-twice", -EBADMSG, "not in order"},
	{"bad-after-unsorted", -EBADMSG, "not in order"},
	{"bad-host-absolute", -EBADMSG, "relative to the root"},
	{"bad-hosts-twice", -EBADMSG, "not in order"},
	{"bad-hosts-unsorted", -EBADMSG, "not in order"},
	{"bad-hosts-17", -EBADMSG, "too many hosts"},
	{"bad-build-id-odd", -EBADMSG, "build-id"},
	{"bad-build-id-upper", -EBADMSG, "build-id"},
	{"bad-build-id-of-data", -EBADMSG, "build-id of a kernel module"},
	{"bad-build-id-twice", -EBADMSG, "nothing is expected"},
	{"bad-file-kind", -EBADMSG, "file SHA256"},
	{"bad-file-digest", -EBADMSG, "file SHA256"},
	{"bad-file-absolute", -EBADMSG, "no plain path"},
	{"bad-file-own", -EBADMSG, "Suture's own"},
	{"bad-file-os-release", -EBADMSG, "names the base"},
	{"bad-files-unsorted", -EBADMSG, "not in order"},
	{"bad-files-twice", -EBADMSG, "not in order"},
	{"bad-removed-dot-dot", -EBADMSG, "no plain path"},
	{"bad-cve-blank", -EBADMSG, "identifier"},
	{"bad-leftover", -EBADMSG, "nothing is expected"},
	{"bad-nul", -EBADMSG, "not text"},
};

static void read_vector(const char *name, uint8_t **ret_text, size_t *ret_size)
{
	_cleanup_free_ char *path = memory_printf(VECTORS "%s", name);

	ASSERT_OK(file_read(AT_FDCWD, path, 65536, ret_text, ret_size));
}

static void check_vector(size_t i)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_buffer_ Buffer again = {};
	Reason reason = {};
	size_t size;

	read_vector(vectors[i].file, &text, &size);
	if (generation_parse(text, size, &generation, &reason) != vectors[i].error ||
		!strstr(reason.text, vectors[i].reason))
		test_fail(vectors[i].file, 0, "'%s'", reason.text);
	if (vectors[i].error < 0)
		return;
	ASSERT_OK(generation_write(generation, &again, &reason));
	ASSERT_EQ(again.size, size);
	ASSERT_MEMEQ(again.data, text, size);
}

TEST(records_are_read_strictly)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_vector(i);
}

static Generation *read_generation(const char *vector)
{
	Generation *generation = NULL;
	uint8_t *text;
	size_t size;

	read_vector(vector, &text, &size);
	ASSERT_OK(generation_parse(text, size, &generation, NULL));
	free(text);
	return generation;
}

TEST(records_survive_a_lack_of_memory)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_buffer_ Buffer buffer = {};
	Generation *generation = NULL;
	size_t size;

	read_vector("good-two-images", &text, &size);
	TEST_EACH_ALLOCATION(generation_parse(text, size, &generation, NULL), (void)0);
	TEST_EACH_ALLOCATION(
		(buffer_done(&buffer), generation_write(generation, &buffer, NULL)), (void)0);
	generation_free(generation);
}

TEST(every_cut_record_is_refused)
{
	_cleanup_free_ uint8_t *text = NULL;
	Generation *generation;
	size_t size;

	read_vector("good-version-1", &text, &size);
	for (size_t n = 0; n < size; n++)
		ASSERT_ERROR(-EBADMSG, generation_parse(text, n, &generation, NULL));
}

/* A fresh root with a store in it. */
static Store *new_store(void)
{
	static int number;
	_cleanup_free_ char *path = memory_printf("%s/root-%d", test_folder(), number++);
	Store *store = NULL;

	ASSERT_OK(path_make_directories(AT_FDCWD, path, 0755));
	ASSERT_OK(store_open(path, &store, NULL));
	return store;
}

TEST(an_empty_root_is_an_empty_store)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_free_ uint32_t *numbers = NULL;
	uint32_t number = 7, sequence = 7;
	Digest digest = {};
	char *why;
	size_t count;
	Generation *generation;
	Reason reason;
	int fd;

	ASSERT_OK(store_current(store, &number, NULL));
	ASSERT_EQ(number, 0);
	ASSERT_OK(store_list_generations(store, &numbers, &count));
	ASSERT_EQ(count, 0);
	ASSERT_OK(store_removed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_EQ(store_bad_reason(store, &digest, &why), 1);
	ASSERT_ERROR(-ENOENT, store_read_generation(store, 1, &generation, &reason));
	ASSERT_ERROR(-ENOENT, store_read_generation(store, 0, &generation, NULL));
	ASSERT_ERROR(-ENOENT, store_open_image(store, &digest, &fd, &reason));
	ASSERT_OK(store_set_current(store, 0, NULL));
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(!file_exists(store->root, STORE_PATH));
}

static uint32_t commit(Store *store, Generation *generation)
{
	uint32_t number = 0;

	ASSERT_OK(store_commit_generation(store, generation, &number, NULL));
	return number;
}

TEST(generations_get_numbers_that_never_come_back)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_(generation_freep) Generation *generation = read_generation("good-version-1");
	_cleanup_(generation_freep) Generation *again = NULL;
	uint32_t number;

	ASSERT_EQ(commit(store, generation), 1);
	ASSERT_EQ(commit(store, generation), 2);
	ASSERT_OK(store_read_generation(store, 2, &again, NULL));
	ASSERT_STREQ(again->version, "26.3.1");
	ASSERT_OK(store_set_current(store, 2, NULL));
	ASSERT_OK(store_current(store, &number, NULL));
	ASSERT_EQ(number, 2);
	ASSERT_OK(history_append(store, "activated", 2, 1, "", NULL));
	ASSERT_OK(store_set_current(store, 0, NULL));
	ASSERT_OK(file_remove(store->dir, "generations/2"));
	ASSERT_EQ(commit(store, generation), 3);
	ASSERT_OK(file_link_atomic(store->dir, "generations/../../etc/passwd", "current"));
	ASSERT_ERROR(-EBADMSG, store_current(store, &number, NULL));
}

TEST(a_damaged_record_is_named_with_the_remedy)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_(generation_freep) Generation *generation = read_generation("good-version-1");
	static const char *const texts[] = {"suture-generation 1\n", "suture-generation 2\n"};
	Reason reason;

	commit(store, generation);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ASSERT_OK(file_write_atomic(
			store->dir, "generations/1", texts[i], strlen(texts[i]), 0644));
		ASSERT_ERROR(i == 0 ? -EBADMSG : -EOPNOTSUPP,
			store_read_generation(store, 1, &generation, &reason));
		ASSERT(strstr(reason.text, "/generations/1"));
		ASSERT(strstr(reason.text, "emove"));
	}
	/* a long path does not cut the remedy off */
	free(store->path);
	store->path = memory_new(4000);
	memset(store->path, 'x', 3999);
	file_write_atomic(store->dir, "generations/1", texts[0], strlen(texts[0]), 0644);
	ASSERT_ERROR(-EBADMSG, store_read_generation(store, 1, &generation, &reason));
	ASSERT(strstr(reason.text, "'suture remove' goes back to the base"));
}

static Digest put_image(Store *store, const char *text)
{
	Digest digest;
	int fd;

	ASSERT_OK(digest_of(text, strlen(text), &digest));
	ASSERT_OK(store_open_partial(store, "part", &fd, NULL));
	ASSERT_OK(fd_write_full(fd, text, strlen(text)));
	fd_close(fd);
	ASSERT_OK(store_commit_image(store, "part", &digest, NULL));
	return digest;
}

TEST(images_are_what_their_names_say)
{
	_cleanup_(store_freep) Store *store = new_store();
	Digest digest = put_image(store, "image"), other = {};
	int fd;

	ASSERT_OK(store_open_image(store, &digest, &fd, NULL));
	fd_close(fd);
	ASSERT(!file_exists(store->dir, "partial/part"));
	ASSERT_OK(store_open_partial(store, "part", &fd, NULL));
	fd_close(fd);
	ASSERT_ERROR(-EKEYREJECTED, store_commit_image(store, "part", &other, NULL));
	ASSERT_ERROR(-ENOENT, store_commit_image(store, "none", &other, NULL));
	ASSERT_ERROR(-EINVAL, store_open_partial(store, "../escape", &fd, NULL));
	ASSERT_ERROR(-EINVAL, store_open_partial(store, ".hidden", &fd, NULL));
}

/* A generation whose only image is the digest's. */
/* The base of the test's root. */
static void make_base(Store *store, char ret_key[static IDENTITY_KEY_MAX + 1])
{
	static const char text[] = "ID=exampleos\nVERSION_ID=26.3.1\n";
	BaseIdentity identity;

	ASSERT_OK(path_make_parent(store->root, "usr/lib/os-release", 0755));
	ASSERT_OK(
		file_write_atomic(store->root, "usr/lib/os-release", text, sizeof(text) - 1, 0644));
	ASSERT_OK(store_read_identity(store, &identity, NULL));
	ASSERT_OK(identity_base_key(&identity, ret_key, NULL));
}

static uint32_t commit_for(Store *store, const Digest *digest, const char *base)
{
	_cleanup_(generation_freep) Generation *generation = read_generation("good-bare-image");
	_cleanup_buffer_ Buffer text = {};
	GenerationImage *image = &generation->images[0];
	Seal seal;

	ASSERT_OK(seal_parse(image->seal, image->seal_size, &seal, NULL));
	seal.image = *digest;
	snprintf(seal.base, sizeof(seal.base), "%s", base);
	snprintf(generation->base, sizeof(generation->base), "%s", base);
	ASSERT_OK(seal_write(&seal, &text, NULL));
	free(image->seal);
	image->seal_size = text.size;
	image->seal = (char *)TAKE_PTR(text.data);
	return commit(store, generation);
}

static bool has_image(const Store *store, const Digest *digest)
{
	int fd = -1;
	bool has = store_open_image(store, digest, &fd, NULL) == 0;

	fd_close(fd);
	return has;
}

TEST(what_is_unused_goes_and_the_way_back_stays)
{
	_cleanup_(store_freep) Store *store = new_store();
	char base[IDENTITY_KEY_MAX + 1];
	Digest digests[5];
	char *path;

	make_base(store, base);
	for (size_t i = 0; i < 5; i++) {
		char text[2] = {(char)('a' + i), '\0'};

		digests[i] = put_image(store, text);
		ASSERT_EQ(commit_for(store, &digests[i], base), (int)i + 1);
	}
	ASSERT_OK(store_mark_bad(store, &digests[2], "units failed", true, NULL));
	ASSERT_OK(store_set_current(store, 4, NULL));
	path = memory_printf("%s/" STORE_RUN_IMAGES, store->path);
	ASSERT_OK(path_make_directories(AT_FDCWD, path, 0755));
	free(path);
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(!has_image(store, &digests[0])); /* too old */
	ASSERT(has_image(store, &digests[1]));  /* the way back */
	ASSERT(!has_image(store, &digests[2])); /* bad */
	ASSERT(has_image(store, &digests[3]));  /* current */
	ASSERT(has_image(store, &digests[4]));  /* staged */
	ASSERT(!file_exists(store->dir, "generations/3"));
	ASSERT(file_exists(store->dir, "generations/2"));
}

TEST(what_belongs_to_another_base_goes_unless_it_is_current)
{
	_cleanup_(store_freep) Store *store = new_store();
	Digest old = put_image(store, "old"), new = put_image(store, "new");
	char base[IDENTITY_KEY_MAX + 1];

	make_base(store, base);
	ASSERT_EQ(commit_for(store, &old, "26.3.0_x86_64"), 1);
	ASSERT_EQ(commit_for(store, &new, base), 2);
	ASSERT_OK(store_set_current(store, 1, NULL)); /* the system before may come back */
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(has_image(store, &old) && has_image(store, &new));
	ASSERT_OK(store_set_current(store, 0, NULL));
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(!has_image(store, &old) && has_image(store, &new));
}

static NotesFile put_notes(Store *store, const char *base, uint32_t sequence, const char *text)
{
	NotesFile file = {.sequence = sequence};

	ASSERT_OK(digest_of(text, strlen(text), &file.digest));
	ASSERT_OK(notes_file_keep(store, base, &file, text, strlen(text), NULL));
	return file;
}

static bool has_notes(const Store *store, const char *base, const NotesFile *file)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = notes_file_read(store, base, file, &data, &size);

	ASSERT(r == 0 || r == -ENOENT);
	return r == 0;
}

static size_t count_notes(const Store *store, const char *base, uint32_t *ret_oldest)
{
	_cleanup_free_ NotesFile *files = NULL;
	size_t count;

	ASSERT_OK(notes_file_list(store, base, &files, &count));
	*ret_oldest = count > 0 ? files[count - 1].sequence : 0;
	return count;
}

TEST(notes_are_what_their_names_say)
{
	_cleanup_(store_freep) Store *store = new_store();
	NotesFile file, newer, other;
	char digest[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path = NULL;
	uint32_t oldest;

	ASSERT_EQ(count_notes(store, "b", &oldest), 0);
	file = put_notes(store, "b", 7, "old");
	ASSERT(has_notes(store, "b", &file));
	ASSERT(!has_notes(store, "c", &file));
	newer = put_notes(store, "b", 7, "new");
	ASSERT(has_notes(store, "b", &newer) && !has_notes(store, "b", &file));
	other = put_notes(store, "b", 6, "new");
	ASSERT_EQ(count_notes(store, "b", &oldest), 2);
	ASSERT_EQ(oldest, 6);
	digest_to_text(&other.digest, digest);
	path = memory_printf("notes/b/6-%s", digest);
	ASSERT_OK(file_write_atomic(store->dir, path, "neW", 3, 0644));
	ASSERT(!has_notes(store, "b", &other));
	ASSERT_OK(file_write_atomic(store->dir, "notes/b/6-00", "x", 1, 0644)); /* not ours */
	ASSERT_EQ(count_notes(store, "b", &oldest), 2);
}

TEST(the_oldest_notes_go_but_not_those_of_what_is_selected)
{
	_cleanup_(store_freep) Store *store = new_store();
	char base[IDENTITY_KEY_MAX + 1];
	Digest image = put_image(store, "image");
	uint32_t sequence, oldest;

	make_base(store, base);
	ASSERT_EQ(commit_for(store, &image, base), 1);
	ASSERT_OK(store_set_current(store, 1, NULL));
	for (sequence = 1; sequence <= NOTES_FILES_MAX + 3; sequence++)
		put_notes(store, base, sequence, "text");
	ASSERT_EQ(count_notes(store, base, &oldest), NOTES_FILES_MAX + 1);
	ASSERT_EQ(oldest, 1);
	ASSERT_OK(store_set_current(store, 0, NULL));
	put_notes(store, base, sequence, "text");
	ASSERT_EQ(count_notes(store, base, &oldest), NOTES_FILES_MAX);
	ASSERT_EQ(oldest, 5);
}

TEST(notes_of_another_base_go_when_nothing_of_it_stays)
{
	_cleanup_(store_freep) Store *store = new_store();
	Digest image = put_image(store, "image");
	char base[IDENTITY_KEY_MAX + 1];
	uint32_t oldest;

	make_base(store, base);
	put_notes(store, base, 1, "text");
	put_notes(store, "26.3.0_x86_64", 1, "text");
	put_notes(store, "26.2.0_x86_64", 1, "text");
	ASSERT_EQ(commit_for(store, &image, "26.3.0_x86_64"), 1);
	ASSERT_OK(store_set_current(store, 1, NULL)); /* the system before may come back */
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT_EQ(count_notes(store, "26.3.0_x86_64", &oldest), 1);
	ASSERT_EQ(count_notes(store, "26.2.0_x86_64", &oldest), 0);
	ASSERT_OK(store_set_current(store, 0, NULL));
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(!file_exists(store->dir, "notes/26.3.0_x86_64"));
	ASSERT_EQ(count_notes(store, base, &oldest), 1);
}

TEST(mounted_images_are_never_removed)
{
	char base[IDENTITY_KEY_MAX + 1];
	_cleanup_(store_freep) Store *store = new_store();
	Digest digest = put_image(store, "mounted");
	char text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path = NULL;

	make_base(store, base);
	digest_to_text(&digest, text);
	path = memory_printf(STORE_RUN_IMAGES "/%s", text);
	ASSERT_OK(path_make_directories(store->root, path, 0755));
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(has_image(store, &digest));
	ASSERT(unlinkat(store->root, path, AT_REMOVEDIR) == 0);
	ASSERT_OK(store_remove_unused(store, NULL));
	ASSERT(!has_image(store, &digest));
}

TEST(what_the_owner_removed_is_remembered_per_base)
{
	_cleanup_(store_freep) Store *store = new_store();
	uint32_t sequence;

	ASSERT_OK(store_set_removed(store, "1_x86_64", 3, NULL));
	ASSERT_OK(store_removed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 3);
	ASSERT_OK(store_removed(store, "2_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_clear_removed(store, NULL));
	ASSERT_OK(store_removed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(file_write_atomic(store->dir, "removed", "junk\n", 5, 0644));
	ASSERT_ERROR(-EBADMSG, store_removed(store, "1_x86_64", &sequence, NULL));
}

TEST(what_was_lost_is_remembered_apart)
{
	_cleanup_(store_freep) Store *store = new_store();
	uint32_t sequence;

	ASSERT_OK(store_set_lost(store, "1_x86_64", 3, NULL));
	ASSERT_OK(store_removed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_set_removed(store, "1_x86_64", 4, NULL));
	ASSERT_OK(store_lost(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 3);
	ASSERT_OK(store_lost(store, "2_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_clear_lost(store, NULL));
	ASSERT_OK(store_lost(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(file_write_atomic(store->dir, "lost", "suture-removed 1\n", 17, 0644));
	ASSERT_ERROR(-EBADMSG, store_lost(store, "1_x86_64", &sequence, NULL));
}

TEST(a_rehearsal_is_remembered_per_base_and_apart_from_what_was_removed)
{
	_cleanup_(store_freep) Store *store = new_store();
	uint32_t sequence;

	ASSERT_OK(store_rehearsed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_set_rehearsed(store, "1_x86_64", 2, NULL));
	ASSERT_OK(store_removed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_rehearsed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 2);
	ASSERT_OK(store_rehearsed(store, "2_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	ASSERT_OK(store_clear_rehearsed(store, NULL));
	ASSERT_OK(store_rehearsed(store, "1_x86_64", &sequence, NULL));
	ASSERT_EQ(sequence, 0);
	/* the note of one is not taken for the other's */
	ASSERT_OK(file_write_atomic(store->dir, "rehearsed",
		"suture-removed 1\nbase 1_x86_64\nsequence 1\n", 43, 0644));
	ASSERT_ERROR(-EBADMSG, store_rehearsed(store, "1_x86_64", &sequence, NULL));
}

TEST(bad_images_say_why)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_free_ char *why = NULL;
	Digest digest = {};

	ASSERT_OK(store_mark_bad(store, &digest, "exit 127", true, NULL));
	ASSERT_OK(store_bad_reason(store, &digest, &why));
	ASSERT_STREQ(why, "exit 127");
}

static bool is_bad(const Store *store, const Digest *digest)
{
	_cleanup_free_ char *why = NULL;

	return store_bad_reason(store, digest, &why) == 0;
}

static void set_mark(const Store *store, const Digest *digest, const char *text)
{
	char name[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path = NULL;

	digest_to_text(digest, name);
	path = memory_printf("bad/%s", name);
	ASSERT_OK(file_write_atomic(store->dir, path, text, strlen(text), 0644));
}

TEST(an_image_that_may_have_failed_by_chance_is_tried_again_three_times)
{
	_cleanup_(store_freep) Store *store = new_store();
	Digest digest = {};

	ASSERT_OK(store_mark_bad(store, &digest, "spent", false, NULL));
	ASSERT(is_bad(store, &digest)); /* for an hour */
	set_mark(store, &digest, "suture-bad 1\ncount 3\nretry 2026-01-01T00:00:00Z\nwhy spent\n");
	ASSERT(!is_bad(store, &digest));
	ASSERT_OK(store_mark_bad(store, &digest, "spent", false, NULL));
	ASSERT(is_bad(store, &digest));
	set_mark(store, &digest, "suture-bad 1\ncount 4\nretry never\nwhy spent\n");
	ASSERT(is_bad(store, &digest));
}

TEST(a_mark_that_cannot_be_read_counts)
{
	_cleanup_(store_freep) Store *store = new_store();
	Digest digest = {};
	static const char *const marks[] = {"", "exit 127", "suture-bad 2\n",
		"suture-bad 1\ncount x\nretry never\nwhy y\n",
		"suture-bad 1\ncount 1\nretry soon\nwhy y\n",
		"suture-bad 1\ncount 1\nretry 2026-01-01T00:00:00Z\nwhy y\nmore\n"};

	ASSERT_OK(store_make(store, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		set_mark(store, &digest, marks[i]);
		ASSERT(is_bad(store, &digest));
	}
}

static void append_bytes(const Store *store, const char *bytes, size_t size)
{
	_cleanup_fd_ int fd = openat(store->dir, "history", O_WRONLY | O_APPEND | O_CLOEXEC);

	ASSERT_OK(fd_write_full(fd, bytes, size));
}

static void append_raw(const Store *store, const char *text)
{
	append_bytes(store, text, strlen(text));
}

TEST(torn_history_lines_hide_no_others)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_free_ HistoryEntry *entries = NULL;
	size_t count;

	ASSERT_OK(history_append(store, "staged", 1, 1, "quote \" back \\ line \n é", NULL));
	append_raw(store, "{\"time\":\"2026-11");
	ASSERT_OK(history_append(store, "activated", 1, 1, "", NULL));
	append_raw(store, "{\"time\":");
	ASSERT_OK(history_read(store, &entries, &count, NULL));
	ASSERT_EQ(count, 2);
	ASSERT_STREQ(entries[0].text, "quote \" back \\ line \n é");
	ASSERT_STREQ(entries[1].event, "activated");
}

TEST(zeros_that_a_power_cut_left_hide_no_history)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_free_ HistoryEntry *entries = NULL;
	char zeros[200] = "";
	uint32_t highest;
	size_t count;

	ASSERT_OK(history_append(store, "staged", 1, 1, "before", NULL));
	append_bytes(store, zeros, sizeof(zeros));
	ASSERT_OK(history_append(store, "activated", 7, 1, "after", NULL));
	ASSERT_OK(history_read(store, &entries, &count, NULL));
	ASSERT_EQ(count, 2);
	ASSERT_STREQ(entries[1].text, "after");
	ASSERT_OK(history_highest_generation(store, &highest, NULL));
	ASSERT_EQ(highest, 7);
}

TEST(history_lines_are_read_strictly)
{
	static const char *const bad[] = {"", "{}",
		"{\"time\":\"x\",\"event\":\"a\",\"generation\":1,\"sequence\":1,\"text\":\"\"}",
		"{\"time\":\"2026-11-22T00:00:00Z\",\"event\":\"a\",\"generation\":1,"
		"\"sequence\":1,\"text\":\"\"} ",
		"{\"time\":\"2026-11-22T00:00:00Z\",\"event\":\"a\",\"generation\":-1,"
		"\"sequence\":1,\"text\":\"\"}",
		"{\"time\":\"2026-11-22T00:00:00Z\",\"event\":\"a\",\"generation\":1,"
		"\"sequence\":1,\"text\":\"\\u0000\"}",
		"{\"time\":\"2026-11-22T00:00:00Z\",\"event\":\"a\",\"generation\":1,"
		"\"sequence\":1,\"text\":\"\\"};
	HistoryEntry entry;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, history_parse_line(bad[i], &entry));
}

TEST(proofs_want_this_base_and_all_parts)
{
	_cleanup_(generation_freep) Generation *two = read_generation("good-two-images");
	_cleanup_(generation_freep) Generation *half = read_generation("good-version-1");
	_cleanup_(proof_freep) Proof *proof = NULL;
	BaseIdentity here = {.product = "exampleos",
		.version_id = "26.3.1",
		.variant_id = "desktop",
		.architecture = "x86_64"};
	BaseIdentity there = here;
	SealPolicy open = {}, closed = {.required = true};
	Reason reason;

	strcpy(there.version_id, "26.3.2");
	ASSERT_ERROR(-ENOENT, proof_check(half, &open, &there, &proof, &reason));
	ASSERT_ERROR(-EKEYREJECTED, proof_check(half, &closed, &here, &proof, &reason));
	ASSERT_ERROR(-EKEYREJECTED, proof_check(half, &open, &here, &proof, &reason));
	ASSERT(strstr(reason.text, "2 parts"));
	/* both seals of the vector are part 1 */
	ASSERT_ERROR(-EKEYREJECTED, proof_check(two, &open, &here, &proof, &reason));
}

TEST(stores_survive_a_lack_of_memory)
{
	_cleanup_(store_freep) Store *store = new_store();
	_cleanup_(generation_freep) Generation *generation = read_generation("good-version-1");
	uint32_t number;

	TEST_EACH_ALLOCATION(store_commit_generation(store, generation, &number, NULL), (void)0);
	TEST_EACH_ALLOCATION(store_set_current(store, number, NULL), (void)0);
	TEST_EACH_ALLOCATION(history_append(store, "staged", 1, 1, "text", NULL), (void)0);
}
