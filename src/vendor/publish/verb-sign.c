/* SPDX-License-Identifier: Apache-2.0 */
/* pending, show, sign, accept, abandon: signatures by several people on several machines. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/publish/desk.h"
#include "vendor/repository/metadata.h"
#include "vendor/publish/summary.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

int verb_pending(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	json_t *list;
	int r = desk_open(&desk, 0);

	if (r == 0)
		r = desk_load_waiting(&desk);
	if (r == -ENODATA && arguments.json) {
		r = desk_print_json(
			json_pack("{s:i, s:n, s:[]}", "schema", 1, "change", "waiting"));
		return r == EXIT_OK ? EXIT_NOTHING_TO_DO : r;
	}
	if (r < 0)
		return desk_fail(&desk, r);
	if (!arguments.json)
		printf("'%s' waits:\n", desk.ceremony.note.change);
	list = desk_tell_missing(&desk);
	if (!list)
		return exit_code_of(-ENOMEM);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:o}", "schema", 1, "change",
			desk.ceremony.note.change, "waiting", list));
	json_decref(list);
	return EXIT_OK;
}

/* -- signing: no repository is needed -- */

typedef struct Signing {
	Signer signer;
	json_t *envelope, *predecessor; /* predecessor NULL: none is at hand */
	json_t *changes, *signers;
	char *predecessor_path;
	Reason reason;
} Signing;

static void signing_done(Signing *signing)
{
	signer_done(&signing->signer);
	json_decref(signing->envelope);
	json_decref(signing->predecessor);
	json_decref(signing->changes);
	json_decref(signing->signers);
	free(signing->predecessor_path);
}

/* "2.root.json" replaces "1.root.json", which the repository may have. NULL where the name says
 * nothing, or no repository is named: the present folder may be the stick on which the file came,
 * and what lies on it can hide what changes. */
static char *guess_predecessor(const char *file)
{
	const char *name = path_name(file), *dot = strchr(name, '.');
	_cleanup_free_ char *digits = dot ? memory_string_n(name, (size_t)(dot - name)) : NULL;
	uint64_t version;

	if (!arguments.repository || !digits || text_to_u64(digits, INT64_MAX, &version) < 0 ||
		version < 2)
		return NULL;
	return memory_printf("%s/metadata/%" PRIu64 "%s", arguments.repository, version - 1, dot);
}

static int load_predecessor(Signing *signing, const char *file)
{
	signing->predecessor_path =
		arguments.against ? memory_string(arguments.against) : guess_predecessor(file);
	if (!signing->predecessor_path ||
		(!arguments.against && !file_exists(AT_FDCWD, signing->predecessor_path)))
		return 0;
	return envelope_read(signing->predecessor_path, &signing->predecessor, &signing->reason);
}

/* A root lists who signs it: its own keys are asked for also where another tool made the file. */
static int ask_own_keys(Signing *signing, const char *file)
{
	const json_t *body = json_object_get(signing->envelope, "signed");
	const char *type = json_string_value(json_object_get(body, "_type"));
	Authorities own = {{{metadata_keys(body), metadata_role(body, "root")}}, 1};
	int r = type && strcmp(type, "root") == 0 ? envelope_ask(signing->envelope, &own) : 0;

	return r == -EBADMSG ? reason_set(&signing->reason, r,
				       "%s: its list of the keys of root is malformed", file)
			     : r;
}

static int read_file(Signing *signing, const char *file)
{
	int r = envelope_read(file, &signing->envelope, &signing->reason);

	if (r == 0)
		r = load_predecessor(signing, file);
	if (r < 0)
		return r;
	r = summary_changes(json_object_get(signing->predecessor, "signed"),
		json_object_get(signing->envelope, "signed"), &signing->changes);
	return r == -EFBIG
		? reason_set(&signing->reason, r, "%s: there is too much in it to be shown", file)
		: r;
}

