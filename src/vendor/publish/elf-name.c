/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/elf-name.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

static Elf_Scn *find_section(Elf *elf, GElf_Word type, GElf_Shdr *ret_header)
{
	for (Elf_Scn *s = elf_nextscn(elf, NULL); s; s = elf_nextscn(elf, s))
		if (gelf_getshdr(s, ret_header) && ret_header->sh_type == type)
			return s;
	return NULL;
}

static const char *soname_of(Elf *elf)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(elf, SHT_DYNAMIC, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Dyn entry;

	for (int i = 0; data && gelf_getdyn(data, i, &entry); i++)
		if (entry.d_tag == DT_SONAME)
			return elf_strptr(elf, header.sh_link, entry.d_un.d_val);
	return NULL;
}

/* *ret_elf is NULL for what libelf cannot read at all. */
static int open_elf(const char *path, int *ret_fd, Elf **ret_elf)
{
	elf_version(EV_CURRENT);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd < 0)
		return -errno;
	*ret_elf = elf_begin(*ret_fd, ELF_C_READ, NULL);
	return 0;
}

int elf_soname(const char *path, char **ret_soname)
{
	_cleanup_fd_ int fd = -1;
	_cleanup_(elf_endp) Elf *elf = NULL;
	const char *soname;
	int r = open_elf(path, &fd, &elf);

	if (r < 0)
		return r;
	soname = elf && elf_kind(elf) == ELF_K_ELF ? soname_of(elf) : NULL;
	*ret_soname = soname ? memory_string(soname) : NULL;
	return soname && !*ret_soname ? -ENOMEM : 0;
}

bool elf_is_code(const char *path)
{
	_cleanup_fd_ int fd = -1;
	_cleanup_(elf_endp) Elf *elf = NULL;
	GElf_Ehdr header;

	if (open_elf(path, &fd, &elf) < 0 || !elf || !gelf_getehdr(elf, &header))
		return false;
	return header.e_type == ET_EXEC || header.e_type == ET_DYN;
}
