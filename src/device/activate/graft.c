/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/graft.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "device/activate/file-graft.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

const char *const graft_state_names[] = {
	"missing", "on", "leftover", "covered", "foreign", "stale", NULL};

void wanted_set(Wanted *wanted, uint32_t generation, const Digest *record)
{
	char text[DIGEST_TEXT_SIZE];

	*wanted = (Wanted){.generation = generation};
	if (generation == 0)
		return;
	digest_to_text(record, text);
	memcpy(wanted->digest, text, sizeof(wanted->digest) - 1);
}

int graft_init(Graft *graft, const Store *store, const char *directory)
{
	*graft = (Graft){.fd = -1};
	graft->directory = memory_string(directory);
	graft->path = memory_printf("%s/%s", store->path, directory);
	if (graft->directory && graft->path)
		return 0;
	graft_done(graft);
	return -ENOMEM;
}

void graft_done(Graft *graft)
{
	free(graft->directory);
	free(graft->path);
	free(graft->shown);
	free(graft->cover);
	graft->fd = fd_close(graft->fd);
}

static bool is_overlay(const MountEntry *entry)
{
	return mount_is_own_overlay(entry) && strcmp(entry->root, "/") == 0;
}

/* The mount whose superblock tells whose a graft is; NULL: the mount is none. */
static const MountEntry *find_overlay(const MountTable *table, const MountEntry *entry)
{
	if (mount_is_own_overlay(entry)) /* or else it is a file of one */
		return is_overlay(entry) ? entry : NULL;
	return file_graft_first(table, entry);
}

bool graft_is_ours(const Store *store, const MountTable *table, const MountEntry *entry,
	const char **ret_directory)
{
	size_t length = strlen(store->path);

	if (strncmp(entry->point, store->path, length) != 0 || entry->point[length] != '/' ||
		graft_directory_check(entry->point + length + 1, NULL) < 0 ||
		!find_overlay(table, entry))
		return false;
	*ret_directory = entry->point + length + 1;
	return true;
}

static bool is_ours_on(
	const Graft *graft, const Store *store, const MountTable *table, const MountEntry *entry)
{
	const char *directory;

	return graft_is_ours(store, table, entry, &directory) &&
		strcmp(directory, graft->directory) == 0;
}

const Held *graft_held(const HeldList *held, const MountTable *table, const MountEntry *entry)
{
	const MountEntry *overlay = find_overlay(table, entry);

	return overlay ? held_find(held, overlay->device) : NULL;
}

bool wanted_is(const Wanted *wanted, const Held *held)
{
	return held && wanted->generation > 0 && held->generation == wanted->generation &&
		strcmp(held->digest, wanted->digest) == 0;
}

/* Only the overlay that was made last counts: an earlier one of the same generation may have been
 * made over something else. */
static bool shows_wanted(const HeldList *held, const MountTable *table, const MountEntry *entry,
	const Wanted *wanted)
{
	const Held *is = graft_held(held, table, entry);

	for (size_t i = 0; is && i < held->count; i++)
		if (wanted_is(wanted, &held->items[i]) && held->items[i].serial > is->serial &&
			strcmp(held->items[i].directory, is->directory) == 0)
			return false;
	return wanted_is(wanted, is);
}

/* A copy of one of ours without its files is one whose files were unmounted. */
static bool belongs_to_ours(
	const Graft *graft, const Store *store, const MountTable *table, const MountEntry *entry)
{
	while (entry && !is_ours_on(graft, store, table, entry)) {
		const MountEntry *parent = mount_table_find(table, entry->parent);

		if (!parent || parent == entry || parent->device != entry->device ||
			strcmp(parent->root, entry->root) != 0 ||
			strcmp(parent->point, entry->point) != 0)
			return false;
		entry = parent;
	}
	return entry;
}

/* Walks from the top of the stack down, as long as mounts are ours and on this very directory.
 * Returns what lies below; NULL: that is outside of this process's root. */
static const MountEntry *count_stack(Graft *graft, const Store *store, const MountTable *table,
	const HeldList *held, const Wanted *wanted)
{
	const MountEntry *entry = mount_table_find(table, graft->top.id);
	bool found = false;

	graft->depth = graft->above_wanted = 0;
	while (entry && belongs_to_ours(graft, store, table, entry)) {
		found = found || shows_wanted(held, table, entry, wanted);
		graft->above_wanted += !found;
		graft->depth++;
		entry = mount_table_find(table, entry->parent);
	}
	return entry;
}

