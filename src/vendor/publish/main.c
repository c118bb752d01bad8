/* SPDX-License-Identifier: Apache-2.0 */
/* suture-publish: the vendor's command. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/time.h"
#include "vendor/publish/check.h"
#include "vendor/publish/create.h"
#include "vendor/publish/metadata.h"
#include "vendor/publish/passphrase.h"
#include "vendor/publish/publish.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/label.h"
#include "wire/json/document.h"

#define OS_RELEASE_SIZE_MAX 65536

static const char *arg_repository = ".", *arg_work, *arg_keys, *arg_channel = "public";
static const char *arg_root, *arg_os_release, *arg_architecture, *arg_variant;
static const char *arg_components = "components.json", *arg_fixes, *arg_component;
static OptionList arg_bases, arg_debs;
static const char *arg_askpass;
static int arg_passphrase_fd = -1;
static bool arg_json;

/* What every verb works on. */
typedef struct Desk {
	Workspace workspace;
	Signer signer;
	Repository repository;
	Reason reason;
} Desk;

static void desk_done(Desk *desk)
{
	repository_done(&desk->repository);
	signer_done(&desk->signer);
	workspace_done(&desk->workspace);
}
#define _cleanup_desk_ _cleanup_(desk_done)

static int fail(int error, const Reason *reason)
{
	/* A refusal by lint or of an argument is a failure, not a question of usage. */
	return exit_code_of(log_reason(error, reason));
}

static int check_channel(Reason *reason)
{
	if (strlen(arg_channel) <= INDEX_NAME_BYTES && index_is_name(arg_channel))
		return 0;
	return reason_set(reason, -EINVAL,
		"%s is no name for a channel: use lower-case letters, digits and ._-", arg_channel);
}

/* suture-sign finds the askpass program in the environment; listing keys needs no passphrase. */
static int open_signer(Desk *desk, bool may_be_new)
{
	int r = signer_open(&desk->signer, arg_keys, may_be_new, &desk->reason);

	if (r < 0)
		return r;
	if (arg_askpass && setenv("SUTURE_ASKPASS", arg_askpass, 1) < 0)
		return -errno;
	if (arg_passphrase_fd < 0)
		return 0;
	r = passphrase_keep(arg_passphrase_fd, &desk->reason);
	desk->signer.passphrase = r > 0 ? r : 0;
	return r < 0 ? r : 0;
}

/* `now` 0: an expired repository may be worked on, that is how it is renewed. */
static int open_desk(Desk *desk, int64_t now)
{
	_cleanup_free_ char *root = NULL;
	int r = check_channel(&desk->reason);

	if (r == 0)
		r = workspace_open(
			&desk->workspace, arg_repository, arg_work, false, &desk->reason);
	if (r == 0)
		r = open_signer(desk, false);
	if (r < 0)
		return r;
	root = workspace_path(&desk->workspace, "device/root.json");
	return root ? repository_open(&desk->repository, desk->workspace.repository, root, now,
			      &desk->signer, &desk->reason)
		    : -ENOMEM;
}

/* Takes the reference. */
static int print_json(json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};
	int r = json ? document_write(json, &buffer) : -ENOMEM;

	json_decref(json);
	if (r == 0)
		r = fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
	return exit_code_of(r);
}

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

static int write_device_file(
	const Workspace *workspace, const char *name, const Buffer *bytes, Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, name);
	int r = path ? path_make_parent(AT_FDCWD, path, 0755) : -ENOMEM;

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, bytes->data, bytes->size, 0644);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path ? path : name) : 0;
}

/* The seal's public key in the form of usr/lib/suture/seal.conf (doc/format/seal.md). */
static int write_seal_conf(const Workspace *workspace, const Signer *signer, Reason *reason)
{
	_cleanup_json_ json_t *keys = signer_public_keys(signer, "seal");
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_text(&text,
		"# Who may seal improvements of this system (seal.conf(5)).\n"
		"seal required\n");
	const char *id;
	json_t *key;

	json_object_foreach(keys, id, key)
	{
		const char *public = json_string_value(
			json_object_get(json_object_get(key, "keyval"), "public"));

		if (r == 0)
			r = buffer_printf(&text, "key %s\n", public);
	}
	return r < 0 ? r : write_device_file(workspace, "device/seal.conf", &text, reason);
}

