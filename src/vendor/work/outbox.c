/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/work/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/files/document-file.h"
#include "vendor/work/draft.h"
#include "wire/trust/trust.h"

#define MAKING    "outbox.new"
#define WAITING   "outbox"
#define READY     "outbox.ready"
#define NOTE      "note.json"
#define ROLES_MAX 4200 /* the bases that a workspace may have, root and targets */

static const SchemaField role_field = {.kind = SCHEMA_KIND_TEXT, .max = TRUST_ROLE_NAME_MAX};
static const SchemaField note_fields[] = {
	SCHEMA_FIELD(OutboxNote, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(OutboxNote, change, TEXT, .max = PATH_TEXT_MAX),
	SCHEMA_FIELD(OutboxNote, with_drafts, FLAG, .optional = true),
	SCHEMA_FIELD(OutboxNote, roles, LIST, .max = ROLES_MAX, .item = &role_field,
		.size = sizeof(char *)),
	{},
};

void outbox_note_clear(OutboxNote *note)
{
	schema_clear(note_fields, note);
}

static int write_file(const Workspace *workspace, const char *folder, const char *name,
	const void *data, size_t size, Reason *reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s/%s", workspace->path, folder, name);
	int r = path ? workspace_make_private(workspace, folder, reason) : -ENOMEM;

	if (r < 0)
		return r;
	r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, data, size, 0644);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

int outbox_put(const Workspace *workspace, const char *name, const void *data, size_t size,
	Reason *reterr_reason)
{
	return write_file(workspace, MAKING, name, data, size, reterr_reason);
}

char *outbox_source(const Workspace *workspace, const char *name)
{
	_cleanup_free_ char *path = memory_printf("%s/" MAKING "/%s", workspace->path, name);

	if (!path || file_exists(AT_FDCWD, path))
		return TAKE_PTR(path);
	return path_join(workspace->repository, name);
}

static int rename_folder(
	const Workspace *workspace, const char *from, const char *to, Reason *reason)
{
	_cleanup_free_ char *old = workspace_path(workspace, from);
	_cleanup_free_ char *new = workspace_path(workspace, to);
	int r = old && new ? file_rename_durable(AT_FDCWD, old, new) : -ENOMEM;

	return r < 0 ? reason_errno(reason, r, "cannot rename %s to %s", old, to) : 0;
}

static int remove_folder(const Workspace *workspace, const char *name, Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, name);
	int r = path ? path_remove_tree(AT_FDCWD, path) : -ENOMEM;

	return r < 0 ? reason_errno(reason, r, "cannot remove %s", path) : 0;
}

static bool has_folder(const Workspace *workspace, const char *name)
{
	_cleanup_free_ char *path = workspace_path(workspace, name);

	return path && file_exists(AT_FDCWD, path);
}

int outbox_close(const Workspace *workspace, const OutboxNote *note, Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, MAKING "/" NOTE);
	int r = path ? document_file_save(path, note_fields, note, reterr_reason) : -ENOMEM;

	return r < 0 ? r : rename_folder(workspace, MAKING, WAITING, reterr_reason);
}

int outbox_discard(const Workspace *workspace, Reason *reterr_reason)
{
	return remove_folder(workspace, MAKING, reterr_reason);
}

bool outbox_waits(const Workspace *workspace)
{
	return has_folder(workspace, WAITING);
}

static int load_note(
	const Workspace *workspace, const char *name, OutboxNote *ret_note, Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, name);

	return path ? document_file_load(path, note_fields, ret_note, reason) : -ENOMEM;
}

int outbox_load(const Workspace *workspace, OutboxNote *ret_note, Reason *reterr_reason)
{
	Reason why = {};
	int r = load_note(workspace, WAITING "/" NOTE, ret_note, &why);

	return r < 0 ? reason_set(reterr_reason, r, "%s; " OUTBOX_REMEDY, why.text) : 0;
}

char *outbox_path(const Workspace *workspace, const char *name)
{
	return memory_printf("%s/" WAITING "/%s", workspace->path, name);
}

int outbox_clear_online(const Workspace *workspace, Reason *reterr_reason)
{
	return remove_folder(workspace, WAITING "/online", reterr_reason);
}

int outbox_amend(const Workspace *workspace, const char *name, const void *data, size_t size,
	Reason *reterr_reason)
{
	return write_file(workspace, WAITING, name, data, size, reterr_reason);
}

int outbox_abandon(const Workspace *workspace, Reason *reterr_reason)
{
	int r = rename_folder(workspace, WAITING, MAKING, reterr_reason);

	return r < 0 ? r : outbox_discard(workspace, reterr_reason);
}

/* -- publishing -- */

#define WELL_KNOWN ".well-known" /* RFC 8615; no other name here starts with a dot */

/* Files by the turn in which they go: what nothing points at yet goes first. */
typedef enum Turn {
	TURN_CONTENT,
	TURN_METADATA,
	TURN_WORK,
	TURN_ROOT,
	TURN_TIMESTAMP,
	TURN_ADVISORIES,
} Turn;

static Turn turn_of(const char *name)
{
	if (strcmp(name, "online/timestamp.json") == 0)
		return TURN_TIMESTAMP;
	if (text_starts_with(name, "metadata/") && text_ends_with(name, ".root.json"))
		return TURN_ROOT;
	if (text_starts_with(name, "work/"))
		return TURN_WORK;
	if (text_starts_with(name, "metadata/") || text_starts_with(name, "online/"))
		return TURN_METADATA;
	if (text_starts_with(name, "advisories/") || text_starts_with(name, WELL_KNOWN))
		return TURN_ADVISORIES;
	return TURN_CONTENT;
}