/* Whether the copy below base/ shows what lies below the grafts. systemd-sysext changes that when
 * it merges or unmerges, with the graft below its mount or, since version 255, moved onto it. */
static int compare_base_copy(
	Graft *graft, const Runtime *runtime, const MountTable *table, const MountEntry *below)
{
	_cleanup_free_ char *point = memory_printf("%s/base/%s", runtime->path, graft->directory);
	const MountEntry *copy = point ? mount_table_at(table, point) : NULL;
	MountPlace is = {}, should = {};
	int r = point ? 0 : -ENOMEM;

	graft->base_is_kept = copy;
	if (r < 0 || !copy || !below)
		return r;
	r = mount_place(copy, point, &is);
	if (r == 0)
		r = mount_place(below, graft->path, &should);
	graft->base_is_kept = r == 0 && mount_place_equal(&is, &should);
	mount_place_done(&is);
	mount_place_done(&should);
	return r;
}

static bool is_hidden_somewhere(const Graft *graft, const Store *store, const MountTable *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (is_ours_on(graft, store, table, &table->entries[i]))
			return true;
	return false;
}

static GraftState state_of(const Graft *graft, const Store *store, const MountTable *table,
	const HeldList *held, const Wanted *wanted)
{
	const MountEntry *top = mount_table_find(table, graft->top.id);

	if (graft->is_torn)
		return GRAFT_MISSING;
	if (graft->depth > 0 && graft->above_wanted == 0 && graft->base_is_kept)
		return GRAFT_ON;
	if (graft->depth > 0)
		return wanted_is(wanted, graft_held(held, table, top)) ? GRAFT_STALE
								       : GRAFT_LEFTOVER;
	if (is_hidden_somewhere(graft, store, table))
		return GRAFT_COVERED;
	return graft->foreign ? GRAFT_FOREIGN : GRAFT_MISSING;
}

/* The mount that hides ours: the one that the path leads to or, where it leads to nothing, what was
 * mounted last on the way. */
static int remember_cover(Graft *graft, const MountTable *table)
{
	const MountEntry *cover = mount_table_find(table, graft->top.id);

	free(graft->cover);
	graft->cover = NULL;
	if (graft->state != GRAFT_COVERED)
		return 0;
	for (size_t i = table->count; !cover && i-- > 0;)
		if (path_is_below(graft->path, table->entries[i].point))
			cover = &table->entries[i];
	graft->cover = cover ? memory_printf("%s:%s", cover->type, cover->source)
			     : memory_string("unknown");
	if (!graft->cover)
		return -ENOMEM;
	for (char *c = graft->cover; *c; c++) /* one word in a line */
		if (*c == ' ' || (unsigned char)*c < ' ')
			*c = '_';
	return 0;
}

static int remember_shown(Graft *graft, const MountTable *table, const HeldList *held)
{
	const MountEntry *top = mount_table_find(table, graft->top.id);
	const Held *is = top && graft->depth > 0 ? graft_held(held, table, top) : NULL;

	free(graft->shown);
	graft->shown = NULL;
	graft->generation = 0;
	if (!is)
		return 0;
	graft->generation = is->generation;
	graft->shown = memory_string(is->point);
	return graft->shown ? 0 : -ENOMEM;
}

/* Whether a mount shows what it covers, as a graft by files does when all its files were unmounted:
 * it is in nobody's way. */
static int shows_what_it_covers(
	const MountTable *table, const MountEntry *mount, const char *path, bool *ret)
{
	const MountEntry *covered = mount_table_find(table, mount->parent);
	MountPlace is = {}, below = {};
	int r = covered ? mount_place(mount, path, &is) : 0;

	if (r == 0 && covered)
		r = mount_place(covered, path, &below);
	*ret = mount_place_equal(&is, &below);
	mount_place_done(&is);
	mount_place_done(&below);
	return r;
}

static int look_at_top(Graft *graft, const MountTable *table, const HeldList *held)
{
	const MountEntry *top = mount_table_find(table, graft->top.id);
	const Held *is = top && graft->depth > 0 ? graft_held(held, table, top) : NULL;
	const MountEntry *whole = is ? mount_table_at(table, is->point) : NULL;
	bool same = false;
	int r = 0;

	if (top && graft->depth == 0 && graft->top.is_root)
		r = shows_what_it_covers(table, top, graft->path, &same);
	graft->by_file = graft->depth > 0 && !is_overlay(top);
	graft->is_torn = graft->by_file && whole &&
		file_graft_count(table, top) < file_graft_count(table, whole);
	graft->foreign = graft->depth == 0 && graft->top.is_root && !same;
	return r;
}

