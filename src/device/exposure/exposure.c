/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/exposure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/text.h"
#include "device/exposure/views.h"

#define CGROUP_TEXT_MAX 65536
#define PROC_PATH_SIZE  128
#define DELETED_SUFFIX  " (deleted)"

typedef struct Scan {
	const Store *store;
	const ExposureFiles *files;
	Views views;
	ExposureList list;
	dev_t root_device[2]; /* the host's root and the device's */
	ino_t root_inode[2];
	bool at_home; /* the present process: its paths mean what ours mean */
	size_t first; /* entry of the present process in the list */
} Scan;

int exposure_unit_of(const char *cgroup, char **ret_unit)
{
	_cleanup_free_ char *copy = memory_string(cgroup);
	char *cursor = copy, *line, *unit = NULL, *rest;

	if (!copy)
		return -ENOMEM;
	while ((line = text_next_line(&cursor)))
		if (text_starts_with(line, "0::/"))
			break;
	for (char *part = line ? strtok_r(line + strlen("0::"), "/", &rest) : NULL; part;
		part = strtok_r(NULL, "/", &rest))
		if (text_ends_with(part, ".service") || text_ends_with(part, ".scope"))
			unit = part;
	if (!unit)
		return -ENOENT;
	*ret_unit = memory_string(unit);
	return *ret_unit ? 0 : -ENOMEM;
}

void exposure_files_done(ExposureFiles *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->items[i].path);
		free(files->items[i].component);
		free(files->items[i].ids);
	}
	free(files->items);
	*files = (ExposureFiles){};
}

int exposure_want(ExposureFiles *files, const char *path, const Digest *digest,
	const char *component, const char *ids)
{
	int r = memory_grow(&files->items, files->count, sizeof(ExposureFile));
	ExposureFile *file;

	if (r < 0)
		return r;
	file = &files->items[files->count++];
	file->path = memory_string(path);
	file->component = memory_string(component);
	file->ids = memory_string(ids);
	file->removed = !digest;
	if (digest)
		file->digest = *digest;
	return file->path && file->component && file->ids ? 0 : -ENOMEM;
}

int exposure_want_file(ExposureFiles *files, FileKind kind, const char *path, const Digest *digest,
	const char *component, const char *ids)
{
	if (kind == FILE_MAPPED)
		return exposure_want(files, path, digest, component, ids);
	files->not_covered[kind]++;
	return 0;
}

static int join_ids(const GenerationImage *image, Buffer *ret)
{
	int r = buffer_text(ret, "");

	for (size_t i = 0; r == 0 && i < image->id_count; i++)
		r = buffer_printf(ret, "%s%s", i > 0 ? " " : "", image->ids[i]);
	return r;
}

static int want_image(ExposureFiles *files, const GenerationImage *image, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer ids = {};
	Seal seal;
	int r = seal_parse(image->seal, image->seal_size, &seal, reterr_reason);

	if (r == 0)
		r = join_ids(image, &ids);
	for (size_t i = 0; r == 0 && i < image->file_count; i++)
		r = exposure_want_file(files, image->files[i].kind, image->files[i].path,
			&image->files[i].digest, seal.component, (const char *)ids.data);
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		r = exposure_want(
			files, image->removed[i], NULL, seal.component, (const char *)ids.data);
	return r;
}

int exposure_want_generation(
	ExposureFiles *files, const Generation *generation, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++)
		r = want_image(files, &generation->images[i], reterr_reason);
	return r;
}

void exposure_list_done(ExposureList *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].exe);
		free(list->items[i].unit);
	}
	free(list->items);
	*list = (ExposureList){};
}

static void describe_comm(pid_t pid, Exposed *exposed)
{
	_cleanup_free_ uint8_t *text = NULL;
	char path[PROC_PATH_SIZE];
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (file_read(AT_FDCWD, path, CGROUP_TEXT_MAX, &text, &size) == 0 && size > 0)
		snprintf(exposed->comm, sizeof(exposed->comm), "%.*s",
			(int)strcspn((const char *)text, "\n"), (const char *)text);
}

/* A process that ends meanwhile has no unit and no program any more; only memory can fail. */
static int describe(pid_t pid, Exposed *exposed)
{
	_cleanup_free_ uint8_t *cgroup = NULL;
	char path[PROC_PATH_SIZE], exe[PATH_TEXT_MAX + 1] = "";
	size_t size;
	int r = 0;

	describe_comm(pid, exposed);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		exe[0] = '\0';
	exposed->exe = memory_string(exe);
	if (!exposed->exe)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read(AT_FDCWD, path, CGROUP_TEXT_MAX, &cgroup, &size) == 0)
		r = exposure_unit_of((const char *)cgroup, &exposed->unit);
	return r == -ENOMEM ? r : 0;
}

