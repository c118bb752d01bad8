/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, capabilities and labels: with a graft the image's become the system's (rule 6). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "vendor/lint/check.h"

#define POWERS     (S_ISUID | S_ISGID)
#define PERMISSION 07777
#define CAPABILITY "security.capability"
#define VALUE_MAX  65536 /* XATTR_SIZE_MAX of Linux */

static const char *const labels[] = {"security.selinux", "security.SMACK64", "security.SMACK64EXEC",
	"security.ima", "security.evm", NULL};

static bool look_at(const char *path, struct stat *ret)
{
	return lstat(path, ret) == 0;
}

static int check_new_mode(const Lint *lint, const LintFile *file, mode_t mode)
{
	if (mode & POWERS)
		return lint_warning(lint, file,
			"a new file that is %s; make sure that it is meant to be",
			mode & S_ISUID ? "setuid" : "setgid");
	if (mode & S_IWOTH)
		return lint_error(lint, file, "a new file that everybody may write");
	return 0;
}

int lint_check_mode(const Lint *lint, const LintFile *file)
{
	mode_t new, old = file->change->old_mode &PERMISSION, gained;
	struct stat st;

	if (!look_at(file->new_path, &st))
		return -errno;
	new = st.st_mode &PERMISSION;
	if (!S_ISREG(file->change->old_mode))
		return check_new_mode(lint, file, new);
	gained = new & ~old;
	if (new == old)
		return 0;
	if (gained & (POWERS | S_IWOTH))
		return lint_error(lint, file,
			"its mode changes from %04o to %04o, which gives it powers that the base "
			"did not; ship a full update",
			old, new);
	return lint_warning(lint, file, "its mode changes from %04o to %04o", old, new);
}

/* A new root that was made without root's powers belongs to whoever made it, who would own the
 * program on every device. */
int lint_check_owner(const Lint *lint, const LintFile *file)
{
	struct stat old, new;

	if (!look_at(file->new_path, &new))
		return -errno;
	if (!S_ISREG(file->change->old_mode))
		return new.st_uid == 0 && new.st_gid == 0
			? 0
			: lint_warning(lint, file, "a new file that belongs to %u:%u", new.st_uid,
				  new.st_gid);
	if (!look_at(file->old_path, &old))
		return -errno;
	if (old.st_uid == new.st_uid && old.st_gid == new.st_gid)
		return 0;
	return lint_error(lint, file,
		"its owner changes from %u:%u to %u:%u; make the new root as root, with the "
		"base's owners",
		old.st_uid, old.st_gid, new.st_uid, new.st_gid);
}

/* 1 when both have the same value, or none. */
static int same_attribute(const LintFile *file, const char *name, bool *ret_old, bool *ret_new)
{
	_cleanup_free_ char *a = memory_new(VALUE_MAX), *b = memory_new(VALUE_MAX);
	ssize_t n, m;

	if (!a || !b)
		return -ENOMEM;
	n = S_ISREG(file->change->old_mode) ? lgetxattr(file->old_path, name, a, VALUE_MAX) : -1;
	m = lgetxattr(file->new_path, name, b, VALUE_MAX);
	*ret_old = n >= 0;
	*ret_new = m >= 0;
	return n < 0 || m < 0 ? n < 0 && m < 0 : n == m && memcmp(a, b, (size_t)n) == 0;
}

int lint_check_capability(const Lint *lint, const LintFile *file)
{
	bool was, is;
	int r = same_attribute(file, CAPABILITY, &was, &is);

	if (r != 0)
		return r < 0 ? r : 0;
	if (!is)
		return lint_warning(lint, file,
			"loses its capabilities; was the new root copied without them?");
	if (S_ISREG(file->change->old_mode))
		return lint_error(lint, file, "%s; ship a full update",
			was ? "its capabilities change" : "gets capabilities");
	return lint_warning(lint, file,
		"a new file that has capabilities; make sure that it is meant to have them");
}

static int report_label(const Lint *lint, const LintFile *file, const char *name, bool was, bool is)
{
	/* these are over the file's content, and differ with it */
	bool is_over_content =
		strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;

	if (was && !is)
		return lint_error(lint, file,
			"loses its %s; label the new root as the base was, or copy it with its "
			"extended attributes",
			name);
	if (was && !is_over_content)
		return lint_warning(lint, file, "its %s changes", name);
	return 0;
}

/* In a base with labels a file without one is out of reach for confined services. */
static int check_new_label(const Lint *lint, const LintFile *file, const char *name)
{
	_cleanup_free_ char *folder = path_parent(file->old_path);

	if (!folder)
		return -ENOMEM;
	return lgetxattr(folder, name, NULL, 0) < 0
		? 0
		: lint_error(lint, file,
			  "a new file without %s, which the base's files have; label the new root",
			  name);
}

int lint_check_label(const Lint *lint, const LintFile *file)
{
	bool is_new = !S_ISREG(file->change->old_mode);
	int r = 0;

	for (size_t i = 0; r == 0 && labels[i]; i++) {
		bool was, is;

		r = same_attribute(file, labels[i], &was, &is);
		if (r > 0 && is_new)
			r = check_new_label(lint, file, labels[i]);
		else if (r == 0)
			r = report_label(lint, file, labels[i], was, is);
		r = r > 0 ? 0 : r;
	}
	return r;
}
