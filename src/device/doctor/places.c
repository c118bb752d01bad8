/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: where the store lies, whether the base can be written, and who can enter /run/suture. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "base/process.h"
#include "device/doctor/doctor.h"
#include "device/manager/packages.h"

/* Not in linux/magic.h. */
#define CEPH_MAGIC   0x00c36400
#define GFS2_MAGIC   0x01161970
#define LUSTRE_MAGIC 0x0bd00bd0

static const char *network_file_system(int fd)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} known[] = {{NFS_SUPER_MAGIC, "NFS"}, {SMB_SUPER_MAGIC, "SMB"}, {SMB2_SUPER_MAGIC, "SMB"},
		{CIFS_SUPER_MAGIC, "CIFS"}, {V9FS_MAGIC, "9P"}, {AFS_SUPER_MAGIC, "AFS"},
		{AFS_FS_MAGIC, "AFS"}, {CODA_SUPER_MAGIC, "Coda"}, {OCFS2_SUPER_MAGIC, "OCFS2"},
		{FUSE_SUPER_MAGIC, "FUSE"}, {CEPH_MAGIC, "Ceph"}, {GFS2_MAGIC, "GFS2"},
		{LUSTRE_MAGIC, "Lustre"}};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if ((uint32_t)st.f_type == known[i].magic)
			return known[i].name;
	return NULL;
}

static int check_store(Doctor *doctor)
{
	const Store *store = doctor->store;
	_cleanup_fd_ int var = openat(store->root, "var", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = store->dir >= 0 ? store->dir : var >= 0 ? var : store->root;
	const char *name = network_file_system(fd);

	if (!name)
		return 0;
	return doctor_find(doctor, FINDING_PROBLEM, "network-store",
		memory_printf("%s/" STORE_PATH
			      " is on %s: what runs would then depend on a server, "
			      "and so would the way back.",
			store->path, name),
		memory_printf("Mount a file system of a local disk on %s/" STORE_PATH
			      "; what the store had is obtained again.",
			store->path));
}

/* As a person has to type it: it is in nobody's PATH. */
static const char *find_activate(char **found)
{
	return process_find_helper("suture-activate", found, NULL) == 0 ? *found
									: "suture-activate";
}

static int check_packages(Doctor *doctor, const char *directory)
{
	_cleanup_free_ char *found = NULL;
	const char *manager = packages_manager(doctor->store), *activate = find_activate(&found);
	bool is_dpkg = manager && strcmp(manager, "dpkg") == 0;

	if (!manager)
		return doctor_find(doctor, FINDING_NOTE, "writable-base",
			memory_printf("/%s is on a file system that is mounted writable: what is "
				      "below a graft may be changed.",
				directory),
			memory_printf("Mount the file system of /%s read-only.", directory));
	if (is_dpkg && file_exists(doctor->store->root, PACKAGES_HOOK))
		return doctor_find(doctor, FINDING_NOTE, "packages",
			memory_printf(
				"dpkg may change /%s; its hook takes the grafts off meanwhile.",
				directory),
			memory_printf("Nothing, as long as packages are changed by apt; around "
				      "dpkg run '%s pause' and '%s resume'.",
				activate, activate));
	return doctor_find(doctor, FINDING_PROBLEM, "packages",
		memory_printf("%s may change /%s at any time, so 'suture install' refuses.",
			manager, directory),
		is_dpkg ? memory_printf("Mount the file system of /%s read-only, or install the "
					"hook /" PACKAGES_HOOK ".",
				  directory)
			: memory_printf("Mount the file system of /%s read-only.", directory));
}

/* One finding is enough: it is one base. */
static int check_base(Doctor *doctor)
{
	if (doctor->directory_count == 0)
		return packages_may_change(doctor->store, "usr/lib") ? check_packages(doctor, "usr")
								     : 0;
	for (size_t i = 0; i < doctor->directory_count; i++)
		if (packages_may_change(doctor->store, doctor->directories[i]))
			return check_packages(doctor, doctor->directories[i]);
	return 0;
}

static bool is_shared(const char *point)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	const MountEntry *mount;

	if (mount_table_read("/proc/self/mountinfo", &table, NULL) < 0)
		return false;
	mount = mount_table_at(table, point);
	return mount && mount->shared;
}

/* Others than root may pass the top, for what stands there for all; every folder in it is root's.
 */
static bool is_open(const Doctor *doctor, const char *folder)
{
	mode_t passing = strcmp(folder, STORE_RUN) == 0 ? S_IXGRP | S_IXOTH : 0;
	struct stat st;

	return fstatat(doctor->store->root, folder, &st, 0) == 0 &&
		(st.st_uid != 0 || st.st_mode & (S_IRWXG | S_IRWXO) & ~passing);
}

static int check_run(Doctor *doctor)
{
	static const char *const folders[] = {STORE_RUN, STORE_RUN_BASE, STORE_RUN_IMAGES,
		STORE_RUN_OVERLAYS, STORE_RUN "/below"};
	_cleanup_free_ char *point = memory_printf("%s/" STORE_RUN, doctor->store->path);
	_cleanup_free_ char *found = NULL;
	const char *activate = find_activate(&found), *open = NULL;

	if (!point)
		return -ENOMEM;
	for (size_t i = 0; !open && i < ARRAY_SIZE(folders); i++)
		open = is_open(doctor, folders[i]) ? folders[i] : NULL;
	if (!open && !is_shared(point))
		return 0;
	return doctor_find(doctor, FINDING_PROBLEM, "run",
		memory_printf("%s/%s %s, so the vulnerable files of the base can be reached "
			      "through it.",
			doctor->store->path, open ? open : STORE_RUN,
			open ? "is open to others than root" : "shows in other mount namespaces"),
		memory_printf("Somebody changed it: run '%s detach', then '%s apply'.", activate,
			activate));
}

int doctor_places(Doctor *doctor)
{
	int r = check_store(doctor);

	if (r == 0)
		r = check_base(doctor);
	return r < 0 ? r : check_run(doctor);
}
