/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/refresh.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "base/path.h"

char *trust_encode_name(const char *name)
{
	_cleanup_buffer_ Buffer encoded = {};
	int r = buffer_text(&encoded, "");

	for (; r == 0 && *name; name++)
		r = strchr(TRUST_ROLE_PLAIN, *name)
			? buffer_append(&encoded, name, 1)
			: buffer_printf(&encoded, "%%%02X", (unsigned)(unsigned char)*name);
	return r < 0 ? NULL : (char *)TAKE_PTR(encoded.data);
}

char *trust_metadata_name(const char *role, int64_t version)
{
	_cleanup_free_ char *encoded = trust_encode_name(role);

	if (!encoded)
		return NULL;
	return version > 0 ? memory_printf("%" PRId64 ".%s.json", version, encoded)
			   : memory_printf("%s.json", encoded);
}

char *trust_target_name(const Trust *trust, const char *path, const TrustFile *file)
{
	const char *name = path_name(path);
	char text[DIGEST512_TEXT_SIZE];

	if (!trust_consistent_snapshot(trust))
		return memory_string(path);
	if (file->has_sha256)
		hex_encode(file->sha256.bytes, sizeof(file->sha256.bytes), text);
	else
		hex_encode(file->sha512.bytes, sizeof(file->sha512.bytes), text);
	return memory_printf("%.*s%s.%s", (int)(name - path), path, text, name);
}

static int update_roots(Trust *trust, const TrustRepository *repository, Reason *reason)
{
	for (int i = 0; i < TRUST_ROOT_ROTATIONS_MAX; i++) {
		_cleanup_free_ char *name =
			trust_metadata_name("root", trust_root_version(trust) + 1);
		_cleanup_free_ uint8_t *data = NULL;
		size_t size;
		int r;

		if (!name)
			return -ENOMEM;
		r = repository->fetch(
			repository->context, name, TRUST_ROOT_SIZE_MAX, &data, &size, reason);
		if (r == -ENOENT)
			return 0;
		if (r == 0)
			r = trust_update_root(trust, data, size, reason);
		if (r == 0)
			r = repository->save(repository->context, "root.json", data, size, reason);
		if (r < 0)
			return r;
	}
	return 0; /* enough for one refresh; the next one goes on (5.3.3) */
}

/* Whatever is wrong with a kept copy (other keys now, damage, age) only means that it is not used.
 * Short memory is no such thing: going on without the copy would forgo the rollback checks. */
static int use_kept(Trust *trust, const TrustRepository *repository, const char *name, size_t max,
	int (*update)(Trust *, const void *, size_t, Reason *))
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = repository->load(repository->context, name, max, &data, &size);

	if (r == 0)
		r = update(trust, data, size, NULL);
	return r == -ENOMEM ? r : 0;
}

static int update_timestamp(Trust *trust, const TrustRepository *repository, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = use_kept(trust, repository, "timestamp.json", TRUST_TIMESTAMP_SIZE_MAX,
		trust_update_timestamp);

	if (r < 0)
		return r;
	r = repository->fetch(repository->context, "timestamp.json", TRUST_TIMESTAMP_SIZE_MAX,
		&data, &size, reason);
	if (r < 0)
		return r == -ENOENT
			? reason_set(reason, -ENOENT, "the repository has no timestamp.json")
			: r;
	r = trust_update_timestamp(trust, data, size, reason);
	if (r == TRUST_UNCHANGED)
		return trust_check_timestamp(trust, reason);
	if (r < 0)
		return r;
	return repository->save(repository->context, "timestamp.json", data, size, reason);
}

static int update_kept_snapshot(Trust *trust, const void *data, size_t size, Reason *reason)
{
	return trust_update_snapshot(trust, data, size, true, reason);
}

static int fetch_role(const Trust *trust, const TrustRepository *repository, const char *role,
	uint8_t **ret_data, size_t *ret_size, Reason *reason)
{
	_cleanup_free_ char *name = NULL;
	TrustFile file;
	int r = trust_file_of_role(trust, role, &file, reason);

	/* -ENOENT would mean that nobody lists the target */
	if (r < 0)
		return r == -ENOENT ? -EKEYREJECTED : r;
	name = trust_metadata_name(role, trust_consistent_snapshot(trust) ? file.version : 0);
	if (!name)
		return -ENOMEM;
	r = repository->fetch(repository->context, name, file.length, ret_data, ret_size, reason);
	if (r == -ENOENT)
		return reason_set(reason, -EIO,
			"the repository announces %s, but has none; a publication or a "
			"copy of it may be under way",
			name);
	return r;
}

static int update_snapshot(Trust *trust, const TrustRepository *repository, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = use_kept(
		trust, repository, "snapshot.json", TRUST_SNAPSHOT_SIZE_MAX, update_kept_snapshot);

	if (r < 0 || trust_snapshot_is_final(trust))
		return r;
	r = fetch_role(trust, repository, "snapshot", &data, &size, reason);
	if (r == 0)
		r = trust_update_snapshot(trust, data, size, false, reason);
	return r < 0 ? r
		     : repository->save(repository->context, "snapshot.json", data, size, reason);
}

static int update_one(Trust *trust, const char *name, const TrustRole *delegator, const void *data,
	size_t size, Reason *reason)
{
	return delegator ? trust_update_delegated(trust, name, delegator, data, size, reason)
			 : trust_update_targets(trust, data, size, reason);
}

