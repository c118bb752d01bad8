/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Proof: that a generation may be grafted on this base. It holds when
 *
 *   - every seal's signature is by a key that the base pins (or the base demands none),
 *   - every seal names the record's product, base key and sequence, and these are this base's own,
 *   - the seals are parts 1 to n of n, all of them and each once,
 *   - the directories of different images are equal or apart, never one inside another,
 *   - every file of the record lies in its image's directories and belongs to one image only.
 *
 * The bytes of the images are not looked at here; the activator hashes them through the descriptors
 * that it mounts.
 */
#include "device/store/generation.h"
#include "wire/identity/identity.h"
#include "wire/seal/policy.h"
#include "wire/seal/seal.h"

typedef struct ProofDirectory {
	const char *path; /* borrowed from a seal */
	uint64_t images;  /* bit n: image n of the generation has files there */
} ProofDirectory;

_Static_assert(GENERATION_IMAGES_MAX <= 64, "ProofDirectory.images is a set in 64 bits");

typedef struct Proof {
	bool sealed; /* signatures were demanded, and are good */
	Seal *seals; /* one per image of the generation */
	size_t seal_count;
	ProofDirectory *directories; /* all that the generation grafts */
	size_t directory_count;
} Proof;

/* -EKEYREJECTED: a signature, or a part is missing; -ENOENT: made for another base; -EBADMSG: the
 * record and its seals contradict each other. */
int proof_check(const Generation *generation, const SealPolicy *policy,
	const BaseIdentity *identity, Proof **ret, Reason *reterr_reason);

Proof *proof_free(Proof *proof);
DEFINE_CLEANUP(Proof *, proof_free)
