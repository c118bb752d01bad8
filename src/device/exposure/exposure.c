/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/exposure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/text.h"
#include "device/exposure/memo.h"
#include "device/exposure/modules.h"
#include "device/exposure/place.h"
#include "device/exposure/process.h"
#include "device/exposure/views.h"

#define PROC_PATH_SIZE 128
#define DELETED_SUFFIX " (deleted)"

const char *const exposure_kind_names[] = {"exe", "library", "deleted", "may-run", NULL};

/* A mapped file that is an old version of a wanted one, or could be. */
typedef struct Hit {
	const ExposureFile *file;
	bool shown;  /* by a view */
	Place place; /* else */
} Hit;

/* A mapped file that was hashed because no view shows it. */
typedef struct Hashed {
	dev_t device;
	ino_t inode;
	Digest digest; /* of what cannot be read zero: it is not known to be fixed */
} Hashed;

typedef struct Scan {
	const Store *store;
	Views views;
	const ExposureFile **names; /* the wanted files by their last name */
	size_t name_count;
	Places places;
	Memo memo;
	Hit *hits;
	size_t hit_count;
	Hashed *hashed;
	size_t hashed_count;
	ExposureList list;
	World homes[2];           /* the host's and the device's */
	World world;              /* of the process that is looked at */
	size_t first, first_copy; /* its entries in the list */
} Scan;

static void scan_done(Scan *scan)
{
	views_done(&scan->views);
	places_done(&scan->places);
	memo_done(&scan->memo);
	free(scan->names);
	free(scan->hits);
	free(scan->hashed);
}

static void free_exposed(Exposed *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].exe);
		free(items[i].cgroup);
		free(items[i].unit);
		free(items[i].root);
	}
	free(items);
}

void exposure_list_done(ExposureList *list)
{
	free_exposed(list->items, list->count);
	free_exposed(list->copies, list->copy_count);
	free(list->modules);
	*list = (ExposureList){};
}

static bool is_listed(const Exposed *items, size_t first, size_t count, const ExposureFile *file)
{
	for (size_t i = first; i < count; i++)
		if (items[i].file == file)
			return true;
	return false;
}

static int add(Exposed **items, size_t *count, pid_t pid, const ExposureFile *file)
{
	int r = memory_grow(items, *count, sizeof(Exposed));
	Exposed *exposed;

	if (r < 0)
		return r;
	exposed = &(*items)[(*count)++];
	*exposed = (Exposed){.pid = pid, .file = file};
	if (*count > 1 && exposed[-1].pid == pid)
		return process_describe_again(&exposed[-1], exposed);
	return process_describe(pid, exposed);
}

static ExposureKind kind_of(const Exposed *exposed, const Mapping *mapping, const Hit *hit)
{
	if (hit->file->use == USE_HOST)
		return EXPOSURE_MAY_RUN;
	if (!hit->shown || text_ends_with(mapping->path, DELETED_SUFFIX))
		return EXPOSURE_DELETED;
	return strcmp(exposed->exe, mapping->path) == 0 ? EXPOSURE_EXE : EXPOSURE_LIBRARY;
}

static int add_exposed(Scan *scan, pid_t pid, const Mapping *mapping, const Hit *hit)
{
	ExposureList *list = &scan->list;
	int r;

	if (is_listed(list->items, scan->first, list->count, hit->file))
		return 0;
	if (hit->file->use == USE_HOST) {
		r = process_may_run(scan->store, pid, hit->file);
		if (r <= 0)
			return r;
	}
	r = add(&list->items, &list->count, pid, hit->file);
	if (r == 0)
		list->items[list->count - 1].kind =
			kind_of(&list->items[list->count - 1], mapping, hit);
	return r;
}

/* Whether its root is ours, or the device's. */
static bool is_at_home(const Scan *scan)
{
	for (size_t i = 0; i < ARRAY_SIZE(scan->homes); i++)
		if (scan->world.root_device == scan->homes[i].root_device &&
			scan->world.root_inode == scan->homes[i].root_inode)
			return true;
	return false;
}

/* Whether it has other files than this system. */
static bool is_apart(const Scan *scan)
{
	return !is_at_home(scan) || scan->world.namespace != scan->homes[0].namespace;
}

static int add_copy(Scan *scan, pid_t pid, const Hit *hit)
{
	ExposureList *list = &scan->list;

	if (is_listed(list->copies, scan->first_copy, list->copy_count, hit->file))
		return 0;
	return add(&list->copies, &list->copy_count, pid, hit->file);
}

static int report(Scan *scan, pid_t pid, const Mapping *mapping, const Hit *hit)
{
	bool ours = hit->shown || hit->place == PLACE_OURS ||
		(hit->place == PLACE_DETACHED && is_at_home(scan));

	if (ours)
		return add_exposed(scan, pid, mapping, hit);
	return hit->file->use == USE_HOST ? 0 : add_copy(scan, pid, hit);
}

