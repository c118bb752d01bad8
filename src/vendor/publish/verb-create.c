/* SPDX-License-Identifier: Apache-2.0 */
/* create, lint: drafts of an improvement, from rebuilt trees, images or packages; and what speaks
 * against them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"
#include "vendor/publish/desk.h"
#include "vendor/make/jobs.h"
#include "vendor/make/matrix.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

#define IDENTITY_RULES_FILE "identity-rules" /* read where it is there */

/* What both verbs work on. */
typedef struct Work {
	Workspace workspace;
	Components components;
	IdentityRules rules;
	Matrix matrix;
	Reason reason;
} Work;

static void work_done(Work *work)
{
	matrix_done(&work->matrix);
	identity_rules_done(&work->rules);
	components_clear(&work->components);
	workspace_done(&work->workspace);
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

/* The base of that name in the matrix; a new one at its first mention. */
static int add_base(Work *work, const char *name, MatrixBase **ret_base)
{
	Matrix *matrix = &work->matrix;
	const Base *base;
	int r = workspace_find_base(&work->workspace, name, &base, &work->reason);

	if (r < 0)
		return r;
	if (base->retired)
		return reason_set(&work->reason, -EINVAL,
			"base %s is retired; 'suture-publish base set %s --supported-until DATE' "
			"takes it up again",
			name, name);
	for (size_t i = 0; i < matrix->base_count; i++)
		if (matrix->bases[i].base == base) {
			*ret_base = &matrix->bases[i];
			return 0;
		}
	r = memory_grow(&matrix->bases, matrix->base_count, sizeof(*matrix->bases));
	if (r < 0)
		return r;
	*ret_base = &matrix->bases[matrix->base_count++];
	(*ret_base)->base = base;
	return 0;
}

static int add_root(Work *work, const char *argument)
{
	_cleanup_free_ char *name = NULL;
	MatrixBase *base;
	const char *path;
	int r = split_assignment(argument, &name, &path, &work->reason);

	if (r == 0)
		r = add_base(work, name, &base);
	if (r < 0)
		return r;
	if (base->given)
		return reason_set(&work->reason, -EINVAL, "base %s is given twice", name);
	base->given = memory_string(path);
	return base->given ? 0 : -ENOMEM;
}

static int add_pair(MatrixBase *base, const char *value, Reason *reason)
{
	const char *comma = strchr(value, ',');
	DebPair *pair;

	if (!comma || comma == value || !comma[1])
		return reason_set(reason, -EINVAL, "%s is not of the form OLD.deb,NEW.deb", value);
	if (base->deb_count == MATRIX_DEBS_MAX)
		return reason_set(reason, -E2BIG, "more than %d packages", MATRIX_DEBS_MAX);
	pair = &base->debs[base->deb_count++];
	pair->old_deb = memory_string_n(value, (size_t)(comma - value));
	pair->new_deb = memory_string(comma + 1);
	return pair->old_deb && pair->new_deb ? 0 : -ENOMEM;
}

static int add_debs(Work *work, const char *argument)
{
	_cleanup_free_ char *name = NULL;
	MatrixBase *base;
	const char *value;
	int r = split_assignment(argument, &name, &value, &work->reason);

	if (r == 0)
		r = add_base(work, name, &base);
	if (r < 0)
		return r;
	if (base->given)
		return reason_set(&work->reason, -EINVAL,
			"base %s is given with --base and with --deb; choose one", name);
	return add_pair(base, value, &work->reason);
}

static int collect_bases(Work *work)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < arguments.bases.count; i++)
		r = add_root(work, arguments.bases.items[i]);
	for (size_t i = 0; r == 0 && i < arguments.debs.count; i++)
		r = add_debs(work, arguments.debs.items[i]);
	return r;
}

