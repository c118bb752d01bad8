/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Trust: what a repository's metadata proves (The Update Framework, specification 1.0.34,
 * section 5). Verification only: bytes in, verdicts out; no network, no files, no clock.
 *
 * Order of calls, as section 5 has it; trust_refresh() in wire/trust/refresh.h makes them:
 *
 *     trust_new(root, …, now, &trust)           the root that came with the system
 *     trust_update_root(trust, …)*              N+1, N+2, … while there are any
 *     trust_finish_root(trust)                  only the last root's expiry counts
 *     trust_update_timestamp(trust, …)          the copy kept from last time, then the new one
 *     trust_update_snapshot(trust, …)           likewise
 *     trust_update_targets(trust, …)
 *     trust_update_delegated(trust, name, delegator, …)*
 *     trust_target(role, path, …)
 *
 * A call that fails leaves what is trusted as it was, but for a timestamp or snapshot that is
 * genuine and expired: it stays, to compare later ones with. Errors, each with a reason that names
 * the role: -EBADMSG malformed, -EKEYREJECTED signatures or a digest, -EKEYEXPIRED expired, -ESTALE
 * older than what is known, -ENOMEM.
 *
 * All expiry checks use the one time given to trust_new(), or a later one that the vendor vouches
 * for: a timestamp may carry "x-suture-issued" in its signed part, when it was signed. What a
 * genuine timestamp says has passed has passed, even where this machine's clock fell back to 1970;
 * so a kept timestamp goes on guarding against metadata that is withheld. Other clients pass the
 * member over, as section 4.1 asks of them.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/reason.h"
#include "base/text.h"
#include "wire/trust/trust-file.h"

#define TRUST_ROOT_SIZE_MAX      512000 /* bytes; the four limits are python-tuf's defaults */
#define TRUST_TIMESTAMP_SIZE_MAX 16384
#define TRUST_SNAPSHOT_SIZE_MAX  2000000
#define TRUST_TARGETS_SIZE_MAX   5000000
#define TRUST_ROOT_ROTATIONS_MAX 256 /* in one refresh */
#define TRUST_DELEGATIONS_MAX    32  /* roles visited in the search for one target */
#define TRUST_ROLE_NAME_MAX      230 /* bytes as encoded: a file has 255, a draft of it less */
#define TRUST_VERSION_MAX        (INT64_C(1) << 53) /* integers that every JSON reader keeps exact */

/* Characters that a role's name keeps in the name of its file; each other byte becomes %XX there,
 * slashes too (RFC 3986, section 2.3). */
#define TRUST_ROLE_PLAIN TEXT_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" TEXT_DIGITS "-._~"

/* Instead of a time for trust_new(): nothing expires. For who renews what has expired. */
#define TRUST_NO_CLOCK INT64_MIN

/* trust_update_timestamp(): the version is the one already trusted; nothing changed. Positive. */
#define TRUST_UNCHANGED 1

typedef struct Trust Trust;

/* A targets role as one delegator vouches for it. The same name reached through another delegator
 * is another TrustRole: it was verified with other keys and may hold other bytes. It lives until
 * the next snapshot or root. */
typedef struct TrustRole TrustRole;

int trust_new(const void *root, size_t size, int64_t now, Trust **ret_trust, Reason *reterr_reason);
Trust *trust_free(Trust *trust);
DEFINE_CLEANUP(Trust *, trust_free)

int trust_update_root(Trust *trust, const void *data, size_t size, Reason *reterr_reason);
int trust_finish_root(const Trust *trust, Reason *reterr_reason);
int trust_update_timestamp(Trust *trust, const void *data, size_t size, Reason *reterr_reason);

/* `kept`: the bytes are the local copy of an earlier refresh, good for rollback comparison even
 * where the timestamp's length and hash are of a newer snapshot. */
int trust_update_snapshot(
	Trust *trust, const void *data, size_t size, bool kept, Reason *reterr_reason);
int trust_update_targets(Trust *trust, const void *data, size_t size, Reason *reterr_reason);
int trust_update_delegated(Trust *trust, const char *name, const TrustRole *delegator,
	const void *data, size_t size, Reason *reterr_reason);

/* The loaded role of that name under that delegator (NULL: root, which vouches for "targets"
 * alone); NULL when it is not loaded. */
const TrustRole *trust_role(const Trust *trust, const char *name, const TrustRole *delegator);
const char *trust_role_name(const TrustRole *role);

/* Whether root and the trusted timestamp are still within their time: asked when a refresh brought
 * no new one. */
int trust_check_timestamp(const Trust *trust, Reason *reterr_reason);

/* When the trusted timestamp was signed, in seconds since 1970; 0 when it does not say, or before
 * there is one. */
int64_t trust_timestamp_issued(const Trust *trust);

/* The time that expiry is checked against: the one given, or a later one that was vouched for. */
int64_t trust_now(const Trust *trust);

/* Whether the snapshot in hand is the announced, unexpired one, or only serves comparison. */
bool trust_snapshot_is_final(const Trust *trust);

int64_t trust_root_version(const Trust *trust);
bool trust_consistent_snapshot(const Trust *trust);

/* The expiry (seconds since 1970) of the trusted timestamp; 0 before there is one. */
int64_t trust_timestamp_expires(const Trust *trust);

/* What the snapshot says of a role's file ("targets", a delegated name), or the timestamp of
 * "snapshot". -ENOENT when it is not listed. */
int trust_file_of_role(
	const Trust *trust, const char *role, TrustFile *ret_file, Reason *reterr_reason);

/* The target's length and hashes as the role lists it; -ENOENT when it does not. */
int trust_target(
	const TrustRole *role, const char *path, TrustFile *ret_file, Reason *reterr_reason);

/* The delegations of a role that match the path, in order. *cursor starts at 0 and is moved on; the
 * caller frees the name. -ENOENT at the end. */
int trust_delegation(const TrustRole *role, const char *path, size_t *cursor, char **ret_name,
	bool *ret_terminating);

/* The `signed` part of "root", "timestamp", "snapshot", "targets" or a delegated role; NULL when it
 * is not loaded. For a publisher that builds the next version on it. */
const json_t *trust_body(const Trust *trust, const char *role);
