/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs the files, and what must change together (rules 3, 7 and 8 of grafting). */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/path.h"
#include "base/text.h"
#include "vendor/files/libraries.h"
#include "vendor/lint/check.h"
#include "vendor/files/module.h"
#include "wire/terms/terms.h"

#define INIT         "usr/lib/systemd/systemd" /* the program of process 1 */
#define LIBC         "libc.so.6"
#define LINKER       "ld-*.so*"
#define AFTER_REEXEC "daemon-reexec"

static bool runs_after(const Component *component, const char *word)
{
	for (size_t i = 0; i < component->after.count; i++)
		if (strcmp(after_names[component->after.items[i]], word) == 0)
			return true;
	return false;
}

static bool is_linker(const char *path)
{
	return fnmatch(LINKER, path_name(path), 0) == 0;
}

static bool is_libc(const LintFile *file)
{
	return file->new.soname &&strcmp(file->new.soname, LIBC) == 0;
}

/* One that is not loaded yet is the new one once it is. */
static int check_module(const Lint *lint, const LintFile *file)
{
	if (file->owner->restart == RESTART_REBOOT)
		return 0;
	return lint_warning(lint, file,
		"a kernel module that is loaded stays until the next boot, and component %s says "
		"restart '%s'",
		file->owner->name, restart_scope_names[file->owner->restart]);
}

/* What process 1 maps stays as it was until it executes itself. */
static int check_init(const Lint *lint, const LintFile *file)
{
	const Component *owner = file->owner;
	bool is_init = strcmp(file->change->path, INIT) == 0;
	int r = 0;

	if (owner->restart >= RESTART_SOFT_REBOOT || runs_after(owner, AFTER_REEXEC))
		return 0;
	if (!is_init && file->new.soname)
		r = libraries_loaded(lint->request->base_root, INIT, file->new.soname);
	if (r < 0 || (r == 0 && !is_init))
		return r;
	return lint_warning(lint, file,
		"process 1 maps it, and component %s says restart '%s' without daemon-reexec: it "
		"would go on with the old file until the next boot",
		owner->name, restart_scope_names[owner->restart]);
}

int lint_check_restart(const Lint *lint, const LintFile *file)
{
	const Component *owner = file->owner;

	if (module_is_named(file->change->path))
		return check_module(lint, file);
	if (is_linker(file->change->path) || is_libc(file))
		return owner->restart == RESTART_REBOOT
			? 0
			: lint_warning(lint, file,
				  "every process maps it, and component %s says restart '%s': "
				  "sessions and process 1 would go on with the old file",
				  owner->name, restart_scope_names[owner->restart]);
	if (!file->new.is_code)
		return 0;
	if (owner->restart == RESTART_NONE && file->new.is_library)
		return lint_error(lint, file,
			"a library that running processes keep mapped, and component %s says "
			"restart 'none': nothing would run the fix; say services, session or more",
			owner->name);
	return check_init(lint, file);
}

/* The other half of the C library: may not stay behind when this one changes. */
static int check_mate(const Lint *lint, const LintFile *file, const char *soname)
{
	_cleanup_free_ char *path = NULL;
	int r = libraries_find(lint->request->base_root, soname, &path);

	if (r < 0 || !path || component_owns(file->owner, path))
		return r;
	return lint_error(lint, file,
		"belongs to one build of the C library with %s, and they must travel together; "
		"declare that file in component %s, too",
		path, file->owner->name);
}

/* [T] ld.so of one build with libc of another aborts every program. */
int lint_check_libc(const Lint *lint, const LintFile *file)
{
	int r = 0;

	if (is_linker(file->change->path))
		return check_mate(lint, file, LIBC);
	for (size_t i = 0; r == 0 && is_libc(file) && i < file->new.needed_count; i++)
		if (is_linker(file->new.needed[i]))
			r = check_mate(lint, file, file->new.needed[i]);
	return r;
}
