/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/envelope.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"

static json_t *signatures_of(const json_t *envelope)
{
	return json_object_get(envelope, "signatures");
}

bool authority_lists(const Authority *authority, const char *keyid)
{
	const json_t *keyids = json_object_get(authority->role, "keyids");

	for (size_t i = 0; i < json_array_size(keyids); i++) {
		const char *each = json_string_value(json_array_get(keyids, i));

		if (each && strcmp(each, keyid) == 0)
			return true;
	}
	return false;
}

json_int_t authority_threshold(const Authority *authority)
{
	return json_integer_value(json_object_get(authority->role, "threshold"));
}

json_t *envelope_new(json_t *body)
{
	return json_pack("{s:[], s:O}", "signatures", "signed", body);
}

int envelope_read(const char *path, json_t **ret_envelope, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, ENVELOPE_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = document_parse(data, size, &envelope, &why);
	if (r < 0)
		return reason_set(reterr_reason, r, "%s: %s", path, why.text);
	if (!json_is_array(signatures_of(envelope)) ||
		!json_is_object(json_object_get(envelope, "signed")) ||
		json_object_size(envelope) != 2)
		return reason_set(
			reterr_reason, -EBADMSG, "%s is no metadata file to be signed", path);
	*ret_envelope = TAKE_PTR(envelope);
	return 0;
}

int envelope_write(const char *path, const json_t *envelope, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer bytes = {};
	int r = document_write(envelope, &bytes);

	if (r == 0)
		r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, bytes.data, bytes.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}

int envelope_is_signed_by(const json_t *envelope, const Authority *authority, const char *keyid)
{
	_cleanup_json_ json_t *role = json_pack("{s:[s], s:i}", "keyids", keyid, "threshold", 1);
	int r = role ? key_verify_envelope(authority->keys, role, envelope, "", NULL) : -ENOMEM;

	return r == -ENOMEM ? r : r == 0;
}

int envelope_verify(const json_t *envelope, const Authorities *authorities, const char *role,
	Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < authorities->count; i++)
		r = key_verify_envelope(authorities->items[i].keys, authorities->items[i].role,
			envelope, role, reterr_reason);
	return r;
}

int envelope_missing(const json_t *envelope, const Authority *authority)
{
	const json_t *keyids = json_object_get(authority->role, "keyids");
	json_int_t missing = authority_threshold(authority);

	for (size_t i = 0; i < json_array_size(keyids); i++) {
		int r = envelope_is_signed_by(
			envelope, authority, json_string_value(json_array_get(keyids, i)));

		if (r < 0)
			return r;
		missing -= r;
	}
	return missing > 0 ? (int)missing : 0;
}

static json_t *find_signature(const json_t *envelope, const char *keyid)
{
	const json_t *signatures = signatures_of(envelope);

	for (size_t i = 0; i < json_array_size(signatures); i++) {
		json_t *each = json_array_get(signatures, i);

		if (strcmp(document_text(each, "keyid"), keyid) == 0)
			return each;
	}
	return NULL;
}

int envelope_set_signature(json_t *envelope, const char *keyid, const char *signature)
{
	json_t *entry = find_signature(envelope, keyid);

	if (entry)
		return json_object_set_new(entry, "sig", json_string(signature)) < 0 ? -ENOMEM : 0;
	entry = json_pack("{s:s, s:s}", "keyid", keyid, "sig", signature);
	return json_array_append_new(signatures_of(envelope), entry) < 0 ? -ENOMEM : 0;
}

static int ask(json_t *envelope, const Authority *authority)
{
	const json_t *keyids = json_object_get(authority->role, "keyids");
	int r = json_array_size(keyids) > KEY_COUNT_MAX ? -EBADMSG : 0;

	for (size_t i = 0; r == 0 && i < json_array_size(keyids); i++) {
		const char *keyid = json_string_value(json_array_get(keyids, i));

		if (!keyid)
			r = -EBADMSG;
		else if (!find_signature(envelope, keyid))
			r = envelope_set_signature(envelope, keyid, "");
	}
	return r;
}

int envelope_ask(json_t *envelope, const Authorities *authorities)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < authorities->count; i++)
		r = ask(envelope, &authorities->items[i]);
	return r;
}

/* The names of the held keys that are asked for. */
static json_t *held_names(const json_t *envelope, const Signer *signer)
{
	const json_t *signatures = signatures_of(envelope);
	json_t *names = json_array();

	for (size_t i = 0; names && i < json_array_size(signatures); i++) {
		const json_t *each = json_array_get(signatures, i);
		const char *name = document_text(each, "sig")[0]
			? NULL
			: signer_name_of(signer, document_text(each, "keyid"));

		if (name)
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static int add_signatures(json_t *envelope, const json_t *signatures)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(signatures); i++) {
		const json_t *each = json_array_get(signatures, i);

		r = envelope_set_signature(
			envelope, document_text(each, "keyid"), document_text(each, "sig"));
	}
	return r;
}

int envelope_sign(json_t *envelope, const Signer *signer, const json_t *names, json_t **ret_names,
	Reason *reterr_reason)
{
	_cleanup_json_ json_t *chosen =
		names ? json_copy((json_t *)names) : held_names(envelope, signer);
	_cleanup_json_ json_t *signatures = NULL;
	_cleanup_buffer_ Buffer message = {};
	int r = chosen ? document_canonical(json_object_get(envelope, "signed"), &message)
		       : -ENOMEM;

	if (r == -EBADMSG)
		return reason_set(reterr_reason, r, "a number in the file cannot be signed");
	if (r == 0 && json_array_size(chosen) > 0)
		r = signer_sign(
			signer, chosen, message.data, message.size, &signatures, reterr_reason);
	if (r == 0)
		r = add_signatures(envelope, signatures);
	if (r == 0 && ret_names)
		*ret_names = TAKE_PTR(chosen);
	return r;
}

void envelope_finish(json_t *envelope)
{
	json_t *signatures = signatures_of(envelope);

	for (size_t i = json_array_size(signatures); i > 0; i--)
		if (!document_text(json_array_get(signatures, i - 1), "sig")[0])
			json_array_remove(signatures, i - 1);
}