static int choose_components(Work *work)
{
	Matrix *matrix = &work->matrix;
	size_t count = arguments.chosen.count;

	matrix->chosen = memory_new_array(count, sizeof(*matrix->chosen));
	if (!matrix->chosen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const Component *component;
		int r = components_find(
			&work->components, arguments.chosen.items[i], &component, &work->reason);

		if (r < 0)
			return r;
		for (size_t j = 0; j < matrix->chosen_count; j++)
			if (matrix->chosen[j] == component)
				return reason_set(&work->reason, -EINVAL,
					"component %s is given twice", component->name);
		matrix->chosen[matrix->chosen_count++] = component;
	}
	return 0;
}

static int load_rules(Work *work)
{
	const char *path = arguments.identity_rules;
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = identity_rules_defaults(&work->rules);

	if (r < 0 || (!path && !file_exists(AT_FDCWD, IDENTITY_RULES_FILE)))
		return r;
	path = path ? path : IDENTITY_RULES_FILE;
	r = file_read(AT_FDCWD, path, IDENTITY_RULES_SIZE_MAX, &text, &size);
	if (r < 0)
		return reason_errno(&work->reason, r, "cannot read %s", path);
	r = identity_rules_read(&work->rules, text, size, &why);
	return r < 0 ? reason_set(&work->reason, r, "%s: %s", path, why.text) : 0;
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

/* Reads the command line's files and looks at all bases. */
static int work_look(Work *work)
{
	Matrix *matrix = &work->matrix;
	int r = desk_open_workspace(&work->workspace, &work->reason);

	if (r == 0)
		r = components_load(arguments.components, &work->components, &work->reason);
	if (r == 0)
		r = choose_components(work);
	if (r == 0)
		r = load_rules(work);
	if (r == 0)
		r = collect_bases(work);
	if (r < 0)
		return r;
	matrix->workspace = &work->workspace;
	matrix->components = &work->components;
	matrix->rules = &work->rules;
	matrix->fixes_path = arguments.fixes;
	matrix->partition = arguments.partition;
	matrix->jobs = arguments.jobs > 0 ? (unsigned)arguments.jobs : jobs_default();
	r = matrix_open(matrix, &work->reason);
	return r < 0 ? r : matrix_look(matrix, &work->reason);
}

/* With one base there is nothing to tell apart. */
static void tell_finding(const Matrix *matrix, const MatrixBase *base, const LintFinding *finding)
{
	bool several = matrix->base_count > 1;

	printf("%s%s%s: %s\n", several ? base->base->name : "", several ? ": " : "",
		lint_levels[finding->level], finding->text);
}

/* How many there are. */
static size_t tell_findings(const Matrix *matrix)
{
	size_t count = 0;

	for (size_t i = 0; i < matrix->base_count; i++)
		for (size_t j = 0; j < matrix->bases[i].report.count; j++, count++)
			tell_finding(matrix, &matrix->bases[i], &matrix->bases[i].report.items[j]);
	return count;
}

/* `create` is no report: what keeps it from being made is its failure. */
static void log_errors(const Matrix *matrix)
{
	for (size_t i = 0; i < matrix->base_count; i++) {
		const MatrixBase *base = &matrix->bases[i];

		for (size_t j = 0; j < base->report.count; j++) {
			const LintFinding *finding = &base->report.items[j];

			if (finding->level == LINT_ERROR && matrix->base_count > 1)
				log_error("%s: %s", base->base->name, finding->text);
			else if (finding->level == LINT_ERROR)
				log_error("%s", finding->text);
		}
	}
}

static json_t *describe_findings(const Matrix *matrix)
{
	json_t *list = json_array();

	for (size_t i = 0; i < matrix->base_count; i++) {
		_cleanup_json_ json_t *found = lint_report_json(&matrix->bases[i].report);
		json_t *finding;
		size_t j;

		json_array_foreach(found, j, finding)
		{
			json_object_set_new(
				finding, "base", json_string(matrix->bases[i].base->name));
			json_array_append(list, finding);
		}
	}
	return list;
}

/* Files that both have with other bytes, or only one has. */
static json_t *list_differences(const IndexImage *one, const IndexImage *other)
{
	json_t *list = json_array();
	size_t i = 0, j = 0;

	while (i < one->files.count || j < other->files.count) {
		const ImageFile *a = i < one->files.count ? &one->files.items[i] : NULL;
		const ImageFile *b = j < other->files.count ? &other->files.items[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order != 0 || !digest_equal(&a->sha256, &b->sha256))
			json_array_append_new(list, json_string(order > 0 ? b->path : a->path));
		i += order <= 0;
		j += order >= 0;
	}
	return list;
}

static json_t *describe_payloads(const IndexImage *image)
{
	json_t *payloads = json_array();

	for (size_t i = 0; i < image->payloads.count; i++)
		json_array_append_new(payloads,
			json_pack("{s:s, s:I}", "kind",
				index_payload_kinds[image->payloads.items[i].kind], "bytes",
				(json_int_t)image->payloads.items[i].size));
	return payloads;
}

static json_t *describe_draft(const Matrix *matrix, const MatrixCell *cell)
{
	const IndexImage *image = cell->draft.image;
	const MatrixCell *sibling = matrix_sibling(matrix, cell);
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:o, s:b}", "base", cell->base->base->name,
		"component", image->component, "files", (json_int_t)image->files.count,
		"image_bytes", (json_int_t)image->size, "payloads", describe_payloads(image),
		"payloads_taken_over", cell->is_taken);

	if (sibling && digest_equal(&sibling->draft.image->sha256, &image->sha256))
		json_object_set_new(object, "same_as", json_string(sibling->base->base->name));
	else if (sibling)
		json_object_set_new(object, "differs",
			json_pack("{s:s, s:o}", "from", sibling->base->base->name, "files",
				list_differences(sibling->draft.image, image)));
	return object;
}