static int add_hit(Scan *scan, Hit hit)
{
	int r = memory_grow(&scan->hits, scan->hit_count, sizeof(Hit));

	if (r == 0)
		scan->hits[scan->hit_count++] = hit;
	return r;
}

/* The length of the last name without " (deleted)", and where it begins. */
static size_t last_name(const char *mapped, const char **ret_name)
{
	size_t length;

	*ret_name = path_name(mapped);
	length = strlen(*ret_name);
	return text_ends_with(mapped, DELETED_SUFFIX) ? length - strlen(DELETED_SUFFIX) : length;
}

static bool has_name(const ExposureFile *file, const char *mapped)
{
	const char *name, *wanted = path_name(file->path);
	size_t length = last_name(mapped, &name);

	return strlen(wanted) == length && strncmp(wanted, name, length) == 0;
}

/* Of the wanted paths that show one file, as hard links, the mapped name tells which is meant. */
static int match_views(Scan *scan, const Mapping *mapping, View *views, size_t count)
{
	bool any_named = false;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		any_named = any_named || has_name(views[i].file, mapping->path);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (any_named && !has_name(views[i].file, mapping->path))
			continue;
		r = view_judge(&views[i]);
		if (r == 0 && views[i].verdict == VIEW_OLD)
			r = add_hit(scan, (Hit){.file = views[i].file, .shown = true});
	}
	return r;
}

/* Containers share files, though they are worlds of their own: each is hashed once. */
static int hash_mapped(Scan *scan, const char *link, Digest *ret)
{
	_cleanup_fd_ int fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	Hashed hashed = {};
	struct stat st;
	int r;

	*ret = hashed.digest;
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < scan->hashed_count; i++)
		if (scan->hashed[i].device == st.st_dev && scan->hashed[i].inode == st.st_ino) {
			*ret = scan->hashed[i].digest;
			return 0;
		}
	hashed.device = st.st_dev;
	hashed.inode = st.st_ino;
	r = digest_of_fd(fd, &hashed.digest, NULL);
	if (r == -ENOMEM)
		return r;
	r = memory_grow(&scan->hashed, scan->hashed_count, sizeof(Hashed));
	if (r == 0)
		scan->hashed[scan->hashed_count++] = hashed;
	*ret = hashed.digest;
	return r;
}

static size_t best_likeness(const ExposureFile **files, size_t count, const char *name)
{
	size_t best = 0;

	for (size_t i = 0; i < count; i++)
		if (place_likeness(files[i]->path, name) > best)
			best = place_likeness(files[i]->path, name);
	return best;
}

/* 1: what is mapped there is the wanted file. */
static int is_wanted(Scan *scan, const char *link, const ExposureFile *file)
{
	Digest digest;
	int r;

	if (file->use != USE_MAPPED || file->removed)
		return 0;
	r = hash_mapped(scan, link, &digest);
	return r < 0 ? r : digest_equal(&digest, &file->digest);
}

/* What has the same files as this system can have no copy; and a copy is one of the wanted file
 * whose path is most like its own. */
static bool concerns(const Scan *scan, const Hit *hit, bool is_nearest)
{
	if (hit->place == PLACE_ELSEWHERE)
		return is_apart(scan) && is_nearest;
	return hit->place != PLACE_BESIDE;
}

