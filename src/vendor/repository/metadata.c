/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/metadata.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "wire/json/document.h"

#define SPEC_VERSION    "1.0.34"
#define SECONDS_PER_DAY 86400

static json_t *body(const char *type, int64_t version, int64_t now, int days)
{
	char expires[TIME_TEXT_SIZE];

	json_set_alloc_funcs(memory_raw, free);
	time_format(now + (int64_t)days * SECONDS_PER_DAY, expires);
	return json_pack("{s:s, s:s, s:I, s:s}", "_type", type, "spec_version", SPEC_VERSION,
		"version", (json_int_t)version, "expires", expires);
}

static json_t *keyids_of(json_t *keys)
{
	json_t *ids = json_array();
	const char *id;
	json_t *key;

	json_object_foreach(keys, id, key) json_array_append_new(ids, json_string(id));
	return ids;
}

static int add_root_role(json_t *root, const Signer *signer, const char *role, int threshold)
{
	_cleanup_json_ json_t *keys = signer_public_keys(signer, role);
	json_t *entry = json_pack("{s:o, s:i}", "keyids", keyids_of(keys), "threshold", threshold);

	if (json_object_update(json_object_get(root, "keys"), keys) < 0)
		return -ENOMEM;
	return json_object_set_new(json_object_get(root, "roles"), role, entry) < 0 ? -ENOMEM : 0;
}

json_t *metadata_root(const Signer *signer, int64_t now)
{
	_cleanup_json_ json_t *root = body("root", 1, now, METADATA_ROOT_DAYS);

	if (!root || json_object_set_new(root, "consistent_snapshot", json_true()) < 0 ||
		json_object_set_new(root, "keys", json_object()) < 0 ||
		json_object_set_new(root, "roles", json_object()) < 0 ||
		add_root_role(root, signer, "root", METADATA_ROOT_THRESHOLD) < 0 ||
		add_root_role(root, signer, "targets", 1) < 0 ||
		add_root_role(root, signer, "snapshot", 1) < 0 ||
		add_root_role(root, signer, "timestamp", 1) < 0)
		return NULL;
	return TAKE_PTR(root);
}

json_t *metadata_targets(int64_t version, int64_t now, json_t *targets, json_t *delegations)
{
	_cleanup_json_ json_t *targets_body = body("targets", version, now, METADATA_TARGETS_DAYS);
	json_t *list = targets ? json_incref(targets) : json_object();

	if (!targets_body || json_object_set_new(targets_body, "targets", list) < 0)
		return NULL;
	if (delegations && json_object_set(targets_body, "delegations", delegations) < 0)
		return NULL;
	return TAKE_PTR(targets_body);
}

json_t *metadata_snapshot(int64_t version, int64_t now, const json_t *from)
{
	_cleanup_json_ json_t *snapshot = body("snapshot", version, now, METADATA_SNAPSHOT_DAYS);
	json_t *meta = from ? json_deep_copy(json_object_get(from, "meta")) : json_object();

	if (!snapshot || json_object_set_new(snapshot, "meta", meta) < 0)
		return NULL;
	return TAKE_PTR(snapshot);
}

json_t *metadata_timestamp(int64_t version, int64_t snapshot_version, int64_t now)
{
	_cleanup_json_ json_t *timestamp = body("timestamp", version, now, METADATA_TIMESTAMP_DAYS);
	json_t *meta =
		json_pack("{s:{s:I}}", "snapshot.json", "version", (json_int_t)snapshot_version);
	char issued[TIME_TEXT_SIZE];

	time_format(now, issued);
	if (!timestamp || json_object_set_new(timestamp, "meta", meta) < 0 ||
		json_object_set_new(timestamp, "x-suture-issued", json_string(issued)) < 0)
		return NULL;
	return TAKE_PTR(timestamp);
}

int metadata_renew(json_t *old, int64_t version, int64_t now)
{
	const char *type = json_string_value(json_object_get(old, "_type"));
	int days = strcmp(type, "root") == 0 ? METADATA_ROOT_DAYS : METADATA_TARGETS_DAYS;
	_cleanup_json_ json_t *fresh = body(type, version, now, days);

	return fresh && json_object_update(old, fresh) == 0 ? 0 : -ENOMEM;
}

int metadata_list_role(json_t *snapshot, const char *role, int64_t version)
{
	_cleanup_free_ char *name = memory_printf("%s.json", role);
	json_t *entry = json_pack("{s:I}", "version", (json_int_t)version);

	if (!name) {
		json_decref(entry);
		return -ENOMEM;
	}
	return json_object_set_new(json_object_get(snapshot, "meta"), name, entry) < 0 ? -ENOMEM
										       : 0;
}

int metadata_list_target(json_t *targets_body, const char *path, const TrustFile *file)
{
	char text[DIGEST_TEXT_SIZE];
	json_t *entry;

	digest_to_text(&file->sha256, text);
	entry = json_pack(
		"{s:I, s:{s:s}}", "length", (json_int_t)file->length, "hashes", "sha256", text);
	return json_object_set_new(json_object_get(targets_body, "targets"), path, entry) < 0
		? -ENOMEM
		: 0;
}

