/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/time.h"
#include "vendor/publish/advisories.h"
#include "vendor/repository/delegations.h"
#include "vendor/keys/key-names.h"
#include "vendor/repository/metadata.h"
#include "vendor/keys/passphrase.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

/* A ceremony takes people days to meet for, and a holiday may lie between. */
#define WARN_DAYS       30
#define SECONDS_PER_DAY 86400

void desk_done(Desk *desk)
{
	ceremony_done(&desk->ceremony);
	repository_done(&desk->repository);
	signer_done(&desk->signer);
	workspace_done(&desk->workspace);
	*desk = (Desk)DESK_EMPTY;
}

static const char *repository_folder(void)
{
	return arguments.repository ? arguments.repository : ".";
}

int desk_open_folders(Workspace *workspace, bool create, Reason *reterr_reason)
{
	return workspace_open(
		workspace, repository_folder(), arguments.work, create, reterr_reason);
}

int desk_open_workspace(Workspace *workspace, Reason *reterr_reason)
{
	int r = desk_open_folders(workspace, false, reterr_reason);

	if (r == 0)
		r = outbox_recover(workspace, reterr_reason);
	if (r != OUTBOX_RECOVERED)
		return r;
	workspace_done(workspace);
	return desk_open_folders(workspace, false, reterr_reason);
}

int desk_check_channel(const char *name, Reason *reterr_reason)
{
	if (strlen(name) <= INDEX_NAME_BYTES && index_is_name(name))
		return 0;
	return reason_set(reterr_reason, -EINVAL,
		"%s is no name for a channel: use lower-case letters, digits and ._-", name);
}

/* suture-sign finds the askpass program in the environment; listing keys needs no passphrase. */
int desk_open_signer(Signer *signer, bool may_be_new, Reason *reterr_reason)
{
	int r = signer_open(signer, arguments.keys, may_be_new, reterr_reason);

	if (r < 0)
		return r;
	if (arguments.askpass && setenv("SUTURE_ASKPASS", arguments.askpass, 1) < 0)
		return -errno;
	if (arguments.passphrase_fd < 0)
		return 0;
	r = passphrase_keep(arguments.passphrase_fd, reterr_reason);
	signer->passphrase = r > 0 ? r : 0;
	return r < 0 ? r : 0;
}

int desk_open(Desk *desk, int64_t now)
{
	int r = desk_check_channel(arguments.channel, &desk->reason);

	if (r == 0)
		r = desk_open_workspace(&desk->workspace, &desk->reason);
	if (r == 0 && arguments.keys)
		r = desk_open_signer(&desk->signer, false, &desk->reason);
	return r < 0 ? r
		     : repository_open(&desk->repository, &desk->workspace, now, &desk->signer,
			       &desk->reason);
}

/* Nobody else is kept from the lock, unless there is something interrupted to finish. */
static int open_folders_to_read(Workspace *workspace, Reason *reason)
{
	int r = workspace_open_to_read(workspace, repository_folder(), arguments.work, reason);

	if (r < 0 || !outbox_is_ready(workspace))
		return r;
	workspace_done(workspace);
	r = desk_open_workspace(workspace, reason);
	workspace_unlock(workspace);
	if (r != -EBUSY) /* else somebody is about it now */
		return r;
	workspace_done(workspace);
	return workspace_open_to_read(workspace, repository_folder(), arguments.work, reason);
}

/* The work folder's root, so that all of the vendor's own is held against it. */
static int open_with_work(Desk *desk, int64_t now)
{
	_cleanup_free_ char *root = NULL;
	int r = open_folders_to_read(&desk->workspace, &desk->reason);

	if (r < 0)
		return r;
	root = workspace_path(&desk->workspace, "device/root.json");
	return root ? repository_open_to_read(&desk->repository, desk->workspace.repository, root,
			      now, &desk->reason)
		    : -ENOMEM;
}

static int open_alone(Desk *desk, int64_t now)
{
	int r = workspace_open_alone(&desk->workspace, repository_folder(), &desk->reason);

	if (r == 0)
		r = repository_open_to_read(&desk->repository, desk->workspace.repository,
			arguments.trusted_root, now, &desk->reason);
	return r < 0 ? r
		     : delegations_list(repository_published(&desk->repository, "targets"),
			       &desk->workspace.list, &desk->reason);
}

int desk_open_to_read(Desk *desk, int64_t now)
{
	int r = desk_check_channel(arguments.channel, &desk->reason);

	if (r < 0)
		return r;
	return arguments.trusted_root ? open_alone(desk, now) : open_with_work(desk, now);
}

/* A change that has all its signatures waits for nobody: the run that made it was interrupted. 1:
 * it is published now, and the desk is out of date. */
static int finish_interrupted(Desk *desk)
{
	int r = outbox_waits(&desk->workspace) ? desk_load_waiting(desk) : CEREMONY_WAITS;

	if (r == 0)
		r = ceremony_settle(&desk->ceremony, &desk->reason);
	if (r != 0)
		return r == CEREMONY_WAITS ? 0 : r;
	log_info("published what an interrupted run had signed: %s", desk->ceremony.note.change);
	return 1;
}

int desk_open_for_change(Desk *desk)
{
	int r = desk_open(desk, 0);

	if (r == 0 && arguments.keys)
		r = finish_interrupted(desk);
	if (r > 0) {
		desk_done(desk);
		r = desk_open(desk, 0);
	}
	return r < 0 ? r : ceremony_refuse_second(&desk->workspace, &desk->reason);
}