static void tell_sibling(const json_t *draft)
{
	const json_t *differs = json_object_get(draft, "differs");
	const json_t *files = json_object_get(differs, "files");
	size_t count = json_array_size(files);

	if (json_object_get(draft, "same_as"))
		printf("; the same image as for %s", document_text(draft, "same_as"));
	else if (differs && count == 0)
		printf("; other modes, owners or times than for %s",
			document_text(differs, "from"));
	else if (differs)
		printf("; other bytes than for %s in %s", document_text(differs, "from"),
			json_string_value(json_array_get(files, 0)));
	if (count > 1)
		printf(" and %zu more", count - 1);
}

static void tell_draft(const json_t *draft, const IndexImage *image)
{
	printf("%s for %s: %zu files, image %" PRIu64 " bytes", image->component,
		document_text(draft, "base"), image->files.count, image->size);
	for (size_t i = 0; i < image->payloads.count; i++)
		printf(", %s %" PRIu64 " bytes", index_payload_kinds[image->payloads.items[i].kind],
			image->payloads.items[i].size);
	tell_sibling(draft);
	printf("\n");
}

/* An older draft of what does not differ any more would still be published. */
static int drop_draft(Work *work, const MatrixCell *cell, json_t *unneeded)
{
	bool absent = cell->state == MATRIX_ABSENT;
	const char *base = cell->base->base->name, *component = cell->component->name;
	int r = draft_remove(&work->workspace, cell->base->base, component, &work->reason);

	if (r < 0)
		return r;
	if (!arguments.json)
		printf("%s for %s: not needed, %s\n", component, base,
			absent ? "that base does not have it"
			       : "nothing that belongs to it differs from the base");
	return json_array_append_new(unneeded,
		json_pack("{s:s, s:s, s:s}", "base", base, "component", component, "why",
			absent ? "absent" : "unchanged"));
}

static int save_drafts(Work *work, json_t *drafts, json_t *unneeded)
{
	Matrix *matrix = &work->matrix;
	int r = 0;

	for (size_t i = 0; r == 0 && i < matrix->cell_count; i++) {
		const MatrixCell *cell = &matrix->cells[i];
		json_t *draft;

		if (cell->state != MATRIX_DRAFT) {
			r = drop_draft(work, cell, unneeded);
			continue;
		}
		r = draft_save(&work->workspace, cell->base->base, &cell->draft, &work->reason);
		if (r < 0)
			return r;
		draft = describe_draft(matrix, cell);
		if (!arguments.json)
			tell_draft(draft, cell->draft.image);
		r = json_array_append_new(drafts, draft) < 0 ? -ENOMEM : 0;
	}
	return r;
}

