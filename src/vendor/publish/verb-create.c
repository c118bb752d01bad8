/* SPDX-License-Identifier: Apache-2.0 */
/* create: drafts of an improvement, from rebuilt trees or packages. */
#include "vendor/publish/create.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/exit.h"
#include "base/log.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

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
		if (!arguments.json)
			tell_draft(base, draft);
		if (json_array_append_new(list, describe_draft(base, draft)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int create_from_roots(CreateRequest *request, Made *made, Reason *reason)
{
	for (size_t i = 0; i < arguments.bases.count; i++) {
		_cleanup_free_ char *name = NULL;
		struct stat st;
		int r = split_assignment(
			arguments.bases.items[i], &name, &request->new_root, reason);

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
	for (size_t i = 0; i < arguments.debs.count; i++) {
		_cleanup_free_ char *name = NULL, *old = NULL;
		const char *value, *new = NULL;
		int r = split_assignment(arguments.debs.items[i], &name, &value, reason);

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
	for (size_t i = 0; i < arguments.debs.count; i++) {
		size_t length = strcspn(arguments.debs.items[i], "=");
		_cleanup_free_ char *name = memory_string_n(arguments.debs.items[i], length);
		bool seen = false;
		int r;

		for (size_t j = 0; j < i; j++)
			seen |= strncmp(arguments.debs.items[j], arguments.debs.items[i],
					length + 1) == 0;
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

/* Drafts on their way to be published go when they are; one more would go with them. */
static int refuse_while_drafts_wait(const Workspace *workspace, Reason *reason)
{
	_cleanup_outbox_note_ OutboxNote note = {};
	int r;

	if (!outbox_waits(workspace))
		return 0;
	r = outbox_load(workspace, &note, reason);
	return r < 0 || !note.with_drafts ? r : ceremony_refuse_second(workspace, reason);
}

int verb_create(int count, char **operands)
{
	_cleanup_(workspace_done) Workspace workspace = {.lock = -1};
	_cleanup_components_ Components components = {};
	_cleanup_json_ json_t *list = json_array();
	_cleanup_(made_done) Made made = {};
	CreateRequest request = {
		.workspace = &workspace, .components = &components, .fixes_path = arguments.fixes};
	Reason reason = {};
	int r;

	if (!arguments.fixes || !arguments.component ||
		arguments.bases.count + arguments.debs.count == 0) {
		log_error(
			"the form is: create --fixes FILE --component NAME --base NAME=NEWROOT, or "
			"--deb NAME=OLD.deb,NEW.deb");
		return EXIT_USAGE;
	}
	r = desk_open_workspace(&workspace, &reason);
	if (r == 0)
		r = refuse_while_drafts_wait(&workspace, &reason);
	if (r == 0)
		r = components_load(arguments.components, &components, &reason);
	if (r == 0)
		r = components_find(&components, arguments.component, &request.component, &reason);
	if (r == 0)
		r = create_from_roots(&request, &made, &reason);
	if (r == 0)
		r = create_from_debs(&request, &made, &reason);
	if (r == 0)
		r = save_drafts(&workspace, &made, list, &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	return arguments.json
		? desk_print_json(json_pack("{s:i, s:O}", "schema", 1, "drafts", list))
		: EXIT_OK;
}