/* The file systems of repository and workspace may be two. */
static int copy_file(const char *from, const char *to)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	_cleanup_fd_ int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t size;
	int r = fd < 0 ? -errno : fd_size(fd, &size);

	if (r == 0)
		r = file_draft_open(AT_FDCWD, to, 0644, &draft);
	if (r == 0)
		r = fd_copy(fd, draft.fd, size);
	if (r == 0)
		r = file_draft_finish(&draft);
	return r < 0 ? r : file_remove(AT_FDCWD, from);
}

static char *destination(const Workspace *workspace, const char *name)
{
	if (text_starts_with(name, "work/"))
		return workspace_path(workspace, name + strlen("work/"));
	if (text_starts_with(name, "online/"))
		return memory_printf(
			"%s/metadata/%s", workspace->repository, name + strlen("online/"));
	return path_join(workspace->repository, name);
}

static int move_file(const Workspace *workspace, const char *name, Reason *reason)
{
	_cleanup_free_ char *from = memory_printf("%s/" READY "/%s", workspace->path, name);
	_cleanup_free_ char *to = destination(workspace, name);
	int r = from && to ? path_make_parent(AT_FDCWD, to, 0755) : -ENOMEM;

	if (r == 0)
		r = file_rename_durable(AT_FDCWD, from, to);
	if (r == -EXDEV)
		r = copy_file(from, to);
	return r < 0 ? reason_errno(reason, r, "cannot publish %s", to ? to : name) : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' || strcmp(entry->d_name, WELL_KNOWN) == 0;
}

static int move_turn(const Workspace *workspace, const char *folder, Turn turn, Reason *reason);

static int move_entry(const Workspace *workspace, const char *name, Turn turn, Reason *reason)
{
	_cleanup_free_ char *path = memory_printf("%s/" READY "/%s", workspace->path, name);
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (lstat(path, &st) < 0)
		return reason_errno(reason, -errno, "cannot look at %s", path);
	if (S_ISDIR(st.st_mode))
		return move_turn(workspace, name, turn, reason);
	if (strcmp(name, NOTE) == 0 || turn_of(name) != turn)
		return 0;
	return move_file(workspace, name, reason);
}

/* Moves the files of one turn below a folder of the outbox ("" is the outbox), in sorted order. */
static int move_turn(const Workspace *workspace, const char *folder, Turn turn, Reason *reason)
{
	_cleanup_free_ char *path = memory_printf("%s/" READY "/%s", workspace->path, folder);
	struct dirent **entries = NULL;
	int r = 0, n = path ? scandir(path, &entries, is_visible, by_name) : -1;

	if (n < 0)
		return reason_errno(reason, path ? -errno : -ENOMEM, "cannot list %s", path);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *name = folder[0] ? path_join(folder, entries[i]->d_name)
						      : memory_string(entries[i]->d_name);

		if (r == 0)
			r = name ? move_entry(workspace, name, turn, reason) : -ENOMEM;
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* The note goes with the folder, when all that it tells of is done. */
static int remove_drafts(const Workspace *workspace, Reason *reason)
{
	_cleanup_outbox_note_ OutboxNote note = {};
	int r;

	if (!has_folder(workspace, READY "/" NOTE))
		return 0;
	r = load_note(workspace, READY "/" NOTE, &note, reason);
	if (r < 0 || !note.with_drafts)
		return r;
	for (size_t i = 0; r == 0 && i < workspace->list.bases.count; i++)
		r = draft_remove_all(workspace, &workspace->list.bases.items[i], reason);
	return r < 0 ? r : remove_folder(workspace, "blobs", reason);
}

static int publish_ready(const Workspace *workspace, Reason *reason)
{
	int r = 0;

	for (Turn turn = TURN_CONTENT; r == 0 && turn <= TURN_ADVISORIES; turn++)
		r = move_turn(workspace, "", turn, reason);
	if (r == 0)
		r = remove_drafts(workspace, reason);
	return r < 0 ? r : remove_folder(workspace, READY, reason);
}

/* What a killed run left beside the files that it amended: it must not become public with them. */
static int remove_unfinished(const Workspace *workspace, Reason *reason)
{
	static const char *const folders[] = {".", "metadata", "work/device", "online"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = outbox_path(workspace, folders[i]);
		int r = path ? file_remove_unfinished(AT_FDCWD, path, NULL) : -ENOMEM;

		if (r < 0)
			return reason_errno(
				reason, r, "cannot tidy up %s", path ? path : folders[i]);
	}
	return 0;
}

int outbox_publish(const Workspace *workspace, Reason *reterr_reason)
{
	int r = remove_unfinished(workspace, reterr_reason);

	if (r == 0)
		r = rename_folder(workspace, WAITING, READY, reterr_reason);
	return r < 0 ? r : publish_ready(workspace, reterr_reason);
}

bool outbox_is_ready(const Workspace *workspace)
{
	return has_folder(workspace, READY);
}

int outbox_recover(const Workspace *workspace, Reason *reterr_reason)
{
	int r = outbox_discard(workspace, reterr_reason);

	if (r < 0 || !outbox_is_ready(workspace))
		return r;
	r = publish_ready(workspace, reterr_reason);
	return r < 0 ? r : OUTBOX_RECOVERED;
}