static int match_places(
	Scan *scan, const PlaceOf *of, const char *link, const ExposureFile **files, size_t count)
{
	size_t best = best_likeness(files, count, of->name);

	for (size_t i = 0; i < count; i++) {
		Hit hit = {.file = files[i]};
		int r = place_find(&scan->places, of, files[i], &hit.place);

		if (r == 0 &&
			!concerns(scan, &hit, place_likeness(files[i]->path, of->name) == best))
			continue;
		if (r == 0)
			r = is_wanted(scan, link, files[i]);
		if (r == 0)
			r = add_hit(scan, hit);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_with_name(const void *key, const void *item)
{
	const char *name, *wanted = path_name((*(const ExposureFile *const *)item)->path);
	size_t length = last_name(key, &name);
	int order = strncmp(name, wanted, length);

	return order ? order : (wanted[length] ? -1 : 0);
}

/* The wanted files with the last name of a mapped one stand together: their number. */
static size_t files_named(const Scan *scan, const char *mapped, const ExposureFile ***ret_first)
{
	const ExposureFile **end = scan->names + scan->name_count, **first, **last;

	if (scan->name_count == 0)
		return 0;
	first = bsearch(
		mapped, scan->names, scan->name_count, sizeof(*scan->names), compare_with_name);
	if (!first)
		return 0;
	for (last = first; last < end && has_name(*last, mapped);)
		last++;
	while (first > scan->names && has_name(first[-1], mapped))
		first--;
	*ret_first = first;
	return (size_t)(last - first);
}

/* A file that no view shows. */
static int match_names(Scan *scan, pid_t pid, const Mapping *mapping, const char *link, int mount)
{
	_cleanup_free_ char *name = NULL;
	PlaceOf of = {
		.pid = pid, .mount = mount, .device = makedev(mapping->major, mapping->minor)};
	const ExposureFile **files;
	size_t count = files_named(scan, mapping->path, &files);

	if (count == 0)
		return 0;
	name = memory_string(mapping->path);
	if (!name)
		return -ENOMEM;
	if (text_ends_with(name, DELETED_SUFFIX))
		name[strlen(name) - strlen(DELETED_SUFFIX)] = '\0';
	of.name = name;
	return match_places(scan, &of, link, files, count);
}

/* 1: the process, or the mapping, is gone. */
static int match(Scan *scan, pid_t pid, const Mapping *mapping)
{
	char link[PROC_PATH_SIZE];
	struct statx st;
	View *views;
	size_t count;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%s", pid, mapping->range);
	if (statx(AT_FDCWD, link, AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO | STATX_MNT_ID, &st) < 0)
		return errno == EPERM || errno == EACCES ? -errno : 1;
	count = views_of(
		&scan->views, makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, &views);
	return count > 0 ? match_views(scan, mapping, views, count)
			 : match_names(scan, pid, mapping, link, (int)st.stx_mnt_id);
}

static int visit_mapping(pid_t pid, const Mapping *mapping, void *context)
{
	Scan *scan = context;
	MemoEntry *known;
	int r;

	if (mapping->path[0] != '/')
		return 0;
	r = memo_find(&scan->memo, &scan->world, mapping, &known);
	if (r == 0) {
		known->first = scan->hit_count;
		r = match(scan, pid, mapping);
		if (r > 0)
			return 0;
		known->count = scan->hit_count - known->first;
		known->filled = r == 0;
	}
	for (size_t i = 0; r >= 0 && i < known->count; i++)
		r = report(scan, pid, mapping, &scan->hits[known->first + i]);
	return r < 0 ? r : 0;
}

/* What cannot be asked is no world of ours. */
static World world_of(pid_t pid)
{
	struct stat root = {}, namespace = {};
	char path[PROC_PATH_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	stat(path, &root);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	stat(path, &namespace);
	return (World){namespace.st_ino, root.st_dev, root.st_ino};
}

static int visit_process(pid_t pid, void *context)
{
	Scan *scan = context;
	int r;

	scan->world = world_of(pid);
	scan->first = scan->list.count;
	scan->first_copy = scan->list.copy_count;
	scan->list.processes++;
	r = maps_visit_executable(pid, visit_mapping, scan);
	if (r == MAPS_DENIED)
		scan->list.denied++;
	return r < 0 ? r : 0;
}

static int find_homes(Scan *scan)
{
	struct stat device;

	if (fstat(scan->store->root, &device) < 0)
		return -errno;
	scan->homes[0] = scan->homes[1] = world_of(getpid());
	scan->homes[1].root_device = device.st_dev;
	scan->homes[1].root_inode = device.st_ino;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(path_name((*(const ExposureFile *const *)a)->path),
		path_name((*(const ExposureFile *const *)b)->path));
}

static int sort_names(Scan *scan, const ExposureFiles *files)
{
	scan->names = memory_new_array(files->count, sizeof(*scan->names));
	if (!scan->names)
		return -ENOMEM;
	for (size_t i = 0; i < files->count; i++)
		if (files->items[i].use != USE_MODULE)
			scan->names[scan->name_count++] = &files->items[i];
	if (scan->name_count > 0)
		qsort(scan->names, scan->name_count, sizeof(*scan->names), compare_names);
	return 0;
}

static int find_modules(Scan *scan, const ExposureFiles *files)
{
	ExposureList *list = &scan->list;

	for (size_t i = 0; i < files->count; i++) {
		int r;

		if (files->items[i].use != USE_MODULE)
			continue;
		r = module_is_old(scan->store, &files->items[i]);
		if (r == 0)
			continue;
		if (r > 0)
			r = memory_grow(&list->modules, list->module_count, sizeof(*list->modules));
		if (r < 0)
			return r;
		list->modules[list->module_count++] = &files->items[i];
	}
	return 0;
}

static int look_at_all(Scan *scan, const ExposureFiles *files)
{
	int r = find_homes(scan);

	if (r == 0)
		r = sort_names(scan, files);
	if (r == 0)
		r = views_find(scan->store, files, &scan->views);
	if (r == 0)
		r = find_modules(scan, files);
	return r == 0 ? processes_visit(visit_process, scan) : r;
}

int exposure_scan(
	const Store *store, const ExposureFiles *files, ExposureList *ret, Reason *reterr_reason)
{
	Scan scan = {.store = store, .places = {.store = store}};
	int r = look_at_all(&scan, files);

	scan_done(&scan);
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
