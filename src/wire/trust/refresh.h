/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Refresh: the client workflow of The Update Framework (section 5) over Trust, with the I/O given
 * by the caller, so that the device, `suture-tuf` and the fuzzers run the same steps.
 *
 *     trust_new(…); trust_refresh(trust, &repository, &reason);
 *     trust_find(trust, &repository, "product/base/public/index.json", &file, &reason);
 */
#include "wire/trust/trust.h"

typedef struct TrustRepository {
	void *context;

	/* Gets metadata/`name` ("2.root.json"), at most max bytes; the caller frees. 0; -ENOENT
	 * when the repository has no such file; any other negative errno with a reason. */
	int (*fetch)(void *context, const char *name, size_t max, uint8_t **ret_data,
		size_t *ret_size, Reason *reterr_reason);

	/* The copy kept from an earlier refresh under `name` ("timestamp.json"); -ENOENT if none.
	 */
	int (*load)(
		void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size);

	/* Keeps verified bytes, as received, atomically. */
	int (*save)(void *context, const char *name, const void *data, size_t size,
		Reason *reterr_reason);
} TrustRepository;

/* Brings root, timestamp, snapshot and targets up to date. Errors as in wire/trust/trust.h; what
 * the repository announces and has not is -EIO: it may be there a moment later. */
int trust_refresh(Trust *trust, const TrustRepository *repository, Reason *reterr_reason);

/* Searches the targets roles for a path, loading delegated roles on the way: pre-order, first
 * listed wins, a matching terminating delegation ends the search. -ENOENT when nobody vouches for
 * it. */
int trust_find(Trust *trust, const TrustRepository *repository, const char *path,
	TrustFile *ret_file, Reason *reterr_reason);

/* Any name as one harmless component: RFC 3986's unreserved characters stay, all others, slashes
 * too, are percent-encoded. NULL when memory is short. */
char *trust_encode_name(const char *name);

/* The file name of a role's metadata on the server: "3.snapshot.json" with consistent snapshots; a
 * role's name is percent-encoded whole. NULL when memory is short. */
char *trust_metadata_name(const char *role, int64_t version);

/* Below targets/: "a/b/HASH.index.json" with consistent snapshots, else the path. */
char *trust_target_name(const Trust *trust, const char *path, const TrustFile *file);
