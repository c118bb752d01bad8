/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/module.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/terms/terms.h"

#define READ_CHUNK ((size_t)64 * 1024)
#define MODULE_MAX                                                                                 \
	((size_t)256 * 1024 * 1024) /* the largest, with its debug sections, is 50 MB              \
				     */

DEFINE_CLEANUP(struct archive *, archive_read_free)

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

bool module_is_named(const char *path)
{
	static const char *const ends[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (text_ends_with(path, ends[i]))
			return true;
	return false;
}

static int refuse(const char *path, struct archive *archive, Reason *reason)
{
	const char *why = archive_error_string(archive);

	return reason_set(reason, -EBADMSG, "cannot unpack %s: %s", path,
		why ? why : "it is no kernel module");
}

/* A file without any packing passes through as it is. */
static int unpack(const char *path, Buffer *ret, Reason *reason)
{
	_cleanup_(archive_read_freep) struct archive *archive = archive_read_new();
	_cleanup_free_ uint8_t *chunk = memory_new(READ_CHUNK);
	struct archive_entry *entry;
	la_ssize_t n;
	int r = 0;

	if (!archive || !chunk)
		return -ENOMEM;
	archive_read_support_format_raw(archive);
	archive_read_support_filter_all(archive);
	if (archive_read_open_filename(archive, path, READ_CHUNK) != ARCHIVE_OK ||
		archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return refuse(path, archive, reason);
	while (r == 0 && (n = archive_read_data(archive, chunk, READ_CHUNK)) > 0)
		r = ret->size + (size_t)n > MODULE_MAX ? -EFBIG
						       : buffer_append(ret, chunk, (size_t)n);
	if (r < 0)
		return reason_errno(reason, r, "cannot unpack %s", path);
	return n < 0 ? refuse(path, archive, reason) : 0;
}

/* The build-id in one section of notes; NULL: it is another's. */
static char *id_of_notes(Elf_Data *data)
{
	size_t offset = 0, next, name, id;
	GElf_Nhdr note;

	while ((next = gelf_getnote(data, offset, &note, &name, &id)) > 0) {
		char *text;

		offset = next;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
			note.n_descsz == 0 || note.n_descsz > BUILD_ID_TEXT_MAX / 2 ||
			memcmp((const char *)data->d_buf + name, ELF_NOTE_GNU,
				sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		text = memory_new(2 * (size_t)note.n_descsz + 1);
		if (text)
			hex_encode((const char *)data->d_buf + id, note.n_descsz, text);
		return text;
	}
	return NULL;
}

int module_build_id(const char *path, char **ret_build_id, Reason *reterr_reason)
{
	_cleanup_(elf_endp) Elf *elf = NULL;
	_cleanup_buffer_ Buffer bytes = {};
	char *id = NULL;
	int r = unpack(path, &bytes, reterr_reason);

	if (r < 0)
		return r;
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)bytes.data, bytes.size);
	for (Elf_Scn *s = elf ? elf_nextscn(elf, NULL) : NULL; s && !id; s = elf_nextscn(elf, s)) {
		GElf_Shdr header;
		Elf_Data *data = gelf_getshdr(s, &header) && header.sh_type == SHT_NOTE
			? elf_getdata(s, NULL)
			: NULL;

		id = data ? id_of_notes(data) : NULL;
	}
	*ret_build_id = id;
	return 0;
}
