/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Sealed: an image's file, proved to be what its seal says, and what of it is to be mounted.
 *
 * By the strongest of what kernel and store have: fs-verity or dm-verity, where the kernel verifies
 * each read against the signed root, or else the digest of the whole file, computed through the
 * very descriptor that is mounted. The file is opened through a private copy of the store's mount,
 * so that a mounted image never keeps anybody from unmounting /var.
 */
#include "device/activate/dmverity.h"
#include "device/activate/mount.h"
#include "device/store/store.h"

typedef enum SealedBy { SEALED_BY_DIGEST, SEALED_BY_FS_VERITY, SEALED_BY_DM_VERITY } SealedBy;
extern const char *const sealed_by_names[]; /* digest, fs-verity, dm-verity */

#define SEALED_READ_MAX                                                                            \
	((uint64_t)64 << 20) /* bytes of an image that are read before it is mounted */

typedef struct Sealed {
	int file;   /* what was proved */
	int device; /* over it, to be mounted in its place; -1: the file itself */
	char path[DM_VERITY_PATH_SIZE]; /* of the device */
	SealedBy by;
} Sealed;
#define SEALED_NONE ((Sealed){.file = -1, .device = -1})

/* -EKEYREJECTED: it is damaged; -ENOENT: it is not there; -EOPNOTSUPP: the base demands verity, and
 * here is none. `features` are those that may be used (mount.h). */
int sealed_open(const Store *store, const Seal *seal, const SealPolicy *policy, unsigned features,
	Sealed *ret, Reason *reterr_reason);
void sealed_done(Sealed *sealed);

/* How an image that is mounted was proved; `source` is the one of its mount. */
SealedBy sealed_by(const Store *store, const Seal *seal, const char *source);
