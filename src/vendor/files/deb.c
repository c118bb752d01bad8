/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define READ_CHUNK      ((size_t)64 * 1024)
#define SCRIPT_SIZE_MAX ((size_t)1 << 20)

/* Programs that a maintainer script calls to derive files below /usr from those of the package. */
static const char *const deriving_programs[] = {"py3compile", "pycompile", "update-mime-database",
	"glib-compile-schemas", "gdk-pixbuf-query-loaders", "gtk-update-icon-cache",
	"update-icon-caches", "gio-querymodules", "depmod", "update-initramfs", "fc-cache",
	"localedef", "locale-gen", "update-alternatives", "install-info", "systemd-hwdb",
	"update-gsfontmap", "update-perl-sax-parsers", NULL};

/* Triggers of other packages that do the same when files of this one appear. */
static const char *const deriving_triggers[] = {"update-initramfs", "mime-support", NULL};

static const char *const scripts[] = {"preinst", "postinst", "prerm", "postrm", "triggers", NULL};

DEFINE_CLEANUP(struct archive *, archive_read_free)
DEFINE_CLEANUP(struct archive *, archive_write_free)

/* The inner archive reads from the current member of the outer one. */
typedef struct Member {
	struct archive *outer;
	uint8_t buffer[READ_CHUNK];
} Member;

static la_ssize_t read_member(struct archive *inner, void *context, const void **ret_block)
{
	Member *member = context;

	*ret_block = member->buffer;
	return archive_read_data(member->outer, member->buffer, READ_CHUNK);
}

static int malformed(const char *package, struct archive *archive, Reason *reason)
{
	const char *why = archive_error_string(archive);

	return reason_set(
		reason, -EBADMSG, "%s: %s", package, why ? why : "is not a Debian package");
}

/* Opens the package and goes to its member `prefix`* ("data.tar", "control.tar"). */
static int open_member(const char *package, const char *prefix, Member *member,
	struct archive **ret_inner, Reason *reason)
{
	_cleanup_(archive_read_freep) struct archive *inner = archive_read_new();
	struct archive_entry *entry;

	if (!inner || !member->outer)
		return -ENOMEM;
	archive_read_support_format_ar(member->outer);
	if (archive_read_open_filename(member->outer, package, READ_CHUNK) != ARCHIVE_OK)
		return malformed(package, member->outer, reason);
	do
		if (archive_read_next_header(member->outer, &entry) != ARCHIVE_OK)
			return malformed(package, member->outer, reason);
	while (!text_starts_with(archive_entry_pathname(entry), prefix));
	archive_read_support_format_tar(inner);
	archive_read_support_filter_all(inner);
	if (archive_read_open(inner, member, NULL, read_member, NULL) != ARCHIVE_OK)
		return malformed(package, inner, reason);
	*ret_inner = TAKE_PTR(inner);
	return 0;
}

static void member_free(Member **member)
{
	if (*member)
		archive_read_free((*member)->outer);
	free(*member);
}

static Member *member_new(void)
{
	Member *member = memory_new(sizeof(*member));

	if (member)
		member->outer = archive_read_new();
	return member;
}