static int init_repository(Desk *desk)
{
	_cleanup_free_ char *timestamp = NULL;
	_cleanup_buffer_ Buffer root = {};
	int r = workspace_open(&desk->workspace, arg_repository, arg_work, true, &desk->reason);

	if (r < 0)
		return r;
	timestamp = path_join(desk->workspace.repository, "metadata/timestamp.json");
	if (!timestamp)
		return -ENOMEM;
	if (file_exists(AT_FDCWD, timestamp))
		return reason_set(&desk->reason, -EEXIST, "there is a repository in %s already",
			desk->workspace.repository);
	r = open_signer(desk, true);
	if (r == 0)
		r = create_keys(&desk->signer, &desk->reason);
	if (r == 0)
		r = repository_init(desk->workspace.repository, &desk->signer, time_of_source(),
			&root, &desk->reason);
	if (r == 0)
		r = write_device_file(&desk->workspace, "device/root.json", &root, &desk->reason);
	return r < 0 ? r : write_seal_conf(&desk->workspace, &desk->signer, &desk->reason);
}

static int verb_init(int count, char **operands)
{
	_cleanup_desk_ Desk desk = {.workspace = {.lock = -1}};
	int r = init_repository(&desk);

	if (r < 0)
		return fail(r, &desk.reason);
	if (arg_json)
		return print_json(json_pack("{s:i, s:s, s:s}", "schema", 1, "repository",
			desk.workspace.repository, "work", desk.workspace.path));
	printf("Repository: %s (serve this folder)\n"
	       "Work:       %s (keep this one to yourself)\n"
	       "Keys:       %s (keep the root keys offline, each with another person)\n"
	       "Put %s/device/root.json and seal.conf into /usr/lib/suture/ of your OS images.\n",
		desk.workspace.repository, desk.workspace.path, arg_keys, desk.workspace.path);
	return EXIT_OK;
}

static int read_identity(BaseIdentity *identity, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, arg_os_release, OS_RELEASE_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", arg_os_release);
	r = identity_parse(text, size, arg_architecture, identity, &why);
	if (r < 0)
		return reason_set(reason, r, "%s: %s", arg_os_release, why.text);
	if (arg_variant && identity->variant_id[0] &&
		strcmp(arg_variant, identity->variant_id) != 0)
		return reason_set(reason, -EINVAL, "%s says VARIANT_ID=%s, not %s", arg_os_release,
			identity->variant_id, arg_variant);
	if (arg_variant)
		snprintf(identity->variant_id, sizeof(identity->variant_id), "%s", arg_variant);
	return 0;
}

/* The new base's role is delegated to, and an empty index stands ready for its devices. */
static int add_base(Desk *desk, const char *name, const Base **ret_base)
{
	_cleanup_index_ Index index = {};
	_cleanup_free_ char *role = NULL;
	BaseIdentity identity = {};
	const Base *base;
	int r = read_identity(&identity, &desk->reason);

	if (r == 0)
		r = open_desk(desk, 0);
	if (r == 0)
		r = workspace_add_base(&desk->workspace, name, &identity, arg_root, &desk->reason);
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
			&desk->repository, base, arg_channel, &index, &desk->reason);
	if (r < 0)
		return r;
	index.issued = time_of_source();
	r = repository_write_index(&desk->repository, base, &index, &desk->reason);
	if (r == 0)
		r = repository_commit(&desk->repository, &desk->reason);
	*ret_base = base;
	return r < 0 ? r : workspace_save_bases(&desk->workspace, &desk->reason);
}

static int verb_base(int count, char **operands)
{
	_cleanup_desk_ Desk desk = {.workspace = {.lock = -1}};
	const Base *base;
	int r;

	if (strcmp(operands[0], "add") != 0 || count < 2 || !arg_root || !arg_os_release ||
		!arg_architecture) {
		log_error("the form is: base add NAME --root DIR --os-release FILE --architecture "
			  "ARCH");
		return EXIT_USAGE;
	}
	r = add_base(&desk, operands[1], &base);
	if (r < 0)
		return fail(r, &desk.reason);
	if (arg_json)
		return print_json(json_pack("{s:i, s:s, s:s, s:s, s:s}", "schema", 1, "name",
			base->name, "product", base->product, "base", base->key, "version",
			base->version));
	printf("Base %s: %s %s, key %s\n", base->name, base->product, base->version, base->key);
	return EXIT_OK;
}

