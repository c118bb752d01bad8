/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/elf-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

#define VERSION_HIDDEN 0x8000 /* bit of an entry of SHT_GNU_versym */
#define VERSIONS_MAX   4096   /* version nodes of one library: glibc has 40 */

/* What an open file is read through. */
typedef struct Reader {
	Elf *elf;
	ElfFile *file;
	char *versions[VERSIONS_MAX]; /* by version index; of the ELF data */
} Reader;

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
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

void elf_file_done(ElfFile *file)
{
	for (size_t i = 0; i < file->needed_count; i++)
		free(file->needed[i]);
	for (size_t i = 0; i < file->exported_count; i++)
		free(file->exported[i].name);
	free(file->soname);
	free(file->needed);
	free(file->exported);
	*file = (ElfFile){};
}

static int add_needed(ElfFile *file, const char *name)
{
	int r = memory_grow(&file->needed, file->needed_count, sizeof(*file->needed));

	if (r < 0)
		return r;
	file->needed[file->needed_count] = memory_string(name);
	return file->needed[file->needed_count++] ? 0 : -ENOMEM;
}

static int read_dynamic(Reader *reader, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	ElfFile *file = reader->file;
	GElf_Dyn entry;
	int r = 0;

	for (int i = 0; r == 0 && data && gelf_getdyn(data, i, &entry); i++) {
		const char *name = entry.d_tag == DT_SONAME || entry.d_tag == DT_NEEDED
			? elf_strptr(reader->elf, header->sh_link, entry.d_un.d_val)
			: NULL;

		if (name && entry.d_tag == DT_NEEDED)
			r = add_needed(file, name);
		else if (name && !file->soname && !(file->soname = memory_string(name)))
			r = -ENOMEM;
	}
	return r;
}

static void read_versions(Reader *reader, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	int offset = 0;
	GElf_Verdef node;

	while (data && gelf_getverdef(data, offset, &node)) {
		GElf_Verdaux name;

		if (node.vd_ndx < VERSIONS_MAX &&
			gelf_getverdaux(data, offset + (int)node.vd_aux, &name))
			reader->versions[node.vd_ndx] =
				elf_strptr(reader->elf, header->sh_link, name.vda_name);
		if (node.vd_next == 0)
			return;
		offset += (int)node.vd_next;
	}
}