static bool has_drafts(const Matrix *matrix)
{
	for (size_t i = 0; i < matrix->cell_count; i++)
		if (matrix->cells[i].state == MATRIX_DRAFT)
			return true;
	return false;
}

static int refuse_nothing(Work *work)
{
	const Matrix *matrix = &work->matrix;
	bool absent = matrix->cells[0].state == MATRIX_ABSENT;

	if (matrix->cell_count > 1)
		return reason_set(&work->reason, -ENODATA,
			"nothing that belongs to the components differs from any of the bases");
	return reason_set(&work->reason, -ENODATA,
		absent ? "the base has no file of component %s, and neither has the new root"
		       : "nothing that belongs to component %s differs from the base",
		matrix->chosen[0]->name);
}

/* What one `create` makes is saved together at the end, so that a fix which is refused for one base
 * is not published for the others alone. There are no errors, so the findings are warnings. */
static int make_drafts(Work *work, json_t *drafts, json_t *unneeded)
{
	int r;

	if (!has_drafts(&work->matrix))
		return refuse_nothing(work);
	r = matrix_make(&work->matrix, &work->reason);
	if (r == 0 && !arguments.json)
		tell_findings(&work->matrix);
	return r < 0 ? r : save_drafts(work, drafts, unneeded);
}

static int check_form(const char *verb, bool has_fixes)
{
	if (has_fixes && arguments.chosen.count > 0 &&
		arguments.bases.count + arguments.debs.count > 0)
		return EXIT_OK;
	log_error("the form is: %s --component NAME --base NAME=NEWROOT, or --deb "
		  "NAME=OLD.deb,NEW.deb",
		verb);
	return EXIT_USAGE;
}

static int print_created(const Work *work, json_t *drafts, json_t *unneeded)
{
	if (!arguments.json)
		return EXIT_OK;
	return desk_print_json(json_pack("{s:i, s:O, s:O, s:o, s:I, s:I}", "schema", 1, "drafts",
		drafts, "not_needed", unneeded, "findings", describe_findings(&work->matrix),
		"payloads_made", (json_int_t)work->matrix.made, "payloads_taken_over",
		(json_int_t)work->matrix.taken));
}

int verb_create(int count, char **operands)
{
	_cleanup_(work_done) Work work = {.workspace = {.lock = -1}};
	_cleanup_json_ json_t *drafts = json_array(), *unneeded = json_array();
	int r = check_form("create --fixes FILE", arguments.fixes);

	if (r != EXIT_OK)
		return r;
	r = work_look(&work);
	if (r == 0)
		r = refuse_while_drafts_wait(&work.workspace, &work.reason);
	if (r == 0 && work.matrix.errors > 0) {
		log_errors(&work.matrix);
		r = print_created(&work, drafts, unneeded);
		return r == EXIT_OK ? EXIT_FAILED : r;
	}
	if (r == 0)
		r = make_drafts(&work, drafts, unneeded);
	return r < 0 ? (int)exit_code_of(log_reason(r, &work.reason))
		     : print_created(&work, drafts, unneeded);
}

int verb_lint(int count, char **operands)
{
	_cleanup_(work_done) Work work = {.workspace = {.lock = -1}};
	int r = check_form("lint", true);

	if (r != EXIT_OK)
		return r;
	r = work_look(&work);
	if (r < 0)
		return exit_code_of(log_reason(r, &work.reason));
	if (arguments.json)
		r = desk_print_json(json_pack("{s:i, s:I, s:o}", "schema", 1, "errors",
			(json_int_t)work.matrix.errors, "findings",
			describe_findings(&work.matrix)));
	else if (tell_findings(&work.matrix) == 0)
		printf("Nothing speaks against it.\n");
	else if (work.matrix.errors == 0)
		printf("Only warnings: drafts can be made.\n");
	return r != EXIT_OK ? r : work.matrix.errors > 0 ? EXIT_FAILED : EXIT_OK;
}
