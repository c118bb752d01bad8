/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/ceremony.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "vendor/keys/key-names.h"
#include "vendor/repository/metadata.h"
#include "vendor/repository/online.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"

void ceremony_done(Ceremony *ceremony)
{
	outbox_note_clear(&ceremony->note);
	json_decref(ceremony->envelopes);
}

int ceremony_refuse_second(const Workspace *workspace, Reason *reterr_reason)
{
	_cleanup_outbox_note_ OutboxNote note = {};
	int r;

	if (!outbox_waits(workspace))
		return 0;
	r = outbox_load(workspace, &note, reterr_reason);
	return r < 0 ? r
		     : reason_set(reterr_reason, -EBUSY,
			       "'%s' waits for signatures: 'suture-publish pending' says whose, "
			       "'suture-publish abandon' drops it",
			       note.change);
}

const json_t *ceremony_body(const Ceremony *ceremony, const char *role)
{
	const json_t *body = json_object_get(json_object_get(ceremony->envelopes, role), "signed");

	return body ? body : repository_published(ceremony->repository, role);
}

static bool is_of_root(const char *role)
{
	return strcmp(role, "root") == 0 || strcmp(role, "targets") == 0;
}

static void add_authority(Authorities *list, const json_t *delegator, const char *role)
{
	if (delegator)
		list->items[list->count++] =
			(Authority){metadata_keys(delegator), metadata_role(delegator, role)};
}

void ceremony_authorities(const Ceremony *ceremony, const char *role, Authorities *ret)
{
	*ret = (Authorities){};
	if (strcmp(role, "root") == 0)
		add_authority(ret, repository_published(ceremony->repository, "root"), role);
	add_authority(ret, ceremony_body(ceremony, is_of_root(role) ? "root" : "targets"), role);
}

static char *file_name(const Ceremony *ceremony, const char *role)
{
	int64_t version = metadata_version(ceremony_body(ceremony, role));
	_cleanup_free_ char *name = trust_metadata_name(role, version);

	return name ? path_join("metadata", name) : NULL;
}

char *ceremony_file(const Ceremony *ceremony, const char *role)
{
	_cleanup_free_ char *name = file_name(ceremony, role);

	return name ? outbox_path(ceremony->repository->workspace, name) : NULL;
}

/* -- beginning -- */

static int add_role(Ceremony *ceremony, const char *role, json_t *body)
{
	OutboxNote *note = &ceremony->note;
	int64_t version = repository_next_version(ceremony->repository, role);
	int r = metadata_renew(body, version, ceremony->repository->now);

	if (r == 0)
		r = memory_grow(&note->roles.items, note->roles.count, sizeof(*note->roles.items));
	if (r < 0)
		return r;
	note->roles.items[note->roles.count] = memory_string(role);
	if (!note->roles.items[note->roles.count++])
		return -ENOMEM;
	return json_object_set_new(ceremony->envelopes, role, envelope_new(body)) < 0 ? -ENOMEM : 0;
}

static int add_pending(Ceremony *ceremony)
{
	const char *role;
	json_t *body;
	int r = 0;

	json_object_foreach(ceremony->repository->pending, role, body)
	{
		if (r == 0)
			r = add_role(ceremony, role, body);
	}
	return r;
}

static int sign_and_put(Ceremony *ceremony, const char *role, Reason *reason)
{
	json_t *envelope = json_object_get(ceremony->envelopes, role);
	_cleanup_free_ char *name = file_name(ceremony, role);
	_cleanup_buffer_ Buffer bytes = {};
	Authorities who;
	int r;

	ceremony_authorities(ceremony, role, &who);
	r = name ? envelope_ask(envelope, &who) : -ENOMEM;
	if (r == 0)
		r = envelope_sign(envelope, ceremony->repository->signer, NULL, NULL, reason);
	if (r == 0)
		r = document_write(envelope, &bytes);
	return r < 0
		? r
		: outbox_put(ceremony->repository->workspace, name, bytes.data, bytes.size, reason);
}

int ceremony_begin(Ceremony *ceremony, Repository *repository, const char *change, bool with_drafts,
	Reason *reterr_reason)
{
	const Workspace *workspace = repository->workspace;
	int r;

	*ceremony = (Ceremony){
		.repository = repository,
		.note = {.schema = 1, .with_drafts = with_drafts, .change = memory_string(change)},
		.envelopes = json_object(),
	};
	r = ceremony->note.change && ceremony->envelopes ? add_pending(ceremony) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ceremony->note.roles.count; i++)
		r = sign_and_put(ceremony, ceremony->note.roles.items[i], reterr_reason);
	if (r == 0)
		r = key_names_add(workspace, repository->signer->list, reterr_reason);
	return r < 0 ? r : outbox_close(workspace, &ceremony->note, reterr_reason);
}

/* -- going on -- */

