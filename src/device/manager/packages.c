/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/packages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"

#define DPKG_STATUS "var/lib/dpkg/status"
#define HEAD_SIZE   4096 /* an entry's first line stands well before */

/* A status file without an entry is what an image may keep for tools that ask for it. */
static bool has_dpkg(const Store *store)
{
	_cleanup_fd_ int fd = openat(store->root, DPKG_STATUS, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[HEAD_SIZE + 1] = "";
	ssize_t size = fd < 0 ? -1 : fd_read_some(fd, head, HEAD_SIZE);

	return size > 0 && strstr(head, "Package: ");
}

static bool has_rpm(const Store *store)
{
	static const char *const databases[] = {"usr/lib/sysimage/rpm/rpmdb.sqlite",
		"usr/lib/sysimage/rpm/Packages.db", "usr/lib/sysimage/rpm/Packages",
		"var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		if (fstatat(store->root, databases[i], &st, 0) == 0 && st.st_size > 0)
			return true;
	return false;
}

const char *packages_manager(const Store *store)
{
	if (has_dpkg(store))
		return "dpkg";
	return has_rpm(store) ? "rpm" : NULL;
}

/* The parent is on the same mount and never grafted over, while a graft is read-only itself. */
bool packages_may_change(const Store *store, const char *directory)
{
	_cleanup_free_ char *parent = path_parent(directory);
	_cleanup_fd_ int fd = parent ? openat(store->root, parent, O_PATH | O_CLOEXEC) : -1;
	struct statvfs st;

	return fd >= 0 && fstatvfs(fd, &st) == 0 && !(st.f_flag & ST_RDONLY);
}

int packages_check(const Store *store, const Improvement *improvement, Reason *reterr_reason)
{
	const char *manager = packages_manager(store);

	if (!manager || (strcmp(manager, "dpkg") == 0 && file_exists(store->root, PACKAGES_HOOK)))
		return 0;
	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		for (size_t k = 0; k < image->directories.count; k++)
			if (packages_may_change(store, image->directories.items[k]))
				return reason_set(reterr_reason, -EBUSY,
					"%s may change /%s at any time: mount the base read-only%s",
					manager, image->directories.items[k],
					strcmp(manager, "dpkg") == 0
						? ", or install the hook /" PACKAGES_HOOK
						: "");
	}
	return 0;
}
