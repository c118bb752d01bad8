/* SPDX-License-Identifier: Apache-2.0 */
/* init, base: what is done once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/time.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/metadata.h"
#include "vendor/publish/seal-keys.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/label.h"
#include "wire/json/document.h"

#define OS_RELEASE_SIZE_MAX 65536

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

static int read_identity(BaseIdentity *identity, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, arguments.os_release, OS_RELEASE_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", arguments.os_release);
	r = identity_parse(text, size, arguments.architecture, identity, &why);
	if (r < 0)
		return reason_set(reason, r, "%s: %s", arguments.os_release, why.text);
	if (arguments.variant && identity->variant_id[0] &&
		strcmp(arguments.variant, identity->variant_id) != 0)
		return reason_set(reason, -EINVAL, "%s says VARIANT_ID=%s, not %s",
			arguments.os_release, identity->variant_id, arguments.variant);
	if (arguments.variant)
		snprintf(identity->variant_id, sizeof(identity->variant_id), "%s",
			arguments.variant);
	return 0;
}

/* An older base of the same product, variant and architecture; NULL where there is none. */
static const Base *find_older(const Workspace *workspace, const Base *base, const char *version)
{
	for (size_t i = 0; i < workspace->list.bases.count; i++) {
		const Base *older = &workspace->list.bases.items[i];

		if (older != base && strcmp(older->product, base->product) == 0 &&
			strcmp(older->version, version) == 0 &&
			strcmp(strchr(older->key, '_'), strchr(base->key, '_')) == 0)
			return older;
	}
	return NULL;
}

/* "26.3.1-b": what 26.3.1 got up to (b). */
static int add_inclusion(
	const Desk *desk, const Base *base, const char *label, Index *index, Reason *reason)
{
	const char *dash = strrchr(label, '-');
	_cleanup_free_ char *version = dash ? memory_string_n(label, (size_t)(dash - label)) : NULL;
	const Base *older;
	uint64_t sequence;
	Inclusion *item;
	int r;

	if (!dash || label_parse(dash + 1, &sequence) < 0)
		return reason_set(
			reason, -EINVAL, "--includes %s: a label like 26.3.1-a is expected", label);
	if (!version)
		return -ENOMEM;
	older = find_older(&desk->workspace, base, version);
	if (!older)
		return reason_set(reason, -ENOENT,
			"--includes %s: no base %s of the same variant and architecture is "
			"registered",
			label, version);
	r = memory_grow(&index->includes.items, index->includes.count, sizeof(*item));
	if (r < 0)
		return r;
	item = &index->includes.items[index->includes.count++];
	*item = (Inclusion){.base = memory_string(older->key), .sequence = sequence};
	return item->base ? 0 : -ENOMEM;
}

/* The new base's role is delegated to, and an empty index stands ready for its devices. */
static int add_base(Desk *desk, const char *name, const Base **ret_base)
{
	_cleanup_index_ Index index = {};
	_cleanup_buffer_ Buffer bases = {};
	_cleanup_free_ char *role = NULL, *change = memory_printf("base add %s", name);
	BaseIdentity identity = {};
	const Base *base;
	int r = change ? read_identity(&identity, &desk->reason) : -ENOMEM;

	if (r == 0)
		r = desk_open_for_change(desk);
	if (r == 0)
		r = workspace_add_base(
			&desk->workspace, name, &identity, arguments.root, &desk->reason);
	if (r == 0)
		r = workspace_find_base(&desk->workspace, name, &base, &desk->reason);
	if (r < 0)
		return r;
	role = workspace_role(base);
	r = role ? signer_create_keys(&desk->signer, role, 1, &desk->reason) : -ENOMEM;
	if (r == 0)
		r = repository_delegate(&desk->repository, base, &desk->reason);
	if (r == 0)
		r = repository_read_index(
			&desk->repository, base, arguments.channel, &index, &desk->reason);
	if (r < 0)
		return r;
	index.issued = time_of_source();
	for (size_t i = 0; r == 0 && i < arguments.includes.count; i++)
		r = add_inclusion(desk, base, arguments.includes.items[i], &index, &desk->reason);
	if (r == 0)
		r = repository_write_index(&desk->repository, base, &index, &desk->reason);
	if (r == 0)
		r = workspace_bases_text(&desk->workspace, &bases);
	if (r == 0)
		r = outbox_put(&desk->workspace, "work/" WORKSPACE_BASES, bases.data, bases.size,
			&desk->reason);
	*ret_base = base;
	return r < 0 ? r : desk_commit(desk, change, false);
}

int verb_base(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	const Base *base;
	int r;

	if (strcmp(operands[0], "add") != 0 || count < 2 || !arguments.root ||
		!arguments.os_release || !arguments.architecture) {
		log_error("the form is: base add NAME --root DIR --os-release FILE --architecture "
			  "ARCH");
		return EXIT_USAGE;
	}
	r = add_base(&desk, operands[1], &base);
	if (r != 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:s, s:s, s:s}", "schema", 1, "name",
			base->name, "product", base->product, "base", base->key, "version",
			base->version));
	printf("Base %s: %s %s, key %s\n", base->name, base->product, base->version, base->key);
	return EXIT_OK;
}