/* The file's name has the version, which is one above the published one as long as it waits. */
static int load_role(Ceremony *ceremony, const char *role, Reason *reason)
{
	const Repository *repository = ceremony->repository;
	int64_t version = repository_next_version(repository, role);
	_cleanup_free_ char *name = trust_metadata_name(role, version);
	_cleanup_free_ char *below = name ? path_join("metadata", name) : NULL;
	_cleanup_free_ char *path = below ? outbox_path(repository->workspace, below) : NULL;
	_cleanup_json_ json_t *envelope = NULL;
	Reason why = {};
	int r = path ? envelope_read(path, &envelope, &why) : -ENOMEM;

	if (r < 0)
		return reason_set(reason, r, "%s; " OUTBOX_REMEDY, why.text);
	if (metadata_version(json_object_get(envelope, "signed")) != version)
		return reason_set(reason, -EBADMSG,
			"%s is not of the version that its name says; " OUTBOX_REMEDY, path);
	return json_object_set(ceremony->envelopes, role, envelope) < 0 ? -ENOMEM : 0;
}

int ceremony_load(Ceremony *ceremony, const Repository *repository, Reason *reterr_reason)
{
	int r;

	*ceremony = (Ceremony){.repository = repository, .envelopes = json_object()};
	if (!ceremony->envelopes)
		return -ENOMEM;
	if (!outbox_waits(repository->workspace))
		return reason_set(reterr_reason, -ENODATA, "nothing waits for signatures");
	r = outbox_load(repository->workspace, &ceremony->note, reterr_reason);
	for (size_t i = 0; r == 0 && i < ceremony->note.roles.count; i++)
		r = load_role(ceremony, ceremony->note.roles.items[i], reterr_reason);
	return r;
}

static int verify_all(const Ceremony *ceremony)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ceremony->note.roles.count; i++) {
		const char *role = ceremony->note.roles.items[i];
		Authorities who;

		ceremony_authorities(ceremony, role, &who);
		r = envelope_verify(json_object_get(ceremony->envelopes, role), &who, role, NULL);
	}
	return r;
}

/* Role → version, for the snapshot, which does not list root. */
static json_t *changed_versions(const Ceremony *ceremony)
{
	json_t *versions = json_object();

	for (size_t i = 0; versions && i < ceremony->note.roles.count; i++) {
		const char *role = ceremony->note.roles.items[i];
		int64_t version = metadata_version(ceremony_body(ceremony, role));

		if (strcmp(role, "root") != 0)
			json_object_set_new(versions, role, json_integer((json_int_t)version));
	}
	return versions;
}

static int amend(const Ceremony *ceremony, const char *name, const json_t *envelope, Reason *reason)
{
	_cleanup_buffer_ Buffer bytes = {};
	int r = document_write(envelope, &bytes);

	return r < 0 ? r
		     : outbox_amend(ceremony->repository->workspace, name, bytes.data, bytes.size,
			       reason);
}

static int finish_role(const Ceremony *ceremony, const char *role, Reason *reason)
{
	json_t *envelope = json_object_get(ceremony->envelopes, role);
	_cleanup_free_ char *name = file_name(ceremony, role);
	int r;

	envelope_finish(envelope);
	r = name ? amend(ceremony, name, envelope, reason) : -ENOMEM;
	if (r == 0 && strcmp(role, "root") == 0)
		r = amend(ceremony, "work/device/root.json", envelope, reason);
	return r;
}

static int put_online(const Ceremony *ceremony, const Online *online, Reason *reason)
{
	int64_t version = metadata_version(json_object_get(online->snapshot, "signed"));
	_cleanup_free_ char *name = trust_metadata_name("snapshot", version);
	_cleanup_free_ char *path = name ? path_join("online", name) : NULL;
	int r = path ? amend(ceremony, path, online->snapshot, reason) : -ENOMEM;

	return r < 0 ? r : amend(ceremony, "online/timestamp.json", online->timestamp, reason);
}

int ceremony_settle(Ceremony *ceremony, Reason *reterr_reason)
{
	const Workspace *workspace = ceremony->repository->workspace;
	_cleanup_json_ json_t *changed = changed_versions(ceremony);
	_cleanup_online_ Online online = {};
	int r = changed ? verify_all(ceremony) : -ENOMEM;

	if (r == -EKEYREJECTED)
		return CEREMONY_WAITS;
	if (r == 0)
		r = online_sign(ceremony->repository, ceremony_body(ceremony, "root"), changed,
			&online, reterr_reason);
	if (r == -ENOENT)
		return CEREMONY_WAITS;
	if (r == 0)
		r = outbox_clear_online(workspace, reterr_reason);
	for (size_t i = 0; r == 0 && i < ceremony->note.roles.count; i++)
		r = finish_role(ceremony, ceremony->note.roles.items[i], reterr_reason);
	if (r == 0)
		r = put_online(ceremony, &online, reterr_reason);
	return r < 0 ? r : outbox_publish(workspace, reterr_reason);
}

/* -- carried copies -- */

static const char *find_same(const Ceremony *ceremony, const json_t *copy)
{
	for (size_t i = 0; i < ceremony->note.roles.count; i++) {
		const char *role = ceremony->note.roles.items[i];

		if (json_equal(ceremony_body(ceremony, role), json_object_get(copy, "signed")))
			return role;
	}
	return NULL;
}