/* "NAME=VALUE": *ret_name is the caller's to free, *ret_value points into the argument. */
static int split_assignment(
	const char *argument, char **ret_name, const char **ret_value, Reason *reason)
{
	const char *equals = strchr(argument, '=');

	if (!equals || equals == argument || !equals[1])
		return reason_set(reason, -EINVAL, "%s is not of the form NAME=PATH", argument);
	*ret_name = memory_string_n(argument, (size_t)(equals - argument));
	*ret_value = equals + 1;
	return *ret_name ? 0 : -ENOMEM;
}

static json_t *describe_draft(const Base *base, const Draft *draft)
{
	json_t *payloads = json_array();

	for (size_t i = 0; i < draft->image->payloads.count; i++) {
		const Payload *payload = &draft->image->payloads.items[i];

		json_array_append_new(payloads,
			json_pack("{s:s, s:I}", "kind", index_payload_kinds[payload->kind], "bytes",
				(json_int_t)payload->size));
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "base", base->name, "component",
		draft->image->component, "files", (json_int_t)draft->image->files.count,
		"image_bytes", (json_int_t)draft->image->size, "payloads", payloads);
}

static void tell_draft(const Base *base, const Draft *draft)
{
	printf("%s for %s: %zu files, image %" PRIu64 " bytes", draft->image->component, base->name,
		draft->image->files.count, draft->image->size);
	for (size_t i = 0; i < draft->image->payloads.count; i++)
		printf(", %s %" PRIu64 " bytes",
			index_payload_kinds[draft->image->payloads.items[i].kind],
			draft->image->payloads.items[i].size);
	printf("\n");
}

/* What one `create` made: saved together at the end, so that a fix which is refused for one base is
 * not published for the others alone. */
typedef struct Made {
	struct {
		const Base *base;
		Draft draft;
	} items[OPTION_LIST_MAX * 2];
	size_t count;
} Made;

static void made_done(Made *made)
{
	for (size_t i = 0; i < made->count; i++)
		draft_clear(&made->items[i].draft);
}

static int create_one(CreateRequest *request, const char *name, Made *made, Reason *reason)
{
	int r = workspace_find_base(request->workspace, name, &request->base, reason);

	if (r == 0)
		r = create_draft(request, &made->items[made->count].draft, reason);
	if (r < 0)
		return r;
	made->items[made->count++].base = request->base;
	return 0;
}

