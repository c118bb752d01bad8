/* SPDX-License-Identifier: Apache-2.0 */
/* keys add and the like, renew: other keys for a role, and more time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/ed25519.h"
#include "vendor/publish/desk.h"
#include "vendor/keys/key-names.h"
#include "vendor/repository/metadata.h"
#include "vendor/keys/public-key.h"
#include "vendor/repository/rotation.h"
#include "vendor/keys/seal-keys.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"

#define KEYID_DIGITS_MIN 8 /* enough to tell a vendor's keys apart, few enough to read out */

/* -- which key -- */

static bool is_meant(const Desk *desk, const json_t *names, const char *keyid, const char *text)
{
	const char *held = signer_name_of(&desk->signer, keyid);

	return (held && strcmp(held, text) == 0) ||
		strcmp(document_text(names, keyid), text) == 0 ||
		(strlen(text) >= KEYID_DIGITS_MIN && text_starts_with(keyid, text));
}

/* The one of the keyids that `text` means; without a text the only one. It lives as long as they
 * do. */
static int find_key(Desk *desk, const json_t *keyids, const char *role, const char *text,
	const char **ret_keyid)
{
	_cleanup_json_ json_t *names = NULL;
	const char *found = NULL;
	size_t count = 0;
	int r = key_names_load(&desk->workspace, &names, &desk->reason);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_array_size(keyids); i++) {
		const char *keyid = json_string_value(json_array_get(keyids, i));

		if (text && !is_meant(desk, names, keyid, text))
			continue;
		found = keyid;
		count++;
	}
	if (count == 1)
		*ret_keyid = found;
	else if (!text)
		return reason_set(&desk->reason, -EINVAL,
			"%s has %zu keys: say which one goes; 'suture-publish keys' lists them",
			role, count);
	else if (count == 0)
		return reason_set(&desk->reason, -ENOENT,
			"%s has no key %s: give its name, or at least %d digits of its keyid; "
			"'suture-publish keys' lists them",
			role, text, KEYID_DIGITS_MIN);
	else
		return reason_set(&desk->reason, -EINVAL,
			"%s has %zu keys that '%s' may mean: give more of the keyid", role, count,
			text);
	return 0;
}

/* -- changing -- */

/* What is asked for, before it is known which keys that means. */
typedef struct Request {
	const char *verb, *role_text, *key_text; /* key_text NULL: none given */
	bool adds, removes;
	json_int_t threshold;
} Request;

/* The key that is added: somebody's public half, or a new one of ours. */
static int obtain_key(Desk *desk, const char *role, json_t **ret_entry)
{
	_cleanup_json_ json_t *list = NULL, *loaded = NULL, *names = NULL;
	const json_t *made;
	int r = key_names_load(&desk->workspace, &names, &desk->reason);

	if (r < 0)
		return r;
	if (!arguments.public) {
		r = signer_create_next(&desk->signer, role, names, &made, &desk->reason);
		*ret_entry = r == 0 ? json_incref((json_t *)made) : NULL;
		return r;
	}
	r = public_key_load(arguments.public, &loaded, &desk->reason);
	if (r < 0)
		return r;
	list = json_pack("[O]", loaded);
	r = list ? key_names_add(&desk->workspace, list, &desk->reason) : -ENOMEM;
	if (r == 0)
		*ret_entry = TAKE_PTR(loaded);
	return r;
}

static int prepare(Desk *desk, const Role *role, const Request *request, json_t **ret_added)
{
	KeyChange change = {.adds = request->adds, .threshold = request->threshold};
	_cleanup_json_ json_t *keyids = NULL;
	Authority now;
	int r = role_load(&desk->repository, role, &desk->reason);

	if (r < 0)
		return r;
	now = rotation_authority(&desk->repository, role);
	keyids = json_incref(json_object_get(now.role, "keyids"));
	if (request->removes)
		r = find_key(desk, keyids, role->name, request->key_text, &change.removed);
	if (r == 0)
		r = rotation_check(&now, role->name, &change, &desk->reason);
	if (r == 0 && request->adds)
		r = obtain_key(desk, role->name, ret_added);
	change.added = *ret_added;
	return r < 0 ? r : rotation_prepare(&desk->repository, role, &change, &desk->reason);
}

