/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/work/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/files/document-file.h"
#include "wire/improvement/index-schema.h"

static const SchemaField draft_fields[] = {
	SCHEMA_FIELD(Draft, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Draft, fixes, OBJECT, SCHEMA_OF(fixes_fields, Fixes)),
	SCHEMA_FIELD(Draft, image, OBJECT, SCHEMA_OF(index_image_fields, IndexImage)),
	{},
};

static char *draft_folder(const Workspace *workspace, const Base *base)
{
	return memory_printf("%s/drafts/%s", workspace->path, base->name);
}

static char *draft_path(const Workspace *workspace, const Base *base, const char *component)
{
	return memory_printf("%s/drafts/%s/%s.json", workspace->path, base->name, component);
}

int draft_save(
	const Workspace *workspace, const Base *base, const Draft *draft, Reason *reterr_reason)
{
	_cleanup_free_ char *path = draft_path(workspace, base, draft->image->component);

	int r = path ? workspace_make_private(workspace, "drafts", reterr_reason) : -ENOMEM;

	return r < 0 ? r : document_file_save(path, draft_fields, draft, reterr_reason);
}

void draft_clear(Draft *draft)
{
	schema_clear(draft_fields, draft);
}

void draft_list_done(DraftList *list)
{
	for (size_t i = 0; i < list->count; i++)
		draft_clear(&list->items[i]);
	free(list->items);
	*list = (DraftList){};
}

static int is_draft(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".json");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_one(const char *folder, const char *name, DraftList *list, Reason *reason)
{
	_cleanup_free_ char *path = path_join(folder, name);
	int r = path ? memory_grow(&list->items, list->count, sizeof(*list->items)) : -ENOMEM;

	if (r == 0)
		r = document_file_load(path, draft_fields, &list->items[list->count], reason);
	list->count += r == 0;
	return r;
}

int draft_load_all(
	const Workspace *workspace, const Base *base, DraftList *ret_list, Reason *reterr_reason)
{
	_cleanup_(draft_list_done) DraftList list = {};
	_cleanup_free_ char *folder = draft_folder(workspace, base);
	struct dirent **entries = NULL;
	int r = 0, n;

	if (!folder)
		return -ENOMEM;
	n = scandir(folder, &entries, is_draft, by_name);
	if (n < 0 && errno != ENOENT)
		return reason_errno(reterr_reason, -errno, "cannot list %s", folder);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_one(folder, entries[i]->d_name, &list, reterr_reason);
		free(entries[i]);
	}
	free(entries);
	if (r < 0)
		return r;
	*ret_list = list;
	list = (DraftList){};
	return 0;
}

int draft_remove(
	const Workspace *workspace, const Base *base, const char *component, Reason *reterr_reason)
{
	_cleanup_free_ char *path = draft_path(workspace, base, component);
	int r = path ? file_remove(AT_FDCWD, path) : -ENOMEM;

	return r < 0 ? reason_errno(reterr_reason, r, "cannot remove %s", path) : 0;
}

int draft_remove_all(const Workspace *workspace, const Base *base, Reason *reterr_reason)
{
	_cleanup_free_ char *folder = draft_folder(workspace, base);
	int r = folder ? path_remove_tree(AT_FDCWD, folder) : -ENOMEM;

	return r < 0 ? reason_errno(reterr_reason, r, "cannot remove %s", folder) : 0;
}