static json_t *get_or_add(json_t *object, const char *name, json_t *empty)
{
	json_t *value = json_object_get(object, name);

	if (value) {
		json_decref(empty);
		return value;
	}
	return json_object_set_new(object, name, empty) == 0 ? empty : NULL;
}

static void drop_role(json_t *roles, const char *role)
{
	for (size_t i = json_array_size(roles); i > 0; i--) {
		const char *name =
			json_string_value(json_object_get(json_array_get(roles, i - 1), "name"));

		if (name && strcmp(name, role) == 0)
			json_array_remove(roles, i - 1);
	}
}

int metadata_delegate(json_t *targets_body, const char *role, const char *pattern, json_t *keys)
{
	json_t *delegations = get_or_add(targets_body, "delegations", json_object());
	json_t *all_keys = get_or_add(delegations, "keys", json_object());
	json_t *roles = get_or_add(delegations, "roles", json_array());
	json_t *entry = json_pack("{s:s, s:o, s:i, s:[s], s:b}", "name", role, "keyids",
		keyids_of(keys), "threshold", 1, "paths", pattern, "terminating", 1);

	drop_role(roles, role);
	if (json_object_update(all_keys, keys) < 0 || json_array_append_new(roles, entry) < 0)
		return -ENOMEM;
	return 0;
}

/* Where a body lists the roles that it vouches for: root by name, targets in order. */
static json_t *delegations_of(const json_t *delegator)
{
	return json_object_get(delegator, "delegations");
}

json_t *metadata_keys(const json_t *delegator)
{
	const json_t *delegations = delegations_of(delegator);

	return json_object_get(delegations ? delegations : delegator, "keys");
}

json_t *metadata_role(const json_t *delegator, const char *role)
{
	const json_t *list = json_object_get(delegations_of(delegator), "roles");

	if (!list)
		return json_object_get(json_object_get(delegator, "roles"), role);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(list, i), "name"));

		if (name && strcmp(name, role) == 0)
			return json_array_get(list, i);
	}
	return NULL;
}

static size_t find_keyid(const json_t *role, const char *keyid)
{
	const json_t *keyids = json_object_get(role, "keyids");
	size_t i = 0;

	while (i < json_array_size(keyids) &&
		strcmp(json_string_value(json_array_get(keyids, i)), keyid) != 0)
		i++;
	return i;
}

int metadata_add_key(json_t *delegator, const char *role, const char *keyid, json_t *key)
{
	json_t *keyids = json_object_get(metadata_role(delegator, role), "keyids");

	if (json_object_set(metadata_keys(delegator), keyid, key) < 0)
		return -ENOMEM;
	return json_array_append_new(keyids, json_string(keyid)) < 0 ? -ENOMEM : 0;
}

static bool is_used(const json_t *delegator, const char *keyid)
{
	const json_t *list = json_object_get(delegations_of(delegator), "roles");
	const json_t *roles = json_object_get(delegator, "roles"), *role;
	const char *name;
	bool used = false;

	for (size_t i = 0; i < json_array_size(list); i++)
		used |= metadata_lists_key(json_array_get(list, i), keyid);
	json_object_foreach((json_t *)roles, name, role) used |= metadata_lists_key(role, keyid);
	return used;
}

bool metadata_lists_key(const json_t *role, const char *keyid)
{
	return find_keyid(role, keyid) < json_array_size(json_object_get(role, "keyids"));
}

void metadata_remove_key(json_t *delegator, const char *role, const char *keyid)
{
	json_t *entry = metadata_role(delegator, role);

	json_array_remove(json_object_get(entry, "keyids"), find_keyid(entry, keyid));
	if (!is_used(delegator, keyid))
		json_object_del(metadata_keys(delegator), keyid);
}

int metadata_set_threshold(json_t *delegator, const char *role, json_int_t threshold)
{
	json_t *number = json_integer(threshold);

	return json_object_set_new(metadata_role(delegator, role), "threshold", number) < 0
		? -ENOMEM
		: 0;
}

int64_t metadata_version(const json_t *any_body)
{
	return json_integer_value(json_object_get(any_body, "version"));
}

const char *metadata_expires(const json_t *any_body)
{
	return json_string_value(json_object_get(any_body, "expires"));
}

int64_t metadata_expiry(const json_t *any_body)
{
	const char *text = metadata_expires(any_body);
	int64_t expires;

	return text && time_parse(text, &expires) == 0 ? expires : 0;
}

int64_t metadata_listed_version(const json_t *snapshot, const char *role)
{
	_cleanup_free_ char *name = memory_printf("%s.json", role);

	return name ? metadata_version(json_object_get(json_object_get(snapshot, "meta"), name))
		    : 0;
}
