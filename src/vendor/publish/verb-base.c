/* SPDX-License-Identifier: Apache-2.0 */
/* base: what the vendor makes improvements for, from its first day to its last. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"
#include "vendor/publish/desk.h"
#include "vendor/advisory/lacks.h"
#include "vendor/files/disk-image.h"
#include "vendor/work/draft.h"
#include "vendor/publish/regression.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/index-schema.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define OS_RELEASE_SIZE_MAX 65536
#define OS_RELEASE          "usr/lib/os-release"
#define NONE                "none" /* takes back what was said */

static int read_identity(const char *path, BaseIdentity *identity, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, OS_RELEASE_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", path);
	r = identity_parse(text, size, arguments.architecture, identity, &why);
	if (r < 0)
		return reason_set(reason, r, "%s: %s", path, why.text);
	if (arguments.variant && identity->variant_id[0] &&
		strcmp(arguments.variant, identity->variant_id) != 0)
		return reason_set(reason, -EINVAL, "%s says VARIANT_ID=%s, not %s", path,
			identity->variant_id, arguments.variant);
	if (arguments.variant)
		snprintf(identity->variant_id, sizeof(identity->variant_id), "%s",
			arguments.variant);
	return 0;
}

/* The files of a base that comes as an image: WORK/bases/NAME. What an attempt left is replaced. */
static int unpack_root(const Desk *desk, const char *name, char **ret_root, Reason *reason)
{
	const DiskImage image = {arguments.root, arguments.partition, arguments.architecture};
	_cleanup_free_ char *folder = workspace_path(&desk->workspace, "bases");
	_cleanup_free_ char *root = folder ? path_join(folder, name) : NULL;
	int r = root ? path_remove_tree(AT_FDCWD, root) : -ENOMEM;

	if (r < 0)
		return reason_errno(reason, r, "cannot remove %s", root ? root : name);
	r = workspace_make_private(&desk->workspace, "bases", reason);
	if (r == 0 && path_make_directories(AT_FDCWD, root, 0755) < 0)
		r = reason_errno(reason, -errno, "cannot make %s", root);
	if (r == 0)
		r = disk_image_unpack(&image, root, reason);
	if (r < 0) {
		path_remove_tree(AT_FDCWD, root);
		return r;
	}
	*ret_root = TAKE_PTR(root);
	return 0;
}

static int open_root(const Desk *desk, const char *name, char **ret_root, Reason *reason)
{
	struct stat st;

	if (stat(arguments.root, &st) == 0 && S_ISREG(st.st_mode))
		return unpack_root(desk, name, ret_root, reason);
	if (arguments.partition)
		return reason_set(reason, -EINVAL, "%s is no disk image; leave out --partition",
			arguments.root);
	*ret_root = memory_string(arguments.root);
	return *ret_root ? 0 : -ENOMEM;
}

static int refuse_bad_name(const Desk *desk, const char *name, Reason *reason)
{
	const Base *base;

	if (!index_is_name(name) || strlen(name) > INDEX_NAME_BYTES)
		return reason_set(reason, -EINVAL,
			"%s is no name for a base: use lower-case letters, digits and ._-", name);
	if (workspace_find_base(&desk->workspace, name, &base, NULL) == 0)
		return reason_set(reason, -EEXIST, "there is a base %s already", name);
	return 0;
}

/* Adds it to the list in memory. */
static int register_base(Desk *desk, const char *name, const Base **ret_base)
{
	_cleanup_free_ char *root = NULL, *os_release = NULL;
	BaseIdentity identity = {};
	int r = refuse_bad_name(desk, name, &desk->reason);

	if (r == 0)
		r = open_root(desk, name, &root, &desk->reason);
	if (r < 0)
		return r;
	os_release = arguments.os_release ? memory_string(arguments.os_release)
					  : path_join(root, OS_RELEASE);
	r = os_release ? read_identity(os_release, &identity, &desk->reason) : -ENOMEM;
	if (r == 0)
		r = workspace_add_base(&desk->workspace, name, &identity, root, &desk->reason);
	return r < 0 ? r : workspace_find_base(&desk->workspace, name, ret_base, &desk->reason);
}

static int include(Index *index, const Base *older, uint64_t sequence)
{
	int r = memory_grow(&index->includes.items, index->includes.count, sizeof(Inclusion));
	Inclusion *item;

	if (r < 0)
		return r;
	item = &index->includes.items[index->includes.count++];
	*item = (Inclusion){.base = memory_string(older->key), .sequence = sequence};
	return item->base ? 0 : -ENOMEM;
}

