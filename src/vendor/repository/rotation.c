/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/rotation.h"

#include <errno.h>
#include <string.h>

#include "vendor/repository/metadata.h"
#include "wire/trust/key.h"

Authority rotation_authority(const Repository *repository, const Role *role)
{
	const json_t *delegator = repository_published(repository, role_delegator(role));

	return (Authority){metadata_keys(delegator), metadata_role(delegator, role->name)};
}

static const char *public_of(const json_t *key)
{
	const char *public =
		json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));

	return public ? public : "";
}

/* The same key under two keyids would count once, and be thought to count twice. */
static bool lists_public(const Authority *authority, const json_t *key)
{
	const json_t *keyids = json_object_get(authority->role, "keyids");

	for (size_t i = 0; i < json_array_size(keyids); i++) {
		const char *keyid = json_string_value(json_array_get(keyids, i));

		if (strcmp(public_of(json_object_get(authority->keys, keyid)), public_of(key)) == 0)
			return true;
	}
	return false;
}

int rotation_check(
	const Authority *now, const char *role, const KeyChange *change, Reason *reterr_reason)
{
	json_int_t count = (json_int_t)json_array_size(json_object_get(now->role, "keyids"));
	json_int_t threshold = change->threshold ? change->threshold : authority_threshold(now);

	count += change->adds - (change->removed != NULL);
	if (change->added && lists_public(now, json_object_get(change->added, "key")))
		return reason_set(reterr_reason, -EEXIST, "%s has that key already", role);
	if (count > KEY_COUNT_MAX)
		return reason_set(reterr_reason, -EINVAL, "%s would have more than %d keys", role,
			KEY_COUNT_MAX);
	if (count < threshold)
		return reason_set(reterr_reason, -EINVAL,
			"%s would have %" JSON_INTEGER_FORMAT " keys, and %" JSON_INTEGER_FORMAT
			" of them must sign: add a key, rotate one, or lower the threshold first",
			role, count, threshold);
	return 0;
}

static int change_keys(json_t *delegator, const char *role, const KeyChange *change)
{
	int r = 0;

	if (change->removed)
		metadata_remove_key(delegator, role, change->removed);
	if (change->added)
		r = metadata_add_key(delegator, role,
			json_string_value(json_object_get(change->added, "keyid")),
			json_object_get(change->added, "key"));
	if (r == 0 && change->threshold)
		r = metadata_set_threshold(delegator, role, change->threshold);
	return r;
}

/* Snapshot and timestamp are made anew with every change. */
static bool is_online(const Role *role)
{
	return strcmp(role->name, "snapshot") == 0 || strcmp(role->name, "timestamp") == 0;
}

int rotation_prepare(
	Repository *repository, const Role *role, const KeyChange *change, Reason *reterr_reason)
{
	Authority now = rotation_authority(repository, role);
	int r = rotation_check(&now, role->name, change, reterr_reason);
	json_t *delegator;

	if (r < 0)
		return r;
	delegator = repository_body(repository, role_delegator(role));
	r = delegator ? change_keys(delegator, role->name, change) : -ENOMEM;
	if (r < 0 || is_online(role))
		return r;
	return repository_body(repository, role->name) ? 0 : -ENOMEM;
}
