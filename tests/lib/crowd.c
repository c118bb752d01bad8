/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd N: so many devices at one roll-out. Prints what it found as JSON, and ends with 1 where a
 * promise is not kept:
 *
 *     at each percent p the share that is let in is p, give or take what chance allows for N
 *     (0.05 points for 10,000,000), and nobody who was let in falls out
 *     ten successive refreshes of the index, in which all changes but the roll-out, admit nobody
 * new nor does a hold of three days, when it is over
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/improvement/offer.h"
#include "wire/improvement/rollout.h"

#define IDS_MAX    100000000
#define ID_SIZE    33
#define PERCENTS   100
#define REFRESHES  10
#define ASKED      100000 /* ids whose offers are chosen whole, at each refresh */
#define HOUR       3600
#define START      INT64_C(1780000000)
#define TOLERANCE  0.05 /* points, of 10,000,000 */
#define OF_DEVICES 1e7
#define PRODUCT    "exampleos"
#define BASE       "26.3.1_x86_64"

typedef struct Crowd {
	uint64_t *places;
	size_t size;
} Crowd;

static void machine_id(uint64_t number, char ret_id[static ID_SIZE])
{
	uint64_t halves[2];

	for (int i = 0; i < 2; i++) { /* splitmix64: ids without a pattern, the same at every run */
		uint64_t z = (number * 2 + (uint64_t)i + 1) * 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		halves[i] = z ^ (z >> 31);
	}
	snprintf(ret_id, ID_SIZE, "%016" PRIx64 "%016" PRIx64, halves[0], halves[1]);
}

static int find_places(Crowd *crowd)
{
	char id[ID_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < crowd->size; i++) {
		machine_id(i, id);
		r = rollout_place(id, PRODUCT, BASE, 1, &crowd->places[i]);
	}
	return r;
}

/* The largest distance from p, in points; *ret_fallen: devices that were in and are not. */
static double climb(const Crowd *crowd, size_t *ret_fallen)
{
	size_t admitted[PERCENTS + 1] = {};
	double worst = 0;

	*ret_fallen = 0;
	for (size_t i = 0; i < crowd->size; i++) {
		bool was = false;

		for (unsigned p = 0; p <= PERCENTS; p++) {
			bool is = rollout_admits(crowd->places[i], p);

			*ret_fallen += was && !is;
			admitted[p] += is;
			was = is;
		}
	}
	for (unsigned p = 0; p <= PERCENTS; p++) {
		double share = 100.0 * (double)admitted[p] / (double)crowd->size;

		worst = fmax(worst, fabs(share - p));
	}
	return worst;
}

/* What a vendor signs in an hour of a roll-out: everything else than the roll-out changes. */
static int refresh(Index *index, int number)
{
	_cleanup_buffer_ Buffer bytes = {};
	Withdrawal *withdrawal;
	int r = memory_grow(
		&index->withdrawals.items, index->withdrawals.count, sizeof(*withdrawal));

	if (r < 0)
		return r;
	withdrawal = &index->withdrawals.items[index->withdrawals.count++];
	*withdrawal = (Withdrawal){.sequence = 100 + (uint64_t)number,
		.issued = START + HOUR,
		.reason = memory_string("another letter")};
	index->issued = START + 30 * HOUR + number * HOUR;
	if (!withdrawal->reason)
		return -ENOMEM;
	r = index_write(index, &bytes);
	index_clear(index);
	return r < 0 ? r : index_read(bytes.data, bytes.size, index, NULL);
}

static int ask(const Index *index, size_t number, bool *ret_offered)
{
	char id[ID_SIZE];
	OfferDevice device = {.machine_id = id, .now = index->issued};
	Offer offer = {};
	int r;

	machine_id(number, id);
	r = offer_choose(index, &device, &offer);
	*ret_offered = offer.state == OFFER_AVAILABLE;
	return r;
}

/* Devices whose answer is not the one that they had. */
static int count_changed(const Crowd *crowd, const Index *index, size_t *changed)
{
	unsigned percent = rollout_percent(index->improvements.items[0].rollout, index->issued);

	for (size_t i = 0; i < crowd->size; i++)
		*changed += rollout_admits(crowd->places[i], percent) !=
			rollout_admits(crowd->places[i], 10);
	for (size_t i = 0; i < crowd->size && i < ASKED; i++) {
		bool offered;
		int r = ask(index, i, &offered);

		if (r < 0)
			return r;
		*changed += offered != rollout_admits(crowd->places[i], 10);
	}
	return 0;
}

static int make_index(Index *index)
{
	static const char text[] =
		"{\"format\":\"suture-index\",\"version\":1,\"product\":\"" PRODUCT
		"\",\"base\":\"" BASE "\",\"base_version\":\"26.3.1\",\"channel\":\"public\","
		"\"issued\":\"2026-05-28T20:26:40Z\",\"improvements\":[{\"sequence\":1,"
		"\"published\":\"2026-05-28T20:26:40Z\",\"urgency\":\"high\",\"summary\":\"x\","
		"\"images\":[],\"rollout\":{\"start\":\"2026-05-28T20:26:40Z\",\"ramp\":["
		"{\"hours\":0,\"percent\":1},{\"hours\":24,\"percent\":10},"
		"{\"hours\":72,\"percent\":100}]}}]}";

	return index_read(text, strlen(text), index, NULL);
}

static int look(Crowd *crowd, size_t *ret_by_refresh, size_t *ret_by_hold)
{
	_cleanup_index_ Index index = {};
	int64_t held;
	int r = make_index(&index);

	*ret_by_refresh = *ret_by_hold = 0;
	for (int i = 0; r == 0 && i < REFRESHES; i++) {
		r = refresh(&index, i);
		if (r == 0)
			r = count_changed(crowd, &index, ret_by_refresh);
	}
	if (r < 0)
		return r;
	held = index.issued;
	index.improvements.items[0].rollout->hold = true;
	index.issued += 72 * HOUR;
	rollout_resume(index.improvements.items[0].rollout, held, index.issued);
	return count_changed(crowd, &index, ret_by_hold);
}

int main(int argc, char **argv)
{
	size_t fallen = 0, by_refresh = 0, by_hold = 0;
	uint64_t size, begin = time_monotonic_us();
	double worst, allowed;
	Crowd crowd;
	int r;

	if (argc != 2 || text_to_u64(argv[1], IDS_MAX, &size) < 0 || size == 0)
		return 64;
	crowd = (Crowd){memory_new_array(size, sizeof(uint64_t)), size};
	r = crowd.places ? find_places(&crowd) : -ENOMEM;
	if (r < 0)
		return 1;
	worst = climb(&crowd, &fallen);
	allowed = TOLERANCE * sqrt(OF_DEVICES / (double)size);
	r = look(&crowd, &by_refresh, &by_hold);
	printf("{\"ids\": %" PRIu64 ", \"worst_points\": %.4f, \"allowed_points\": %.4f, "
	       "\"fell_out\": %zu, \"changed_by_refreshes\": %zu, \"changed_by_hold\": %zu, "
	       "\"seconds\": %.1f}\n",
		size, worst, allowed, fallen, by_refresh, by_hold,
		(double)(time_monotonic_us() - begin) / 1e6);
	free(crowd.places);
	return r < 0 || worst > allowed || fallen + by_refresh + by_hold > 0;
}
