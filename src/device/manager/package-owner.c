/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/package-owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define DPKG_INFO   "var/lib/dpkg/info"
#define DPKG_STATUS "var/lib/dpkg/status"
#define LIST_ENDING ".list"
#define LIST_SIZE_MAX                                                                              \
	((size_t)16 << 20)            /* the files of one package: a kernel's headers have 2 MB */
#define STATUS_MAX ((size_t)64 << 20) /* a full desktop has 5 MB */
#define INSTALLED  " installed"
#define MERGED     "usr/" /* where what a package has below /bin or /lib really lies */

/* The paths whose owners are looked for, sorted. */
typedef struct Wanted {
	const char **paths;
	size_t count;
} Wanted;

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wanted(const Wanted *wanted, const char *path)
{
	return bsearch(&path, wanted->paths, wanted->count, sizeof(path), compare_texts);
}

static bool owns_wanted(const Wanted *wanted, char *list)
{
	char merged[sizeof(MERGED) + PATH_TEXT_MAX];
	char *line;

	while ((line = text_next_line(&list))) {
		if (line[0] != '/' || strlen(line) > PATH_TEXT_MAX)
			continue;
		snprintf(merged, sizeof(merged), MERGED "%s", line + 1);
		if (is_wanted(wanted, line + 1) || is_wanted(wanted, merged))
			return true;
	}
	return false;
}

/* "libtls3:amd64.list" or "tls-tools.list", which names no architecture. */
static int add_owner(PackageOwners *owners, const char *file)
{
	size_t length = strlen(file) - strlen(LIST_ENDING), name = strcspn(file, ":");
	PackageOwner *owner;
	int r = memory_grow(&owners->items, owners->count, sizeof(*owners->items));

	if (r < 0)
		return r;
	owner = &owners->items[owners->count++];
	owner->name = memory_string_n(file, name < length ? name : length);
	if (name < length)
		owner->architecture = memory_string_n(file + name + 1, length - name - 1);
	return owner->name && (owner->architecture || name >= length) ? 0 : -ENOMEM;
}

static int read_list(int folder, const char *file, const Wanted *wanted, PackageOwners *owners)
{
	_cleanup_free_ uint8_t *list = NULL;
	size_t size;
	int r = file_read(folder, file, LIST_SIZE_MAX, &list, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return owns_wanted(wanted, (char *)list) ? add_owner(owners, file) : 0;
}

static int read_lists(const Store *store, const Wanted *wanted, PackageOwners *owners)
{
	int r = 0, fd = openat(store->root, DPKG_INFO, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		fd_close(fd);
		return 0;
	}
	while (r == 0 && (entry = readdir(stream)))
		if (text_ends_with(entry->d_name, LIST_ENDING))
			r = read_list(dirfd(stream), entry->d_name, wanted, owners);
	closedir(stream);
	return r;
}

/* What the lines of one package say; they point into the text. */
typedef struct Paragraph {
	const char *name, *version, *architecture;
	bool is_installed;
} Paragraph;

static void take_line(Paragraph *paragraph, const char *line)
{
	if (text_starts_with(line, "Package: "))
		paragraph->name = line + strlen("Package: ");
	else if (text_starts_with(line, "Version: "))
		paragraph->version = line + strlen("Version: ");
	else if (text_starts_with(line, "Architecture: "))
		paragraph->architecture = line + strlen("Architecture: ");
	else if (text_starts_with(line, "Status: "))
		paragraph->is_installed = text_ends_with(line, INSTALLED);
}

static int replace(char **text, const char *by)
{
	char *copy = memory_string(by);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int tell_owners(const Paragraph *paragraph, PackageOwners *owners)
{
	int r = 0;

	if (!paragraph->name || !paragraph->version || !paragraph->architecture ||
		!paragraph->is_installed)
		return 0;
	for (size_t i = 0; r == 0 && i < owners->count; i++) {
		PackageOwner *owner = &owners->items[i];

		if (strcmp(owner->name, paragraph->name) != 0 ||
			(owner->architecture &&
				strcmp(owner->architecture, paragraph->architecture) != 0))
			continue;
		r = replace(&owner->version, paragraph->version);
		if (r == 0)
			r = replace(&owner->architecture, paragraph->architecture);
	}
	return r;
}

static int read_status(const Store *store, PackageOwners *owners)
{
	_cleanup_free_ uint8_t *text = NULL;
	Paragraph paragraph = {};
	char *cursor, *line;
	size_t size;
	int r = file_read(store->root, DPKG_STATUS, STATUS_MAX, &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (cursor = (char *)text; r == 0 && (line = text_next_line(&cursor));) {
		if (line[0]) {
			take_line(&paragraph, line);
			continue;
		}
		r = tell_owners(&paragraph, owners);
		paragraph = (Paragraph){};
	}
	return r < 0 ? r : tell_owners(&paragraph, owners);
}

static void owner_done(PackageOwner *owner)
{
	free(owner->name);
	free(owner->version);
	free(owner->architecture);
}

/* Files of what is not installed any more may have stayed as its configuration. */
static void drop_unknown(PackageOwners *owners)
{
	size_t kept = 0;

	for (size_t i = 0; i < owners->count; i++)
		if (owners->items[i].version)
			owners->items[kept++] = owners->items[i];
		else
			owner_done(&owners->items[i]);
	owners->count = kept;
}

static int compare_owners(const void *a, const void *b)
{
	const PackageOwner *x = a, *y = b;
	int names = strcmp(x->name, y->name);

	return names != 0 ? names : strcmp(x->architecture, y->architecture);
}

int package_owners_find(
	const Store *store, const char *const *paths, size_t count, PackageOwners *ret_owners)
{
	_cleanup_package_owners_ PackageOwners owners = {};
	_cleanup_free_ const char **sorted = memory_copy(paths, count * sizeof(*paths));
	Wanted wanted = {sorted, count};
	int r = sorted ? 0 : -ENOMEM;

	if (r == 0 && count > 0) {
		qsort(sorted, count, sizeof(*sorted), compare_texts);
		r = read_lists(store, &wanted, &owners);
	}
	if (r == 0 && owners.count > 0)
		r = read_status(store, &owners);
	if (r < 0)
		return r;
	drop_unknown(&owners);
	if (owners.count > 0)
		qsort(owners.items, owners.count, sizeof(*owners.items), compare_owners);
	*ret_owners = owners;
	owners = (PackageOwners){};
	return 0;
}

void package_owners_done(PackageOwners *owners)
{
	for (size_t i = 0; i < owners->count; i++)
		owner_done(&owners->items[i]);
	free(owners->items);
	*owners = (PackageOwners){};
}
