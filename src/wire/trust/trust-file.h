/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * TrustFile: what trusted metadata says of another file, be it metadata or a target: its version,
 * its length and its hashes (The Update Framework 1.0.34, sections 4.4 and 4.5).
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "crypto/digest.h"
#include "crypto/digest512.h"

typedef struct TrustFile {
	int64_t version; /* 0 for targets, which have none */
	uint64_t length; /* bytes, exact; or, when not stated, the limit above */
	bool has_length;
	bool has_sha256, has_sha512;
	Digest sha256;
	Digest512 sha512;
} TrustFile;

/* Whether these are the bytes of the file `name`: the stated length, and every hash that is stated.
 * 0, -EKEYREJECTED with a reason, or -EIO from the digest. */
int trust_file_check(const TrustFile *file, const void *data, size_t size, const char *name,
	Reason *reterr_reason);

/* Reads an entry of a `meta` or `targets` object. Length and hashes may be absent. Where there are
 * hashes, one at least must be of a kind that is known here; other kinds are passed over. 0, or
 * -EBADMSG with a reason. */
int trust_file_read(
	const json_t *entry, const char *name, TrustFile *ret_file, Reason *reterr_reason);
