/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Repository: the published folder of static files, as the publisher sees it. It is read through
 * the same verification as on a device (expiry aside), so that nothing that crept into the web
 * folder is ever signed again. Published files are immutable but for timestamp.json.
 *
 *     repository_open(&repository, workspace, now, &signer, &reason);
 *     repository_delegate(…); repository_write_index(…); repository_body(…);
 *                                            collected in memory and in the outbox that is made
 *     ceremony_begin(…)                      vendor/repository/ceremony.h signs and publishes it
 */
#include "vendor/keys/signer.h"
#include "vendor/work/workspace.h"
#include "wire/improvement/index.h"
#include "wire/trust/refresh.h"

typedef struct Repository {
	const Workspace *workspace; /* NULL: opened to look only */
	const char *path;
	const Signer *signer;
	Trust *trust;    /* NULL in a repository that is being made */
	json_t *pending; /* role → new `signed` part, without the common members */
	int64_t now;
} Repository;

/* `now` 0: whatever expired is accepted (for signing anew). */
int repository_open(Repository *repository, const Workspace *workspace, int64_t now,
	const Signer *signer, Reason *reterr_reason);

/* To look only, without a workspace: `path` is the repository's folder, which the caller keeps,
 * `root` the file with the trusted root. */
int repository_open_to_read(Repository *repository, const char *path, const char *root, int64_t now,
	Reason *reterr_reason);

/* Drops what was put into the outbox and not closed. */
void repository_done(Repository *repository);
#define _cleanup_repository_ _cleanup_(repository_done)

/* A repository that is not there yet: the first root and targets are pending. 0 or -ENOMEM. */
int repository_init(Repository *repository, const Workspace *workspace, const Signer *signer);

/* The `signed` part of a role as it is published (a base's: once it is loaded), or NULL. */
const json_t *repository_published(const Repository *repository, const char *role);

/* The same as it will be, to be changed: from now on it is pending. NULL: no memory. */
json_t *repository_body(Repository *repository, const char *role);

int64_t repository_next_version(const Repository *repository, const char *role);

/* Loads the metadata of a base's role. */
int repository_load_role(Repository *repository, const Base *base, Reason *reterr_reason);

/* Delegates `role` for everything below `product`/`key` to its keys; repeated: replaces. */
int repository_delegate(Repository *repository, const Base *base, Reason *reterr_reason);

/* As delegations_visit(). */
int repository_visit(Repository *repository, const Base *base,
	int (*each)(void *context, const char *path, const TrustFile *file), void *context,
	Reason *reterr_reason);

/* The index of a channel; an empty one of this base when there is none yet. */
int repository_read_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason);

/* The same, as it will be when what is pending is published. */
int repository_read_next_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason);

/* The index file's name below the repository, which the caller frees, and what was signed of it.
 * -ENOENT when there is none. */
int repository_index_file(Repository *repository, const Base *base, const char *channel,
	char **ret_name, TrustFile *ret_file, Reason *reterr_reason);

/* The index that the role lists under `path`: its file, and that it is for what the path says. */
int repository_read_listed(const Repository *repository, const char *path, const TrustFile *file,
	Index *ret_index, Reason *reterr_reason);

/* Puts the index file into the outbox and lists it in the base's role. */
int repository_write_index(
	Repository *repository, const Base *base, const Index *index, Reason *reterr_reason);

/* A whole file that must have this size and digest; the caller frees. -EKEYREJECTED with a reason
 * if it has not, or is not there. */
int repository_read_signed(const char *path, uint64_t size, const Digest *digest,
	uint8_t **ret_data, Reason *reterr_reason);

/* A file mapped into memory: blobs may be larger than what is free. */
typedef struct Mapping {
	const uint8_t *data;
	size_t size;
} Mapping;

/* As repository_read_signed(); the caller ends it with mapping_done(). */
int repository_map_signed(const char *path, uint64_t size, const Digest *digest,
	Mapping *ret_mapping, Reason *reterr_reason);
void mapping_done(Mapping *mapping);

/* A blob's absolute path; the caller frees. */
char *repository_blob(const Repository *repository, const Digest *digest);