int graft_inspect(Graft *graft, const Runtime *runtime, const MountTable *table,
	const HeldList *held, const Wanted *wanted, Reason *reterr_reason)
{
	const MountEntry *below;
	int r = mount_id(AT_FDCWD, graft->path, &graft->top);

	if (r == -ENOENT || r == -ENOTDIR)
		graft->top = (MountId){};
	else if (r < 0)
		return reason_errno(reterr_reason, r, "%s", graft->path);
	below = count_stack(graft, runtime->store, table, held, wanted);
	graft->carrier = below ? below->id : 0;
	r = compare_base_copy(graft, runtime, table, below);
	if (r == 0)
		r = look_at_top(graft, table, held);
	if (r < 0)
		return r;
	graft->state = state_of(graft, runtime->store, table, held, wanted);
	r = remember_cover(graft, table);
	return r < 0 ? r : remember_shown(graft, table, held);
}

/* Every component must be a real directory: a link could lead out of what the seal names. */
static int check_directory(const Graft *graft, const Store *store, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_string(graft->directory);
	struct stat st;

	if (!path)
		return -ENOMEM;
	for (char *slash = path; slash; *slash = '/') {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return reason_errno(
				reterr_reason, -errno, "the base's %s/%s", store->path, path);
		if (!S_ISDIR(st.st_mode))
			return reason_set(reterr_reason, -ENOTDIR,
				"the base's %s/%s is no directory, so nothing can be grafted there",
				store->path, path);
		if (!slash)
			break;
	}
	return 0;
}

static bool is_file_of_graft(const MountTable *table, const MountEntry *entry)
{
	const MountEntry *parent = mount_table_find(table, entry->parent);

	return parent && file_graft_has(parent, entry);
}

int graft_check(
	const Graft *graft, const Store *store, const MountTable *table, Reason *reterr_reason)
{
	int r = check_directory(graft, store, reterr_reason);

	if (r < 0)
		return r;
	if (graft->foreign)
		return reason_set(reterr_reason, -EBUSY,
			"a mount that is not Suture's is on %s: unmount it, then try again",
			graft->path);
	for (size_t i = 0; i < table->count; i++) {
		const char *point = table->entries[i].point;

		if (path_is_below(point, graft->path) && strcmp(point, graft->path) != 0 &&
			!is_file_of_graft(table, &table->entries[i]))
			return reason_set(reterr_reason, -EBUSY,
				"%s is mounted below the graft directory %s, which would hide it: "
				"unmount it, then try again",
				point, graft->path);
	}
	return 0;
}

