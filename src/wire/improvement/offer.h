/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Offer: what a verified index means for one device, decided from the index and a few facts about
 * the device alone. Every reason for waiting is told: silence is the top complaint about systems
 * that update in the background.
 */
#include <stdbool.h>
#include <stdint.h>

#include "wire/improvement/index.h"

typedef enum OfferState {
	OFFER_NONE,             /* nothing newer than what is there */
	OFFER_AVAILABLE,        /* may be installed now */
	OFFER_WAITS_ROLLOUT,    /* published, but this device's turn has not come */
	OFFER_WAITS_HOLD,       /* the vendor stopped the roll-out for now */
	OFFER_NEEDS_NEWER_BASE, /* requires something that this client does not know */
	OFFER_REMOVED_BY_OWNER, /* the owner took this one off; a newer one will be offered */
	OFFER_FAILED_BEFORE,    /* this device tried it, and it failed: not retried */
} OfferState;

extern const char *const offer_states[]; /* machine words, in the order above */

typedef struct OfferDevice {
	const char *machine_id;
	int64_t now;
	uint64_t installed; /* sequence that is current; 0: the base */
	uint64_t removed;   /* highest sequence that the owner removed; 0: none */
	bool by_hand;       /* the owner asks: what was removed may come back. Never opens a
			     * roll-out: its percent is a true cap */
	bool (*is_bad)(void *context, const Digest *image); /* NULL: none is known as bad */
	void *context;
} OfferDevice;

typedef struct Offer {
	OfferState state;
	const Improvement *improvement; /* what the state is about; NULL for OFFER_NONE */
	const Withdrawal *withdrawn;    /* the installed one was withdrawn; NULL when it was not */
	const char *detail;             /* the unmet requirement, where that is the state */
} Offer;

/* The newest improvement that is not withdrawn, and whether this device may have it. The pointers
 * live as long as the index. 0, or -EIO. */
int offer_choose(const Index *index, const OfferDevice *device, Offer *ret_offer);

/* The payload to download first: a delta in a known encoding all of whose sources the device has
 * (asked through has_source), else the full image; payloads that come earlier in the list are
 * better. NULL when no encoding is known here. */
const Payload *offer_payload(const IndexImage *image,
	bool (*has_source)(void *context, const PayloadSource *source), void *context);