static int save_drafts(const Workspace *workspace, const Made *made, json_t *list, Reason *reason)
{
	for (size_t i = 0; i < made->count; i++) {
		const Base *base = made->items[i].base;
		const Draft *draft = &made->items[i].draft;
		int r = draft_save(workspace, base, draft, reason);

		if (r < 0)
			return r;
		if (!arg_json)
			tell_draft(base, draft);
		if (json_array_append_new(list, describe_draft(base, draft)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int create_from_roots(CreateRequest *request, Made *made, Reason *reason)
{
	for (size_t i = 0; i < arg_bases.count; i++) {
		_cleanup_free_ char *name = NULL;
		struct stat st;
		int r = split_assignment(arg_bases.items[i], &name, &request->new_root, reason);

		if (r == 0 && (stat(request->new_root, &st) < 0 || !S_ISDIR(st.st_mode)))
			r = reason_set(reason, -ENOENT, "%s is not a folder", request->new_root);
		if (r == 0)
			r = create_one(request, name, made, reason);
		if (r < 0)
			return r;
	}
	request->new_root = NULL;
	return 0;
}

/* The two packages of "OLD.deb,NEW.deb"; `old` is the caller's to free. */
static int split_pair(const char *value, char **ret_old, const char **ret_new, Reason *reason)
{
	const char *comma = strchr(value, ',');

	if (!comma || comma == value || !comma[1])
		return reason_set(reason, -EINVAL, "%s is not of the form OLD.deb,NEW.deb", value);
	*ret_old = memory_string_n(value, (size_t)(comma - value));
	*ret_new = comma + 1;
	return *ret_old ? 0 : -ENOMEM;
}

static void free_pairs(CreateRequest *request)
{
	for (size_t i = 0; i < request->deb_count; i++)
		free((char *)request->debs[i].old_deb);
	request->deb_count = 0;
}

static int collect_pairs(CreateRequest *request, const char *base, Reason *reason)
{
	for (size_t i = 0; i < arg_debs.count; i++) {
		_cleanup_free_ char *name = NULL, *old = NULL;
		const char *value, *new = NULL;
		int r = split_assignment(arg_debs.items[i], &name, &value, reason);

		if (r < 0)
			return r;
		if (strcmp(name, base) != 0)
			continue;
		if (request->deb_count == CREATE_DEBS_MAX)
			return reason_set(reason, -E2BIG, "more than %d packages", CREATE_DEBS_MAX);
		r = split_pair(value, &old, &new, reason);
		if (r < 0)
			return r;
		request->debs[request->deb_count++] = (DebPair){TAKE_PTR(old), new};
	}
	return 0;
}

/* All packages of one base go into one draft: at the first mention of its name. */
static int create_from_debs(CreateRequest *request, Made *made, Reason *reason)
{
	for (size_t i = 0; i < arg_debs.count; i++) {
		size_t length = strcspn(arg_debs.items[i], "=");
		_cleanup_free_ char *name = memory_string_n(arg_debs.items[i], length);
		bool seen = false;
		int r;

		for (size_t j = 0; j < i; j++)
			seen |= strncmp(arg_debs.items[j], arg_debs.items[i], length + 1) == 0;
		if (seen || !name)
			continue;
		r = collect_pairs(request, name, reason);
		if (r == 0)
			r = create_one(request, name, made, reason);
		free_pairs(request);
		if (r < 0)
			return r;
	}
	return 0;
}

static int verb_create(int count, char **operands)
{
	_cleanup_(workspace_done) Workspace workspace = {.lock = -1};
	_cleanup_components_ Components components = {};
	_cleanup_json_ json_t *list = json_array();
	_cleanup_(made_done) Made made = {};
	CreateRequest request = {
		.workspace = &workspace, .components = &components, .fixes_path = arg_fixes};
	Reason reason = {};
	int r;

	if (!arg_fixes || !arg_component || arg_bases.count + arg_debs.count == 0) {
		log_error(
			"the form is: create --fixes FILE --component NAME --base NAME=NEWROOT, or "
			"--deb NAME=OLD.deb,NEW.deb");
		return EXIT_USAGE;
	}
	r = workspace_open(&workspace, arg_repository, arg_work, false, &reason);
	if (r == 0)
		r = components_load(arg_components, &components, &reason);
	if (r == 0)
		r = components_find(&components, arg_component, &request.component, &reason);
	if (r == 0)
		r = create_from_roots(&request, &made, &reason);
	if (r == 0)
		r = create_from_debs(&request, &made, &reason);
	if (r == 0)
		r = save_drafts(&workspace, &made, list, &reason);
	if (r < 0)
		return fail(r, &reason);
	return arg_json ? print_json(json_pack("{s:i, s:O}", "schema", 1, "drafts", list))
			: EXIT_OK;
}

static json_t *describe_published(const Published *published)
{
	char shown[LABEL_TEXT_SIZE], machine[LABEL_TEXT_SIZE];

	label_shown(published->base->version, published->sequence, shown);
	label_machine(published->base->version, published->sequence, machine);
	return json_pack("{s:s, s:s, s:I, s:s, s:s}", "base", published->base->name, "base_key",
		published->base->key, "sequence", (json_int_t)published->sequence, "label", shown,
		"machine_label", machine);
}

static int verb_publish(int count, char **operands)
{
	_cleanup_desk_ Desk desk = {.workspace = {.lock = -1}};
	_cleanup_free_ Published *list = NULL;
	_cleanup_json_ json_t *told = json_array();
	size_t published;
	int r = open_desk(&desk, 0);

	if (r == 0) {
		list = memory_new_array(desk.workspace.list.bases.count, sizeof(*list));
		r = list ? publish_drafts(&desk.workspace, &desk.repository, arg_channel, list,
				   &published, &desk.reason)
			 : -ENOMEM;
	}
	if (r < 0)
		return fail(r, &desk.reason);
	for (size_t i = 0; i < published; i++) {
		char shown[LABEL_TEXT_SIZE];

		label_shown(list[i].base->version, list[i].sequence, shown);
		if (!arg_json)
			printf("Published %s for base %s (%s)\n", shown, list[i].base->name,
				list[i].base->key);
		json_array_append_new(told, describe_published(&list[i]));
	}
	return arg_json ? print_json(json_pack("{s:i, s:O}", "schema", 1, "published", told))
			: EXIT_OK;
}

/* What was signed is read again with the clock of a device: a root or targets role that expired,
 * which this verb cannot renew, must not go unnoticed in a timer. */
static int resign(Desk *desk)
{
	int r = open_desk(desk, 0);

	if (r == 0)
		r = repository_commit(&desk->repository, &desk->reason);
	if (r < 0)
		return r;
	desk_done(desk);
	*desk = (Desk){.workspace = {.lock = -1}};
	return open_desk(desk, time_of_source());
}

static int verb_resign(int count, char **operands)
{
	static const char *const roles[] = {"snapshot", "timestamp"};
	_cleanup_desk_ Desk desk = {.workspace = {.lock = -1}};
	_cleanup_json_ json_t *told = json_array();
	int r = resign(&desk);

	if (r < 0)
		return fail(r, &desk.reason);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		const json_t *body = trust_body(desk.repository.trust, roles[i]);
		int64_t version = metadata_version(body);
		const char *expires = metadata_expires(body);

		if (!arg_json)
			printf("Signed %s %" PRId64 ", good until %s\n", roles[i], version,
				expires);
		json_array_append_new(told,
			json_pack("{s:s, s:I, s:s}", "role", roles[i], "version",
				(json_int_t)version, "expires", expires));
	}
	return arg_json ? print_json(json_pack("{s:i, s:O}", "schema", 1, "signed", told))
			: EXIT_OK;
}

static int verb_check(int count, char **operands)
{
	_cleanup_desk_ Desk desk = {.workspace = {.lock = -1}};
	CheckCounts counts;
	int r = open_desk(&desk, time_now());

	if (r == 0)
		r = check_repository(
			&desk.workspace, &desk.repository, arg_channel, &counts, &desk.reason);
	if (r < 0)
		return fail(r, &desk.reason);
	if (arg_json)
		return print_json(json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "schema", 1,
			"indexes", (json_int_t)counts.indexes, "improvements",
			(json_int_t)counts.improvements, "images", (json_int_t)counts.images,
			"blobs", (json_int_t)counts.blobs, "deltas", (json_int_t)counts.deltas,
			"bytes", (json_int_t)counts.bytes));
	printf("Good: %zu indexes, %zu improvements, %zu images, %zu blobs of %" PRIu64
	       " bytes, %zu deltas applied again\n",
		counts.indexes, counts.improvements, counts.images, counts.blobs, counts.bytes,
		counts.deltas);
	return EXIT_OK;
}

static const Option options[] = {
	{"C", "REPOSITORY", "the published folder", OPTION_TEXT, &arg_repository},
	{"work", "DIR", "what is not published (REPOSITORY.work)", OPTION_TEXT, &arg_work},
	{"keys", "DIR", "keys, opened by suture-sign", OPTION_TEXT, &arg_keys, true},
	{"passphrase-fd", "N", "descriptor to read the keys' passphrase from", OPTION_NUMBER,
		&arg_passphrase_fd},
	{"askpass", "PROGRAM", "program that asks a person for a passphrase", OPTION_TEXT,
		&arg_askpass},
	{"channel", "NAME", "which channel (public)", OPTION_TEXT, &arg_channel},
	{"root", "DIR", "base add: the base's files", OPTION_TEXT, &arg_root},
	{"os-release", "FILE", "base add: its os-release", OPTION_TEXT, &arg_os_release},
	{"architecture", "ARCH", "base add: as by uname -m", OPTION_TEXT, &arg_architecture},
	{"variant", "ID", "base add: VARIANT_ID", OPTION_TEXT, &arg_variant},
	{"components", "FILE", "create: declarations (components.json)", OPTION_TEXT,
		&arg_components},
	{"fixes", "FILE", "create: what is fixed", OPTION_TEXT, &arg_fixes},
	{"component", "NAME", "create: which component", OPTION_TEXT, &arg_component},
	{"base", "NAME=NEWROOT", "create: a base and its rebuilt tree", OPTION_LIST, &arg_bases},
	{"deb", "NAME=OLD.deb,NEW.deb", "create: a base and a package", OPTION_LIST, &arg_debs},
	{"json", NULL, "print JSON", OPTION_FLAG, &arg_json},
	{},
};

static const Verb verbs[] = {
	{"init", "", "make a repository and its keys", 0, 0, verb_init},
	{"base", "add NAME", "register a base", 1, 2, verb_base},
	{"create", "", "make drafts of an improvement", 0, 0, verb_create},
	{"publish", "", "sign and publish the drafts", 0, 0, verb_publish},
	{"resign", "", "renew snapshot and timestamp", 0, 0, verb_resign},
	{"check", "", "verify the whole repository", 0, 0, verb_check},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {"suture-publish",
		"publish background security improvements as a folder of signed static files",
		options, verbs, NULL};

	umask(022);
	return command_main(&command, argc, argv);
}