static bool is_exported(const GElf_Sym *symbol)
{
	unsigned bind = GELF_ST_BIND(symbol->st_info);
	unsigned visibility = GELF_ST_VISIBILITY(symbol->st_other);

	return symbol->st_shndx != SHN_UNDEF &&
		(bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
		(visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static char *versioned_name(const Reader *reader, const char *name, GElf_Versym version)
{
	const char *node;

	version &= (GElf_Versym)~VERSION_HIDDEN;
	node = version > 1 && version < VERSIONS_MAX ? reader->versions[version] : NULL;
	return node ? memory_printf("%s@%s", name, node) : memory_string(name);
}

static int add_symbol(Reader *reader, const GElf_Sym *symbol, const char *name, GElf_Versym version)
{
	ElfFile *file = reader->file;
	int r = memory_grow(&file->exported, file->exported_count, sizeof(*file->exported));
	ElfSymbol *added;

	if (r < 0)
		return r;
	added = &file->exported[file->exported_count];
	added->name = versioned_name(reader, name, version);
	added->size = symbol->st_size;
	added->is_data = GELF_ST_TYPE(symbol->st_info) == STT_OBJECT;
	added->is_weak = GELF_ST_BIND(symbol->st_info) == STB_WEAK;
	file->exported_count += added->name != NULL;
	return added->name ? 0 : -ENOMEM;
}

static Elf_Scn *find_section(Elf *elf, GElf_Word type, GElf_Shdr *ret_header)
{
	for (Elf_Scn *s = elf_nextscn(elf, NULL); s; s = elf_nextscn(elf, s))
		if (gelf_getshdr(s, ret_header) && ret_header->sh_type == type)
			return s;
	return NULL;
}

static int read_symbols(Reader *reader)
{
	GElf_Shdr header, unused;
	Elf_Scn *section = find_section(reader->elf, SHT_DYNSYM, &header);
	Elf_Scn *versions = find_section(reader->elf, SHT_GNU_versym, &unused);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	Elf_Data *version_data = versions ? elf_getdata(versions, NULL) : NULL;
	GElf_Sym symbol;
	int r = 0;

	for (int i = 1; r == 0 && data && gelf_getsym(data, i, &symbol); i++) {
		GElf_Versym version = 0;
		const char *name = elf_strptr(reader->elf, header.sh_link, symbol.st_name);

		if (!name || !name[0] || !is_exported(&symbol))
			continue;
		if (version_data)
			gelf_getversym(version_data, i, &version);
		r = add_symbol(reader, &symbol, name, version);
	}
	return r;
}

static int compare_symbols(const void *a, const void *b)
{
	return strcmp(((const ElfSymbol *)a)->name, ((const ElfSymbol *)b)->name);
}

static void count_sizes(Reader *reader, const GElf_Shdr *header, const char *name)
{
	ElfFile *file = reader->file;

	if (header->sh_type == SHT_SYMTAB)
		file->symtab_bytes += header->sh_size;
	if (text_starts_with(name, ".debug_") || text_starts_with(name, ".zdebug_"))
		file->debug_bytes += header->sh_size;
	file->has_types |= strcmp(name, ".debug_info") == 0;
}

static int read_sections(Reader *reader)
{
	size_t names;
	int r = 0;

	if (elf_getshdrstrndx(reader->elf, &names) < 0)
		return 0;
	for (Elf_Scn *s = elf_nextscn(reader->elf, NULL); r == 0 && s;
		s = elf_nextscn(reader->elf, s)) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(s, &header))
			continue;
		name = elf_strptr(reader->elf, names, header.sh_name);
		count_sizes(reader, &header, name ? name : "");
		if (header.sh_type == SHT_DYNAMIC)
			r = read_dynamic(reader, s, &header);
		else if (header.sh_type == SHT_GNU_verdef)
			read_versions(reader, s, &header);
	}
	return r;
}

static bool has_interpreter(Elf *elf)
{
	GElf_Phdr header;
	size_t count;

	if (elf_getphdrnum(elf, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP)
			return true;
	return false;
}

static int read_all(Reader *reader)
{
	ElfFile *file = reader->file;
	GElf_Ehdr header;
	int r;

	if (elf_kind(reader->elf) != ELF_K_ELF || !gelf_getehdr(reader->elf, &header))
		return 0;
	file->is_elf = true;
	file->is_code = header.e_type == ET_EXEC || header.e_type == ET_DYN;
	file->is_program = has_interpreter(reader->elf);
	r = read_sections(reader);
	if (r == 0)
		r = read_symbols(reader);
	/* libc.so.6 can be started, too */
	file->is_library = header.e_type == ET_DYN && (file->soname || !file->is_program);
	if (file->exported_count > 0)
		qsort(file->exported, file->exported_count, sizeof(*file->exported),
			compare_symbols);
	return r;
}

int elf_file_read(const char *path, ElfFile *ret_file)
{
	_cleanup_free_ Reader *reader = memory_new(sizeof(*reader));
	_cleanup_elf_file_ ElfFile file = {};
	_cleanup_fd_ int fd = -1;
	_cleanup_(elf_endp) Elf *elf = NULL;
	int r = reader ? open_elf(path, &fd, &elf) : -ENOMEM;

	if (r < 0)
		return r;
	reader->elf = elf;
	reader->file = &file;
	if (elf)
		r = read_all(reader);
	if (r < 0)
		return r;
	*ret_file = file;
	file = (ElfFile){};
	return 0;
}

const ElfSymbol *elf_file_symbol(const ElfFile *file, const char *name)
{
	const ElfSymbol key = {.name = (char *)name};

	return file->exported_count > 0 ? bsearch(&key, file->exported, file->exported_count,
						  sizeof(*file->exported), compare_symbols)
					: NULL;
}

/* The next section that has bytes of its own in the file and is not made anew by every build. */
static Elf_Scn *next_lasting(Elf *elf, size_t names, Elf_Scn *after, GElf_Shdr *ret_header)
{
	for (Elf_Scn *s = elf_nextscn(elf, after); s; s = elf_nextscn(elf, s)) {
		const char *name;

		if (!gelf_getshdr(s, ret_header) || ret_header->sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, ret_header->sh_name);
		if (!name ||
			(strcmp(name, ".note.gnu.build-id") != 0 &&
				strcmp(name, ".gnu_debuglink") != 0))
			return s;
	}
	return NULL;
}

static bool same_section(Elf_Scn *a, const GElf_Shdr *x, Elf_Scn *b, const GElf_Shdr *y)
{
	Elf_Data *one = elf_rawdata(a, NULL), *other = elf_rawdata(b, NULL);

	if (x->sh_type != y->sh_type || x->sh_addr != y->sh_addr || x->sh_flags != y->sh_flags ||
		!one || !other || one->d_size != other->d_size)
		return false;
	return one->d_size == 0 || memcmp(one->d_buf, other->d_buf, one->d_size) == 0;
}

static bool same_sections(Elf *one, Elf *other)
{
	Elf_Scn *a = NULL, *b = NULL;
	size_t names, other_names;
	GElf_Shdr x, y;

	if (elf_getshdrstrndx(one, &names) < 0 || elf_getshdrstrndx(other, &other_names) < 0)
		return false;
	do {
		a = next_lasting(one, names, a, &x);
		b = next_lasting(other, other_names, b, &y);
	} while (a && b && same_section(a, &x, b, &y));
	return !a && !b;
}

int elf_file_same_but_build(const char *one, const char *other)
{
	_cleanup_fd_ int fd = -1, other_fd = -1;
	_cleanup_(elf_endp) Elf *elf = NULL, *other_elf = NULL;
	int r = open_elf(one, &fd, &elf);

	if (r == 0)
		r = open_elf(other, &other_fd, &other_elf);
	if (r < 0)
		return r;
	return elf && other_elf && elf_kind(elf) == ELF_K_ELF && elf_kind(other_elf) == ELF_K_ELF &&
		same_sections(elf, other_elf);
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
