/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/trust.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"

#define SPEC_VERSION_PREFIX "1."

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

static int64_t version_of(const json_t *body)
{
	return json_integer_value(json_object_get(body, "version"));
}

static int64_t expiry_of(const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "expires"));
	int64_t expires;

	return text && time_parse(text, &expires) == 0 ? expires : -1;
}

static int check_expiry(const Trust *trust, const json_t *body, const char *role, Reason *reason)
{
	if (expiry_of(body) > trust->now)
		return 0;
	return reason_set(reason, -EKEYEXPIRED,
		"%s metadata expired on %s; the vendor must renew it, "
		"or this machine's clock is wrong",
		role, json_string_value(json_object_get(body, "expires")));
}

/* Reads an envelope and the members that every role has. The result is not trusted yet. */
static int parse_envelope(const void *data, size_t size, const char *role, const char *type,
	json_t **ret_envelope, Reason *reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	const char *its_type, *spec;
	const json_t *body;
	Reason why = {};
	int r = document_parse(data, size, &envelope, &why);

	if (r < 0)
		return reason_set(reason, r, "%s metadata: %s", role, why.text);
	body = json_object_get(envelope, "signed");
	its_type = json_string_value(json_object_get(body, "_type"));
	spec = json_string_value(json_object_get(body, "spec_version"));
	if (!its_type || strcmp(its_type, type) != 0)
		return reason_set(reason, -EBADMSG, "%s metadata is not of type %s", role, type);
	if (!spec || !text_starts_with(spec, SPEC_VERSION_PREFIX))
		return reason_set(reason, -EBADMSG,
			"%s metadata is of an unknown specification version", role);
	if (version_of(body) < 1 || version_of(body) > TRUST_VERSION_MAX || expiry_of(body) < 0)
		return reason_set(
			reason, -EBADMSG, "%s metadata has no valid version or expiry", role);
	*ret_envelope = TAKE_PTR(envelope);
	return 0;
}

static void replace(json_t **slot, const json_t *envelope)
{
	json_decref(*slot);
	*slot = json_incref(json_object_get(envelope, "signed"));
}

/* Verifies an envelope for one of the four top-level roles with the keys that `root` lists. */
static int verify_by_root(
	const json_t *root, const char *role, const json_t *envelope, Reason *reason)
{
	return key_verify_envelope(json_object_get(root, "keys"),
		json_object_get(json_object_get(root, "roles"), role), envelope, role, reason);
}

int trust_new(const void *root, size_t size, int64_t now, Trust **ret_trust, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	Trust *trust;
	int r = parse_envelope(root, size, "root", "root", &envelope, reterr_reason);

	if (r == 0)
		r = verify_by_root(
			json_object_get(envelope, "signed"), "root", envelope, reterr_reason);
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
	int r = parse_envelope(data, size, "root", "root", &envelope, reterr_reason);

	if (r < 0)
		return r;
	body = json_object_get(envelope, "signed");
	r = verify_by_root(trust->root, "root", envelope, reterr_reason);
	if (r == 0)
		r = verify_by_root(body, "root", envelope, reterr_reason);
	if (r < 0)
		return r;
	if (version_of(body) != version_of(trust->root) + 1)
		return reason_set(reterr_reason, -ESTALE,
			"root is version %" PRId64 ", not %" PRId64, version_of(body),
			version_of(trust->root) + 1);
	replace(&trust->root, envelope);
	forget_all_below_root(trust);
	return 0;
}

int trust_finish_root(Trust *trust, Reason *reterr_reason)
{
	return check_expiry(trust, trust->root, "root", reterr_reason);
}

