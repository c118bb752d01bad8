/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "wire/json/document.h"
#include "wire/trust/delegation.h"
#include "wire/trust/envelope.h"
#include "wire/trust/key.h"

#define ISSUED "x-suture-issued"

struct TrustRole {
	char *name;
	const TrustRole *delegator; /* NULL: root */
	json_t *body;               /* the `signed` part */
};

struct Trust {
	int64_t now;
	json_t *root; /* `signed` parts; NULL until trusted */
	json_t *timestamp;
	json_t *snapshot;
	bool snapshot_is_final; /* checked against the timestamp and not expired */
	TrustRole **roles;      /* few: a list will do */
	size_t role_count;
};

static TrustRole *role_free(TrustRole *role)
{
	if (role) {
		free(role->name);
		json_decref(role->body);
	}
	free(role);
	return NULL;
}
DEFINE_CLEANUP(TrustRole *, role_free)

static void drop_roles(Trust *trust)
{
	for (size_t i = 0; i < trust->role_count; i++)
		role_free(trust->roles[i]);
	free(trust->roles);
	trust->roles = NULL;
	trust->role_count = 0;
}

Trust *trust_free(Trust *trust)
{
	if (!trust)
		return NULL;
	json_decref(trust->root);
	json_decref(trust->timestamp);
	json_decref(trust->snapshot);
	drop_roles(trust);
	free(trust);
	return NULL;
}

static int check_expiry(const Trust *trust, const json_t *body, const char *role, Reason *reason)
{
	if (envelope_expiry(body) > trust->now)
		return 0;
	return reason_set(reason, -EKEYEXPIRED,
		"%s metadata expired on %s; the vendor must renew it, "
		"or this machine's clock is wrong",
		role, json_string_value(json_object_get(body, "expires")));
}

static void replace(json_t **slot, const json_t *envelope)
{
	json_decref(*slot);
	*slot = json_incref(envelope_body(envelope));
}

/* Verifies an envelope for one of the four top-level roles with the keys that `root` lists. */
static int verify_by_root(
	const json_t *root, const char *role, const json_t *envelope, Reason *reason)
{
	return key_verify_envelope(json_object_get(root, "keys"),
		json_object_get(json_object_get(root, "roles"), role), envelope, role, reason);
}

/* The four top-level roles must have their keys named; others ("mirrors") may be there. */
static int check_root(const json_t *root, Reason *reason)
{
	static const char *const names[] = {"root", "timestamp", "snapshot", "targets"};
	const json_t *consistent = json_object_get(root, "consistent_snapshot");
	const json_t *roles = json_object_get(root, "roles");

	if (!json_is_object(json_object_get(root, "keys")))
		return reason_set(reason, -EBADMSG, "root metadata lists no keys");
	if (consistent && !json_is_boolean(consistent))
		return reason_set(reason, -EBADMSG,
			"root metadata: consistent_snapshot is neither true nor false");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!key_role_is_good(json_object_get(roles, names[i])))
			return reason_set(reason, -EBADMSG,
				"root metadata does not say who signs the role %s", names[i]);
	return 0;
}

int trust_new(const void *root, size_t size, int64_t now, Trust **ret_trust, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	Trust *trust;
	int r = envelope_parse(root, size, "root", "root", &envelope, reterr_reason);

	if (r == 0)
		r = check_root(envelope_body(envelope), reterr_reason);
	if (r == 0)
		r = verify_by_root(envelope_body(envelope), "root", envelope, reterr_reason);
	if (r < 0)
		return r;
	trust = memory_new(sizeof(*trust));
	if (!trust)
		return -ENOMEM;
	trust->now = now;
	replace(&trust->root, envelope);
	*ret_trust = trust;
	return 0;
}

/* Under a new root only what verifies with its keys counts (5.3.11). */
static void forget_all_below_root(Trust *trust)
{
	json_decref(trust->timestamp);
	json_decref(trust->snapshot);
	trust->timestamp = NULL;
	trust->snapshot = NULL;
	trust->snapshot_is_final = false;
	drop_roles(trust);
}

/* A new root must be signed by the old one's threshold and by its own (5.3.4), and count one up. */
int trust_update_root(Trust *trust, const void *data, size_t size, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	const json_t *body;
	int r = envelope_parse(data, size, "root", "root", &envelope, reterr_reason);

	if (r < 0)
		return r;
	body = envelope_body(envelope);
	r = verify_by_root(trust->root, "root", envelope, reterr_reason);
	if (r == 0)
		r = check_root(body, reterr_reason);
	if (r == 0)
		r = verify_by_root(body, "root", envelope, reterr_reason);
	if (r < 0)
		return r;
	if (envelope_version(body) != envelope_version(trust->root) + 1)
		return reason_set(reterr_reason, -ESTALE,
			"root is version %" PRId64 ", not %" PRId64, envelope_version(body),
			envelope_version(trust->root) + 1);
	replace(&trust->root, envelope);
	forget_all_below_root(trust);
	return 0;
}

