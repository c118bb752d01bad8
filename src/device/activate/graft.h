/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Graft: one graft directory: what is mounted on it, and how that is changed without an instant in
 * which a reader finds nothing, or the old after the change.
 *
 * Before and after each step the mount on top is compared with what it must be (grafting rule 17):
 * a foreign mount is never moved or removed.
 */
#include "device/activate/mount.h"
#include "device/activate/runtime.h"

typedef enum GraftState {
	GRAFT_MISSING,  /* nothing of ours is there, or not all of it */
	GRAFT_ON,       /* the wanted generation is on top */
	GRAFT_LEFTOVER, /* ours, but not the wanted generation */
	GRAFT_COVERED,  /* ours is there, but something foreign hides it */
	GRAFT_FOREIGN,  /* something foreign is mounted there, and nothing of ours */
	GRAFT_STALE,    /* the wanted generation is on top, but made over what lies below no more */
} GraftState;
extern const char *const graft_state_names[];

/* Which generation a directory should show. Number 0 is the base. */
typedef struct Wanted {
	uint32_t generation;
	char digest[17]; /* as Held.digest */
} Wanted;
void wanted_set(Wanted *wanted, uint32_t generation, const Digest *record);
bool wanted_is(const Wanted *wanted, const Held *held); /* never the base; `held` may be NULL */

typedef struct Graft {
	char *directory; /* relative to the root */
	char *path;      /* below the root's path */

	/* set by graft_inspect() */
	GraftState state;
	MountId top;         /* what the path leads to; top.id 0: nothing */
	size_t depth;        /* mounts of ours in a row, from the top */
	size_t above_wanted; /* how many of them lie above the wanted one; depth when none is */
	char *shown; /* the point below overlay/ of what is on top; NULL: the base, or lost */
	uint32_t generation; /* that is on top; 0 with depth > 0: unknown */
	int carrier; /* the mount that carries the directory, below those of ours; 0: unknown */
	bool base_is_kept; /* base/<directory> is a copy of what lies below the grafts now */
	bool by_file;      /* what is on top is a graft by files (file-graft.h) */
	bool is_torn;      /* and files of it are missing: somebody unmounted them */
	bool foreign;      /* on top is a mount of others that shows something else */
	char *cover;       /* covered: by what, as "overlay:sysext"; NULL else */

	int fd; /* the new mount, detached, ready to be shown; -1: the base is to be shown */
	bool moved;
} Graft;

int graft_init(Graft *graft, const Store *store, const char *directory);
void graft_done(Graft *graft);

/* Whether a mount is a graft on a directory below the store's root: an overlay of ours, or a copy
 * of the base with files of one. If so *ret_directory points to the directory's relative path
 * inside entry->point. */
bool graft_is_ours(const Store *store, const MountTable *table, const MountEntry *entry,
	const char **ret_directory);

/* The overlay that a graft shows; NULL: it is not held any more. */
const Held *graft_held(const HeldList *held, const MountTable *table, const MountEntry *entry);

int graft_inspect(Graft *graft, const Runtime *runtime, const MountTable *table,
	const HeldList *held, const Wanted *wanted, Reason *reterr_reason);

/* -EBUSY when a foreign mount is in the way or lies below, -ENOENT when the base has no such
 * directory. A mount over a parent, as systemd-sysext makes it, is in nobody's way: what it shows
 * is the base from then on (grafting rule 18). */
int graft_check(
	const Graft *graft, const Store *store, const MountTable *table, Reason *reterr_reason);

/* Takes a copy of the attached overlay/<name>/<directory> that graft_show() can put on. */
int graft_prepare(Graft *graft, const Runtime *runtime, const char *name, Reason *reterr_reason);

/* Puts on the prepared mount, or shows the base where there is none. */
int graft_show(Graft *graft, const Runtime *runtime, Reason *reterr_reason);

/* After graft_show(): back to what was shown when it was inspected. */
int graft_restore(Graft *graft, const Runtime *runtime, Reason *reterr_reason);

/* Removes mounts of ours that lie above the wanted one: what a crash between the two steps of a
 * replacement leaves. */
int graft_reconcile(Graft *graft, Reason *reterr_reason);

/* Whether the directory is the very one that was copied before the first graft. 0 or -ESTALE. */
int graft_compare_with_base(const Graft *graft, const Runtime *runtime, Reason *reterr_reason);
