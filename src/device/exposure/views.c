/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/views.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"

void views_done(Views *views)
{
	for (size_t i = 0; i < views->count; i++)
		free(views->items[i].path);
	free(views->items);
	*views = (Views){};
}

static int add_view(Views *views, const char *folder, const ExposureFile *file)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", folder, file->path);
	struct stat st;
	View *view;
	int r;

	if (!path)
		return -ENOMEM;
	/* a link is not followed: it could leave the view, and its target is a wanted file itself
	 */
	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = memory_grow(&views->items, views->count, sizeof(View));
	if (r < 0)
		return r;
	view = &views->items[views->count++];
	*view = (View){.device = st.st_dev,
		.inode = st.st_ino,
		.file = file,
		.path = TAKE_PTR(path),
		.verdict = file->removed ? VIEW_OLD : VIEW_UNJUDGED};
	return 0;
}

static int add_folder(Views *views, const char *folder, const ExposureFiles *files)
{
	int r = folder ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = add_view(views, folder, &files->items[i]);
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
		r = add_folder(views, overlay, files);
	}
	if (stream)
		closedir(stream);
	return r;
}

static int compare_views(const void *a, const void *b)
{
	const View *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

int views_find(const Store *store, const ExposureFiles *files, Views *ret, Reason *reterr_reason)
{
	_cleanup_free_ char *base = memory_printf("%s/" STORE_RUN_BASE, store->path);
	Views views = {};
	int r = add_folder(&views, store->path, files);

	if (r == 0)
		r = add_folder(&views, base, files);
	if (r == 0)
		r = add_overlays(&views, store, files);
	if (r < 0) {
		views_done(&views);
		return r;
	}
	if (views.count > 0)
		qsort(views.items, views.count, sizeof(View), compare_views);
	*ret = views;
	return 0;
}

static int judge(View *view)
{
	_cleanup_fd_ int fd = open(view->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	Digest digest;
	int r = fd < 0 ? -errno : digest_of_fd(fd, &digest, NULL);

	if (r == -ENOMEM)
		return r;
	/* what cannot be read is not known to be fixed */
	view->verdict =
		r == 0 && digest_equal(&digest, &view->file->digest) ? VIEW_WANTED : VIEW_OLD;
	return 0;
}

int views_judge(Views *views, const struct stat *st, const ExposureFile **ret_file)
{
	View key = {.device = st->st_dev, .inode = st->st_ino};
	View *view = views->count == 0
		? NULL
		: bsearch(&key, views->items, views->count, sizeof(View), compare_views);
	int r;

	if (!view)
		return VIEW_UNKNOWN;
	if (view->verdict == VIEW_UNJUDGED) {
		r = judge(view);
		if (r < 0)
			return r;
	}
	*ret_file = view->file;
	return view->verdict;
}
