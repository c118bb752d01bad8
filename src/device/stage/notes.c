/* SPDX-License-Identifier: Apache-2.0 */
/* Obtaining what the vendor says of the improvements that are offered. */
#include <errno.h>
#include <string.h>

#include "device/stage/stage.h"
#include "device/store/notes-file.h"
#include "wire/improvement/fixes.h"
#include "wire/terms/label.h"

/* The notes of one improvement on their way. */
typedef struct Coming {
	Stage *stage;
	const Notes *notes;
	uint8_t *data;
	size_t size;
} Coming;

static NotesFile file_of(const Improvement *improvement)
{
	return (NotesFile){(uint32_t)improvement->sequence, improvement->notes->sha256};
}

static bool has_notes(const Stage *stage, const Improvement *improvement)
{
	const NotesFile file = file_of(improvement);
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	return notes_file_read(stage->store, stage->base_key, &file, &data, &size) == 0;
}

static int check_digest(const Coming *coming, const uint8_t *data, size_t size, Reason *reason)
{
	Digest digest;
	int r = digest_of(data, size, &digest);

	if (r == 0 && !digest_equal(&digest, &coming->notes->sha256))
		return reason_set(reason, -EBADMSG,
			"what %s has are not the bytes that were signed",
			fetcher_url(&coming->stage->fetcher));
	return r;
}

static int get_here(void *context, Reason *reason)
{
	Coming *coming = context;
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ char *name = NULL;
	char blob[INDEX_BLOB_PATH_SIZE], etag[FETCH_ETAG_MAX + 1] = "";
	size_t size;
	int r;

	index_blob_path(&coming->notes->sha256, blob);
	name = memory_printf("blobs/%s", blob);
	if (!name)
		return -ENOMEM;
	r = fetcher_get(
		&coming->stage->fetcher, name, coming->notes->size, etag, &data, &size, reason);
	if (r == 0)
		r = check_digest(coming, data, size, reason);
	if (r == -ENOENT) /* announced, and not there: another address may have it */
		r = -EIO;
	if (r != 0)
		return r;
	coming->data = TAKE_PTR(data);
	coming->size = size;
	return 0;
}

/* What is signed and cannot be read here is not kept: nobody could show it. */
static int check_text(const Coming *coming, Reason *reason)
{
	_cleanup_fixes_list_ FixesList list = {};

	return fixes_list_read(coming->data, coming->size, &list, reason);
}

static int obtain(Stage *stage, const Improvement *improvement, Reason *reason)
{
	Coming coming = {.stage = stage, .notes = improvement->notes};
	const NotesFile file = file_of(improvement);
	size_t at = stage->fetcher.at;
	int r;

	r = fetcher_try_each(&stage->fetcher, get_here, &coming, reason);
	stage->fetcher.at = at;
	if (r == 0)
		r = check_text(&coming, reason);
	if (r == 0)
		r = notes_file_keep(
			stage->store, stage->base_key, &file, coming.data, coming.size, reason);
	memory_free(coming.data);
	return r;
}

static void note_problem(Stage *stage, const Improvement *improvement, int error, const Reason *why)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(stage->identity.version_id, improvement->sequence, label);
	reason_set(&stage->notes_problem, error, "the notes of %s did not come: %.384s", label,
		why->text[0] ? why->text : strerror(-error));
}

/* What is wrong with one address or disk is so for the next notes too. */
static bool is_about_all(int error)
{
	return error == -EHOSTUNREACH || error == -ETIMEDOUT || error == -ENOSPC ||
		error == -ENOMEM;
}

void stage_obtain_notes(Stage *stage)
{
	int r = 0;

	stage->has_asked_notes = true;
	for (size_t i = 0; !is_about_all(r) && i < stage->index.improvements.count; i++) {
		const Improvement *improvement = &stage->index.improvements.items[i];
		Reason why = {};

		if (!improvement->notes || has_notes(stage, improvement))
			continue;
		r = obtain(stage, improvement, &why);
		if (r < 0 && !stage->notes_problem.text[0])
			note_problem(stage, improvement, r, &why);
	}
}
