/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/notes.h"

#include <errno.h>
#include <string.h>

#include "device/store/notes-file.h"
#include "wire/terms/label.h"

/* The index decides which bytes they are; of what it lists no more, those that are kept. */
static int find_file(
	const Manager *manager, uint64_t sequence, const Improvement *listed, NotesFile *ret_file)
{
	_cleanup_free_ NotesFile *files = NULL;
	size_t count;
	int r;

	if (listed && listed->notes) {
		*ret_file = (NotesFile){(uint32_t)sequence, listed->notes->sha256};
		return 0;
	}
	r = notes_file_list(manager->store, manager->base_key, &files, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (files[i].sequence == sequence) {
			*ret_file = files[i];
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}

static int explain(
	const Manager *manager, uint64_t sequence, const Improvement *listed, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, label);
	if (!listed)
		return reason_set(reason, -ENOENT,
			"what the vendor says of %s is not here, and the repository lists it no "
			"more",
			label);
	if (!listed->notes)
		return reason_set(
			reason, -ENOENT, "the vendor says no more of %s than its title", label);
	if (manager->checked.notes)
		return reason_set(reason, -ENOENT, "%s; they are asked for again once a day",
			manager->checked.notes);
	return reason_set(reason, -ENOENT,
		"what the vendor says of %s is not here yet; it comes with the daily check", label);
}

int manager_notes(
	const Manager *manager, uint64_t sequence, FixesList *ret_list, Reason *reterr_reason)
{
	const Improvement *listed =
		manager->has_index ? index_find(&manager->index, sequence) : NULL;
	_cleanup_free_ uint8_t *data = NULL;
	NotesFile file;
	size_t size;
	int r = find_file(manager, sequence, listed, &file);

	if (r == 0)
		r = notes_file_read(manager->store, manager->base_key, &file, &data, &size);
	if (r == 0)
		r = fixes_list_read(data, size, ret_list, NULL);
	return r == 0 || r == -ENOMEM ? r : explain(manager, sequence, listed, reterr_reason);
}