static int expose(Scan *scan, pid_t pid, const ExposureFile *file)
{
	int r;

	for (size_t i = scan->first; i < scan->list.count; i++)
		if (scan->list.items[i].file == file)
			return 0;
	r = memory_grow(&scan->list.items, scan->list.count, sizeof(Exposed));
	if (r < 0)
		return r;
	scan->list.items[scan->list.count] = (Exposed){.pid = pid, .file = file};
	return describe(pid, &scan->list.items[scan->list.count++]);
}

/* The wanted file whose live path is the mapped one, however the file behind it was replaced. */
static const ExposureFile *file_at(const Scan *scan, const char *mapped)
{
	size_t root = strlen(scan->store->path), length = strlen(mapped);

	if (text_ends_with(mapped, DELETED_SUFFIX))
		length -= strlen(DELETED_SUFFIX);
	if (strncmp(mapped, scan->store->path, root) != 0 || mapped[root] != '/')
		return NULL;
	for (size_t i = 0; i < scan->files->count; i++) {
		const char *path = scan->files->items[i].path;

		if (strlen(path) == length - root - 1 &&
			strncmp(path, mapped + root + 1, strlen(path)) == 0)
			return &scan->files->items[i];
	}
	return NULL;
}

/* A file at a wanted path that no view has: 1 when it is not the wanted one, 0 when it is. */
static int is_other_file(const ExposureFile *file, const char *link)
{
	_cleanup_fd_ int fd = -1;
	Digest digest;

	if (file->removed)
		return 1;
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return 0; /* it ended meanwhile */
	if (digest_of_fd(fd, &digest, NULL) < 0)
		return 1; /* what cannot be read is not known to be fixed */
	return !digest_equal(&digest, &file->digest);
}

static int visit_mapping(pid_t pid, const Mapping *mapping, void *context)
{
	Scan *scan = context;
	const ExposureFile *file;
	char link[PROC_PATH_SIZE];
	struct stat st;
	int r;

	if (!mapping->executable || mapping->path[0] != '/')
		return 0;
	snprintf(link, sizeof(link), "/proc/%d/map_files/%s", pid, mapping->range);
	if (stat(link, &st) < 0)
		return errno == EPERM || errno == EACCES ? -errno : 0;
	r = views_judge(&scan->views, &st, &file);
	if (r < 0)
		return r;
	if (r == VIEW_OLD)
		return expose(scan, pid, file);
	file = r == VIEW_UNKNOWN && scan->at_home ? file_at(scan, mapping->path) : NULL;
	return file && is_other_file(file, link) ? expose(scan, pid, file) : 0;
}

static bool is_at_home(const Scan *scan, pid_t pid)
{
	char path[PROC_PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (stat(path, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(scan->root_inode); i++)
		if (st.st_dev == scan->root_device[i] && st.st_ino == scan->root_inode[i])
			return true;
	return false;
}

static int visit_process(pid_t pid, void *context)
{
	Scan *scan = context;

	scan->at_home = is_at_home(scan, pid);
	scan->first = scan->list.count;
	scan->list.processes++;
	return maps_visit(pid, visit_mapping, scan);
}

static int find_roots(Scan *scan, Reason *reterr_reason)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(scan->root_inode); i++) {
		if ((i == 0 ? stat("/", &st) : fstat(scan->store->root, &st)) < 0)
			return reason_errno(reterr_reason, -errno, "the root folder");
		scan->root_device[i] = st.st_dev;
		scan->root_inode[i] = st.st_ino;
	}
	return 0;
}

int exposure_scan(
	const Store *store, const ExposureFiles *files, ExposureList *ret, Reason *reterr_reason)
{
	Scan scan = {.store = store, .files = files};
	int r = find_roots(&scan, reterr_reason);

	if (r == 0)
		r = views_find(store, files, &scan.views, reterr_reason);
	if (r == 0)
		r = processes_visit(visit_process, &scan);
	views_done(&scan.views);
	if (r < 0) {
		exposure_list_done(&scan.list);
		if (r == -EPERM || r == -EACCES)
			return reason_set(reterr_reason, r,
				"looking at what processes have mapped needs root");
		return reason_errno(reterr_reason, r, "looking at processes");
	}
	*ret = scan.list;
	return 0;
}
