/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Store: what a device keeps, below ROOT/var/lib/suture:
 *
 *     images/<sha256>.erofs     complete, verified, never changed again
 *     images/<sha256>.tree      its hash tree, where the file system keeps none (fs-verity)
 *     generations/N             records (generation.h); generation 0 is the base and has no file
 *     current                   symbolic link to generations/N; absent means 0
 *     trial                     that the current generation has not settled yet (trial.h)
 *     bad/<sha256>              images that must not be tried again, and why
 *     notes/                    what the vendor says of improvements (notes-file.h)
 *     partial/                  downloads and images in the making
 *     history                   what happened, one JSON object per line (history.h)
 *     removed                   what the owner took off, and stays off
 *     lost                      what was taken off because it was damaged, and is to come back
 *     rehearsed                 an improvement without images that is installed: it has no record
 *     pinned.json               a root that an enrolment has verified
 *     owner.conf                what the owner set by commands (device/policy)
 *     postponed                 until when the owner put improvements off (device/policy)
 *
 * Every commit is write beside, fsync, rename, fsync of the directory. There is no second copy of
 * any state that could disagree with the first.
 *
 *     r = store_open("/", &store, &reason);
 *     …  store_open_partial(), write, store_commit_image()           for each image
 *     …  store_commit_generation(store, generation, &n, &reason)
 *     …  store_set_current(store, n, &reason)                        the activator's part
 *
 * A root without a store reads as an empty one; the first write makes it. Stager and activator may
 * work at once: only the activator moves `current`, only the stager removes.
 */
#include <stdint.h>

#include "base/reason.h"
#include "crypto/digest.h"
#include "device/store/generation.h"
#include "wire/identity/identity.h"
#include "wire/seal/policy.h"

#define STORE_PATH           "var/lib/suture"
#define STORE_NUMBER_MAX     999999999 /* nine digits: one generation a minute for 1900 years */
#define STORE_BAD_TEXT_MAX   4096
#define STORE_TREE_NAME_SIZE (sizeof("images/") + 2 * DIGEST_SIZE + sizeof(".tree"))

/* What is mounted, below the root: made by the activator, looked at by exposure and by
 * store_remove_unused(). All of it is hidden from unprivileged users. */
#define STORE_RUN          "run/suture"
#define STORE_RUN_IMAGES   STORE_RUN "/image"   /* image/<sha256>: one mount per image */
#define STORE_RUN_BASE     STORE_RUN "/base"    /* base/<directory>: the pristine base */
#define STORE_TRIAL_LOCK   "run/suture.trial"   /* held by who watches the trial */
#define STORE_BLESSED      "run/suture.blessed" /* the boot has completed */
#define STORE_RUN_OVERLAYS STORE_RUN "/overlay" /* overlay/<serial>-<N>-<digest>/<directory> */
#define STORE_RUN_SINCE    STORE_RUN "/since"   /* since/<sha256>: when a mounted image came */

/* The source of every overlay and tmpfs of ours, so that people and we find them in mountinfo. */
#define MOUNT_SOURCE "suture"

typedef struct Store {
	int root;        /* directory descriptor */
	int dir;         /* of STORE_PATH; -1 while it does not exist */
	char *path;      /* the root's canonical path, without a slash at the end: "" for "/" */
	const char *run; /* the run folder, where it is not the root's: in an initrd. Borrowed */
} Store;

int store_open(const char *root, Store **ret, Reason *reterr_reason);
Store *store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

/* The base: os-release (usr/lib, then etc) and the seal policy. No policy file is `digest-only`. */
int store_read_identity(const Store *store, BaseIdentity *ret, Reason *reterr_reason);
int store_read_policy(const Store *store, SealPolicy *ret, Reason *reterr_reason);

/* Opens, or makes, partial/<name> for reading and writing; it is kept over a crash, to be resumed.
 */
int store_open_partial(Store *store, const char *name, int *ret_fd, Reason *reterr_reason);

/* Makes partial/<name> the image of this digest, after hashing it: -EKEYREJECTED when it is not. */
int store_commit_image(Store *store, const char *name, const Digest *digest, Reason *reterr_reason);

/* Opens images/<sha256>.erofs for reading; -ENOENT with a reason when it is not there. */
int store_open_image(const Store *store, const Digest *digest, int *ret_fd, Reason *reterr_reason);

/* Lets the kernel verify later reads of an image that was committed: turns on fs-verity where the
 * file system has it, else writes images/<sha256>.tree for dm-verity. What was done before, and is
 * whole, is left. -EKEYREJECTED when the root is not the sealed one. */
int store_prepare_verity(Store *store, const Seal *seal, Reason *reterr_reason);
int store_open_tree(const Store *store, const Digest *image, int *ret_fd, Reason *reterr_reason);

/* fs-verity's digest of an open image, which the kernel vouches for; 1: it has none. */
int store_measure_image(int image, Digest *ret_digest);

/* 1 when an image of the generation is missing from the store, or it or its hash tree is not what
 * its seal says, with the component's name; 0: all are whole. */
int store_find_damage(const Store *store, const Generation *generation,
	char ret_component[static SEAL_NAME_MAX + 1]);

/* Writes the record under the next free number, which was never used before. */
int store_commit_generation(
	Store *store, const Generation *generation, uint32_t *ret_number, Reason *reterr_reason);

/* -ENOENT with a reason when there is none, and for 0; else as generation_parse(). */
int store_read_generation(
	const Store *store, uint32_t number, Generation **ret, Reason *reterr_reason);

int store_current(const Store *store, uint32_t *ret_number, Reason *reterr_reason);
int store_set_current(Store *store, uint32_t number, Reason *reterr_reason);

/* The numbers of all records, ascending; the caller frees them. */
int store_list_generations(const Store *store, uint32_t **ret_numbers, size_t *ret_count);

/* Removes what nothing needs: all generations but the current one, the one that its trial goes back
 * to, the newest good one above it (staged, or taken off by the owner) and the newest good one
 * below it (the way back), both of this base; then all
 * images in none of these that are not mounted, and the notes of bases that neither run nor have a
 * generation among these. A generation is good when its record can be read and none of its images
 * is marked bad. */
int store_remove_unused(Store *store, Reason *reterr_reason);

/* Marks an image as not to be tried again. `for_good`: it was seen to fail. Otherwise a machine
 * that went down during its trial is the only sign, which power cuts give too: then it may be tried
 * again after 1, 4 and 16 hours, and not after that. */
int store_mark_bad(
	Store *store, const Digest *image, const char *why, bool for_good, Reason *reterr_reason);
/* 0 and why (caller frees), or 1: it may be tried. A mark that cannot be read counts. */
int store_bad_reason(const Store *store, const Digest *image, char **ret_why);

/* What the owner removed: sequences up to this one stay off on this base. */
int store_set_removed(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason);
/* *ret_sequence is 0 when nothing was removed on this base. */
int store_removed(
	const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason);
int store_clear_removed(Store *store, Reason *reterr_reason);

/* What was selected and was damaged in the store: this sequence is owed to this base, and no newer
 * one. *ret_sequence is 0 when nothing is. */
int store_set_lost(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason);
int store_lost(const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason);
int store_clear_lost(Store *store, Reason *reterr_reason);
/* An improvement without images is installed by this note alone, which counts while the base is
 * current. The calls are as those for what was removed. */
int store_set_rehearsed(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason);
int store_rehearsed(
	const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason);
int store_clear_rehearsed(Store *store, Reason *reterr_reason);

/* Makes the folders; the calls that write do it by themselves. */
int store_make(Store *store, Reason *reterr_reason);
