/* SPDX-License-Identifier: Apache-2.0 */
/* init: what is done once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/publish/desk.h"
#include "vendor/repository/metadata.h"
#include "vendor/keys/seal-keys.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

static int create_keys(Signer *signer, Reason *reason)
{
	static const struct {
		const char *role;
		unsigned count;
	} roles[] = {{"root", METADATA_ROOT_KEYS}, {"targets", 1}, {"snapshot", 1},
		{"timestamp", 1}, {"seal", 1}};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		int r = signer_create_keys(signer, roles[i].role, roles[i].count, reason);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The list for the first images: the keys seal-N. */
static int put_seal_conf(const Workspace *workspace, const Signer *signer, Reason *reason)
{
	_cleanup_json_ json_t *keys = signer_public_keys(signer, "seal");
	_cleanup_buffer_ Buffer text = {};
	SealPolicy policy = {.required = true};
	const char *id;
	json_t *key;
	int r = keys ? 0 : -ENOMEM;

	json_object_foreach(keys, id, key)
	{
		_cleanup_json_ json_t *entry = json_pack("{s:O}", "key", key);

		if (r == 0 && policy.key_count < SEAL_KEYS_MAX)
			r = seal_key_bytes(entry, policy.keys[policy.key_count++], reason);
	}
	if (r == 0)
		r = seal_keys_text(&policy, &text);
	return r < 0 ? r
		     : outbox_put(workspace, "work/device/seal.conf", text.data, text.size, reason);
}

/* A root and no repository: that one is lost, or not mounted. A new one would begin at version 1
 * again, which the devices of the old one refuse. */
static int refuse_second(const Workspace *workspace, Reason *reason)
{
	_cleanup_free_ char *timestamp =
		path_join(workspace->repository, "metadata/timestamp.json");
	_cleanup_free_ char *root = workspace_path(workspace, "device/root.json");

	if (!timestamp || !root)
		return -ENOMEM;
	if (file_exists(AT_FDCWD, timestamp))
		return reason_set(reason, -EEXIST, "there is a repository in %s already",
			workspace->repository);
	if (file_exists(AT_FDCWD, root))
		return reason_set(reason, -EEXIST,
			"%s is of a repository that is not in %s any more: mount it or bring it "
			"back from a copy; for another one, choose another folder",
			workspace->path, workspace->repository);
	return 0;
}

/* An interrupted attempt is begun again, with the keys that it made. */
static int open_new_workspace(Desk *desk)
{
	int r = desk_open_folders(&desk->workspace, true, &desk->reason);

	if (r == 0)
		r = outbox_recover(&desk->workspace, &desk->reason);
	if (r >= 0)
		r = refuse_second(&desk->workspace, &desk->reason);
	if (r < 0)
		return r;
	return outbox_waits(&desk->workspace) ? outbox_abandon(&desk->workspace, &desk->reason) : 0;
}

static int init_repository(Desk *desk)
{
	int r = open_new_workspace(desk);

	if (r == 0)
		r = desk_open_signer(&desk->signer, true, &desk->reason);
	if (r == 0)
		r = create_keys(&desk->signer, &desk->reason);
	if (r == 0)
		r = repository_init(&desk->repository, &desk->workspace, &desk->signer);
	if (r == 0)
		r = put_seal_conf(&desk->workspace, &desk->signer, &desk->reason);
	return r < 0 ? r : desk_commit(desk, "init", false);
}

int verb_init(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	char digest[DIGEST_TEXT_SIZE];
	int r = init_repository(&desk);

	if (r == 0)
		r = desk_root_digest(&desk.workspace, digest, &desk.reason);
	if (r != 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:s, s:s}", "schema", 1, "repository",
			desk.workspace.repository, "work", desk.workspace.path, "root_sha256",
			digest));
	printf("Repository: %s (serve this folder)\n"
	       "Work:       %s (keep this one to yourself)\n"
	       "Keys:       %s (keep the root keys offline, each with another person)\n"
	       "Put %s/device/root.json and seal.conf into /usr/lib/suture/ of your OS images.\n"
	       "SHA-256 of root.json: %s\n",
		desk.workspace.repository, desk.workspace.path, arguments.keys, desk.workspace.path,
		digest);
	return EXIT_OK;
}
