/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/delegation.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"
#include "wire/trust/pattern.h"
#include "wire/trust/trust.h"

#define SUCCINCT_BITS_MAX 32 /* TAP 15 */

static const json_t *succinct_of(const json_t *body)
{
	return json_object_get(json_object_get(body, "delegations"), "succinct_roles");
}

static const json_t *roles_of(const json_t *body)
{
	return json_object_get(json_object_get(body, "delegations"), "roles");
}

static const char *name_of(const json_t *role)
{
	return json_string_value(json_object_get(role, "name"));
}

/* Bytes of a name in the name of its file, where all but plain characters take three. */
static size_t encoded_size(const char *name)
{
	size_t size = 0;

	for (; *name; name++)
		size += strchr(TRUST_ROLE_PLAIN, *name) ? 1 : 3;
	return size;
}

/* A name of the top level would displace that role's kept file. */
static bool is_good_name(const char *name)
{
	static const char *const taken[] = {"", "root", "timestamp", "snapshot", "targets", NULL};

	return text_index(taken, name) < 0 && encoded_size(name) <= TRUST_ROLE_NAME_MAX;
}

static bool are_texts(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return json_is_array(list);
}

static bool is_good_role(const json_t *role)
{
	const json_t *paths = json_object_get(role, "paths");
	const json_t *prefixes = json_object_get(role, "path_hash_prefixes");
	const json_t *terminating = json_object_get(role, "terminating");

	return key_role_is_good(role) && !paths != !prefixes &&
		are_texts(paths ? paths : prefixes) &&
		(!terminating || json_is_boolean(terminating));
}

static int check_role(const json_t *role, json_t *seen, const char *by, Reason *reason)
{
	const char *name = name_of(role);

	if (!name || json_object_get(seen, name))
		return reason_set(reason, -EBADMSG,
			"%s metadata delegates to a role without a name, or twice to one", by);
	if (!is_good_name(name))
		return reason_set(reason, -EBADMSG,
			"%s metadata: no delegated role may be named '%s'", by, name);
	if (!is_good_role(role))
		return reason_set(reason, -EBADMSG,
			"%s metadata: the delegation to %s is malformed", by, name);
	return json_object_set_new(seen, name, json_true()) < 0 ? -ENOMEM : 0;
}

static int check_roles(const json_t *roles, const char *by, Reason *reason)
{
	_cleanup_json_ json_t *seen = json_object();
	int r = seen ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < json_array_size(roles); i++)
		r = check_role(json_array_get(roles, i), seen, by, reason);
	return r;
}

static unsigned succinct_bits(const json_t *succinct)
{
	json_int_t bits = json_integer_value(json_object_get(succinct, "bit_length"));

	return bits >= 1 && bits <= SUCCINCT_BITS_MAX ? (unsigned)bits : 0;
}

/* As many hexadecimal digits as the last bin's number has. */
static int succinct_digits(const json_t *succinct)
{
	return (int)(succinct_bits(succinct) + 3) / 4;
}

static const char *succinct_prefix(const json_t *succinct)
{
	return json_string_value(json_object_get(succinct, "name_prefix"));
}

static bool is_good_succinct(const json_t *succinct)
{
	const char *prefix = succinct_prefix(succinct);

	return key_role_is_good(succinct) && succinct_bits(succinct) > 0 && prefix && prefix[0] &&
		encoded_size(prefix) + strlen("-ffffffff") <= TRUST_ROLE_NAME_MAX;
}

int delegation_check(const json_t *body, const char *role, Reason *reterr_reason)
{
	const json_t *delegations = json_object_get(body, "delegations");
	const json_t *roles = roles_of(body), *succinct = succinct_of(body);

	if (!delegations)
		return 0;
	if (!json_is_object(json_object_get(delegations, "keys")) || !roles == !succinct ||
		(roles && !json_is_array(roles)) || (succinct && !is_good_succinct(succinct)))
		return reason_set(reterr_reason, -EBADMSG,
			"%s metadata: the delegations are malformed", role);
	return check_roles(roles, role, reterr_reason);
}

/* Whether a name is that of one of the bins. */
static bool is_bin(const json_t *succinct, const char *name)
{
	const char *prefix = succinct_prefix(succinct);
	size_t size = strlen(prefix), digits = (size_t)succinct_digits(succinct);

	if (!text_starts_with(name, prefix) || name[size] != '-')
		return false;
	name += size + 1;
	return strlen(name) == digits && text_consists_of(name, "0123456789abcdef") &&
		strtoull(name, NULL, 16) >> succinct_bits(succinct) == 0;
}

const json_t *delegation_signers(const json_t *body, const char *name)
{
	const json_t *roles = roles_of(body), *succinct = succinct_of(body);

	if (succinct)
		return is_bin(succinct, name) ? succinct : NULL;
	for (size_t i = 0; i < json_array_size(roles); i++)
		if (strcmp(name_of(json_array_get(roles, i)), name) == 0)
			return json_array_get(roles, i);
	return NULL;
}

/* The path's bin: the first bits of its hash, of which the first four bytes are enough. */
static int name_bin(const json_t *succinct, const Digest *hash, char **ret_name)
{
	uint32_t first = (uint32_t)hash->bytes[0] << 24 | (uint32_t)hash->bytes[1] << 16 |
		(uint32_t)hash->bytes[2] << 8 | hash->bytes[3];
	char *name = memory_printf("%s-%0*" PRIx32, succinct_prefix(succinct),
		succinct_digits(succinct), first >> (SUCCINCT_BITS_MAX - succinct_bits(succinct)));

	if (!name)
		return -ENOMEM;
	*ret_name = name;
	return 0;
}

static bool role_matches(const json_t *role, const char *path, const char *hash)
{
	const json_t *patterns = json_object_get(role, "paths");
	const json_t *prefixes = json_object_get(role, "path_hash_prefixes");

	for (size_t i = 0; i < json_array_size(patterns); i++)
		if (pattern_matches(json_string_value(json_array_get(patterns, i)), path))
			return true;
	for (size_t i = 0; i < json_array_size(prefixes); i++)
		if (text_starts_with(hash, json_string_value(json_array_get(prefixes, i))))
			return true;
	return false;
}

static int next_role(const json_t *roles, const char *path, const Digest *hash, size_t *cursor,
	char **ret_name, bool *ret_terminating)
{
	char hex[DIGEST_TEXT_SIZE];

	digest_to_text(hash, hex);
	while (*cursor < json_array_size(roles)) {
		const json_t *role = json_array_get(roles, (*cursor)++);

		if (!role_matches(role, path, hex))
			continue;
		*ret_terminating = json_is_true(json_object_get(role, "terminating"));
		*ret_name = memory_string(name_of(role));
		return *ret_name ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

int delegation_next(const json_t *body, const char *path, size_t *cursor, char **ret_name,
	bool *ret_terminating)
{
	const json_t *succinct = succinct_of(body);
	Digest hash;
	int r = digest_of(path, strlen(path), &hash);

	if (r < 0)
		return r;
	if (!succinct)
		return next_role(roles_of(body), path, &hash, cursor, ret_name, ret_terminating);
	if ((*cursor)++ > 0)
		return -ENOENT;
	*ret_terminating = true; /* every path is in one bin, and in no other */
	return name_bin(succinct, &hash, ret_name);
}
