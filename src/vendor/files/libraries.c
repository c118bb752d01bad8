/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/libraries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "vendor/files/elf-file.h"
#include "vendor/files/tree.h"

#define CLOSURE_MAX 512 /* libraries of one program: a desktop's largest has 200 */

static const char *const folders[] = {"usr/lib/*-linux-*", "usr/lib64", "usr/lib", "lib64", "lib",
	"usr/lib/systemd", "usr/lib/*-linux-*/systemd"};

/* Sonames that are loaded, in the order in which they were found. */
typedef struct Closure {
	char *sonames[CLOSURE_MAX];
	size_t count;
} Closure;

static void closure_free(Closure **closure)
{
	for (size_t i = 0; *closure && i < (*closure)->count; i++)
		free((*closure)->sonames[i]);
	free(*closure);
}

int libraries_find(const char *root, const char *soname, char **ret_path)
{
	*ret_path = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(folders) && !*ret_path; i++) {
		_cleanup_free_ char *pattern = path_join(folders[i], soname);
		int r = pattern ? tree_find(root, pattern, ret_path) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has(const Closure *closure, const char *soname)
{
	for (size_t i = 0; i < closure->count; i++)
		if (strcmp(closure->sonames[i], soname) == 0)
			return true;
	return false;
}

/* Links of a library are relative and stay in its folder, as ldconfig makes them. */
static int add_needs(const char *root, const char *path, Closure *closure)
{
	_cleanup_free_ char *full = path_join(root, path), *real = NULL;
	_cleanup_elf_file_ ElfFile file = {};
	int r;

	real = full ? realpath(full, NULL) : NULL;
	if (!real)
		return full ? 0 : -ENOMEM;
	r = elf_file_read(real, &file);
	for (size_t i = 0; r == 0 && i < file.needed_count; i++) {
		if (has(closure, file.needed[i]) || closure->count == CLOSURE_MAX)
			continue;
		closure->sonames[closure->count] = memory_string(file.needed[i]);
		r = closure->sonames[closure->count] ? 0 : -ENOMEM;
		closure->count += r == 0;
	}
	return r;
}

int libraries_loaded(const char *root, const char *program, const char *soname)
{
	_cleanup_(closure_free) Closure *closure = memory_new(sizeof(*closure));
	int r = closure ? add_needs(root, program, closure) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < closure->count; i++) {
		_cleanup_free_ char *path = NULL;

		if (strcmp(closure->sonames[i], soname) == 0)
			return 1;
		r = libraries_find(root, closure->sonames[i], &path);
		if (r == 0 && path)
			r = add_needs(root, path, closure);
	}
	return r;
}
