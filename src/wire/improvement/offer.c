/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/offer.h"

#include <string.h>

#include "wire/improvement/rollout.h"

const char *const offer_states[] = {"none", "available", "waits-for-rollout", "on-hold",
	"needs-newer-base", "removed-by-owner", "failed-before", NULL};

static const char *const known_encodings[] = {
	[PAYLOAD_FULL] = "zstd", [PAYLOAD_DELTA] = "suture-delta-1"};

static bool is_bad(const Improvement *improvement, const OfferDevice *device)
{
	for (size_t i = 0; device->is_bad && i < improvement->images.count; i++)
		if (device->is_bad(device->context, &improvement->images.items[i].sha256))
			return true;
	return false;
}

static int rollout_state(const Index *index, const Improvement *improvement,
	const OfferDevice *device, OfferState *ret_state)
{
	uint64_t place;
	int r = rollout_place(
		device->machine_id, index->product, index->base, improvement->sequence, &place);

	if (r < 0)
		return r;
	if (improvement->rollout && improvement->rollout->hold)
		*ret_state = OFFER_WAITS_HOLD;
	else if (rollout_admits(place, rollout_percent(improvement->rollout, device->now)))
		*ret_state = OFFER_AVAILABLE;
	else
		*ret_state = OFFER_WAITS_ROLLOUT;
	return 0;
}

static int state_of(
	const Index *index, const Improvement *improvement, const OfferDevice *device, Offer *offer)
{
	offer->improvement = improvement;
	offer->detail = index_unmet_requirement(improvement);
	if (offer->detail)
		offer->state = OFFER_NEEDS_NEWER_BASE;
	else if (is_bad(improvement, device))
		offer->state = OFFER_FAILED_BEFORE;
	else if (improvement->sequence <= device->removed && !device->by_hand)
		offer->state = OFFER_REMOVED_BY_OWNER;
	else
		return rollout_state(index, improvement, device, &offer->state);
	return 0;
}

int offer_choose(const Index *index, const OfferDevice *device, Offer *ret_offer)
{
	const Withdrawal *withdrawn =
		device->installed > 0 ? index_withdrawal(index, device->installed) : NULL;
	bool must_go = withdrawn && withdrawn->level == WITHDRAWAL_REVERT;
	uint64_t floor = must_go ? 0 : device->installed; /* a withdrawal overrides the order */
	Offer first = {};

	for (size_t i = 0; i < index->improvements.count; i++) {
		const Improvement *improvement = &index->improvements.items[i];
		Offer offer = {};
		int r;

		if (index_objection(index, improvement))
			continue;
		if (improvement->sequence <= floor)
			break;
		r = state_of(index, improvement, device, &offer);
		if (r < 0)
			return r;
		if (!first.improvement || offer.state == OFFER_AVAILABLE)
			first = offer;
		if (offer.state == OFFER_AVAILABLE)
			break;
	}
	first.withdrawn = withdrawn;
	*ret_offer = first;
	return 0;
}

const Payload *offer_payload(const IndexImage *image,
	bool (*has_source)(void *context, const PayloadSource *source), void *context)
{
	for (size_t i = 0; i < image->payloads.count; i++) {
		const Payload *payload = &image->payloads.items[i];
		bool usable = strcmp(known_encodings[payload->kind], payload->encoding) == 0;

		for (size_t j = 0; usable && j < payload->sources.count; j++)
			usable = has_source && has_source(context, &payload->sources.items[j]);
		if (usable)
			return payload;
	}
	return NULL;
}
