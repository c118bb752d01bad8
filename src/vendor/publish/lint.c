/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/lint.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/publish/elf-name.h"
#include "wire/seal/seal.h"

typedef struct Lint {
	const Component *component;
	const char *old_root, *new_root;
	const Changes *changes;
	Reason *reason;
} Lint;

/* Files that programs derive from others on the machine where they run. A graft would freeze the
 * vendor's state of them over the owner's. */
static const struct {
	const char *pattern, *what;
} derived_files[] = {
	{"*/ld.so.cache", "the dynamic linker's cache"},
	{"usr/lib/modules/*/modules.*", "depmod's module index"},
	{"usr/share/mime/*", "the compiled MIME database"},
	{"*/icon-theme.cache", "an icon cache"},
	{"*/gschemas.compiled", "the compiled settings schemas"},
	{"*/giomodule.cache", "the GIO module cache"},
	{"*/loaders.cache", "the image loader cache"},
	{"*/immodules.cache", "the input method cache"},
	{"*/mimeinfo.cache", "the desktop MIME cache"},
	{"usr/lib/locale/locale-archive", "the locale archive"},
	{"usr/lib/udev/hwdb.bin", "the compiled hardware database"},
	{"usr/share/info/dir", "the index of info pages"},
	{"*/fonts.cache-*", "a font cache"},
};

static int refuse(const Lint *lint, const Change *change, const char *what)
{
	return reason_set(lint->reason, -EINVAL, "%s: %s", change->path, what);
}

/* Files of a removed folder are refused one level up: by what owns the folder. */
static bool is_in_graft_directory(const Component *component, const char *path)
{
	for (size_t i = 0; i < component->directories.count; i++)
		if (path_is_below(path, component->directories.items[i]) &&
			strcmp(path, component->directories.items[i]) != 0)
			return true;
	return false;
}

static int check_place(const Lint *lint, const Change *change)
{
	Reason why = {};

	if (strcmp(change->path, "etc/os-release") == 0)
		return refuse(lint, change, "names the base; ship a full update");
	if (path_is_below(change->path, "etc"))
		return refuse(lint, change,
			"/etc belongs to the machine's owner; move the default to /usr, or ship a "
			"full "
			"update");
	if (graft_file_check(change->path, &why) < 0)
		return reason_set(lint->reason, -EINVAL, "%s", why.text);
	if (!component_owns(lint->component, change->path))
		return reason_set(lint->reason, -EINVAL,
			"%s: changed, but it is not one of the files of component %s; rebuild only "
			"that "
			"component, or declare the file",
			change->path, lint->component->name);
	if (!is_in_graft_directory(lint->component, change->path))
		return reason_set(lint->reason, -EINVAL,
			"%s: lies in none of the graft directories of component %s", change->path,
			lint->component->name);
	return 0;
}

static int check_type(const Lint *lint, const Change *change)
{
	if (change->old_mode && (change->mode & S_IFMT) != (change->old_mode & S_IFMT))
		return refuse(lint, change, "becomes a file of another type; ship a full update");
	if (S_ISDIR(change->mode) && change->kind == CHANGE_MODIFIED)
		return refuse(lint, change,
			"a folder's mode, owner or attributes change; a graft keeps the base's, so "
			"ship a "
			"full update");
	if (S_ISDIR(change->mode) && change->kind == CHANGE_REMOVED)
		return refuse(lint, change, "a whole folder is removed; ship a full update");
	if (!S_ISREG(change->mode) && !S_ISLNK(change->mode) && !S_ISDIR(change->mode))
		return refuse(lint, change, "is neither a file nor a symbolic link");
	return 0;
}

static int check_derived(const Lint *lint, const Change *change)
{
	for (size_t i = 0; i < ARRAY_SIZE(derived_files); i++)
		if (fnmatch(derived_files[i].pattern, change->path, 0) == 0)
			return reason_set(lint->reason, -EINVAL,
				"%s: is %s, which the machine makes itself; leave it as the base "
				"has it",
				change->path, derived_files[i].what);
	return 0;
}