/* An older base of the same line; NULL where there is none. */
static const Base *find_older(const Workspace *workspace, const Base *base, const char *version)
{
	for (size_t i = 0; i < workspace->list.bases.count; i++) {
		const Base *older = &workspace->list.bases.items[i];

		if (older != base && strcmp(older->version, version) == 0 &&
			workspace_is_one_line(older, base))
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
	return include(index, older, sequence);
}

static uint64_t declared_of(const Index *index, const Base *older)
{
	uint64_t sequence = 0;

	for (size_t i = 0; i < index->includes.count; i++)
		if (strcmp(index->includes.items[i].base, older->key) == 0 &&
			index->includes.items[i].sequence > sequence)
			sequence = index->includes.items[i].sequence;
	return sequence;
}

static int choose_predecessor(Desk *desk, const Base *base, const Base **ret)
{
	int r;

	*ret = regression_predecessor(&desk->workspace, base);
	if (!arguments.predecessor)
		return 0;
	r = workspace_find_base(&desk->workspace, arguments.predecessor, ret, &desk->reason);
	if (r == 0 && (*ret == base || strcmp((*ret)->product, base->product) != 0))
		r = reason_set(&desk->reason, -EINVAL, "%s cannot be the predecessor of %s",
			arguments.predecessor, base->name);
	return r;
}

static void tell_lack(const json_t *lack, const char *label, const char *version)
{
	_cleanup_free_ char *cves = NULL;
	const json_t *list = json_object_get(lack, "cves");

	for (size_t i = 0; i < json_array_size(list); i++) {
		char *longer = memory_printf("%s%s%s", cves ? cves : "", cves ? ", " : "",
			json_string_value(json_array_get(list, i)));

		free(cves);
		cves = longer;
	}
	log_error("%s: %s, but %s fixes it for %s (%s)", document_text(lack, "path"),
		strcmp(document_text(lack, "cause"), regression_causes[REGRESSION_OLD_BYTES]) == 0
			? "is as it was before the fix"
			: "is neither as the fix made it nor declared to be fixed",
		label, version, cves ? cves : "no CVE");
}

static int refuse_regressions(Desk *desk, const Base *base, const Regressions *found)
{
	_cleanup_json_ json_t *list = regressions_json(found);
	char label[LABEL_TEXT_SIZE];

	label_machine(found->predecessor->version, found->standing->sequence, label);
	for (size_t i = 0; i < json_array_size(list); i++)
		tell_lack(json_array_get(list, i), label, found->predecessor->version);
	if (arguments.json)
		desk_print_json(
			json_pack("{s:i, s:s, s:O}", "schema", 1, "lacks_of", label, LACKS, list));
	return reason_set(&desk->reason, -EINVAL,
		"base %s lacks %zu files of %s, which devices would lose; build it with these "
		"fixes, or say --includes %s where it has them in another form; --allow-regression "
		"REASON publishes why it may lack them",
		base->name, found->count, label, label);
}

static int publish_regressions(Index *index, const Regressions *found)
{
	if (!index->optional)
		index->optional = json_object();
	return json_object_set_new(index->optional, LACKS,
		       regressions_publish(found, arguments.allow_regression)) < 0
		? -ENOMEM
		: 0;
}

/* A base that lacks what the one before has is refused; one that is proven to have it says so. */
static int guard(Desk *desk, const Base *base, Index *index)
{
	_cleanup_regressions_ Regressions found = {};
	const Base *predecessor;
	uint64_t declared;
	int r = choose_predecessor(desk, base, &predecessor);

	if (r < 0 || !predecessor)
		return r;
	declared = declared_of(index, predecessor);
	r = regressions_find(&desk->repository, base, predecessor, arguments.channel, declared,
		&found, &desk->reason);
	if (r < 0)
		return r;
	if (found.count > 0)
		return arguments.allow_regression ? publish_regressions(index, &found)
						  : refuse_regressions(desk, base, &found);
	if (found.is_proven && declared < found.standing->sequence)
		r = include(index, predecessor, found.standing->sequence);
	return r;
}

static int put_bases(Desk *desk)
{
	_cleanup_buffer_ Buffer bases = {};
	int r = workspace_bases_text(&desk->workspace, &bases);

	return r < 0 ? r
		     : outbox_put(&desk->workspace, "work/" WORKSPACE_BASES, bases.data, bases.size,
			       &desk->reason);
}

/* The new base's role is delegated to, and an empty index stands ready for its devices. */
static int put_base(Desk *desk, const Base *base, Index *index)
{
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? signer_create_keys(&desk->signer, role, 1, &desk->reason) : -ENOMEM;

	if (r == 0)
		r = repository_delegate(&desk->repository, base, &desk->reason);
	index->issued = time_of_source();
	if (r == 0)
		r = repository_write_index(&desk->repository, base, index, &desk->reason);
	return r < 0 ? r : put_bases(desk);
}

static int add_base(Desk *desk, const char *name, Index *index, const Base **ret_base)
{
	_cleanup_free_ char *change = memory_printf("base add %s", name);
	const Base *base;
	int r = change ? desk_open_for_change(desk) : -ENOMEM;

	if (r == 0)
		r = register_base(desk, name, &base);
	if (r == 0)
		r = repository_read_index(
			&desk->repository, base, arguments.channel, index, &desk->reason);
	for (size_t i = 0; r == 0 && i < arguments.includes.count; i++)
		r = add_inclusion(desk, base, arguments.includes.items[i], index, &desk->reason);
	if (r == 0)
		r = guard(desk, base, index);
	if (r == 0)
		r = put_base(desk, base, index);
	if (r < 0)
		return r;
	*ret_base = base;
	return desk_commit(desk, change, false);
}

static json_t *list_includes(const Index *index)
{
	json_t *list = json_array();

	for (size_t i = 0; i < index->includes.count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:I}", "base", index->includes.items[i].base, "sequence",
				(json_int_t)index->includes.items[i].sequence));
	return list;
}

