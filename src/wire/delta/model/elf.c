/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/elf.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/little.h"

/* Numbers of the ELF specification; <elf.h> is not everywhere. */
enum {
	TYPE_EXEC = 2,
	TYPE_DYN = 3,
	SECTION_PROGBITS = 1,
	SECTION_SYMTAB = 2,
	SECTION_STRTAB = 3,
	SECTION_RELA = 4,
	SECTION_HASH = 5,
	SECTION_DYNAMIC = 6,
	SECTION_NOTE = 7,
	SECTION_NOBITS = 8,
	SECTION_DYNSYM = 11,
	SECTION_INIT_ARRAY = 14,
	SECTION_FINI_ARRAY = 15,
	SECTION_PREINIT_ARRAY = 16,
	SECTION_RELR = 19,
	FLAG_WRITE = 1,
	FLAG_ALLOC = 2,
	FLAG_EXECUTE = 4,
	FLAG_TLS = 0x400,
};
#define SECTION_GNU_HASH UINT32_C(0x6ffffff6)
#define ALIGN_MAX        4096
#define PROGRAMS_MAX     64

static const struct {
	const char *name;
	uint32_t type;
	ElfRole role;
} named[] = {
	{".plt", SECTION_PROGBITS, ELF_PLT},
	{".plt.sec", SECTION_PROGBITS, ELF_PLT_SEC},
	{".got", SECTION_PROGBITS, ELF_GOT},
	{".got.plt", SECTION_PROGBITS, ELF_GOT},
	{".rela.plt", SECTION_RELA, ELF_RELA_PLT},
	{".dynstr", SECTION_STRTAB, ELF_DYNSTR},
	{".eh_frame", SECTION_PROGBITS, ELF_EH_FRAME},
	{".eh_frame_hdr", SECTION_PROGBITS, ELF_EH_FRAME_HDR},
	{".note.gnu.build-id", SECTION_NOTE, ELF_BUILD_ID},
	{".gnu_debuglink", SECTION_PROGBITS, ELF_DEBUGLINK},
};

static const struct {
	ElfMachine number;
	ElfRelocations relocations;
} machines[] = {
	{ELF_X86_64, {.relative = 8, .irelative = 37, .glob_dat = 6, .jump_slot = 7}},
	{ELF_AARCH64, {.relative = 1027, .irelative = 1032, .glob_dat = 1025, .jump_slot = 1026}},
};

static bool find_machine(ElfImage *image, uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (number != (uint32_t)machines[i].number)
			continue;
		image->machine = machines[i].number;
		image->relocations = machines[i].relocations;
		return true;
	}
	return false;
}

static ElfRole role_of(const char *name, uint32_t type, uint64_t flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (type == named[i].type && strcmp(name, named[i].name) == 0)
			return named[i].role;
	switch (type) {
	case SECTION_NOBITS: return ELF_BSS;
	case SECTION_SYMTAB: return ELF_SYMTAB;
	case SECTION_DYNSYM: return ELF_DYNSYM;
	case SECTION_RELA: return flags & FLAG_ALLOC ? ELF_RELA : ELF_PLAIN;
	case SECTION_DYNAMIC: return ELF_DYNAMIC;
	case SECTION_GNU_HASH: return ELF_GNU_HASH;
	case SECTION_HASH: return ELF_HASH;
	case SECTION_RELR: return ELF_RELR;
	case SECTION_INIT_ARRAY:
	case SECTION_FINI_ARRAY:
	case SECTION_PREINIT_ARRAY: return ELF_DATA;
	case SECTION_PROGBITS: break;
	default: return ELF_PLAIN;
	}
	if (!(flags & FLAG_ALLOC))
		return ELF_PLAIN;
	return flags & FLAG_EXECUTE ? ELF_CODE : ELF_DATA;
}

/* The table of sections and the names it refers to. */
typedef struct Table {
	const uint8_t *entries;
	size_t count;
	const uint8_t *names;
	uint64_t names_size; /* 0, or the last byte is NUL */
} Table;

