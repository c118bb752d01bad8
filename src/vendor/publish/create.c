/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/create.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/publish/changes.h"
#include "vendor/publish/deb.h"
#include "vendor/publish/image.h"
#include "vendor/publish/lint.h"
#include "vendor/publish/payload.h"

/* Trees unpacked from packages, gone at the end. */
typedef struct Unpacked {
	char *folder;
	char *old_root, *new_root;
} Unpacked;

static void unpacked_done(Unpacked *unpacked)
{
	if (unpacked->folder)
		path_remove_tree(AT_FDCWD, unpacked->folder);
	free(unpacked->folder);
	free(unpacked->old_root);
	free(unpacked->new_root);
}

static int make_unpacked(const Workspace *workspace, Unpacked *unpacked, Reason *reason)
{
	int r = path_make_temporary(workspace->path, "packages", &unpacked->folder);

	if (r < 0)
		return reason_errno(reason, r, "cannot make a folder in %s", workspace->path);
	unpacked->old_root = path_join(unpacked->folder, "old");
	unpacked->new_root = path_join(unpacked->folder, "new");
	if (!unpacked->old_root || !unpacked->new_root)
		return -ENOMEM;
	r = path_make_directories(AT_FDCWD, unpacked->old_root, 0755);
	return r < 0 ? r : path_make_directories(AT_FDCWD, unpacked->new_root, 0755);
}

static int unpack(const CreateRequest *request, Unpacked *unpacked, Reason *reason)
{
	int r = make_unpacked(request->workspace, unpacked, reason);

	for (size_t i = 0; r == 0 && i < request->deb_count; i++) {
		r = deb_check_scripts(request->debs[i].new_deb, reason);
		if (r == 0)
			r = deb_unpack(request->debs[i].old_deb, unpacked->old_root, reason);
		if (r == 0)
			r = deb_unpack(request->debs[i].new_deb, unpacked->new_root, reason);
	}
	return r;
}

static int digest_below(const char *root, const char *path, Digest *ret)
{
	_cleanup_free_ char *full = path_join(root, path);
	_cleanup_fd_ int fd = full ? open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (!full)
		return -ENOMEM;
	return fd < 0 ? -errno : digest_of_fd(fd, ret, NULL);
}

/* The old package must be the one that the base was built with, or the fix is for another base. */
static int check_against_base(
	const CreateRequest *request, const char *old_root, const Changes *changes, Reason *reason)
{
	for (size_t i = 0; i < changes->count; i++) {
		const Change *change = &changes->items[i];
		Digest packaged, present;

		if (!S_ISREG(change->old_mode))
			continue;
		if (digest_below(old_root, change->path, &packaged) < 0 ||
			digest_below(request->base->root, change->path, &present) < 0 ||
			!digest_equal(&packaged, &present))
			return reason_set(reason, -EINVAL,
				"%s of base %s is not the one in the old package; is this the "
				"right package?",
				change->path, request->base->name);
	}
	return 0;
}

/* Each component of the path must be a real folder of the base: nothing is grafted through a link.
 */
static int check_directory(const char *root, const char *directory, Reason *reason)
{
	_cleanup_free_ char *full = path_join(root, directory);
	struct stat st;

	if (!full)
		return -ENOMEM;
	for (char *at = full + strlen(root) + 1;; at++) {
		char saved = *at;

		if (saved != '/' && saved != '\0')
			continue;
		*at = '\0';
		if (lstat(full, &st) < 0 || !S_ISDIR(st.st_mode))
			return reason_set(reason, -EINVAL,
				"the graft directory %s is not a folder of the base (%s)",
				directory, full);
		*at = saved;
		if (saved == '\0')
			return 0;
	}
}

static int check_directories(const CreateRequest *request, Reason *reason)
{
	for (size_t i = 0; i < request->component->directories.count; i++) {
		int r = check_directory(
			request->base->root, request->component->directories.items[i], reason);

		if (r < 0)
			return r;
	}
	return 0;
}

static int find_changes(
	const CreateRequest *request, const Unpacked *unpacked, Changes *changes, Reason *reason)
{
	const char *old_root = request->new_root ? request->base->root : unpacked->old_root;
	const char *new_root = request->new_root ? request->new_root : unpacked->new_root;
	int r = changes_find(old_root, new_root, changes, reason);

	if (r == 0)
		r = lint_changes(request->component, request->components, old_root, new_root,
			changes, reason);
	if (r == 0 && !request->new_root)
		r = check_against_base(request, old_root, changes, reason);
	return r;
}

static int check_fixes(const Fixes *fixes, const Component *component, Reason *reason)
{
	for (size_t i = 0; i < fixes->fixes.count; i++)
		if (strcmp(fixes->fixes.items[i].component, component->name) == 0)
			return 0;
	return reason_set(
		reason, -EINVAL, "%s lists no fix of component %s", fixes->id, component->name);
}

static int build(const CreateRequest *request, const Unpacked *unpacked, const Changes *changes,
	IndexImage *image, Reason *reason)
{
	_cleanup_free_ char *path = path_join(request->workspace->path, "image.erofs");
	_cleanup_free_ char *blobs = path_join(request->workspace->path, "blobs");
	ImageBuild build = {
		.component = request->component,
		.changes = changes,
		.old_root = request->base->root,
		.new_root = request->new_root ? request->new_root : unpacked->new_root,
		.work = request->workspace->path,
		.path = path,
	};
	int r = path && blobs ? image_build(&build, image, reason) : -ENOMEM;

	if (r == 0)
		r = workspace_make_private(request->workspace, "blobs", reason);
	if (r == 0)
		r = payload_make_all(&build, blobs, image, reason);
	if (path)
		unlink(path);
	if (r < 0)
		return r;
	image->seal = memory_string(DRAFT_NO_SEAL);
	return image->seal ? 0 : -ENOMEM;
}

static int fill_draft(const CreateRequest *request, Draft *draft, Reason *reason)
{
	_cleanup_(unpacked_done) Unpacked unpacked = {};
	_cleanup_changes_ Changes changes = {};
	int r = fixes_load(request->fixes_path, draft->fixes, reason);

	if (r == 0)
		r = check_fixes(draft->fixes, request->component, reason);
	if (r == 0)
		r = check_directories(request, reason);
	if (r == 0 && !request->new_root)
		r = unpack(request, &unpacked, reason);
	if (r == 0)
		r = find_changes(request, &unpacked, &changes, reason);
	return r < 0 ? r : build(request, &unpacked, &changes, draft->image, reason);
}

int create_draft(const CreateRequest *request, Draft *ret_draft, Reason *reterr_reason)
{
	_cleanup_(draft_clear) Draft draft = {
		.schema = 1,
		.fixes = memory_new(sizeof(Fixes)),
		.image = memory_new(sizeof(IndexImage)),
	};
	int r = draft.fixes && draft.image ? fill_draft(request, &draft, reterr_reason) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_draft = draft;
	draft = (Draft){};
	return 0;
}