static const char *version_of_key(const Workspace *workspace, const char *key)
{
	for (size_t i = 0; i < workspace->list.bases.count; i++)
		if (strcmp(workspace->list.bases.items[i].key, key) == 0)
			return workspace->list.bases.items[i].version;
	return key;
}

static void tell_includes(const Workspace *workspace, const Index *index)
{
	for (size_t i = 0; i < index->includes.count; i++) {
		const Inclusion *item = &index->includes.items[i];
		char label[LABEL_TEXT_SIZE];

		label_shown(version_of_key(workspace, item->base), item->sequence, label);
		printf("  contains %s\n", label);
	}
}

static void tell_lacks(const Index *index)
{
	const json_t *lacks = lacks_of(index);
	const json_t *files = json_object_get(lacks, "files");

	if (!lacks)
		return;
	printf("  lacks %zu files of %s: %s\n", json_array_size(files), document_text(lacks, "of"),
		document_text(lacks, "reason"));
	for (size_t i = 0; i < json_array_size(files); i++)
		printf("    %s\n", document_text(json_array_get(files, i), "path"));
}

static int base_add(Desk *desk, const char *name)
{
	_cleanup_index_ Index index = {};
	const Base *base;
	int r;

	if (!arguments.root || !arguments.architecture) {
		log_error("the form is: base add NAME --root PATH --architecture ARCH");
		return EXIT_USAGE;
	}
	r = add_base(desk, name, &index, &base);
	if (r != 0)
		return desk_fail(desk, r);
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:O?}", "schema",
			1, "name", base->name, "product", base->product, "base", base->key,
			"version", base->version, "includes", list_includes(&index), LACKS,
			json_object_get(index.optional, LACKS)));
	printf("Base %s: %s %s, key %s\n", base->name, base->product, base->version, base->key);
	tell_includes(&desk->workspace, &index);
	tell_lacks(&index);
	return EXIT_OK;
}

/* What the index of a channel says of the base itself. */
static json_t *describe_base(const Base *base, const Index *index)
{
	uint64_t newest = index_newest_sequence(index);
	char label[LABEL_TEXT_SIZE], until[TIME_TEXT_SIZE] = "";

	label_machine(base->version, newest, label);
	if (index->supported_until)
		time_format(index->supported_until, until);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?, s:I, s:s, s:o, s:O?}", "name",
		base->name, "product", base->product, "base", base->key, "version", base->version,
		"root", base->root, "retired", base->retired, "supported_until",
		until[0] ? until : NULL, "superseded_by", index->superseded_by, "sequence",
		(json_int_t)newest, "machine_label", label, "includes", list_includes(index), LACKS,
		json_object_get(index->optional, LACKS));
}

static void tell_state(const Base *base, const Index *index)
{
	char until[TIME_TEXT_SIZE];

	if (index->supported_until) {
		time_format(index->supported_until, until);
		printf("%s %.10s", base->retired ? "retired, supported until" : "supported until",
			until);
	} else
		printf("supported");
	if (index->superseded_by)
		printf(", superseded by %s", index->superseded_by);
}