static bool is_inside(const DeltaBytes *bytes, uint64_t offset, uint64_t size)
{
	return offset <= bytes->size && size <= bytes->size - offset;
}

static bool find_table(const DeltaBytes *bytes, Table *ret)
{
	const uint8_t *header = bytes->data, *names;
	uint64_t at, count, index;

	if (bytes->size < ELF_HEADER_SIZE || bytes->size > ELF_FILE_MAX ||
		memcmp(header, "\177ELF\2\1\1", 7) != 0 ||
		(little_u16(header + 16) != TYPE_EXEC && little_u16(header + 16) != TYPE_DYN))
		return false;
	at = little_u64(header + 40);
	count = little_u16(header + 60);
	index = little_u16(header + 62);
	if (little_u16(header + 54) != ELF_PROGRAM_SIZE ||
		little_u16(header + 58) != ELF_SECTION_SIZE || count > ELF_SECTIONS_MAX ||
		index >= count || !is_inside(bytes, at, count * ELF_SECTION_SIZE) ||
		little_u64(header + 32) != ELF_HEADER_SIZE ||
		little_u16(header + 56) > PROGRAMS_MAX ||
		!is_inside(bytes, 64, (uint64_t)little_u16(header + 56) * ELF_PROGRAM_SIZE))
		return false;
	*ret = (Table){.entries = header + at, .count = (size_t)count};
	names = ret->entries + index * ELF_SECTION_SIZE;
	if (is_inside(bytes, little_u64(names + 24), little_u64(names + 32))) {
		ret->names = header + little_u64(names + 24);
		ret->names_size = little_u64(names + 32);
		if (ret->names_size > 0 && ret->names[ret->names_size - 1] != 0)
			ret->names_size = 0;
	}
	return true;
}

static const char *name_at(const Table *table, uint64_t at)
{
	return at < table->names_size ? (const char *)table->names + at : "";
}

static uint64_t hash_of(const char *name)
{
	uint64_t hash = ELF_HASH_START;

	for (; *name != 0; name++)
		hash = elf_hash(hash, (uint8_t)*name);
	return hash;
}

static uint64_t align_of(uint64_t align)
{
	return align > 0 && align <= ALIGN_MAX && (align & (align - 1)) == 0 ? align : 1;
}

/* False where the entry says something impossible. */
static bool read_section(
	const DeltaBytes *bytes, const Table *table, size_t number, ElfSection *ret)
{
	const uint8_t *entry = table->entries + number * ELF_SECTION_SIZE;
	uint32_t type = little_u32(entry + 4);
	uint64_t flags = little_u64(entry + 8);

	*ret = (ElfSection){
		.offset = little_u64(entry + 24),
		.size = little_u64(entry + 32),
		.align = align_of(little_u64(entry + 48)),
		.number = number,
		.name = hash_of(name_at(table, little_u32(entry))),
		.role = type == 0 ? ELF_PLAIN
				  : role_of(name_at(table, little_u32(entry)), type, flags),
		.loaded = flags & FLAG_ALLOC,
		.executable = flags & FLAG_EXECUTE,
		.writable = flags & FLAG_WRITE,
	};
	/* Thread-local bss has addresses that others have too. */
	if (ret->role == ELF_BSS && flags & FLAG_TLS)
		ret->size = 0;
	if (ret->loaded)
		ret->address = little_u64(entry + 16);
	return ret->address <= UINT64_MAX / 2 && ret->size <= ELF_FILE_MAX &&
		is_inside(bytes, ret->offset, elf_stored(ret));
}