static bool exists(const char *root, const char *path)
{
	_cleanup_free_ char *full = path_join(root, path);
	struct stat st;

	return full && lstat(full, &st) == 0;
}

/* Programs find a library by its soname through links that ldconfig makes. A soname that the base
 * does not have needs a new link and a new cache. */
static int check_soname(const Lint *lint, const Change *change)
{
	_cleanup_free_ char *path = path_join(lint->new_root, change->path), *folder = NULL;
	_cleanup_free_ char *old_path = path_join(lint->old_root, change->path);
	_cleanup_free_ char *soname = NULL, *old_soname = NULL, *link = NULL;
	int r;

	if (!path || !old_path)
		return -ENOMEM;
	r = elf_soname(path, &soname);
	if (r == 0 && change->kind == CHANGE_MODIFIED)
		r = elf_soname(old_path, &old_soname);
	if (r < 0 || !soname)
		return r;
	if (old_soname && strcmp(soname, old_soname) != 0)
		return reason_set(lint->reason, -EINVAL,
			"%s: its soname changes from %s to %s; ship a full update", change->path,
			old_soname, soname);
	folder = path_parent(change->path);
	link = folder ? path_join(folder, soname) : NULL;
	if (!link)
		return -ENOMEM;
	if (!old_soname && !exists(lint->old_root, link))
		return reason_set(lint->reason, -EINVAL,
			"%s: the soname %s is new to the base; ship a full update", change->path,
			soname);
	return 0;
}

/* Python runs the compiled form of the base when it believes that the source did not change. */
static int check_python(const Lint *lint, const Change *change)
{
	_cleanup_free_ char *folder = path_parent(change->path), *cache = NULL, *pattern = NULL;
	const char *name = path_name(change->path);

	if (!text_ends_with(name, ".py") || !folder)
		return 0;
	cache = memory_printf("%s/__pycache__", folder);
	if (!cache)
		return -ENOMEM;
	if (!exists(lint->old_root, cache))
		return 0;
	pattern = memory_printf("%s/%.*s.*.pyc", cache, (int)strlen(name) - 3, name);
	for (size_t i = 0; pattern && i < lint->changes->count; i++)
		if (fnmatch(pattern, lint->changes->items[i].path, FNM_PATHNAME) == 0)
			return 0;
	return refuse(lint, change,
		"its compiled form in __pycache__ must change with it; compile it in the new root");
}

static int check_change(const Lint *lint, const Change *change)
{
	int r = check_place(lint, change);

	if (r == 0)
		r = check_type(lint, change);
	if (r == 0)
		r = check_derived(lint, change);
	if (r < 0 || change->kind == CHANGE_REMOVED || !S_ISREG(change->mode))
		return r;
	r = check_soname(lint, change);
	return r < 0 ? r : check_python(lint, change);
}

/* A new folder is nobody's change: it comes with the files in it. */
static bool is_without_matter(const Components *components, const Change *change)
{
	return components_ignore(components, change->path) ||
		(S_ISDIR(change->mode) && change->kind == CHANGE_ADDED);
}

static void drop_without_matter(const Components *components, Changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->count; i++)
		if (is_without_matter(components, &changes->items[i]))
			free(changes->items[i].path);
		else
			changes->items[kept++] = changes->items[i];
	changes->count = kept;
}

int lint_changes(const Component *component, const Components *components, const char *old_root,
	const char *new_root, Changes *changes, Reason *reterr_reason)
{
	const Lint lint = {component, old_root, new_root, changes, reterr_reason};

	drop_without_matter(components, changes);
	for (size_t i = 0; i < changes->count; i++) {
		int r = check_change(&lint, &changes->items[i]);

		if (r < 0)
			return r;
	}
	if (changes->count == 0)
		return reason_set(reterr_reason, -ENODATA,
			"nothing that belongs to component %s differs from the base",
			component->name);
	return 0;
}