static int clone_shown(const Graft *graft, const char *point, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = -1;
	int r = mount_clone_tree(point, &fd, reterr_reason);

	if (r == 0)
		r = mount_set_like(fd, graft->path, reterr_reason);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int graft_prepare(Graft *graft, const Runtime *runtime, const char *name, Reason *reterr_reason)
{
	_cleanup_free_ char *point =
		memory_printf("%s/overlay/%s/%s", runtime->path, name, graft->directory);

	if (!point)
		return -ENOMEM;
	return clone_shown(graft, point, &graft->fd, reterr_reason);
}

static int check_top(const Graft *graft, const MountId *expected, Reason *reterr_reason)
{
	MountId is;
	int r = mount_id(AT_FDCWD, graft->path, &is);

	if (r < 0)
		return reason_errno(reterr_reason, r, "%s", graft->path);
	if (is.unique != expected->unique)
		return reason_set(reterr_reason, -EBUSY,
			"something else was mounted on %s, or unmounted, at the same time",
			graft->path);
	return 0;
}

static int failed(const Graft *graft, int error, const char *step, Reason *reterr_reason)
{
	return reason_errno(reterr_reason, error, "%s %s", step, graft->path);
}

/* Below the old mount first, then the old one off: readers see the new tree from that instant.
 * Where the second step fails the new mount stays below, unseen: taking it out from there would
 * show the base for an instant, and removal takes it along. */
static int replace_beneath(const Graft *graft, Reason *reterr_reason)
{
	int r = mount_attach_beneath(graft->fd, graft->path);

	if (r < 0)
		return r == -EINVAL ? 1 : failed(graft, r, "replacing the graft on", reterr_reason);
	r = check_top(graft, &graft->top, reterr_reason);
	if (r < 0)
		return r;
	r = mount_detach(graft->path);
	return r == 0 ? 0 : failed(graft, r, "detaching the old graft from", reterr_reason);
}

static int put_on(Graft *graft, unsigned features, Reason *reterr_reason)
{
	MountId new;
	int r = mount_id(graft->fd, "", &new);

	if (r < 0)
		return failed(graft, r, "identifying the new mount for", reterr_reason);
	r = 1;
	if (graft->depth > 0 && !graft->by_file && features & FEATURE_BENEATH)
		r = replace_beneath(graft, reterr_reason);
	/* the first graft, or a kernel before 6.5: on top of what is there, which leaves no gap
	 * either; what lies below goes with the removal, or the next boot. So does a graft by
	 * files: detached, it loses its files, and a reader on its way through it, or who has the
	 * directory open, would find the base's */
	if (r == 1) {
		r = mount_attach(graft->fd, graft->path);
		if (r < 0)
			return failed(graft, r, "grafting on", reterr_reason);
	}
	graft->fd = fd_close(graft->fd);
	if (r < 0)
		return r;
	graft->moved = true;
	graft->top = new;
	return check_top(graft, &new, reterr_reason);
}

static int inspect_again(Graft *graft, const Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_free_ char *shown = TAKE_PTR(graft->shown); /* of before: the way back */
	HeldList none = {};
	Wanted base = {};
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = graft_inspect(graft, runtime, table, &none, &base, reterr_reason);
	graft->shown = TAKE_PTR(shown);
	return r;
}

/* One detach may uncover another mount of ours: a crash, or an older kernel, piled them up. */
static int take_off(Graft *graft, const Runtime *runtime, Reason *reterr_reason)
{
	for (;;) {
		int r = inspect_again(graft, runtime, reterr_reason);

		if (r < 0)
			return r;
		if (graft->depth == 0)
			break;
		r = mount_detach(graft->path);
		if (r < 0)
			return failed(graft, r, "detaching the graft from", reterr_reason);
		graft->moved = true;
	}
	if (graft->foreign)
		return reason_set(reterr_reason, -EBUSY,
			"a mount that is not Suture's is on %s: unmount it, then try again",
			graft->path);
	return graft_compare_with_base(graft, runtime, reterr_reason);
}

int graft_compare_with_base(const Graft *graft, const Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_free_ char *copy = memory_printf("%s/base/%s", runtime->path, graft->directory);
	struct stat base, now;

	if (!copy)
		return -ENOMEM;
	if (!graft->base_is_kept) /* another mount came over, or below, the graft meanwhile */
		return 0;
	if (stat(copy, &base) < 0) /* a leftover of another time; there is nothing to compare */
		return errno == ENOENT ? 0 : failed(graft, -errno, "the base of", reterr_reason);
	if (stat(graft->path, &now) < 0)
		return failed(graft, -errno, "looking at", reterr_reason);
	if (base.st_dev == now.st_dev && base.st_ino == now.st_ino)
		return 0;
	return reason_set(reterr_reason, -ESTALE,
		"%s is not the base's directory although no graft is on it", graft->path);
}

int graft_show(Graft *graft, const Runtime *runtime, Reason *reterr_reason)
{
	int r = 0;

	if (graft->fd < 0)
		return take_off(graft, runtime, reterr_reason);
	r = check_top(graft, &graft->top, reterr_reason);
	return r < 0 ? r : put_on(graft, runtime->features, reterr_reason);
}

int graft_restore(Graft *graft, const Runtime *runtime, Reason *reterr_reason)
{
	int r = inspect_again(graft, runtime, reterr_reason);

	if (r < 0)
		return r;
	graft->fd = fd_close(graft->fd);
	if (graft->shown)
		r = clone_shown(graft, graft->shown, &graft->fd, reterr_reason);
	return r < 0 ? r : graft_show(graft, runtime, reterr_reason);
}

int graft_reconcile(Graft *graft, Reason *reterr_reason)
{
	int r;

	/* what lies below a graft by files was there before it */
	if (graft->by_file || graft->above_wanted == 0 || graft->above_wanted == graft->depth)
		return 0;
	r = check_top(graft, &graft->top, reterr_reason);
	if (r < 0)
		return r;
	for (size_t i = 0; i < graft->above_wanted; i++) {
		r = mount_detach(graft->path);
		if (r < 0)
			return failed(graft, r, "detaching a leftover from", reterr_reason);
	}
	return 0;
}