static char *in_words(const Request *request)
{
	return memory_printf("keys %s %s%s%s", request->verb, request->role_text,
		request->key_text ? " " : "", request->key_text ? request->key_text : "");
}

static json_t *describe_versions(const Desk *desk)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < desk->ceremony.note.roles.count; i++) {
		const char *role = desk->ceremony.note.roles.items[i];
		int64_t version = metadata_version(ceremony_body(&desk->ceremony, role));

		if (!arguments.json)
			printf("Published %s %" PRId64 ", good until %s\n", role, version,
				metadata_expires(ceremony_body(&desk->ceremony, role)));
		json_array_append_new(list,
			json_pack("{s:s, s:I}", "role", role, "version", (json_int_t)version));
	}
	return list;
}

static void print_added(const json_t *added)
{
	if (added && !arguments.json)
		printf("Key %s %.16s is added\n", document_text(added, "name"),
			document_text(added, "keyid"));
}

static int tell_changed(Desk *desk, const json_t *added)
{
	_cleanup_json_ json_t *versions = describe_versions(desk);
	char digest[DIGEST_TEXT_SIZE];
	int r = desk_root_digest(&desk->workspace, digest, &desk->reason);

	if (r < 0)
		return desk_fail(desk, r);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:O, s:O?, s:s}", "schema", 1, "published",
			versions, "added", added, "root_sha256", digest));
	printf("SHA-256 of root.json: %s\n", digest);
	return EXIT_OK;
}

static int change_role(Desk *desk, const Role *role, const Request *request)
{
	_cleanup_free_ char *words = in_words(request);
	_cleanup_json_ json_t *added = NULL;
	int r = words ? prepare(desk, role, request, &added) : -ENOMEM;

	if (r == 0)
		r = desk_commit(desk, words, false);
	if (r >= 0)
		print_added(added);
	return r != 0 ? desk_fail(desk, r) : tell_changed(desk, added);
}

/* -- the seal's keys: a list in a file, which no metadata vouches for -- */

static int drop_seal(Desk *desk, const Request *request, SealPolicy *policy)
{
	_cleanup_json_ json_t *keyids = seal_keys_ids(policy);
	const char *keyid = NULL;
	size_t at = 0;
	int r = find_key(desk, keyids, "seal", request->key_text, &keyid);

	if (r < 0)
		return r;
	while (strcmp(json_string_value(json_array_get(keyids, at)), keyid) != 0)
		at++;
	policy->key_count--;
	memmove(policy->keys[at], policy->keys[at + 1],
		(policy->key_count - at) * sizeof(policy->keys[0]));
	return 0;
}

static int add_seal(Desk *desk, SealPolicy *policy, json_t **ret_added)
{
	uint8_t bytes[ED25519_KEY_SIZE];
	int r = policy->key_count < SEAL_KEYS_MAX
		? obtain_key(desk, "seal", ret_added)
		: reason_set(&desk->reason, -EINVAL,
			  "seal would have more than %d keys; remove one that no supported base "
			  "lists",
			  SEAL_KEYS_MAX);

	if (r == 0)
		r = seal_key_bytes(*ret_added, bytes, &desk->reason);
	for (size_t i = 0; r == 0 && i < policy->key_count; i++)
		if (memcmp(policy->keys[i], bytes, sizeof(bytes)) == 0)
			r = reason_set(&desk->reason, -EEXIST, "seal has that key already");
	if (r == 0)
		memcpy(policy->keys[policy->key_count++], bytes, sizeof(bytes));
	return r;
}

static int change_seal(Desk *desk, const Request *request, json_t **ret_added)
{
	SealPolicy policy = {};
	int r = seal_keys_load(&desk->workspace, &policy, &desk->reason);

	if (r == 0 && request->threshold)
		r = reason_set(&desk->reason, -EINVAL,
			"seal has no threshold: one key of the base's list seals");
	if (r == 0 && request->removes)
		r = drop_seal(desk, request, &policy);
	if (r == 0 && request->adds)
		r = add_seal(desk, &policy, ret_added);
	if (r == 0 && policy.key_count == 0)
		r = reason_set(&desk->reason, -EINVAL,
			"seal would have no key: rotate it instead of removing it");
	if (r == 0)
		r = key_names_add(&desk->workspace, desk->signer.list, &desk->reason);
	return r < 0 ? r : seal_keys_save(&desk->workspace, &policy, &desk->reason);
}

