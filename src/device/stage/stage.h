/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Stage: from a repository to verified bytes at rest. Nothing here touches the running system.
 *
 *     stage_open(root, socket, urls, url_count, channel, &stage, &reason);
 *     stage_refresh(stage, &changed, &reason);           metadata and index, verified and kept
 *     stage_improvement(stage, sequence, &generation, &reason);
 *
 * Kept below the store: metadata/ and roots/ (TUF documents as received) and index.json. What is
 * kept is verified again from the root in the base whenever it is used: nobody who can write there,
 * but not sign, gains anything. The notes of what the index lists lie beside them
 * (device/store/notes-file.h): texts, which nothing is decided by.
 */
#include <stdbool.h>

#include "device/fetch/fetcher.h"
#include "device/store/store.h"
#include "wire/improvement/index.h"
#include "wire/trust/refresh.h"

#define STAGE_ROOT_PATH "usr/lib/suture/root.json" /* below the root: part of the base */
#define STAGE_ENROLLED_ROOT_PATH                                                                   \
	"etc/suture/root.json"        /* or pinned by the owner, if base has none */
#define STAGE_METADATA     "metadata" /* these four below the store */
#define STAGE_ROOTS        "roots"
#define STAGE_INDEX_PATH   "index.json"
#define STAGE_PINNED_PATH  "pinned.json"
#define STAGE_ETAG_PATH    "metadata/timestamp.etag"
#define STAGE_FULL_SECONDS (24 * 3600) /* a full refresh at least daily, whatever a 304 says */

typedef struct Stage {
	Store *store;
	Fetcher fetcher;
	const char *root_path; /* of the device, as given */
	const char *channel;
	BaseIdentity identity;
	char base_key[IDENTITY_KEY_MAX + 1];
	int64_t now;
	int progress_fd; /* JSON lines; -1: none */
	uint8_t *pinned; /* stage_enroll(): the root to begin with */
	size_t pinned_size;
	Trust *trust; /* after stage_refresh() */
	Index index;
	uint64_t payload_bytes; /* downloaded for images */
	bool has_used_delta, has_used_full;
	bool has_asked_notes;
	Reason notes_problem; /* empty: none */
} Stage;

/* urls: the repository's address, then its mirrors; borrowed. */
int stage_open(const char *root, int socket, const char *const *urls, size_t url_count,
	const char *channel, Stage *ret_stage, Reason *reterr_reason);
void stage_done(Stage *stage);

/* From the first address that has something good to say: one that is not reached, damaged, expired
 * or older than what is known makes the next one be asked. When none does, the error is that of the
 * first. *ret_changed: the index is not the one that was kept before. -ENOENT: this base is not in
 * the repository. */
int stage_refresh(Stage *stage, bool *ret_changed, Reason *reterr_reason);

/* First trust, for a machine whose base brings no root: finds the repository's root that has this
 * digest, verifies the repository by it, and leaves it in the store as STAGE_PINNED_PATH, from
 * where the owner's program takes it into etc/suture. -EEXIST when the machine trusts a vendor
 * already. */
int stage_enroll(Stage *stage, const Digest *pin, Reason *reterr_reason);

/* Obtains all images of an improvement and commits the generation; 0 is that of one without images,
 * which shows the base. -ENOENT when it is not listed, or it or an image of it was withdrawn;
 * -EOPNOTSUPP when it needs a newer base. */
int stage_improvement(
	Stage *stage, uint64_t sequence, uint32_t *ret_generation, Reason *reterr_reason);

/* Internal steps, each in a file of its own. */
/* What is trusted before anything is asked: the first root, and the kept ones that continue it. One
 * that does not is damaged, and the repository has to be asked from there on. */
#define STAGE_ROOTS_DAMAGED 1
int stage_trust_roots(const Stage *stage, Trust **ret_trust, Reason *reterr_reason);
int stage_refresh_metadata(Stage *stage, Reason *reterr_reason);
int stage_keep(Stage *stage, const char *path, const void *data, size_t size, Reason *reason);
/* The notes of each improvement of the index that are not in the store (device/store/notes-file.h).
 * They are text for people: what goes wrong with them is told in notes_problem, keeps nobody from
 * an improvement, and is tried again by the next refresh that is no idle one. */
void stage_obtain_notes(Stage *stage);
int stage_obtain_image(Stage *stage, const IndexImage *image, Reason *reterr_reason);
int stage_build_record(const Stage *stage, const Improvement *improvement,
	Generation **ret_generation, Reason *reterr_reason);
void stage_report(const Stage *stage, const char *phase, const char *component, uint64_t done,
	uint64_t total);