static int copy_data(struct archive *from, struct archive *to)
{
	const void *block;
	la_int64_t offset;
	size_t size;
	int r;

	while ((r = archive_read_data_block(from, &block, &size, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(to, block, size, offset) < ARCHIVE_OK)
			return ARCHIVE_FATAL;
	return r == ARCHIVE_EOF ? ARCHIVE_OK : r;
}

/* Packages may still name /lib and its like, which are links to /usr/lib on every Debian since 12
 * (merged /usr): the file is in /usr. */
static char *place_name(const char *name)
{
	static const char *const merged[] = {
		"bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

	name += text_starts_with(name, "./") ? 2 : 0;
	for (size_t i = 0; merged[i]; i++)
		if (path_is_below(name, merged[i]))
			return path_join("usr", name);
	return memory_string(name[0] ? name : ".");
}

/* Names in the archive are relative to the root; hard links name another member the same way. */
static int place_entry(struct archive_entry *entry)
{
	const char *link = archive_entry_hardlink(entry);
	_cleanup_free_ char *path = place_name(archive_entry_pathname(entry)), *target = NULL;

	if (link) {
		target = place_name(link);
		archive_entry_copy_hardlink(entry, target);
	}
	archive_entry_copy_pathname(entry, path);
	return path && (!link || target) ? 0 : -ENOMEM;
}

/* "./", "./usr/" or "./usr/lib/x", with or without the first two characters. */
static bool is_safe_name(const char *name)
{
	_cleanup_free_ char *plain = NULL;
	size_t length;

	if (!name)
		return false;
	name += text_starts_with(name, "./") ? 2 : 0;
	length = strlen(name);
	if (length == 0)
		return true;
	plain = memory_string_n(name, length - (name[length - 1] == '/'));
	return plain && path_is_normal(plain);
}

static bool is_safe_entry(struct archive_entry *entry)
{
	const char *link = archive_entry_hardlink(entry);

	return is_safe_name(archive_entry_pathname(entry)) && (!link || is_safe_name(link));
}

static int unpack_entries(
	const char *package, struct archive *from, struct archive *to, Reason *reason)
{
	struct archive_entry *entry;
	int r;

	while ((r = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
		if (!is_safe_entry(entry))
			return reason_set(reason, -EBADMSG,
				"%s: holds a name that leaves its folder, or none", package);
		if (place_entry(entry) < 0)
			return -ENOMEM;
		if (archive_write_header(to, entry) != ARCHIVE_OK ||
			copy_data(from, to) != ARCHIVE_OK ||
			archive_write_finish_entry(to) != ARCHIVE_OK)
			return malformed(package, to, reason);
	}
	return r == ARCHIVE_EOF ? 0 : malformed(package, from, reason);
}

static int unpack_here(const char *package, struct archive *inner, Reason *reason)
{
	_cleanup_(archive_write_freep) struct archive *disk = archive_write_disk_new();
	int r;

	if (!disk)
		return -ENOMEM;
	archive_write_disk_set_options(disk,
		ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
			ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
			ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
			ARCHIVE_EXTRACT_UNLINK);
	r = unpack_entries(package, inner, disk, reason);
	/* modes of folders are set at the end */
	if (r == 0 && archive_write_close(disk) != ARCHIVE_OK)
		r = malformed(package, disk, reason);
	return r;
}

/* Libarchive removes every symbolic link on the way to what it writes, so it is shown relative
 * names only: a link above the folder is the vendor's own. */
static int unpack_below(
	const char *package, struct archive *inner, const char *folder, Reason *reason)
{
	_cleanup_fd_ int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (home < 0 || chdir(folder) < 0)
		return reason_errno(reason, -errno, "cannot enter %s", folder);
	r = unpack_here(package, inner, reason);
	if (fchdir(home) < 0 && r == 0)
		r = reason_errno(reason, -errno, "cannot go back from %s", folder);
	return r;
}

int deb_unpack(const char *package, const char *folder, Reason *reterr_reason)
{
	_cleanup_(member_free) Member *member = member_new();
	_cleanup_(archive_read_freep) struct archive *inner = NULL;
	int r = member ? open_member(package, "data.tar", member, &inner, reterr_reason) : -ENOMEM;

	return r < 0 ? r : unpack_below(package, inner, folder, reterr_reason);
}

static int check_script(const char *package, const char *name, const char *text, Reason *reason)
{
	const char *const *words =
		strcmp(name, "triggers") == 0 ? deriving_triggers : deriving_programs;

	for (; *words; words++)
		if (strstr(text, *words))
			return reason_set(reason, -EINVAL,
				"%s: its %s runs %s, which makes files that an improvement would "
				"not carry; "
				"give the finished trees with --base instead",
				package, name, *words);
	return 0;
}

static int check_control_file(const char *package, struct archive *control,
	struct archive_entry *entry, const char *name, Reason *reason)
{
	size_t size = (size_t)archive_entry_size(entry);
	_cleanup_free_ char *text = NULL;

	if (size > SCRIPT_SIZE_MAX)
		return reason_set(reason, -EBADMSG, "%s: its %s is too long", package, name);
	text = memory_new(size + 1);
	if (!text)
		return -ENOMEM;
	if (archive_read_data(control, text, size) != (la_ssize_t)size)
		return malformed(package, control, reason);
	return check_script(package, name, text, reason);
}

/* "./postinst", "postinst", ".//postinst": dpkg takes all of them for the script, so only the last
 * part of a name counts. */
int deb_check_scripts(const char *package, Reason *reterr_reason)
{
	_cleanup_(member_free) Member *member = member_new();
	_cleanup_(archive_read_freep) struct archive *inner = NULL;
	struct archive_entry *entry;
	int r = member ? open_member(package, "control.tar", member, &inner, reterr_reason)
		       : -ENOMEM;

	while (r == 0 && archive_read_next_header(inner, &entry) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);
		const char *name = path ? path_name(path) : "";

		if (text_index(scripts, name) >= 0)
			r = check_control_file(package, inner, entry, name, reterr_reason);
	}
	return r;
}