/* Loads one targets role: the kept copy if it is still the announced one, else a new one. */
static int update_role(Trust *trust, const TrustRepository *repository, const char *name,
	const TrustRole *delegator, Reason *reason)
{
	_cleanup_free_ uint8_t *kept = NULL, *data = NULL;
	_cleanup_free_ char *kept_name = NULL;
	size_t size;
	int r;

	if (trust_role(trust, name, delegator))
		return 0;
	kept_name = trust_metadata_name(name, 0);
	if (!kept_name)
		return -ENOMEM;
	r = repository->load(repository->context, kept_name, TRUST_TARGETS_SIZE_MAX, &kept, &size);
	if (r == 0)
		r = update_one(trust, name, delegator, kept, size, NULL);
	if (r == 0 || r == -ENOMEM)
		return r;
	r = fetch_role(trust, repository, name, &data, &size, reason);
	if (r == 0)
		r = update_one(trust, name, delegator, data, size, reason);
	return r < 0 ? r : repository->save(repository->context, kept_name, data, size, reason);
}

int trust_refresh(Trust *trust, const TrustRepository *repository, Reason *reterr_reason)
{
	int r = update_roots(trust, repository, reterr_reason);

	if (r == 0)
		r = trust_finish_root(trust, reterr_reason);
	if (r == 0)
		r = update_timestamp(trust, repository, reterr_reason);
	if (r == 0)
		r = update_snapshot(trust, repository, reterr_reason);
	if (r == 0)
		r = update_role(trust, repository, "targets", NULL, reterr_reason);
	return r;
}

/* A role to look at, as one delegator vouches for it (NULL: root). */
typedef struct Hop {
	char *name;
	const TrustRole *delegator;
} Hop;

/* The roles still to look at (top of the stack is next) and those already seen. */
typedef struct Search {
	Hop stack[TRUST_DELEGATIONS_MAX * 2];
	size_t depth;
	Hop visited[TRUST_DELEGATIONS_MAX];
	size_t visited_count;
} Search;

static void drop_stack(Search *search)
{
	while (search->depth > 0)
		free(search->stack[--search->depth].name);
}

static void search_done(Search *search)
{
	drop_stack(search);
	while (search->visited_count > 0)
		free(search->visited[--search->visited_count].name);
}

/* Takes ownership of the name on success. */
static int push(Search *search, char *name, const TrustRole *delegator)
{
	if (search->depth == ARRAY_SIZE(search->stack))
		return -E2BIG;
	search->stack[search->depth++] = (Hop){name, delegator};
	return 0;
}

/* By names: a ring of delegations comes back under ever new delegators, but under the same names.
 */
static bool is_same_hop(const Hop *a, const Hop *b)
{
	return strcmp(a->name, b->name) == 0 && !a->delegator == !b->delegator &&
		(!a->delegator ||
			strcmp(trust_role_name(a->delegator), trust_role_name(b->delegator)) == 0);
}

static bool was_visited(const Search *search, const Hop *hop)
{
	for (size_t i = 0; i < search->visited_count; i++)
		if (is_same_hop(&search->visited[i], hop))
			return true;
	return false;
}

/* The matching delegations of one role, in their order. */
typedef struct Matches {
	char *names[TRUST_DELEGATIONS_MAX];
	size_t count;
	bool terminating; /* the last of them is */
} Matches;

static void matches_done(Matches *matches)
{
	while (matches->count > 0)
		memory_free(matches->names[--matches->count]);
}

/* What comes behind a terminating delegation does not count, nor what is beyond the bound on
 * visits. */
static int find_matches(const TrustRole *role, const char *path, Matches *matches)
{
	size_t cursor = 0;
	int r = 0;

	while (r == 0 && !matches->terminating && matches->count < TRUST_DELEGATIONS_MAX) {
		r = trust_delegation(role, path, &cursor, &matches->names[matches->count],
			&matches->terminating);
		matches->count += r == 0;
	}
	return r == -ENOENT ? 0 : r;
}

/* Pushes the matching delegations of `role` so that the first listed comes off first. */
static int push_delegations(Search *search, const TrustRole *role, const char *path)
{
	_cleanup_(matches_done) Matches matches = {};
	int r = find_matches(role, path, &matches);

	if (r == 0 && matches.terminating)
		drop_stack(search);
	while (r == 0 && matches.count > 0) {
		r = push(search, matches.names[matches.count - 1], role);
		matches.count -= r == 0;
	}
	return r;
}

/* Takes the next hop off the stack, into the list of visited ones. NULL at the end, and when the
 * bound on visits is reached. */
static const Hop *next_hop(Search *search)
{
	while (search->depth > 0 && search->visited_count < TRUST_DELEGATIONS_MAX) {
		Hop hop = search->stack[--search->depth];

		if (was_visited(search, &hop)) {
			free(hop.name);
			continue;
		}
		search->visited[search->visited_count] = hop;
		return &search->visited[search->visited_count++];
	}
	return NULL;
}

int trust_find(Trust *trust, const TrustRepository *repository, const char *path,
	TrustFile *ret_file, Reason *reterr_reason)
{
	_cleanup_(search_done) Search search = {};
	char *first = memory_string("targets");
	int r = first ? push(&search, first, NULL) : -ENOMEM;
	const Hop *hop;

	while (r == 0 && (hop = next_hop(&search))) {
		const TrustRole *role;

		r = update_role(trust, repository, hop->name, hop->delegator, reterr_reason);
		if (r < 0)
			return r;
		role = trust_role(trust, hop->name, hop->delegator);
		r = trust_target(role, path, ret_file, reterr_reason);
		if (r != -ENOENT)
			return r;
		r = push_delegations(&search, role, path);
	}
	if (r == -E2BIG)
		return reason_set(reterr_reason, r, "too many roles may list %s", path);
	return r < 0 ? r : reason_set(reterr_reason, -ENOENT, "%s is not in the repository", path);
}
