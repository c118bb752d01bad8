/* SPDX-License-Identifier: Apache-2.0 */
/* What others rely on in a library: its name, its symbols, its types; and what it relies on. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "vendor/files/libraries.h"
#include "vendor/lint/check.h"

#define SHOWN_MAX          5 /* symbols that a sentence names */
#define ABIDIFF            "/usr/bin/abidiff"
#define ABIDIFF_OUTPUT_MAX ((size_t)16 << 20)

/* Bits of abidiff's exit code. */
#define ABIDIFF_FAILED  (1 | 2)
#define ABIDIFF_CHANGED 4

/* Programs find a library by its soname through links that ldconfig makes. A soname that the base
 * does not have needs a new link and a new cache. */
int lint_check_soname(const Lint *lint, const LintFile *file)
{
	const char *soname = file->new.soname, *old = file->old.soname;
	_cleanup_free_ char *folder = NULL, *link = NULL;

	if (!soname)
		return 0;
	if (old && strcmp(soname, old) != 0)
		return lint_error(lint, file,
			"its soname changes from %s to %s; ship a full update", old, soname);
	folder = path_parent(file->change->path);
	link = folder ? path_join(folder, soname) : NULL;
	if (!link)
		return -ENOMEM;
	if (!old && !lint_exists(lint->request->old_root, link))
		return lint_error(
			lint, file, "the soname %s is new to the base; ship a full update", soname);
	return 0;
}

/* Templates that a compiler instantiated: whoever uses one has a copy of its own. */
static bool is_instance(const ElfSymbol *symbol)
{
	return symbol->is_weak && text_starts_with(symbol->name, "_Z");
}

/* What is gone of the old file's symbols, as a list for a sentence. */
static int list_lost(const LintFile *file, bool instances, Buffer *names, size_t *ret_count)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < file->old.exported_count; i++) {
		const ElfSymbol *symbol = &file->old.exported[i];

		if (is_instance(symbol) != instances || elf_file_symbol(&file->new, symbol->name))
			continue;
		if (count < SHOWN_MAX)
			r = buffer_printf(names, "%s%s", count > 0 ? ", " : "", symbol->name);
		count++;
	}
	if (r == 0 && count > SHOWN_MAX)
		r = buffer_printf(names, " and %zu more", count - SHOWN_MAX);
	*ret_count = count;
	return r;
}

static int report_lost(const Lint *lint, const LintFile *file, bool instances)
{
	_cleanup_buffer_ Buffer names = {};
	size_t count;
	int r = list_lost(file, instances, &names, &count);

	if (r < 0 || count == 0)
		return r;
	return instances
		? lint_warning(lint, file,
			  "exports %s no more; make sure that all who use it have a copy of "
			  "their own",
			  (char *)names.data)
		: lint_error(lint, file,
			  "exports %s no more, which programs of the base may need; keep it, or "
			  "ship a full update",
			  (char *)names.data);
}

/* Programs that are not relocatable hold a copy of the variable, of the size that it had. */
static int report_sizes(const Lint *lint, const LintFile *file)
{
	for (size_t i = 0; i < file->old.exported_count; i++) {
		const ElfSymbol *old = &file->old.exported[i];
		const ElfSymbol *new = elf_file_symbol(&file->new, old->name);
		int r;

		if (!old->is_data || !new || old->size == new->size)
			continue;
		r = lint_warning(lint, file,
			"its variable %s grows or shrinks from %llu to %llu bytes; programs may "
			"have a copy of it",
			old->name, (unsigned long long)old->size, (unsigned long long)new->size);
		if (r < 0)
			return r;
	}
	return 0;
}

int lint_check_symbols(const Lint *lint, const LintFile *file)
{
	int r;

	if (!file->old.is_library)
		return 0;
	r = report_lost(lint, file, false);
	if (r == 0)
		r = report_lost(lint, file, true);
	return r < 0 ? r : report_sizes(lint, file);
}

/* "Functions changes summary: 0 Removed, 1 Changed, 0 Added function". */
static int summary_of(char *output, Buffer *summary)
{
	char *line;
	int r = 0;

	while (r == 0 && (line = text_next_line(&output)))
		if (strstr(line, " changes summary: "))
			r = buffer_printf(summary, "%s%s", summary->size > 0 ? "; " : "", line);
	return r;
}

/* Only a comparison of types tells more than that of symbols, so both files must have them. */
int lint_check_types(const Lint *lint, const LintFile *file)
{
	const char *const argv[] = {
		ABIDIFF, "--no-added-syms", file->old_path, file->new_path, NULL};
	_cleanup_free_ uint8_t *output = NULL;
	_cleanup_buffer_ Buffer summary = {};
	Reason why = {};
	size_t size;
	int status, r;

	if (!file->old.is_library || !file->old.has_types || !file->new.has_types ||
		access(ABIDIFF, X_OK) < 0)
		return 0;
	r = process_run(argv, NULL, 0, ABIDIFF_OUTPUT_MAX, &output, &size, &status, &why);
	if (r < 0 || (status & ABIDIFF_FAILED) || status >= 128)
		return lint_warning(lint, file, "abidiff cannot compare it: %s", why.text);
	if (!(status & ABIDIFF_CHANGED))
		return 0;
	r = summary_of((char *)output, &summary);
	return r < 0 ? r
		     : lint_warning(lint, file,
			       "types of its interface change (%s); abidiff tells which",
			       summary.size > 0 ? (char *)summary.data : "no summary");
}

static bool needs(const ElfFile *file, const char *soname)
{
	for (size_t i = 0; i < file->needed_count; i++)
		if (strcmp(file->needed[i], soname) == 0)
			return true;
	return false;
}

static int report_need(const Lint *lint, const LintFile *file, const char *soname)
{
	_cleanup_free_ char *folder = path_parent(file->change->path), *beside = NULL, *path = NULL;
	int r = libraries_find(lint->request->base_root, soname, &path);

	beside = folder ? path_join(folder, soname) : NULL;
	if (r < 0 || !beside)
		return r < 0 ? r : -ENOMEM;
	if (path || lint_exists(lint->request->base_root, beside) ||
		lint_exists(lint->request->new_root, beside))
		return file->old.is_elf
			? lint_warning(lint, file, "needs %s, which it did not need before", soname)
			: 0;
	if (!file->old.is_elf)
		return lint_warning(
			lint, file, "needs %s, which no usual folder of the base has", soname);
	return lint_error(
		lint, file, "needs %s, which the base does not have; ship a full update", soname);
}

int lint_check_needed(const Lint *lint, const LintFile *file)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < file->new.needed_count; i++)
		if (!needs(&file->old, file->new.needed[i]))
			r = report_need(lint, file, file->new.needed[i]);
	return r;
}