/* One entry of a `meta` or `targets` object. Length and hashes are optional in meta (4.4). */
static int read_file(const json_t *entry, const char *name, TrustFile *ret_file, Reason *reason)
{
	const json_t *length = json_object_get(entry, "length");
	const json_t *hashes = json_object_get(entry, "hashes");
	const char *sha256 = json_string_value(json_object_get(hashes, "sha256"));
	TrustFile file = {.version = version_of(entry)};

	if (length && (!json_is_integer(length) || json_integer_value(length) < 0))
		return reason_set(reason, -EBADMSG, "the length of %s is malformed", name);
	if (hashes && (!sha256 || digest_from_text(sha256, &file.sha256) < 0))
		return reason_set(reason, -EBADMSG, "%s is listed without a SHA-256", name);
	file.has_digest = hashes != NULL;
	file.has_length = length != NULL;
	if (length)
		file.length = (uint64_t)json_integer_value(length);
	*ret_file = file;
	return 0;
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
	r = read_file(entry, name, &file, reason);
	if (r < 0)
		return r;
	if (file.version < 1)
		return reason_set(reason, -EBADMSG, "%s is listed without a version", name);
	if (!file.has_length || file.length > limit)
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

/* The bytes must be those that the file above them in the chain announced. */
static int check_announced(
	const TrustFile *file, const void *data, size_t size, const char *role, Reason *reason)
{
	Digest digest;
	int r;

	if (file->has_length && size != file->length)
		return reason_set(reason, -EKEYREJECTED, "%s metadata has %zu bytes, not %" PRIu64,
			role, size, file->length);
	if (!file->has_digest)
		return 0;
	r = digest_of(data, size, &digest);
	if (r < 0)
		return r;
	if (!digest_equal(&digest, &file->sha256))
		return reason_set(reason, -EKEYREJECTED,
			"%s metadata is not the bytes that were announced", role);
	return 0;
}

int trust_update_timestamp(Trust *trust, const void *data, size_t size, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	TrustFile snapshot, known;
	const json_t *body;
	int r = parse_envelope(data, size, "timestamp", "timestamp", &envelope, reterr_reason);

	if (r == 0)
		r = verify_by_root(trust->root, "timestamp", envelope, reterr_reason);
	if (r < 0)
		return r;
	body = json_object_get(envelope, "signed");
	r = read_meta(body, "snapshot", TRUST_SNAPSHOT_SIZE_MAX, &snapshot, reterr_reason);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (trust->timestamp) {
		if (version_of(body) == version_of(trust->timestamp))
			return TRUST_UNCHANGED;
		r = read_meta(trust->timestamp, "snapshot", TRUST_SNAPSHOT_SIZE_MAX, &known,
			reterr_reason);
		if (r < 0)
			return r;
		if (version_of(body) < version_of(trust->timestamp) ||
			snapshot.version < known.version)
			return reason_set(reterr_reason, -ESTALE,
				"timestamp is older than one that was seen before");
	}
	/* Set before the expiry is checked: an expired one still guards against rollback. */
	replace(&trust->timestamp, envelope);
	return check_expiry(trust, body, "timestamp", reterr_reason);
}

int trust_check_timestamp(const Trust *trust, Reason *reterr_reason)
{
	return check_expiry(trust, trust->timestamp, "timestamp", reterr_reason);
}

bool trust_snapshot_is_final(const Trust *trust)
{
	return trust->snapshot_is_final;
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
		if (version_of(now) < version_of(entry))
			return reason_set(
				reason, -ESTALE, "%s is older than one that was seen before", name);
	}
	return 0;
}

/* Whether a snapshot is the one that the timestamp announces. */
static int check_snapshot_announced(
	const TrustFile *file, const json_t *body, const void *data, size_t size, Reason *reason)
{
	if (version_of(body) != file->version)
		return reason_set(reason, -ESTALE, "snapshot is version %" PRId64 ", not %" PRId64,
			version_of(body), file->version);
	return check_announced(file, data, size, "snapshot", reason);
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
		r = check_announced(&file, data, size, "snapshot", reterr_reason);
	if (r == 0)
		r = parse_envelope(data, size, "snapshot", "snapshot", &envelope, reterr_reason);
	if (r == 0)
		r = verify_by_root(trust->root, "snapshot", envelope, reterr_reason);
	if (r < 0)
		return r;
	body = json_object_get(envelope, "signed");
	if (!json_is_object(json_object_get(body, "meta")))
		return reason_set(reterr_reason, -EBADMSG, "snapshot lists no metadata");
	r = trust->snapshot ? check_snapshot_rollback(trust->snapshot, body, reterr_reason) : 0;
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

/* The object that lists a delegated role's keyids and threshold. */
static const json_t *find_delegation(const json_t *delegations, const char *role)
{
	const json_t *roles = json_object_get(delegations, "roles");

	for (size_t i = 0; i < json_array_size(roles); i++) {
		const json_t *each = json_array_get(roles, i);
		const char *name = json_string_value(json_object_get(each, "name"));

		if (name && strcmp(name, role) == 0)
			return each;
	}
	return NULL;
}

static int verify_role(const Trust *trust, const char *name, const TrustRole *delegator,
	const json_t *envelope, Reason *reason)
{
	const json_t *delegations;

	if (!delegator)
		return verify_by_root(trust->root, name, envelope, reason);
	delegations = json_object_get(delegator->body, "delegations");
	return key_verify_envelope(json_object_get(delegations, "keys"),
		find_delegation(delegations, name), envelope, name, reason);
}

/* A name must stand once: else the paths of one delegation would go with the keys of another. */
static int check_delegations(const json_t *body, const char *role, Reason *reason)
{
	const json_t *roles = json_object_get(json_object_get(body, "delegations"), "roles");
	_cleanup_json_ json_t *names = json_object();

	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(roles, i), "name"));

		if (!name || json_object_get(names, name))
			return reason_set(reason, -EBADMSG,
				"%s metadata delegates to a role without a name, or twice to one",
				role);
		if (json_object_set_new(names, name, json_true()) < 0)
			return -ENOMEM;
	}
	return names ? 0 : -ENOMEM;
}

