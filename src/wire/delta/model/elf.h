/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Elf: what a delta needs to know of a 64-bit little-endian executable or library for x86-64 or
 * AArch64: its sections and what stands in each. A file that is not one, or whose sections overlap,
 * has no sections; that is no error.
 *
 *     _cleanup_(elf_done) ElfImage image = {};
 *     r = elf_read(bytes, &image);
 *
 * The bytes must outlive the image. At most ELF_SECTIONS_MAX sections are taken.
 */
#include <stdbool.h>

#include "base/memory.h"
#include "wire/delta/model/bytes.h"

#define ELF_SECTIONS_MAX 256                  /* an executable has about 30 */
#define ELF_FILE_MAX     ((size_t)UINT32_MAX) /* offsets within a file have 32 bits */

#define ELF_HEADER_SIZE  64
#define ELF_PROGRAM_SIZE 56
#define ELF_SECTION_SIZE 64
#define ELF_RELA_SIZE    24
#define ELF_SYMBOL_SIZE  24
#define ELF_DYNAMIC_SIZE 16

/* FNV-1a: names are compared by it. */
#define ELF_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t elf_hash(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

typedef enum ElfMachine {
	ELF_X86_64 = 62,
	ELF_AARCH64 = 183,
} ElfMachine;

/* Numbers of types that a machine has. */
typedef struct ElfRelocations {
	uint32_t relative, irelative, glob_dat, jump_slot;
} ElfRelocations;

typedef enum ElfRole {
	ELF_PLAIN,    /* no references are known */
	ELF_HEADERS,  /* the file's header and program headers; no section of the file's table */
	ELF_SECTIONS, /* the table of sections; likewise */
	ELF_CODE,
	ELF_PLT,
	ELF_PLT_SEC,
	ELF_DATA, /* words at relocated places, jump tables */
	ELF_GOT,
	ELF_RELA, /* .rela.dyn and the like */
	ELF_RELA_PLT,
	ELF_DYNSYM,
	ELF_DYNSTR,
	ELF_SYMTAB,
	ELF_DYNAMIC,
	ELF_GNU_HASH,
	ELF_HASH,
	ELF_RELR,
	ELF_EH_FRAME,
	ELF_EH_FRAME_HDR,
	ELF_BUILD_ID,
	ELF_DEBUGLINK,
	ELF_BSS, /* no bytes in the file */
	_ELF_ROLE_MAX,
} ElfRole;

typedef struct ElfSection {
	uint64_t address; /* 0 where it is not loaded */
	uint64_t offset, size;
	uint64_t align; /* a power of two, at most 4096 */
	size_t number;  /* in the file's table */
	uint64_t name;  /* FNV-1a of it, 0 for those not of the table */
	ElfRole role;
	bool loaded, executable, writable;
} ElfSection;

typedef struct ElfImage {
	DeltaBytes bytes;
	ElfMachine machine;
	ElfRelocations relocations;
	ElfSection *sections; /* by offset; those without bytes behind those with the same offset */
	size_t count;
	size_t *by_address; /* the loaded ones, by address */
	size_t loaded;
	const ElfSection *roles[_ELF_ROLE_MAX]; /* the first of each, or NULL */
	uint64_t low, high;                     /* every loaded address is in [low, high] */
	bool fixed;                             /* not position-independent */
} ElfImage;

int elf_read(DeltaBytes bytes, ElfImage *ret); /* 0 or -ENOMEM */
void elf_done(ElfImage *image);

/* The section whose bytes in the file include the offset, or NULL. */
const ElfSection *elf_at_offset(const ElfImage *image, uint64_t offset);

/* The loaded section that includes the address, or NULL. */
const ElfSection *elf_at_address(const ElfImage *image, uint64_t address);

/* Bytes that the section has in the file. */
static inline uint64_t elf_stored(const ElfSection *section)
{
	return section->role == ELF_BSS ? 0 : section->size;
}

static inline bool elf_is_code(const ElfSection *section)
{
	return section->role == ELF_CODE || section->role == ELF_PLT ||
		section->role == ELF_PLT_SEC;
}

static inline bool elf_in_range(const ElfImage *image, uint64_t address)
{
	return address >= image->low && address <= image->high;
}
