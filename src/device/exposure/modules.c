/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/path.h"

#define NOTES_MAX 4096 /* one page; a build-id takes 36 bytes */

void module_name_of(const char *path, char ret_name[static MODULE_NAME_SIZE])
{
	const char *name = path_name(path), *end = strstr(name, ".ko");

	snprintf(ret_name, MODULE_NAME_SIZE, "%.*s", (int)(end ? end - name : 0), name);
	for (char *c = ret_name; *c; c++)
		if (*c == '-')
			*c = '_';
}

static size_t aligned(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

char *module_build_id_of(const void *notes, size_t size)
{
	const uint8_t *at = notes;

	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr header; /* the same as that of 32 bits */
		size_t name, whole;

		memcpy(&header, at, sizeof(header));
		if (header.n_namesz > size || header.n_descsz > size)
			return NULL;
		name = sizeof(header) + aligned(header.n_namesz);
		whole = name + aligned(header.n_descsz);
		if (whole > size)
			return NULL;
		if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof(ELF_NOTE_GNU) &&
			memcmp(at + sizeof(header), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
			char *text = memory_new(2 * (size_t)header.n_descsz + 1);

			if (text)
				hex_encode(at + name, header.n_descsz, text);
			return text;
		}
		at += whole;
		size -= whole;
	}
	return NULL;
}

int module_is_old(const Store *store, const ExposureFile *file)
{
	char name[MODULE_NAME_SIZE], path[MODULE_NAME_SIZE + 64];
	_cleanup_free_ uint8_t *notes = NULL;
	_cleanup_free_ char *loaded = NULL;
	size_t size;
	int r;

	module_name_of(file->path, name);
	/* what is built in has a folder too, but no state */
	snprintf(path, sizeof(path), "sys/module/%s/initstate", name);
	if (!name[0] || faccessat(store->root, path, F_OK, 0) < 0)
		return 0;
	snprintf(path, sizeof(path), "sys/module/%s/notes/.note.gnu.build-id", name);
	r = file_read(store->root, path, NOTES_MAX, &notes, &size);
	if (r == -ENOMEM)
		return r;
	loaded = r == 0 ? module_build_id_of(notes, size) : NULL;
	return !loaded || !file->build_id || strcmp(loaded, file->build_id) != 0;
}
