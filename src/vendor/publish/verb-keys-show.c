/* SPDX-License-Identifier: Apache-2.0 */
/* keys: who signs what, and until when that holds. */
#include <errno.h>
#include <stdio.h>

#include "base/exit.h"
#include "base/memory.h"
#include "vendor/publish/desk.h"
#include "vendor/keys/key-names.h"
#include "vendor/repository/metadata.h"
#include "vendor/repository/rotation.h"
#include "vendor/keys/seal-keys.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

static json_t *describe_key(const Desk *desk, const json_t *names, const char *keyid)
{
	const char *held = signer_name_of(&desk->signer, keyid);

	return json_pack("{s:s, s:s, s:b}", "keyid", keyid, "name",
		held ? held : document_text(names, keyid), "held", held != NULL);
}

static json_t *describe_keys(const Desk *desk, const json_t *names, const json_t *keyids)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < json_array_size(keyids); i++)
		json_array_append_new(list,
			describe_key(desk, names, json_string_value(json_array_get(keyids, i))));
	return list;
}

static json_t *describe_role(const Desk *desk, const Role *role, const json_t *names)
{
	Authority now = rotation_authority(&desk->repository, role);
	const json_t *body = repository_published(&desk->repository, role->name);
	const char *expires = metadata_expires(body);

	return json_pack("{s:s, s:s, s:I, s:s, s:I, s:o}", "role", role->name, "base",
		role->base ? role->base->name : "", "version", (json_int_t)metadata_version(body),
		"expires", expires ? expires : "", "threshold", authority_threshold(&now), "keys",
		describe_keys(desk, names, json_object_get(now.role, "keyids")));
}

static int describe_seals(Desk *desk, const json_t *names, json_t *list)
{
	_cleanup_json_ json_t *keyids = NULL;
	SealPolicy policy = {};
	json_t *entry;
	int r = seal_keys_load(&desk->workspace, &policy, &desk->reason);

	if (r < 0)
		return r;
	keyids = seal_keys_ids(&policy);
	entry = json_pack("{s:s, s:o}", "role", "seal", "keys", describe_keys(desk, names, keyids));
	return json_array_append_new(list, entry) < 0 ? -ENOMEM : 0;
}

static int append_role(Desk *desk, const Role *role, const json_t *names, json_t *list)
{
	int r = role_load(&desk->repository, role, &desk->reason);

	if (r < 0)
		return r;
	return json_array_append_new(list, describe_role(desk, role, names)) < 0 ? -ENOMEM : 0;
}

static int describe_all(Desk *desk, json_t *list)
{
	static const char *const top[] = {"root", "targets", "snapshot", "timestamp"};
	_cleanup_json_ json_t *names = NULL;
	int r = key_names_load(&desk->workspace, &names, &desk->reason);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(top); i++) {
		_cleanup_role_ Role role = {};

		r = role_find(&desk->workspace, top[i], &role, &desk->reason);
		if (r == 0)
			r = append_role(desk, &role, names, list);
	}
	for (size_t i = 0; r == 0 && i < desk->workspace.list.bases.count; i++) {
		_cleanup_role_ Role role = {};

		r = role_of_base(&desk->workspace.list.bases.items[i], &role);
		if (r == 0)
			r = append_role(desk, &role, names, list);
	}
	return r < 0 ? r : describe_seals(desk, names, list);
}

static void print_role(const json_t *role)
{
	const json_t *keys = json_object_get(role, "keys");
	const char *base = document_text(role, "base");

	printf("%s", document_text(role, "role"));
	if (base[0])
		printf(" (base %s)", base);
	if (json_object_get(role, "threshold"))
		printf(" %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT
		       " of %zu keys must sign, expires on %s",
			json_integer_value(json_object_get(role, "version")),
			json_integer_value(json_object_get(role, "threshold")),
			json_array_size(keys), document_text(role, "expires"));
	printf("\n");
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);

		printf("  %.16s  %s%s\n", document_text(key, "keyid"), document_text(key, "name"),
			json_is_true(json_object_get(key, "held")) ? "" : "  (not here)");
	}
}

int verb_keys_show(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_json_ json_t *list = json_array();
	char digest[DIGEST_TEXT_SIZE];
	int r = desk_open(&desk, 0);

	if (r == 0)
		r = describe_all(&desk, list);
	if (r == 0)
		r = desk_root_digest(&desk.workspace, digest, &desk.reason);
	if (r != 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(json_pack(
			"{s:i, s:O, s:s}", "schema", 1, "roles", list, "root_sha256", digest));
	for (size_t i = 0; i < json_array_size(list); i++)
		print_role(json_array_get(list, i));
	printf("SHA-256 of root.json: %s\n", digest);
	return EXIT_OK;
}
