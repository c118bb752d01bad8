/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/lint/lint.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/lint/check.h"

const char *const lint_levels[] = {"warning", "error", NULL};

/* Where a file may not be at all, there is no point in looking into it. */
static const struct {
	const char *name;
	LintFileCheck *run;
} place_checks[] = {
	{"place", lint_check_place},
	{"type", lint_check_type},
	{"derived", lint_check_derived},
};

/* For regular files of the new root. */
static const struct {
	const char *name;
	LintFileCheck *run;
} file_checks[] = {
	{"soname", lint_check_soname},
	{"symbols", lint_check_symbols},
	{"types", lint_check_types},
	{"needed", lint_check_needed},
	{"python", lint_check_python},
	{"mode", lint_check_mode},
	{"owner", lint_check_owner},
	{"capability", lint_check_capability},
	{"label", lint_check_label},
	{"identity", lint_check_identity},
	{"stripped", lint_check_stripped},
	{"needless", lint_check_needless},
	{"restart", lint_check_restart},
	{"libc", lint_check_libc},
};

static const struct {
	const char *name;
	LintWholeCheck *run;
} whole_checks[] = {
	{"directory", lint_check_directories},
	{"twins", lint_check_twins},
};

int lint_report_add(LintReport *report, LintLevel level, const char *check, const char *path,
	const char *format, ...)
{
	int r = memory_grow(&report->items, report->count, sizeof(*report->items));
	LintFinding *finding;
	va_list args;

	if (r < 0)
		return r;
	va_start(args, format);
	finding = &report->items[report->count];
	*finding = (LintFinding){level, check, memory_string(path), memory_vprintf(format, args)};
	va_end(args);
	report->count++;
	report->errors += level == LINT_ERROR;
	return finding->path && finding->text ? 0 : -ENOMEM;
}

void lint_report_done(LintReport *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->items[i].path);
		free(report->items[i].text);
	}
	free(report->items);
	*report = (LintReport){};
}

json_t *lint_report_json(const LintReport *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const LintFinding *finding = &report->items[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s}", "level", lint_levels[finding->level],
				"check", finding->check, "path", finding->path, "text",
				finding->text));
	}
	return list;
}

static int add(const Lint *lint, const LintFile *file, LintLevel level, const char *format,
	va_list args) __attribute__((format(printf, 4, 0)));

static int add(
	const Lint *lint, const LintFile *file, LintLevel level, const char *format, va_list args)
{
	_cleanup_free_ char *sentence = memory_vprintf(format, args);
	const char *path = file->change->path;

	return sentence
		? lint_report_add(lint->report, level, lint->check, path, "%s: %s", path, sentence)
		: -ENOMEM;
}

int lint_error(const Lint *lint, const LintFile *file, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = add(lint, file, LINT_ERROR, format, args);
	va_end(args);
	return r;
}

int lint_warning(const Lint *lint, const LintFile *file, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = add(lint, file, LINT_WARNING, format, args);
	va_end(args);
	return r;
}

bool lint_exists(const char *root, const char *path)
{
	_cleanup_free_ char *full = path_join(root, path);
	struct stat st;

	return full && lstat(full, &st) == 0;
}

static int compare_path(const void *path, const void *change)
{
	return strcmp(path, ((const Change *)change)->path);
}

const Change *lint_find_change(const Lint *lint, const char *path)
{
	return lint->changes->count > 0 ? bsearch(path, lint->changes->items, lint->changes->count,
						  sizeof(*lint->changes->items), compare_path)
					: NULL;
}

/* A new folder is nobody's change: it comes with the files in it. */
static bool is_without_matter(const Components *components, const Change *change)
{
	return components_ignore(components, change->path) ||
		(S_ISDIR(change->mode) && change->kind == CHANGE_ADDED);
}

void lint_drop_ignored(const Components *components, Changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->count; i++)
		if (is_without_matter(components, &changes->items[i]))
			free(changes->items[i].path);
		else
			changes->items[kept++] = changes->items[i];
	changes->count = kept;
}

static const Component *owner_of(const LintRequest *request, const char *path)
{
	for (size_t i = 0; i < request->chosen_count; i++)
		if (component_owns(request->chosen[i], path))
			return request->chosen[i];
	return NULL;
}

static void file_done(LintFile *file)
{
	free(file->old_path);
	free(file->new_path);
	elf_file_done(&file->old);
	elf_file_done(&file->new);
}

static bool is_new_file(const Change *change)
{
	return change->kind != CHANGE_REMOVED && S_ISREG(change->mode);
}

/* A library whose version is in its name is another file after a rebuild: what it replaces is the
 * removed one with its soname. */
static int find_predecessor(const Lint *lint, LintFile *file)
{
	for (size_t i = 0; i < lint->changes->count; i++) {
		const Change *change = &lint->changes->items[i];
		_cleanup_elf_file_ ElfFile old = {};
		_cleanup_free_ char *path = NULL;
		int r;

		if (change->kind != CHANGE_REMOVED || !S_ISREG(change->old_mode))
			continue;
		path = path_join(lint->request->old_root, change->path);
		r = path ? elf_file_read(path, &old) : -ENOMEM;
		if (r < 0)
			return r;
		if (!old.soname || strcmp(old.soname, file->new.soname) != 0)
			continue;
		free(file->old_path);
		file->old_path = TAKE_PTR(path);
		file->old = old;
		old = (ElfFile){};
		file->has_predecessor = true;
		return 0;
	}
	return 0;
}

static int file_open(const Lint *lint, const Change *change, LintFile *file)
{
	int r = 0;

	file->change = change;
	file->owner = owner_of(lint->request, change->path);
	file->old_path = path_join(lint->request->old_root, change->path);
	file->new_path = path_join(lint->request->new_root, change->path);
	if (!file->old_path || !file->new_path)
		return -ENOMEM;
	if (!is_new_file(change))
		return 0;
	r = elf_file_read(file->new_path, &file->new);
	if (r == 0 && S_ISREG(change->old_mode)) {
		r = elf_file_read(file->old_path, &file->old);
		file->has_predecessor = true;
	}
	return r == 0 && !change->old_mode && file->new.soname ? find_predecessor(lint, file) : r;
}

static int check_file(Lint *lint, const LintFile *file)
{
	size_t errors = lint->report->errors;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(place_checks); i++) {
		lint->check = place_checks[i].name;
		r = place_checks[i].run(lint, file);
		if (r < 0 || lint->report->errors > errors)
			return r;
	}
	for (size_t i = 0; r == 0 && is_new_file(file->change) && i < ARRAY_SIZE(file_checks);
		i++) {
		lint->check = file_checks[i].name;
		r = file_checks[i].run(lint, file);
	}
	return r;
}

static int check_change(Lint *lint, const Change *change, Reason *reason)
{
	_cleanup_(file_done) LintFile file = {};
	int r = file_open(lint, change, &file);

	if (r == 0)
		r = check_file(lint, &file);
	return r < 0 ? reason_errno(reason, r, "cannot look at %s", change->path) : 0;
}

int lint_run(const LintRequest *request, const Changes *changes, LintReport *report,
	Reason *reterr_reason)
{
	Lint lint = {request, changes, report, NULL};
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->count; i++)
		r = check_change(&lint, &changes->items[i], reterr_reason);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(whole_checks); i++) {
		lint.check = whole_checks[i].name;
		r = whole_checks[i].run(&lint);
		if (r < 0)
			reason_errno(reterr_reason, r, "cannot look at the changed files");
	}
	return r;
}
