/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled Python (PEP 3147, 552): Python runs the compiled form when it believes that the source
 * did not change. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/lint/check.h"

#define CACHE       "__pycache__"
#define HEADER_SIZE 16 /* magic, flags, then time and size of the source, or its hash */

static uint32_t little_32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		(uint32_t)bytes[3] << 24;
}

static int check_source(const Lint *lint, const LintFile *file)
{
	const char *path = file->change->path, *name = path_name(path);
	_cleanup_free_ char *folder = path_parent(path), *cache = NULL, *pattern = NULL;

	cache = folder ? path_join(folder, CACHE) : NULL;
	if (!cache)
		return -ENOMEM;
	if (!lint_exists(lint->request->base_root, cache) &&
		!lint_exists(lint->request->old_root, cache))
		return 0;
	pattern = memory_printf("%s/%.*s.*.pyc", cache, (int)strlen(name) - 3, name);
	for (size_t i = 0; pattern && i < lint->changes->count; i++)
		if (fnmatch(pattern, lint->changes->items[i].path, FNM_PATHNAME) == 0)
			return 0;
	return lint_error(lint, file,
		"its compiled form in __pycache__ must change with it; compile it in the new root");
}

/* "usr/lib/demo/__pycache__/tool.cpython-311.pyc" → "usr/lib/demo/tool.py"; NULL: no such form, or
 * no memory. */
static char *source_of(const char *path)
{
	_cleanup_free_ char *cache = path_parent(path), *folder = NULL;
	const char *name = path_name(path);

	if (!cache || strcmp(path_name(cache), CACHE) != 0)
		return NULL;
	folder = path_parent(cache);
	return folder ? memory_printf("%s/%.*s.py", folder, (int)strcspn(name, "."), name) : NULL;
}

static int check_header(
	const Lint *lint, const LintFile *file, const uint8_t *header, uint64_t source_size)
{
	if (little_32(header + 4) != 0) /* by hash: Python, or the vendor, compares it itself */
		return 0;
	if (little_32(header + 12) != (uint32_t)source_size)
		return lint_error(lint, file,
			"is compiled from a source of another size; compile the source that goes "
			"with it");
	return lint_warning(lint, file,
		"is compiled for a source with a certain time, and files of an image have another: "
		"Python will compile it at every start; compile it with --invalidation-mode "
		"unchecked-hash");
}

static int check_compiled(const Lint *lint, const LintFile *file)
{
	_cleanup_free_ char *source = source_of(file->change->path), *full = NULL;
	_cleanup_fd_ int fd = open(file->new_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t header[HEADER_SIZE];
	struct stat st;

	if (!source)
		return 0;
	full = path_join(lint->request->new_root, source);
	if (!full)
		return -ENOMEM;
	if (fd < 0 || fd_read_full(fd, header, sizeof(header)) < 0 || header[2] != '\r' ||
		header[3] != '\n' || stat(full, &st) < 0)
		return 0;
	return check_header(lint, file, header, (uint64_t)st.st_size);
}

int lint_check_python(const Lint *lint, const LintFile *file)
{
	const char *name = path_name(file->change->path);

	if (text_ends_with(name, ".py"))
		return check_source(lint, file);
	return text_ends_with(name, ".pyc") ? check_compiled(lint, file) : 0;
}
