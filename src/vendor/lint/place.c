/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the component, and what to nobody's improvement (rules 1 and 6 of grafting). */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/path.h"
#include "vendor/lint/check.h"
#include "wire/seal/seal.h"

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

/* Files of a removed folder are refused one level up: by what owns the folder. */
static bool is_in_graft_directory(const Component *component, const char *path)
{
	for (size_t i = 0; i < component->directories.count; i++)
		if (path_is_below(path, component->directories.items[i]) &&
			strcmp(path, component->directories.items[i]) != 0)
			return true;
	return false;
}

static int refuse_stranger(const Lint *lint, const LintFile *file)
{
	const LintRequest *request = lint->request;
	_cleanup_buffer_ Buffer names = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->chosen_count; i++)
		r = buffer_printf(&names, "%s%s", i > 0 ? " or " : "", request->chosen[i]->name);
	return r < 0 ? r
		     : lint_error(lint, file,
			       "changed, but it is not one of the files of component %s; rebuild "
			       "only that component, or declare the file",
			       (char *)names.data);
}

int lint_check_place(const Lint *lint, const LintFile *file)
{
	const char *path = file->change->path;
	Reason why = {};

	if (strcmp(path, "etc/os-release") == 0)
		return lint_error(lint, file, "names the base; ship a full update");
	if (path_is_below(path, "etc"))
		return lint_error(lint, file,
			"/etc belongs to the machine's owner; move the default to /usr, or ship a "
			"full update");
	if (graft_file_check(path, &why) < 0)
		return lint_report_add(lint->report, LINT_ERROR, lint->check, path, "%s", why.text);
	if (!file->owner)
		return refuse_stranger(lint, file);
	if (!is_in_graft_directory(file->owner, path))
		return lint_error(lint, file,
			"lies in none of the graft directories of component %s", file->owner->name);
	return 0;
}

int lint_check_type(const Lint *lint, const LintFile *file)
{
	const Change *change = file->change;

	if (change->old_mode && (change->mode & S_IFMT) != (change->old_mode & S_IFMT))
		return lint_error(lint, file, "becomes a file of another type; ship a full update");
	if (S_ISDIR(change->mode) && change->kind == CHANGE_MODIFIED)
		return lint_error(lint, file,
			"a folder's mode, owner or attributes change; a graft keeps the base's, so "
			"ship a full update");
	if (S_ISDIR(change->mode) && change->kind == CHANGE_REMOVED)
		return lint_error(lint, file, "a whole folder is removed; ship a full update");
	if (!S_ISREG(change->mode) && !S_ISLNK(change->mode) && !S_ISDIR(change->mode))
		return lint_error(lint, file, "is neither a file nor a symbolic link");
	return 0;
}

int lint_check_derived(const Lint *lint, const LintFile *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(derived_files); i++)
		if (fnmatch(derived_files[i].pattern, file->change->path, 0) == 0)
			return lint_error(lint, file,
				"is %s, which the machine makes itself; leave it as the base has "
				"it",
				derived_files[i].what);
	return 0;
}

/* Each component of the path must be a real folder of the base: nothing is grafted through a link.
 * 1 or 0, or -ENOMEM. */
static int is_real_folder(const char *root, const char *directory)
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
			return 0;
		*at = saved;
		if (saved == '\0')
			return 1;
	}
}

static bool is_changed(const Lint *lint, const Component *component)
{
	for (size_t i = 0; i < lint->changes->count; i++)
		if (component_owns(component, lint->changes->items[i].path))
			return true;
	return false;
}

static int check_directories_of(const Lint *lint, const Component *component)
{
	for (size_t i = 0; i < component->directories.count; i++) {
		const char *directory = component->directories.items[i];
		int r = is_real_folder(lint->request->base_root, directory);

		if (r == 0)
			r = lint_report_add(lint->report, LINT_ERROR, lint->check, directory,
				"the graft directory %s of component %s is not a folder of the "
				"base (%s)",
				directory, component->name, lint->request->base_root);
		if (r < 0)
			return r;
	}
	return 0;
}

int lint_check_directories(const Lint *lint)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < lint->request->chosen_count; i++)
		if (is_changed(lint, lint->request->chosen[i]))
			r = check_directories_of(lint, lint->request->chosen[i]);
	return r;
}