static void tell_base(const Desk *desk, const Base *base, const Index *index, bool whole)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(base->version, index_newest_sequence(index), label);
	if (!whole) {
		printf("%-16s %-16s %-32s ", base->name, label, base->key);
		tell_state(base, index);
		printf("\n");
		return;
	}
	printf("Base %s: %s %s, key %s\n  newest: %s\n  files: %s\n  ", base->name, base->product,
		base->version, base->key, label, base->root);
	tell_state(base, index);
	printf("\n");
	tell_includes(&desk->workspace, index);
	tell_lacks(index);
}

static int look_at_base(Desk *desk, const Base *base, bool whole, json_t *list)
{
	_cleanup_index_ Index index = {};
	int r = repository_read_index(
		&desk->repository, base, arguments.channel, &index, &desk->reason);

	if (r < 0)
		return r;
	if (!arguments.json)
		tell_base(desk, base, &index, whole);
	return json_array_append_new(list, describe_base(base, &index)) < 0 ? -ENOMEM : 0;
}

static int base_list(Desk *desk, const char *unused)
{
	_cleanup_json_ json_t *list = json_array();
	int r = desk_open(desk, 0);

	for (size_t i = 0; r == 0 && i < desk->workspace.list.bases.count; i++)
		r = look_at_base(desk, &desk->workspace.list.bases.items[i], false, list);
	if (r != 0)
		return desk_fail(desk, r);
	return arguments.json ? desk_print_json(json_pack("{s:i, s:O}", "schema", 1, "bases", list))
			      : EXIT_OK;
}

static int base_show(Desk *desk, const char *name)
{
	_cleanup_json_ json_t *list = json_array();
	const Base *base;
	int r = desk_open(desk, 0);

	if (r == 0)
		r = workspace_find_base(&desk->workspace, name, &base, &desk->reason);
	if (r == 0)
		r = look_at_base(desk, base, true, list);
	if (r != 0)
		return desk_fail(desk, r);
	return arguments.json ? desk_print_json(json_pack("{s:i, s:O}", "schema", 1, "bases", list))
			      : EXIT_OK;
}

/* What is to be said of a base: 0 and NULL where nothing changes. */
typedef struct BaseWord {
	bool sets_until, sets_successor;
	int64_t until;         /* 0: not stated */
	const char *successor; /* NULL: not stated */
	bool retires;
} BaseWord;

/* "2027-06-30" is the whole day. */
static int read_until(const char *text, int64_t *ret, Reason *reason)
{
	_cleanup_free_ char *full =
		strchr(text, 'T') ? memory_string(text) : memory_printf("%sT23:59:59Z", text);

	if (!full)
		return -ENOMEM;
	if (strcmp(text, NONE) == 0)
		*ret = 0;
	else if (time_parse(full, ret) < 0)
		return reason_set(reason, -EINVAL,
			"--supported-until %s: a date like 2027-06-30 is expected, or none", text);
	return 0;
}

static int read_word(BaseWord *word, Reason *reason)
{
	const char *until = arguments.supported_until, *successor = arguments.superseded_by;
	int r = until ? read_until(until, &word->until, reason) : 0;

	word->sets_until = until != NULL;
	word->sets_successor = successor != NULL;
	word->successor = successor && strcmp(successor, NONE) != 0 ? successor : NULL;
	if (r == 0 && word->successor && !index_is_name(word->successor))
		r = reason_set(reason, -EINVAL,
			"--superseded-by %s: a VERSION_ID like 26.4 is expected, or none",
			successor);
	return r;
}

static int check_retirement(const Index *index, Reason *reason)
{
	return index->superseded_by
		? 0
		: reason_set(reason, -EINVAL,
			  "nothing says where the devices of base %s are to go; say it with "
			  "--superseded-by VERSION",
			  index->base);
}

/* Says it in one channel. */
static int say(Desk *desk, const Base *base, const char *channel, const BaseWord *word)
{
	_cleanup_index_ Index index = {};
	int r = repository_read_index(&desk->repository, base, channel, &index, &desk->reason);

	if (r < 0)
		return r;
	index.issued = time_of_source();
	if (word->sets_successor) {
		free(index.superseded_by);
		index.superseded_by = word->successor ? memory_string(word->successor) : NULL;
		if (word->successor && !index.superseded_by)
			return -ENOMEM;
	}
	if (word->sets_until)
		index.supported_until = word->until;
	else if (word->retires &&
		(index.supported_until == 0 || index.supported_until > index.issued))
		index.supported_until = index.issued;
	r = word->retires ? check_retirement(&index, &desk->reason) : 0;
	return r < 0 ? r : repository_write_index(&desk->repository, base, &index, &desk->reason);
}