static int by_offset(const void *a, const void *b)
{
	const ElfSection *x = a, *y = b;
	bool x_empty = elf_stored(x) == 0, y_empty = elf_stored(y) == 0;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (x_empty != y_empty)
		return x_empty ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static bool read_sections(ElfImage *image, const Table *table)
{
	const uint8_t *header = image->bytes.data;
	uint64_t programs = (uint64_t)little_u16(header + 56) * ELF_PROGRAM_SIZE, end = 0;

	image->sections[image->count++] =
		(ElfSection){.size = ELF_HEADER_SIZE + programs, .align = 1, .role = ELF_HEADERS};
	image->sections[image->count++] = (ElfSection){.offset = little_u64(header + 40),
		.size = table->count * ELF_SECTION_SIZE,
		.align = 8,
		.role = ELF_SECTIONS};
	for (size_t i = 1; i < table->count; i++) {
		ElfSection *section = &image->sections[image->count];

		if (!read_section(&image->bytes, table, i, section))
			return false;
		image->count += section->size > 0;
	}
	qsort(image->sections, image->count, sizeof(ElfSection), by_offset);
	for (size_t i = 0; i < image->count; i++) {
		if (elf_stored(&image->sections[i]) == 0)
			continue;
		if (image->sections[i].offset < end)
			return false;
		end = image->sections[i].offset + image->sections[i].size;
	}
	return true;
}

/* Sorts the loaded sections by address; there are few. False where two overlap. */
static bool sort_addresses(ElfImage *image)
{
	uint64_t end = 0;

	for (size_t i = 0; i < image->count; i++) {
		size_t at = image->loaded;

		if (!image->sections[i].loaded)
			continue;
		for (; at > 0 &&
			image->sections[image->by_address[at - 1]].address >
				image->sections[i].address;
			at--)
			image->by_address[at] = image->by_address[at - 1];
		image->by_address[at] = i;
		image->loaded++;
	}
	for (size_t i = 0; i < image->loaded; i++) {
		const ElfSection *section = &image->sections[image->by_address[i]];

		if (section->address < end)
			return false;
		end = section->address + section->size;
	}
	if (image->loaded > 0)
		image->low = image->sections[image->by_address[0]].address;
	image->high = end;
	return true;
}

static void find_roles(ElfImage *image)
{
	for (size_t i = image->count; i > 0; i--)
		image->roles[image->sections[i - 1].role] = &image->sections[i - 1];
	image->fixed = little_u16(image->bytes.data + 16) == TYPE_EXEC;
}

int elf_read(DeltaBytes bytes, ElfImage *ret)
{
	_cleanup_(elf_done) ElfImage image = {.bytes = bytes};
	Table table;

	*ret = (ElfImage){.bytes = bytes};
	if (!find_table(&bytes, &table) || !find_machine(&image, little_u16(bytes.data + 18)))
		return 0;
	image.sections = memory_new_array(table.count + 2, sizeof(ElfSection));
	image.by_address = memory_new_array(table.count + 2, sizeof(size_t));
	if (!image.sections || !image.by_address)
		return -ENOMEM;
	if (!read_sections(&image, &table) || !sort_addresses(&image))
		return 0;
	find_roles(&image);
	*ret = image;
	image = (ElfImage){};
	return 0;
}

void elf_done(ElfImage *image)
{
	memory_free(image->sections);
	memory_free(image->by_address);
	*image = (ElfImage){};
}

const ElfSection *elf_at_offset(const ElfImage *image, uint64_t offset)
{
	size_t low = 0, high = image->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->sections[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	/* Empty ones may stand between. */
	for (; low > 0; low--) {
		const ElfSection *section = &image->sections[low - 1];

		if (elf_stored(section) > 0)
			return offset - section->offset < section->size ? section : NULL;
	}
	return NULL;
}

const ElfSection *elf_at_address(const ElfImage *image, uint64_t address)
{
	size_t low = 0, high = image->loaded;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->sections[image->by_address[middle]].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	address -= image->sections[image->by_address[low - 1]].address;
	return address < image->sections[image->by_address[low - 1]].size
		? &image->sections[image->by_address[low - 1]]
		: NULL;
}