/* 1 when one of the authorities lists the key and it has signed, 0 when not, or -ENOMEM. */
static int is_good(const json_t *envelope, const Authorities *who, const char *keyid)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < who->count; i++)
		if (authority_lists(&who->items[i], keyid))
			r = envelope_is_signed_by(envelope, &who->items[i], keyid);
	return r;
}

static int take_signature(json_t *envelope, const Authorities *who, const json_t *copy,
	const json_t *signature, const char *path, Reason *reason)
{
	const char *keyid = json_string_value(json_object_get(signature, "keyid"));
	const char *text = json_string_value(json_object_get(signature, "sig"));
	_cleanup_json_ json_t *alone = json_pack(
		"{s:[O], s:O}", "signatures", signature, "signed", json_object_get(copy, "signed"));
	int r;

	if (!keyid || !text)
		return reason_set(reason, -EBADMSG, "%s: a signature is malformed", path);
	if (!text[0])
		return 0;
	r = alone ? is_good(alone, who, keyid) : -ENOMEM;
	if (r < 0)
		return r;
	if (r == 0)
		return reason_set(reason, -EKEYREJECTED,
			"%s: the signature of key %.16s is not good, or that key may not sign this",
			path, keyid);
	return envelope_set_signature(envelope, keyid, text);
}

static int merge(const Ceremony *ceremony, const char *role, const json_t *copy, const char *path,
	json_t **ret_merged, Reason *reason)
{
	const json_t *signatures = json_object_get(copy, "signatures");
	_cleanup_json_ json_t *merged = json_deep_copy(json_object_get(ceremony->envelopes, role));
	Authorities who;
	int r = merged ? 0 : -ENOMEM;

	if (json_array_size(signatures) > KEY_COUNT_MAX)
		return reason_set(reason, -EBADMSG, "%s has too many signatures", path);
	ceremony_authorities(ceremony, role, &who);
	for (size_t i = 0; r == 0 && i < json_array_size(signatures); i++)
		r = take_signature(merged, &who, copy, json_array_get(signatures, i), path, reason);
	if (r == 0)
		*ret_merged = TAKE_PTR(merged);
	return r;
}

int ceremony_accept(
	Ceremony *ceremony, const char *path, const char **ret_role, Reason *reterr_reason)
{
	_cleanup_json_ json_t *copy = NULL, *merged = NULL;
	_cleanup_free_ char *file = NULL;
	const char *role;
	int r = envelope_read(path, &copy, reterr_reason);

	if (r < 0)
		return r;
	role = find_same(ceremony, copy);
	if (!role)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is not a copy of anything that waits for signatures; "
			"'suture-publish pending' lists what does",
			path);
	r = merge(ceremony, role, copy, path, &merged, reterr_reason);
	file = r == 0 ? ceremony_file(ceremony, role) : NULL;
	if (r == 0)
		r = file ? envelope_write(file, merged, reterr_reason) : -ENOMEM;
	if (r == 0 && json_object_set(ceremony->envelopes, role, merged) < 0)
		r = -ENOMEM;
	if (r == 0)
		*ret_role = role;
	return r;
}

/* -- what is missing -- */

static json_t *unsigned_keys(
	const json_t *envelope, const Authority *authority, const json_t *names)
{
	const json_t *keyids = json_object_get(authority->role, "keyids");
	json_t *list = json_array();

	for (size_t i = 0; list && i < json_array_size(keyids); i++) {
		const char *keyid = json_string_value(json_array_get(keyids, i));

		if (envelope_is_signed_by(envelope, authority, keyid) == 0)
			json_array_append_new(list,
				json_pack("{s:s, s:s}", "keyid", keyid, "name",
					document_text(names, keyid)));
	}
	return list;
}

static void describe_missing(
	const Ceremony *ceremony, const char *role, const json_t *names, json_t *list)
{
	const json_t *envelope = json_object_get(ceremony->envelopes, role);
	_cleanup_free_ char *file = ceremony_file(ceremony, role);
	Authorities who;

	ceremony_authorities(ceremony, role, &who);
	for (size_t i = 0; i < who.count; i++) {
		int missing = envelope_missing(envelope, &who.items[i]);
		int64_t version = metadata_version(ceremony_body(ceremony, role));
		_cleanup_json_ json_t *entry = NULL;

		if (missing <= 0)
			continue;
		entry = json_pack("{s:s, s:I, s:s, s:i, s:o}", "role", role, "version",
			(json_int_t)version, "file", file ? file : "", "missing", missing, "keys",
			unsigned_keys(envelope, &who.items[i], names));
		if (json_array_size(list) == 0 ||
			!json_equal(entry, json_array_get(list, json_array_size(list) - 1)))
			json_array_append(list, entry);
	}
}

json_t *ceremony_missing(const Ceremony *ceremony, const json_t *names)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < ceremony->note.roles.count; i++)
		describe_missing(ceremony, ceremony->note.roles.items[i], names, list);
	return list;
}
