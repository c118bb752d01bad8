/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/match.h"

#include <divsufsort.h>
#include <errno.h>
#include <string.h>

/* So many bytes that agree are taken without asking whether another place agrees for longer. */
#define ALIGNED_ENOUGH 16

struct MatchIndex {
	const uint8_t *old;
	size_t size;
	saidx_t *suffixes; /* of `old`, sorted */
};

int match_index_new(const uint8_t *old, size_t size, MatchIndex **ret)
{
	_cleanup_(match_index_freep) MatchIndex *index = memory_new(sizeof(*index));

	if (!index)
		return -ENOMEM;
	*index = (MatchIndex){.old = old, .size = size};
	index->suffixes = memory_raw((size > 0 ? size : 1) * sizeof(saidx_t));
	if (!index->suffixes)
		return -ENOMEM;
	if (size > 0 && divsufsort(old, index->suffixes, (saidx_t)size) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(index);
	return 0;
}

MatchIndex *match_index_free(MatchIndex *index)
{
	if (index)
		memory_free(index->suffixes);
	memory_free(index);
	return NULL;
}

static size_t common_length(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	size_t size = a_size < b_size ? a_size : b_size, n = 0;

	while (n + 32 <= size && memcmp(a + n, b + n, 32) == 0)
		n += 32;
	while (n < size && a[n] == b[n])
		n++;
	return n;
}

/* The longest match of the target's start in the old file: its length, and where. */
static size_t longest_match(
	const MatchIndex *index, const uint8_t *target, size_t size, size_t *ret_old)
{
	size_t low = 0, high = index->size, known_low = 0, known_high = 0, best = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2, at = (size_t)index->suffixes[middle];
		size_t known = known_low < known_high ? known_low : known_high;
		size_t length = known +
			common_length(index->old + at + known, index->size - at - known,
				target + known, size - known);

		if (length > best) {
			best = length;
			*ret_old = at;
		}
		if (length == size)
			break;
		if (length < index->size - at && index->old[at + length] > target[length]) {
			high = middle;
			known_high = length;
		} else {
			low = middle + 1;
			known_low = length;
		}
	}
	return best;
}

/* The search for the steps. A match is an alignment of the target with the old file. */
typedef struct Search {
	const MatchIndex *index;
	const uint8_t *target;
	size_t size, reluctance;
	size_t scan;                    /* in the target */
	size_t match_old, match_length; /* the match at `scan` */
	size_t last_target, last_old;   /* where the alignment before it began */
	size_t covered;                 /* bytes of the target that the steps make */
	Step *steps;
	size_t count;
} Search;

/* Whether the last alignment explains a byte of the target. */
static bool agrees(const Search *search, size_t target)
{
	size_t old = target - search->last_target + search->last_old;

	return old < search->index->size && search->index->old[old] == search->target[target];
}

/* How many bytes from `scan` on the last alignment explains without a break. */
static size_t aligned_length(const Search *search)
{
	size_t old = search->scan - search->last_target + search->last_old;

	if (old >= search->index->size)
		return 0;
	return common_length(search->index->old + old, search->index->size - old,
		search->target + search->scan, search->size - search->scan);
}

/* Moves `scan` to the next place where a new alignment is clearly better than going on with the
 * last one, or to the end. `explained` counts the bytes of the new match that the last alignment
 * has too, up to `counted`. */
static void find_next(Search *search)
{
	size_t explained = 0, counted;

	search->scan += search->match_length;
	counted = search->scan;
	while (search->scan < search->size) {
		size_t same = aligned_length(search);

		if (same < ALIGNED_ENOUGH) {
			search->match_length =
				longest_match(search->index, search->target + search->scan,
					search->size - search->scan, &search->match_old);
			for (; counted < search->scan + search->match_length; counted++)
				explained += agrees(search, counted);
			same = search->match_length == explained ? explained : 0;
		}
		if (same > 0) {
			search->scan += same;
			counted = search->scan;
			explained = 0;
			continue;
		}
		if (search->match_length > explained + search->reluctance)
			return;
		explained -= explained > 0 && agrees(search, search->scan);
		search->scan++;
	}
	search->match_length = 0;
}

/* How far the last alignment reaches forward: the length with the best balance of bytes that agree
 * and bytes that differ. */
static size_t reach_forward(const Search *search)
{
	size_t best = 0, agreeing = 0, best_agreeing = 0;

	for (size_t i = 0; search->last_target + i < search->scan &&
		search->last_old + i < search->index->size;) {
		agreeing += search->index->old[search->last_old + i] ==
			search->target[search->last_target + i];
		i++;
		if (2 * agreeing + best > 2 * best_agreeing + i) {
			best_agreeing = agreeing;
			best = i;
		}
	}
	return best;
}

/* Likewise, how far before `scan` the new alignment reaches. */
static size_t reach_backward(const Search *search)
{
	size_t best = 0, agreeing = 0, best_agreeing = 0;

	if (search->scan >= search->size)
		return 0;
	for (size_t i = 1; search->scan >= search->last_target + i && search->match_old >= i; i++) {
		agreeing += search->index->old[search->match_old - i] ==
			search->target[search->scan - i];
		if (2 * agreeing + best > 2 * best_agreeing + i) {
			best_agreeing = agreeing;
			best = i;
		}
	}
	return best;
}

/* Where two alignments both claim bytes, cuts at the point where most of them agree. */
static void resolve_overlap(const Search *search, size_t *forward, size_t *backward)
{
	size_t overlap = search->last_target + *forward - (search->scan - *backward);
	size_t best = 0;
	int64_t balance = 0, best_balance = 0;

	for (size_t i = 0; i < overlap; i++) {
		size_t in_last = *forward - overlap + i, in_new = *backward - i;

		balance += search->target[search->last_target + in_last] ==
			search->index->old[search->last_old + in_last];
		balance -= search->target[search->scan - in_new] ==
			search->index->old[search->match_old - in_new];
		if (balance > best_balance) {
			best_balance = balance;
			best = i + 1;
		}
	}
	*forward -= overlap - best;
	*backward -= best;
}

static int add_step(Search *search, size_t target, size_t old, size_t copy)
{
	int r = memory_grow(&search->steps, search->count, sizeof(Step));

	if (r < 0)
		return r;
	search->steps[search->count++] = (Step){
		.literals = target - search->covered,
		.old = old,
		.copy = copy,
		.exact = memcmp(search->target + target, search->index->old + old, copy) == 0,
	};
	search->covered = target + copy;
	return 0;
}

int match_steps(const MatchIndex *index, const uint8_t *target, size_t size, size_t reluctance,
	Step **ret_steps, size_t *ret_count)
{
	Search search = {.index = index, .target = target, .size = size, .reluctance = reluctance};
	_cleanup_free_ Step *steps = NULL;
	int r = 0;

	while (search.scan < size && r == 0) {
		size_t forward, backward;

		find_next(&search);
		forward = reach_forward(&search);
		backward = reach_backward(&search);
		if (search.last_target + forward > search.scan - backward)
			resolve_overlap(&search, &forward, &backward);
		if (forward > 0)
			r = add_step(&search, search.last_target, search.last_old, forward);
		search.last_target = search.scan - backward;
		search.last_old = search.match_old - backward;
	}
	steps = search.steps;
	if (r == 0 && search.covered < size) {
		r = memory_grow(&steps, search.count, sizeof(Step));
		if (r == 0)
			steps[search.count++] = (Step){.literals = size - search.covered};
	}
	if (r < 0)
		return r;
	*ret_steps = TAKE_PTR(steps);
	*ret_count = search.count;
	return 0;
}
