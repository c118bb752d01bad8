/* SPDX-License-Identifier: Apache-2.0 */
/* What need not be in the image: debug information, files that only look new, and copies. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "vendor/lint/check.h"
#include "vendor/files/tree.h"

#define TWIN_SIZE_MIN ((uint64_t)4096) /* smaller ones cost one block each */

int lint_check_stripped(const Lint *lint, const LintFile *file)
{
	uint64_t bytes = file->new.debug_bytes;

	if (file->old.symtab_bytes == 0) /* else the base has it so */
		bytes += file->new.symtab_bytes;
	if (!file->new.is_code || bytes == 0)
		return 0;
	return lint_warning(lint, file,
		"is not stripped, which makes the image %" PRIu64 " bytes larger; run strip "
		"--strip-unneeded on it",
		bytes);
}

/* A build that cannot be repeated to the byte: every file of the package seems to change. */
int lint_check_needless(const Lint *lint, const LintFile *file)
{
	int r;

	if (!file->old.is_elf || !file->new.is_elf || !S_ISREG(file->change->old_mode))
		return 0;
	r = elf_file_same_but_build(file->old_path, file->new_path);
	return r != 1
		? r
		: lint_warning(lint, file,
			  "differs in its build-id only, and makes the image and every download "
			  "larger; take the base's file");
}

/* A changed file by its content. */
typedef struct Content {
	Digest digest;
	uint64_t size;
	const char *path;
} Content;

static int compare_contents(const void *a, const void *b)
{
	const Content *x = a, *y = b;
	int order = memcmp(&x->digest, &y->digest, sizeof(x->digest));

	return order ? order : strcmp(x->path, y->path);
}

static int list_contents(const Lint *lint, Content *contents, size_t *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < lint->changes->count; i++) {
		const Change *change = &lint->changes->items[i];
		Content *content = &contents[*ret_count];
		int r;

		if (change->kind == CHANGE_REMOVED || !S_ISREG(change->mode))
			continue;
		r = tree_digest(
			lint->request->new_root, change->path, &content->digest, &content->size);
		if (r < 0)
			return r;
		content->path = change->path;
		*ret_count += content->size >= TWIN_SIZE_MIN;
	}
	return 0;
}

/* Hard links of the base are files of their own in an image. */
int lint_check_twins(const Lint *lint)
{
	_cleanup_free_ Content *contents =
		memory_new_array(lint->changes->count, sizeof(*contents));
	size_t count;
	int r = contents ? list_contents(lint, contents, &count) : -ENOMEM;

	if (r < 0 || count == 0)
		return r;
	qsort(contents, count, sizeof(*contents), compare_contents);
	for (size_t i = 1; r == 0 && i < count; i++)
		if (digest_equal(&contents[i - 1].digest, &contents[i].digest))
			r = lint_report_add(lint->report, LINT_WARNING, lint->check,
				contents[i].path,
				"%s: is the same as %s, and the image holds both; a symbolic link "
				"would make it %" PRIu64 " bytes smaller",
				contents[i].path, contents[i - 1].path, contents[i].size);
	return r;
}