/* Whether an index may change: what a base's role signs. */
static bool has_pending_base(const Desk *desk)
{
	for (size_t i = 0; i < desk->workspace.list.bases.count; i++) {
		_cleanup_free_ char *role = workspace_role(&desk->workspace.list.bases.items[i]);

		if (!role || json_object_get(desk->repository.pending, role))
			return true;
	}
	return false;
}

int desk_commit(Desk *desk, const char *change, bool with_drafts)
{
	size_t files;
	int r = 0;

	if (has_pending_base(desk))
		r = advisories_put(&desk->repository, ADVISORIES_CHANGED, &files, &desk->reason);
	if (r == 0)
		r = ceremony_begin(
			&desk->ceremony, &desk->repository, change, with_drafts, &desk->reason);
	return r < 0 ? r : ceremony_settle(&desk->ceremony, &desk->reason);
}

int desk_load_waiting(Desk *desk)
{
	return ceremony_load(&desk->ceremony, &desk->repository, &desk->reason);
}

int desk_print_json(json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};
	int r = json ? document_write(json, &buffer) : -ENOMEM;

	json_decref(json);
	if (r == 0)
		r = fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
	return exit_code_of(r);
}

static void print_keys(const json_t *keys)
{
	size_t count = json_array_size(keys);

	for (size_t i = 0; i < count; i++) {
		const json_t *key = json_array_get(keys, i);
		const char *name = document_text(key, "name");

		printf("%s%s%s%.8s%s",
			i == 0                  ? ""
				: i + 1 < count ? ", "
						: " or ",
			name, name[0] ? " (" : "", document_text(key, "keyid"), name[0] ? ")" : "");
	}
}

static void print_missing(const json_t *entry)
{
	json_int_t missing = json_integer_value(json_object_get(entry, "missing"));
	const char *file = document_text(entry, "file");

	printf("%s %" JSON_INTEGER_FORMAT " needs %" JSON_INTEGER_FORMAT " more signature%s, of ",
		document_text(entry, "role"), json_integer_value(json_object_get(entry, "version")),
		missing, missing == 1 ? "" : "s");
	print_keys(json_object_get(entry, "keys"));
	printf(": carry %s to its holder, who runs: suture-publish --keys DIR sign %s; then run: "
	       "suture-publish accept FILE\n",
		file, path_name(file));
}

json_t *desk_tell_missing(const Desk *desk)
{
	_cleanup_json_ json_t *names = NULL;
	json_t *list;

	if (key_names_load(&desk->workspace, &names, NULL) < 0)
		names = json_object();
	list = ceremony_missing(&desk->ceremony, names);
	for (size_t i = 0; !arguments.json && i < json_array_size(list); i++)
		print_missing(json_array_get(list, i));
	if (list && json_array_size(list) == 0 && !arguments.json)
		printf("All that was asked for is signed. Run 'suture-publish resign' where the "
		       "keys of snapshot and timestamp are, and it is published.\n");
	return list;
}

static int tell_waiting(const Desk *desk)
{
	json_t *list = desk_tell_missing(desk);
	int code = EXIT_OK;

	if (!list)
		return exit_code_of(-ENOMEM);
	if (arguments.json)
		code = desk_print_json(json_pack("{s:i, s:s, s:O}", "schema", 1, "change",
			desk->ceremony.note.change, "waiting", list));
	json_decref(list);
	return code == EXIT_OK ? EXIT_DEFERRED : code;
}

int desk_fail(const Desk *desk, int result)
{
	if (result == CEREMONY_WAITS)
		return tell_waiting(desk);
	return exit_code_of(log_reason(result, &desk->reason));
}

static int warn_role(const Desk *desk, const char *role, const char *shown, json_t *list)
{
	const json_t *body = repository_published(&desk->repository, role);
	const char *expires = metadata_expires(body);
	json_t *entry;

	if (!body ||
		metadata_expiry(body) - desk->repository.now > WARN_DAYS * (int64_t)SECONDS_PER_DAY)
		return 0;
	log_info("%s %" PRId64 " expires on %s; renew it in time: suture-publish renew %s", role,
		metadata_version(body), expires, shown);
	entry = json_pack("{s:s, s:I, s:s, s:s}", "role", role, "version",
		(json_int_t)metadata_version(body), "expires", expires, "renew", shown);
	return json_array_append_new(list, entry) < 0 ? -ENOMEM : 0;
}

static int warn_base(Desk *desk, const Base *base, json_t *list)
{
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? repository_load_role(&desk->repository, base, &desk->reason) : -ENOMEM;

	return r < 0 ? r : warn_role(desk, role, base->name, list);
}

int desk_warn_expiry(Desk *desk, json_t **ret_list)
{
	_cleanup_json_ json_t *list = json_array();
	int r = list ? warn_role(desk, "root", "root", list) : -ENOMEM;

	if (r == 0)
		r = warn_role(desk, "targets", "targets", list);
	for (size_t i = 0; r == 0 && i < desk->workspace.list.bases.count; i++) {
		const Base *base = &desk->workspace.list.bases.items[i];

		if (arguments.bases.count == 0 || option_list_has(&arguments.bases, base->name))
			r = warn_base(desk, base, list);
	}
	if (r == 0)
		*ret_list = TAKE_PTR(list);
	return r;
}

int desk_root_digest(
	const Workspace *workspace, char ret_text[static DIGEST_TEXT_SIZE], Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, "device/root.json");
	_cleanup_free_ uint8_t *data = NULL;
	Digest digest;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, TRUST_ROOT_SIZE_MAX, &data, &size) : -ENOMEM;

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = digest_of(data, size, &digest);
	if (r == 0)
		digest_to_text(&digest, ret_text);
	return r;
}