int trust_finish_root(const Trust *trust, Reason *reterr_reason)
{
	return check_expiry(trust, trust->root, "root", reterr_reason);
}

static int read_meta(
	const json_t *body, const char *role, uint64_t limit, TrustFile *ret_file, Reason *reason)
{
	_cleanup_free_ char *name = memory_printf("%s.json", role);
	const json_t *entry;
	TrustFile file;
	int r;

	if (!name)
		return -ENOMEM;
	entry = json_object_get(json_object_get(body, "meta"), name);
	if (!entry)
		return reason_set(reason, -ENOENT, "%s is not listed in the snapshot", name);
	r = trust_file_read(entry, name, &file, reason);
	if (r < 0)
		return r;
	if (file.version < 1)
		return reason_set(reason, -EBADMSG, "%s is listed without a version", name);
	if (file.length > limit)
		return reason_set(reason, -EBADMSG,
			"%s is announced with %" PRIu64 " bytes, more than the %" PRIu64
			" that it may have",
			name, file.length, limit);
	if (!file.has_length)
		file.length = limit;
	*ret_file = file;
	return 0;
}

int trust_file_of_role(
	const Trust *trust, const char *role, TrustFile *ret_file, Reason *reterr_reason)
{
	if (strcmp(role, "snapshot") == 0)
		return read_meta(
			trust->timestamp, role, TRUST_SNAPSHOT_SIZE_MAX, ret_file, reterr_reason);
	return read_meta(trust->snapshot, role, TRUST_TARGETS_SIZE_MAX, ret_file, reterr_reason);
}

static bool has_issued(const json_t *timestamp)
{
	return json_object_get(timestamp, ISSUED) != NULL;
}

static int64_t issued_of(const json_t *timestamp)
{
	return envelope_time(json_object_get(timestamp, ISSUED));
}

/* A time of signing beyond the expiry would make everything else look expired, for no gain. */
static int check_timestamp(const json_t *body, TrustFile *ret_snapshot, Reason *reason)
{
	int r = read_meta(body, "snapshot", TRUST_SNAPSHOT_SIZE_MAX, ret_snapshot, reason);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (has_issued(body) && (issued_of(body) < 0 || issued_of(body) > envelope_expiry(body)))
		return reason_set(reason, -EBADMSG,
			"timestamp metadata: " ISSUED " is no time, or later than the expiry");
	return 0;
}

static void advance_clock(Trust *trust, const json_t *timestamp)
{
	if (trust->now != TRUST_NO_CLOCK && has_issued(timestamp) &&
		issued_of(timestamp) > trust->now)
		trust->now = issued_of(timestamp);
}

/* TRUST_UNCHANGED for the version that is known already (5.4.3.1). */
static int check_timestamp_rollback(
	const Trust *trust, const json_t *body, const TrustFile *snapshot, Reason *reason)
{
	TrustFile known;
	int r;

	if (envelope_version(body) == envelope_version(trust->timestamp))
		return TRUST_UNCHANGED;
	r = trust_file_of_role(trust, "snapshot", &known, reason);
	if (r < 0)
		return r;
	if (envelope_version(body) < envelope_version(trust->timestamp) ||
		snapshot->version < known.version)
		return reason_set(
			reason, -ESTALE, "timestamp is older than one that was seen before");
	return 0;
}

/* The root again, as the timestamp may have moved the clock. */
int trust_check_timestamp(const Trust *trust, Reason *reterr_reason)
{
	int r = trust_finish_root(trust, reterr_reason);

	return r < 0 ? r : check_expiry(trust, trust->timestamp, "timestamp", reterr_reason);
}

int trust_update_timestamp(Trust *trust, const void *data, size_t size, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	TrustFile snapshot;
	const json_t *body;
	int r = envelope_parse(data, size, "timestamp", "timestamp", &envelope, reterr_reason);

	if (r == 0)
		r = verify_by_root(trust->root, "timestamp", envelope, reterr_reason);
	if (r < 0)
		return r;
	body = envelope_body(envelope);
	r = check_timestamp(body, &snapshot, reterr_reason);
	if (r < 0)
		return r;
	advance_clock(trust, body);
	r = trust->timestamp ? check_timestamp_rollback(trust, body, &snapshot, reterr_reason) : 0;
	if (r != 0)
		return r;
	/* Set before the expiry is checked: an expired one still guards against rollback. */
	replace(&trust->timestamp, envelope);
	return trust_check_timestamp(trust, reterr_reason);
}

