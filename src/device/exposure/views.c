/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/views.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"

void views_done(Views *views)
{
	for (size_t i = 0; i < views->count; i++)
		free(views->items[i].path);
	free(views->items);
	*views = (Views){};
}

char *view_live_path(const Store *store, const char *path)
{
	return memory_printf("%s/%s", store->path, path);
}

char *view_base_path(const Store *store, const char *path)
{
	return memory_printf("%s/" STORE_RUN_BASE "/%s", store->path, path);
}

/* Takes over the path. A link is not followed: it could leave the view, and its target is a wanted
 * file itself; of a host nothing is read, and its name may be a link to the one with the version.
 */
static int add_view(Views *views, char *path, const ExposureFile *file)
{
	_cleanup_free_ char *owned = path;
	int flags = file->use == USE_HOST ? 0 : AT_SYMLINK_NOFOLLOW;
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	if (file->use == USE_MODULE || fstatat(AT_FDCWD, path, &st, flags) < 0 ||
		!S_ISREG(st.st_mode))
		return 0;
	r = memory_grow(&views->items, views->count, sizeof(View));
	if (r < 0)
		return r;
	views->items[views->count++] = (View){.device = st.st_dev,
		.inode = st.st_ino,
		.file = file,
		.path = TAKE_PTR(owned),
		.verdict = file->removed || file->use == USE_HOST ? VIEW_OLD : VIEW_UNJUDGED};
	return 0;
}

static int add_overlay(Views *views, const char *overlay, const ExposureFiles *files)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = add_view(views, memory_printf("%s/%s", overlay, files->items[i].path),
			&files->items[i]);
	return r;
}

static int add_overlays(Views *views, const Store *store, const ExposureFiles *files)
{
	_cleanup_free_ char *folder = memory_printf("%s/" STORE_RUN_OVERLAYS, store->path);
	DIR *stream = folder ? opendir(folder) : NULL;
	struct dirent *entry;
	int r = folder ? 0 : -ENOMEM;

	while (r == 0 && stream && (entry = readdir(stream))) {
		_cleanup_free_ char *overlay = NULL;

		if (entry->d_name[0] == '.')
			continue;
		overlay = memory_printf("%s/%s", folder, entry->d_name);
		r = overlay ? add_overlay(views, overlay, files) : -ENOMEM;
	}
	if (stream)
		closedir(stream);
	return r;
}

static int compare_ids(const void *a, const void *b)
{
	const View *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int compare_views(const void *a, const void *b)
{
	const View *x = a, *y = b;
	int order = compare_ids(a, b);

	return order ? order : (x->file > y->file) - (x->file < y->file);
}

/* The live path shows what the newest overlay or the base does: one of the two is enough. */
static void remove_doubles(Views *views)
{
	size_t kept = 0;

	for (size_t i = 0; i < views->count; i++)
		if (kept > 0 && compare_views(&views->items[kept - 1], &views->items[i]) == 0)
			free(views->items[i].path);
		else
			views->items[kept++] = views->items[i];
	views->count = kept;
}

int views_find(const Store *store, const ExposureFiles *files, Views *ret)
{
	Views views = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++) {
		const ExposureFile *file = &files->items[i];

		r = add_view(&views, view_live_path(store, file->path), file);
		if (r == 0)
			r = add_view(&views, view_base_path(store, file->path), file);
	}
	if (r == 0)
		r = add_overlays(&views, store, files);
	if (r < 0) {
		views_done(&views);
		return r;
	}
	if (views.count > 0)
		qsort(views.items, views.count, sizeof(View), compare_views);
	remove_doubles(&views);
	*ret = views;
	return 0;
}

size_t views_of(const Views *views, dev_t device, ino_t inode, View **ret_first)
{
	const View key = {.device = device, .inode = inode};
	View *found = views->count == 0
		? NULL
		: bsearch(&key, views->items, views->count, sizeof(View), compare_ids);
	View *first = found, *end = found;

	if (!found)
		return 0;
	while (first > views->items && compare_ids(first - 1, &key) == 0)
		first--;
	while (end < views->items + views->count && compare_ids(end, &key) == 0)
		end++;
	*ret_first = first;
	return (size_t)(end - first);
}

int view_judge(View *view)
{
	_cleanup_fd_ int fd = -1;
	Digest digest;
	int r;

	if (view->verdict != VIEW_UNJUDGED)
		return 0;
	fd = open(view->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	r = fd < 0 ? -errno : digest_of_fd(fd, &digest, NULL);
	if (r == -ENOMEM)
		return r;
	/* what cannot be read is not known to be fixed */
	view->verdict =
		r == 0 && digest_equal(&digest, &view->file->digest) ? VIEW_WANTED : VIEW_OLD;
	return 0;
}