/* "<product>/<base>/<channel>/index.json" of this base: the channel. NULL: another's, or no memory.
 */
static char *channel_of(const Base *base, const char *target)
{
	size_t product = strlen(base->product), key = strlen(base->key);
	const char *channel = target + product + key + 2;

	if (strlen(target) <= product + key + 2 || strncmp(target, base->product, product) != 0 ||
		target[product] != '/' || strncmp(target + product + 1, base->key, key) != 0 ||
		channel[-1] != '/')
		return NULL;
	return memory_string_n(channel, strcspn(channel, "/"));
}

/* In every channel that the base has: it is one base. */
static int say_everywhere(Desk *desk, const Base *base, const BaseWord *word)
{
	_cleanup_free_ char *role = workspace_role(base);
	_cleanup_json_ json_t *targets = NULL;
	const char *target;
	json_t *unused;
	int r = role ? repository_load_role(&desk->repository, base, &desk->reason) : -ENOMEM;

	if (r < 0)
		return r;
	targets = json_deep_copy(
		json_object_get(repository_published(&desk->repository, role), "targets"));
	json_object_foreach(targets, target, unused)
	{
		_cleanup_free_ char *channel = channel_of(base, target);

		if (r == 0 && channel)
			r = say(desk, base, channel, word);
	}
	return r;
}

/* A draft that waits would be published for a base that gets nothing more. */
static int refuse_drafts(const Desk *desk, const Base *base, Reason *reason)
{
	_cleanup_(draft_list_done) DraftList drafts = {};
	int r = draft_load_all(&desk->workspace, base, &drafts, reason);

	return r < 0 || drafts.count == 0
		? r
		: reason_set(reason, -EBUSY,
			  "base %s has a draft of component %s; publish it first, or remove "
			  "%s/drafts/%s",
			  base->name, drafts.items[0].image->component, desk->workspace.path,
			  base->name);
}

static int change_base(Desk *desk, const char *verb, const char *name, BaseWord *word)
{
	_cleanup_free_ char *change = memory_printf("base %s %s", verb, name);
	const Base *base = NULL;
	int r = change ? read_word(word, &desk->reason) : -ENOMEM;

	if (r == 0)
		r = desk_open_for_change(desk);
	if (r == 0)
		r = workspace_find_base(&desk->workspace, name, &base, &desk->reason);
	if (r == 0 && word->retires)
		r = refuse_drafts(desk, base, &desk->reason);
	if (r == 0)
		r = say_everywhere(desk, base, word);
	if (r < 0)
		return r;
	if (word->retires || word->sets_until) {
		BaseList *list = &desk->workspace.list;

		list->bases.items[base - list->bases.items].retired = word->retires;
		r = put_bases(desk);
	}
	return r < 0 ? r : desk_commit(desk, change, false);
}

static int tell_changed(Desk *desk, int r, const char *name)
{
	_cleanup_desk_ Desk after = DESK_EMPTY;

	if (r != 0)
		return desk_fail(desk, r);
	desk_done(desk); /* what was just published is read anew */
	return base_show(&after, name);
}

static int base_set(Desk *desk, const char *name)
{
	BaseWord word = {};

	if (!arguments.supported_until && !arguments.superseded_by) {
		log_error("the form is: base set NAME --supported-until DATE --superseded-by "
			  "VERSION");
		return EXIT_USAGE;
	}
	return tell_changed(desk, change_base(desk, "set", name, &word), name);
}

static int base_retire(Desk *desk, const char *name)
{
	BaseWord word = {.retires = true};

	return tell_changed(desk, change_base(desk, "retire", name, &word), name);
}

static const struct {
	const char *name;
	bool takes_name;
	int (*run)(Desk *desk, const char *name);
} words[] = {
	{"add", true, base_add},
	{"list", false, base_list},
	{"show", true, base_show},
	{"set", true, base_set},
	{"retire", true, base_retire},
};

int verb_base(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(operands[0], words[i].name) == 0 &&
			count == (words[i].takes_name ? 2 : 1))
			return words[i].run(&desk, operands[1]);
	log_error("the form is: base list, or base add, show, set or retire NAME");
	return EXIT_USAGE;
}