static int tell_seal(Desk *desk, const Request *request)
{
	_cleanup_json_ json_t *added = NULL;
	int r = change_seal(desk, request, &added);

	if (r < 0)
		return desk_fail(desk, r);
	if (arguments.json)
		return desk_print_json(
			json_pack("{s:i, s:[], s:O?}", "schema", 1, "published", "added", added));
	print_added(added);
	printf("Put %s/device/seal.conf into the next OS images; bases that were shipped go by "
	       "the one that they have.\n",
		desk->workspace.path);
	return EXIT_OK;
}

static int change_keys(const Request *request)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_role_ Role role = {};
	int r = desk_open_for_change(&desk);

	if (r == 0)
		r = role_find(&desk.workspace, request->role_text, &role, &desk.reason);
	if (r < 0)
		return desk_fail(&desk, r);
	return role.kind == ROLE_SEAL ? tell_seal(&desk, request)
				      : change_role(&desk, &role, request);
}

static int keys_add(int count, char **operands)
{
	return change_keys(&(Request){.verb = "add", .role_text = operands[0], .adds = true});
}

static int keys_remove(int count, char **operands)
{
	return change_keys(&(Request){.verb = "remove",
		.role_text = operands[0],
		.key_text = operands[1],
		.removes = true});
}

static int keys_rotate(int count, char **operands)
{
	return change_keys(&(Request){.verb = "rotate",
		.role_text = operands[0],
		.key_text = count > 1 ? operands[1] : NULL,
		.adds = true,
		.removes = true});
}

static int keys_threshold(int count, char **operands)
{
	uint64_t number;

	if (text_to_u64(operands[1], KEY_COUNT_MAX, &number) < 0 || number == 0) {
		log_error("the threshold is a number from 1 to %d", KEY_COUNT_MAX);
		return EXIT_USAGE;
	}
	return change_keys(&(Request){.verb = "threshold",
		.role_text = operands[0],
		.key_text = operands[1],
		.threshold = (json_int_t)number});
}

static const Verb forms[] = {
	{"add", "ROLE", NULL, 1, 1, keys_add},
	{"remove", "ROLE KEY", NULL, 2, 2, keys_remove},
	{"rotate", "ROLE [KEY]", NULL, 1, 2, keys_rotate},
	{"threshold", "ROLE N", NULL, 2, 2, keys_threshold},
};

int verb_keys(int count, char **operands)
{
	if (count == 0)
		return verb_keys_show(count, operands);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (strcmp(operands[0], forms[i].name) == 0 && count - 1 >= forms[i].min &&
			count - 1 <= forms[i].max)
			return forms[i].run(count - 1, operands + 1);
	log_error("the forms are: keys; keys add ROLE; keys remove ROLE KEY; keys rotate ROLE "
		  "[KEY]; keys threshold ROLE N");
	return EXIT_USAGE;
}

/* -- renewing -- */

static int renew_role(Desk *desk, const char *text)
{
	_cleanup_role_ Role role = {};
	int r = role_find(&desk->workspace, text, &role, &desk->reason);

	if (r < 0)
		return r;
	if (role.kind == ROLE_SEAL)
		return reason_set(&desk->reason, -EINVAL, "a seal does not expire");
	if (strcmp(role.name, "snapshot") == 0 || strcmp(role.name, "timestamp") == 0)
		return reason_set(&desk->reason, -EINVAL,
			"%s is renewed by 'suture-publish resign', from a timer", role.name);
	r = role_load(&desk->repository, &role, &desk->reason);
	if (r < 0)
		return r;
	return repository_body(&desk->repository, role.name) ? 0 : -ENOMEM;
}

int verb_renew(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_buffer_ Buffer words = {};
	int r = desk_open_for_change(&desk);

	if (r == 0)
		r = buffer_text(&words, "renew");
	for (int i = 0; r == 0 && i < count; i++) {
		r = renew_role(&desk, operands[i]);
		if (r == 0)
			r = buffer_printf(&words, " %s", operands[i]);
	}
	if (r == 0)
		r = desk_commit(&desk, (const char *)words.data, false);
	return r != 0 ? desk_fail(&desk, r) : tell_changed(&desk, NULL);
}