static int update_role(Trust *trust, const char *name, const TrustRole *delegator, const void *data,
	size_t size, Reason *reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	TrustRole *known;
	const json_t *body;
	TrustFile file;
	int r;

	if (!trust->snapshot_is_final)
		return reason_set(reason, -EKEYREJECTED, "%s: there is no trusted snapshot", name);
	r = trust_file_of_role(trust, name, &file, reason);
	if (r == 0)
		r = check_announced(&file, data, size, name, reason);
	if (r == 0)
		r = parse_envelope(data, size, name, "targets", &envelope, reason);
	if (r == 0)
		r = verify_role(trust, name, delegator, envelope, reason);
	if (r < 0)
		return r;
	body = json_object_get(envelope, "signed");
	if (version_of(body) != file.version)
		return reason_set(reason, -ESTALE, "%s is version %" PRId64 ", not %" PRId64, name,
			version_of(body), file.version);
	r = check_expiry(trust, body, name, reason);
	if (r == 0)
		r = check_delegations(body, name, reason);
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

static bool is_top_level(const char *role)
{
	static const char *const names[] = {"root", "timestamp", "snapshot", "targets", NULL};

	return text_index(names, role) >= 0;
}

int trust_update_delegated(Trust *trust, const char *name, const TrustRole *delegator,
	const void *data, size_t size, Reason *reterr_reason)
{
	if (is_top_level(name) || !name[0] || strlen(name) > TRUST_ROLE_NAME_MAX)
		return reason_set(
			reterr_reason, -EBADMSG, "no delegated role may be named '%s'", name);
	return update_role(trust, name, delegator, data, size, reterr_reason);
}

int64_t trust_root_version(const Trust *trust)
{
	return version_of(trust->root);
}

bool trust_consistent_snapshot(const Trust *trust)
{
	return json_is_true(json_object_get(trust->root, "consistent_snapshot"));
}

int64_t trust_timestamp_expires(const Trust *trust)
{
	return trust->timestamp ? expiry_of(trust->timestamp) : 0;
}

int trust_target(
	const TrustRole *role, const char *path, TrustFile *ret_file, Reason *reterr_reason)
{
	const json_t *entry = json_object_get(json_object_get(role->body, "targets"), path);
	TrustFile file;
	int r;

	if (!entry)
		return reason_set(reterr_reason, -ENOENT, "%s is not in the repository", path);
	r = read_file(entry, path, &file, reterr_reason);
	if (r < 0)
		return r;
	if (!file.has_length || !file.has_digest)
		return reason_set(
			reterr_reason, -EBADMSG, "%s is listed without length or hash", path);
	*ret_file = file;
	return 0;
}

/* Component by component, because `*` stops at a slash. */
bool trust_path_matches(const char *path, const char *pattern)
{
	return fnmatch(pattern, path, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

static bool delegation_matches(const json_t *delegation, const char *path)
{
	const json_t *paths = json_object_get(delegation, "paths");

	for (size_t i = 0; i < json_array_size(paths); i++) {
		const char *pattern = json_string_value(json_array_get(paths, i));

		if (pattern && trust_path_matches(path, pattern))
			return true;
	}
	return false;
}

int trust_delegation(const TrustRole *role, const char *path, size_t index, const char **ret_name,
	bool *ret_terminating)
{
	const json_t *roles = json_object_get(json_object_get(role->body, "delegations"), "roles");

	for (size_t i = 0; i < json_array_size(roles); i++) {
		const json_t *each = json_array_get(roles, i);
		const char *name = json_string_value(json_object_get(each, "name"));

		if (!name || !delegation_matches(each, path) || index-- > 0)
			continue;
		*ret_name = name;
		*ret_terminating = json_is_true(json_object_get(each, "terminating"));
		return 0;
	}
	return -ENOENT;
}
