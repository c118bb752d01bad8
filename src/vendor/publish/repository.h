/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Repository: the published folder of static files, as the publisher sees it. It is read through
 * the same verification as on a device (expiry aside), so that nothing that crept into the web
 * folder is ever signed again. Written files are immutable but for timestamp.json, which goes last:
 * a reader sees the old state or the new one.
 *
 *     repository_open(&repository, path, root_path, now, &signer, &reason);
 *     repository_delegate(…); repository_write_index(…);      collected in memory
 *     repository_commit(&repository, &reason);                signed and written
 */
#include "vendor/publish/signer.h"
#include "vendor/publish/workspace.h"
#include "wire/improvement/index.h"
#include "wire/trust/refresh.h"

typedef struct Repository {
	const char *path;
	const Signer *signer;
	Trust *trust;    /* NULL in a repository that is being made */
	json_t *pending; /* role → new `signed` part, without the common members */
	int64_t now;
} Repository;

/* `root`: the trusted root.json. `now` 0: whatever expired is accepted (for signing anew). */
int repository_open(Repository *repository, const char *path, const char *root, int64_t now,
	const Signer *signer, Reason *reterr_reason);
void repository_done(Repository *repository);
#define _cleanup_repository_ _cleanup_(repository_done)

/* Makes the four first metadata files. ret_root: bytes of root.json. */
int repository_init(const char *path, const Signer *signer, int64_t now, Buffer *ret_root,
	Reason *reterr_reason);

/* Delegates `role` for everything below `product`/`key` to its keys; repeated: replaces. */
int repository_delegate(Repository *repository, const Base *base, Reason *reterr_reason);

/* The index of a channel; an empty one of this base when there is none yet. */
int repository_read_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason);

/* Writes the index file and lists it in the base's role. */
int repository_write_index(
	Repository *repository, const Base *base, const Index *index, Reason *reterr_reason);

/* Signs every pending role, then snapshot and timestamp, and writes them. With nothing pending it
 * renews those two and touches no targets: only their keys have to be there. */
int repository_commit(Repository *repository, Reason *reterr_reason);

/* A whole file that must have this size and digest; the caller frees. -EKEYREJECTED with a reason
 * if it has not, or is not there. */
int repository_read_signed(const char *path, uint64_t size, const Digest *digest,
	uint8_t **ret_data, Reason *reterr_reason);

/* A blob's absolute path; the caller frees. */
char *repository_blob(const Repository *repository, const Digest *digest);