static void print_changes(const Signing *signing, const char *file)
{
	if (signing->predecessor)
		printf("%s, compared with %s:\n", file, signing->predecessor_path);
	else
		printf("%s, all of it (name its predecessor with --against to see what changed):\n",
			file);
	for (size_t i = 0; i < json_array_size(signing->changes); i++)
		printf("  %s\n", json_string_value(json_array_get(signing->changes, i)));
	fflush(stdout); /* suture-sign may ask for a passphrase next */
}

static int sign_file(Signing *signing, const char *file, const json_t *names)
{
	int r = read_file(signing, file);

	if (r == 0)
		r = desk_open_signer(&signing->signer, false, &signing->reason);
	if (r == 0)
		r = ask_own_keys(signing, file);
	if (r < 0)
		return r;
	if (!arguments.json)
		print_changes(signing, file);
	r = envelope_sign(
		signing->envelope, &signing->signer, names, &signing->signers, &signing->reason);
	if (r == 0 && json_array_size(signing->signers) == 0)
		r = reason_set(&signing->reason, -ENOENT,
			"%s has no key that %s still asks for; to sign with another one, name it",
			arguments.keys, file);
	return r < 0 ? r : envelope_write(file, signing->envelope, &signing->reason);
}

static int tell_signed(const Signing *signing, const char *file)
{
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:O, s:O}", "schema", 1, "file", file,
			"changes", signing->changes, "signed_by", signing->signers));
	for (size_t i = 0; i < json_array_size(signing->signers); i++)
		printf("Signed with %s\n", json_string_value(json_array_get(signing->signers, i)));
	return EXIT_OK;
}

int verb_sign(int count, char **operands)
{
	_cleanup_(signing_done) Signing signing = {};
	_cleanup_json_ json_t *names = count > 1 ? json_array() : NULL;
	int r;

	for (int i = 1; i < count; i++)
		json_array_append_new(names, json_string(operands[i]));
	r = sign_file(&signing, operands[0], names);
	if (r < 0)
		return exit_code_of(log_reason(r, &signing.reason));
	return tell_signed(&signing, operands[0]);
}

int verb_show(int count, char **operands)
{
	_cleanup_(signing_done) Signing signing = {};
	int r = read_file(&signing, operands[0]);

	if (r < 0)
		return exit_code_of(log_reason(r, &signing.reason));
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:O}", "schema", 1, "file",
			operands[0], "changes", signing.changes));
	print_changes(&signing, operands[0]);
	return EXIT_OK;
}

/* -- taking them back -- */

static int accept_all(Desk *desk, int count, char **operands)
{
	int r = desk_open(desk, 0);

	if (r == 0)
		r = desk_load_waiting(desk);
	for (int i = 0; r == 0 && i < count; i++) {
		const char *role;

		r = ceremony_accept(&desk->ceremony, operands[i], &role, &desk->reason);
		if (r == 0 && !arguments.json)
			printf("Accepted %s, for %s\n", operands[i], role);
	}
	return r < 0 ? r : ceremony_settle(&desk->ceremony, &desk->reason);
}

int verb_accept(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	char digest[DIGEST_TEXT_SIZE];
	int r = accept_all(&desk, count, operands);

	if (r == 0)
		r = desk_root_digest(&desk.workspace, digest, &desk.reason);
	if (r != 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:s}", "schema", 1, "published",
			desk.ceremony.note.change, "root_sha256", digest));
	printf("Published what waited: %s\nSHA-256 of root.json: %s\n", desk.ceremony.note.change,
		digest);
	return EXIT_OK;
}

int verb_abandon(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_outbox_note_ OutboxNote note = {};
	int r = desk_open_workspace(&desk.workspace, &desk.reason);

	if (r == 0 && !outbox_waits(&desk.workspace))
		r = reason_set(&desk.reason, -ENODATA, "nothing waits for signatures");
	if (r == 0) {
		(void)outbox_load(&desk.workspace, &note, NULL); /* damaged ones go as well */
		r = outbox_abandon(&desk.workspace, &desk.reason);
	}
	if (r < 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(
			json_pack("{s:i, s:s?}", "schema", 1, "abandoned", note.change));
	printf("Dropped: %s\n", note.change ? note.change : "a change whose note is unreadable");
	return EXIT_OK;
}