int64_t trust_timestamp_issued(const Trust *trust)
{
	return has_issued(trust->timestamp) ? issued_of(trust->timestamp) : 0;
}

int64_t trust_now(const Trust *trust)
{
	return trust->now;
}

bool trust_snapshot_is_final(const Trust *trust)
{
	return trust->snapshot_is_final;
}

static int check_snapshot(const json_t *body, Reason *reason)
{
	const char *name;
	json_t *entry;

	if (!json_is_object(json_object_get(body, "meta")))
		return reason_set(reason, -EBADMSG, "snapshot lists no metadata");
	json_object_foreach(json_object_get(body, "meta"), name, entry)
	{
		if (envelope_version(entry) == 0)
			return reason_set(reason, -EBADMSG, "%s is listed without a version", name);
	}
	return 0;
}

/* No role may vanish from the snapshot or go down in version (5.5.5). */
static int check_snapshot_rollback(const json_t *old, const json_t *new, Reason *reason)
{
	const json_t *meta = json_object_get(new, "meta");
	const char *name;
	json_t *entry;

	json_object_foreach(json_object_get(old, "meta"), name, entry)
	{
		const json_t *now = json_object_get(meta, name);

		if (!now)
			return reason_set(reason, -ESTALE, "%s vanished from the snapshot", name);
		if (envelope_version(now) < envelope_version(entry))
			return reason_set(
				reason, -ESTALE, "%s is older than one that was seen before", name);
	}
	return 0;
}

/* Whether a snapshot is the one that the timestamp announces. */
static int check_snapshot_announced(
	const TrustFile *file, const json_t *body, const void *data, size_t size, Reason *reason)
{
	if (envelope_version(body) != file->version)
		return reason_set(reason, -ESTALE, "snapshot is version %" PRId64 ", not %" PRId64,
			envelope_version(body), file->version);
	return trust_file_check(file, data, size, "snapshot metadata", reason);
}

static void take_snapshot(Trust *trust, const json_t *envelope)
{
	replace(&trust->snapshot, envelope);
	trust->snapshot_is_final = false;
	drop_roles(trust);
}

int trust_update_snapshot(
	Trust *trust, const void *data, size_t size, bool kept, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	const json_t *body;
	TrustFile file;
	int announced, r = trust_file_of_role(trust, "snapshot", &file, reterr_reason);

	if (r == 0 && !kept)
		r = trust_file_check(&file, data, size, "snapshot metadata", reterr_reason);
	if (r == 0)
		r = envelope_parse(data, size, "snapshot", "snapshot", &envelope, reterr_reason);
	if (r == 0)
		r = verify_by_root(trust->root, "snapshot", envelope, reterr_reason);
	if (r < 0)
		return r;
	body = envelope_body(envelope);
	r = check_snapshot(body, reterr_reason);
	if (r == 0 && trust->snapshot)
		r = check_snapshot_rollback(trust->snapshot, body, reterr_reason);
	if (r < 0)
		return r;
	announced = check_snapshot_announced(&file, body, data, size, reterr_reason);
	if (announced < 0 && !kept)
		return announced;
	/* A kept snapshot that is no longer the announced one stays for comparison (5.5.5). */
	take_snapshot(trust, envelope);
	if (announced < 0)
		return announced;
	r = check_expiry(trust, body, "snapshot", reterr_reason);
	trust->snapshot_is_final = r == 0;
	return r;
}

static TrustRole *find_role(const Trust *trust, const char *name, const TrustRole *delegator)
{
	for (size_t i = 0; i < trust->role_count; i++)
		if (trust->roles[i]->delegator == delegator &&
			strcmp(trust->roles[i]->name, name) == 0)
			return trust->roles[i];
	return NULL;
}

const TrustRole *trust_role(const Trust *trust, const char *name, const TrustRole *delegator)
{
	return find_role(trust, name, delegator);
}

const char *trust_role_name(const TrustRole *role)
{
	return role->name;
}

const json_t *trust_body(const Trust *trust, const char *role)
{
	if (strcmp(role, "root") == 0)
		return trust->root;
	if (strcmp(role, "timestamp") == 0)
		return trust->timestamp;
	if (strcmp(role, "snapshot") == 0)
		return trust->snapshot;
	for (size_t i = 0; i < trust->role_count; i++)
		if (strcmp(trust->roles[i]->name, role) == 0)
			return trust->roles[i]->body;
	return NULL;
}

