/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Osv: an advisory as an OSV record (schema 1.7). OSV knows the packages of a closed list of
 * ecosystems, and an image-based system is none of them; so it is written where a reference is the
 * commit of the fix, as a range of the upstream's GIT repository.
 */
#include "vendor/advisory/advisory.h"

bool osv_applies(const Advisory *advisory);

/* A new reference; NULL: no memory. */
json_t *osv_document(const Advisory *advisory, const char *name, const Vendor *vendor);

/* Splits the address of a commit as GitHub, GitLab, Gitea and Gitiles have it: "REPO/commit/ID",
 * "REPO/-/commit/ID", "REPO/+/ID". False for any other. */
typedef struct OsvCommit {
	size_t repository; /* bytes of the address */
	const char *id;    /* 40 digits, or 64 */
} OsvCommit;
bool osv_commit_parse(const char *address, OsvCommit *ret_commit);
