/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/online.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/keys/envelope.h"
#include "vendor/keys/key-names.h"
#include "vendor/repository/metadata.h"
#include "wire/json/document.h"

#define SECONDS_PER_DAY 86400

void online_done(Online *online)
{
	json_decref(online->snapshot);
	json_decref(online->timestamp);
}

/* Names the first of the keys that have not signed. */
static int refuse(const Repository *repository, const json_t *envelope, const Authority *who,
	const char *role, Reason *reason)
{
	const json_t *keyids = json_object_get(who->role, "keyids");
	_cleanup_json_ json_t *names = NULL;
	const char *keyid = "";
	int r = key_names_load(repository->workspace, &names, reason);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_array_size(keyids); i++) {
		keyid = json_string_value(json_array_get(keyids, i));
		if (envelope_is_signed_by(envelope, who, keyid) == 0)
			break;
	}
	return reason_set(reason, -ENOENT,
		"there is no key %s (%.8s) in %s, which must sign the %s; if it is lost, 'keys "
		"rotate %s' makes another",
		document_text(names, keyid), keyid, repository->signer->keys, role, role);
}

/* Takes the reference of the body. */
static int sign(const Repository *repository, const json_t *root, const char *role, json_t *body,
	json_t **ret_envelope, Reason *reason)
{
	Authorities who = {{{metadata_keys(root), metadata_role(root, role)}}, 1};
	_cleanup_json_ json_t *envelope = body ? envelope_new(body) : NULL;
	int r = envelope ? envelope_ask(envelope, &who) : -ENOMEM;

	json_decref(body);
	if (r == 0)
		r = envelope_sign(envelope, repository->signer, NULL, NULL, reason);
	if (r < 0)
		return r;
	r = envelope_verify(envelope, &who, role, reason);
	if (r == -EKEYREJECTED)
		return refuse(repository, envelope, &who.items[0], role, reason);
	if (r < 0)
		return r;
	envelope_finish(envelope);
	*ret_envelope = TAKE_PTR(envelope);
	return 0;
}

static json_t *next_snapshot(const Repository *repository, const json_t *changed)
{
	_cleanup_json_ json_t *snapshot =
		metadata_snapshot(repository_next_version(repository, "snapshot"), repository->now,
			repository_published(repository, "snapshot"));
	const char *role;
	json_t *version;

	if (!snapshot)
		return NULL;
	json_object_foreach((json_t *)changed, role,
		version) if (metadata_list_role(snapshot, role, json_integer_value(version)) <
		0) return NULL;
	return TAKE_PTR(snapshot);
}

static bool is_fresh(const Repository *repository)
{
	int64_t expires = metadata_expiry(repository_published(repository, "snapshot"));

	return expires - repository->now > ONLINE_SNAPSHOT_FRESH_DAYS * (int64_t)SECONDS_PER_DAY;
}

int online_sign(const Repository *repository, const json_t *root, const json_t *changed,
	Online *ret_online, Reason *reterr_reason)
{
	_cleanup_online_ Online online = {};
	int64_t version = metadata_version(repository_published(repository, "snapshot"));
	json_t *timestamp;
	int r = 0;

	if (changed || !is_fresh(repository)) {
		r = sign(repository, root, "snapshot", next_snapshot(repository, changed),
			&online.snapshot, reterr_reason);
		version++;
	}
	if (r < 0)
		return r;
	timestamp = metadata_timestamp(
		repository_next_version(repository, "timestamp"), version, repository->now);
	r = sign(repository, root, "timestamp", timestamp, &online.timestamp, reterr_reason);
	if (r < 0)
		return r;
	*ret_online = online;
	online = (Online){};
	return 0;
}

static int publish(const Repository *repository, const json_t *envelope, const char *role,
	bool with_version, Reason *reason)
{
	int64_t version = metadata_version(json_object_get(envelope, "signed"));
	_cleanup_free_ char *name = trust_metadata_name(role, with_version ? version : 0);
	_cleanup_free_ char *path =
		name ? memory_printf("%s/metadata/%s", repository->path, name) : NULL;

	return path ? envelope_write(path, envelope, reason) : -ENOMEM;
}

/* What a run that was killed left beside the files that it wrote. The lock is ours. */
static int remove_unfinished(const Repository *repository, Reason *reason)
{
	_cleanup_free_ char *folder = path_join(repository->path, "metadata");
	int r = folder ? file_remove_unfinished(AT_FDCWD, folder, NULL) : -ENOMEM;

	return r < 0 ? reason_errno(reason, r, "cannot tidy up %s/metadata", repository->path) : 0;
}

int online_renew(const Repository *repository, Online *ret_online, Reason *reterr_reason)
{
	_cleanup_online_ Online online = {};
	int r = online_sign(
		repository, repository_published(repository, "root"), NULL, &online, reterr_reason);

	if (r == 0)
		r = remove_unfinished(repository, reterr_reason);
	if (r == 0 && online.snapshot)
		r = publish(repository, online.snapshot, "snapshot", true, reterr_reason);
	if (r == 0)
		r = publish(repository, online.timestamp, "timestamp", false, reterr_reason);
	if (r < 0)
		return r;
	*ret_online = online;
	online = (Online){};
	return 0;
}
