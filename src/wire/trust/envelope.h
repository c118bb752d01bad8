/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Envelope: one metadata file, its signatures and the members that every role's `signed` part has
 * (The Update Framework 1.0.34, section 4.2). What is read here is well-formed, not yet trusted:
 * key_verify_envelope() says whether it is, and only then the rest of a body is looked at.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

/* Reads an envelope for `role`, whose body is of the given `_type`. Refused are more signatures
 * than KEY_COUNT_MAX, one without a keyid, and two under one keyid (section 4.2: "the keyid MUST be
 * unique in the signatures array"), however many of them are good; what stands in `sig` is not
 * looked at, as a keyholder who has not signed yet may leave it empty. Members beside `signatures`
 * and `signed` are ignored. 0, -EBADMSG with a reason, or -ENOMEM. */
int envelope_parse(const void *data, size_t size, const char *role, const char *type,
	json_t **ret_envelope, Reason *reterr_reason);

/* The `signed` part; lives as long as the envelope. */
json_t *envelope_body(const json_t *envelope);

/* Members of a body. The version is 1 to TRUST_VERSION_MAX, the expiry seconds since 1970; 0 and -1
 * stand for one that is missing or malformed, which envelope_parse() refuses. */
int64_t envelope_version(const json_t *body);
int64_t envelope_expiry(const json_t *body);

/* A time in the only form that TUF allows, as seconds since 1970; -1 when it is malformed. */
int64_t envelope_time(const json_t *text);