static int add_role(
	Trust *trust, const char *name, const TrustRole *delegator, const json_t *envelope)
{
	_cleanup_(role_freep) TrustRole *role = memory_new(sizeof(*role));
	int r;

	if (!role)
		return -ENOMEM;
	role->delegator = delegator;
	role->name = memory_string(name);
	r = role->name ? memory_grow(&trust->roles, trust->role_count, sizeof(*trust->roles))
		       : -ENOMEM;
	if (r < 0)
		return r;
	replace(&role->body, envelope);
	trust->roles[trust->role_count++] = TAKE_PTR(role);
	return 0;
}

static int verify_role(const Trust *trust, const char *name, const TrustRole *delegator,
	const json_t *envelope, Reason *reason)
{
	if (!delegator)
		return verify_by_root(trust->root, name, envelope, reason);
	return key_verify_envelope(
		json_object_get(json_object_get(delegator->body, "delegations"), "keys"),
		delegation_signers(delegator->body, name), envelope, name, reason);
}

static int check_targets(const json_t *body, const char *role, Reason *reason)
{
	if (!json_is_object(json_object_get(body, "targets")))
		return reason_set(reason, -EBADMSG, "%s metadata has no list of targets", role);
	return delegation_check(body, role, reason);
}

/* Reads and verifies the announced bytes of a targets role. */
static int read_role(const Trust *trust, const char *name, const TrustRole *delegator,
	const void *data, size_t size, json_t **ret_envelope, Reason *reason)
{
	_cleanup_free_ char *what = memory_printf("%s metadata", name);
	_cleanup_json_ json_t *envelope = NULL;
	TrustFile file;
	int r = what ? trust_file_of_role(trust, name, &file, reason) : -ENOMEM;

	if (r == 0)
		r = trust_file_check(&file, data, size, what, reason);
	if (r == 0)
		r = envelope_parse(data, size, name, "targets", &envelope, reason);
	if (r == 0)
		r = verify_role(trust, name, delegator, envelope, reason);
	if (r < 0)
		return r;
	if (envelope_version(envelope_body(envelope)) != file.version)
		return reason_set(reason, -ESTALE, "%s is version %" PRId64 ", not %" PRId64, name,
			envelope_version(envelope_body(envelope)), file.version);
	*ret_envelope = TAKE_PTR(envelope);
	return 0;
}

static int update_role(Trust *trust, const char *name, const TrustRole *delegator, const void *data,
	size_t size, Reason *reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	TrustRole *known;
	int r;

	if (!trust->snapshot_is_final)
		return reason_set(reason, -EKEYREJECTED, "%s: there is no trusted snapshot", name);
	r = read_role(trust, name, delegator, data, size, &envelope, reason);
	if (r == 0)
		r = check_expiry(trust, envelope_body(envelope), name, reason);
	if (r == 0)
		r = check_targets(envelope_body(envelope), name, reason);
	if (r < 0)
		return r;
	known = find_role(trust, name, delegator);
	if (!known)
		return add_role(trust, name, delegator, envelope);
	replace(&known->body, envelope);
	return 0;
}

int trust_update_targets(Trust *trust, const void *data, size_t size, Reason *reterr_reason)
{
	return update_role(trust, "targets", NULL, data, size, reterr_reason);
}

int trust_update_delegated(Trust *trust, const char *name, const TrustRole *delegator,
	const void *data, size_t size, Reason *reterr_reason)
{
	return update_role(trust, name, delegator, data, size, reterr_reason);
}

int64_t trust_root_version(const Trust *trust)
{
	return envelope_version(trust->root);
}

bool trust_consistent_snapshot(const Trust *trust)
{
	return json_is_true(json_object_get(trust->root, "consistent_snapshot"));
}

int64_t trust_timestamp_expires(const Trust *trust)
{
	return trust->timestamp ? envelope_expiry(trust->timestamp) : 0;
}

int trust_target(
	const TrustRole *role, const char *path, TrustFile *ret_file, Reason *reterr_reason)
{
	const json_t *entry = json_object_get(json_object_get(role->body, "targets"), path);
	TrustFile file;
	int r;

	if (!entry)
		return reason_set(reterr_reason, -ENOENT, "%s is not in the repository", path);
	r = trust_file_read(entry, path, &file, reterr_reason);
	if (r < 0)
		return r;
	if (!file.has_length || (!file.has_sha256 && !file.has_sha512))
		return reason_set(
			reterr_reason, -EBADMSG, "%s is listed without length or hash", path);
	*ret_file = file;
	return 0;
}

int trust_delegation(const TrustRole *role, const char *path, size_t *cursor, char **ret_name,
	bool *ret_terminating)
{
	return delegation_next(role->body, path, cursor, ret_name, ret_terminating);
}
