/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ElfFile: what the publisher wants to know of an ELF file, read with libelf and copied out of it.
 *
 *     _cleanup_elf_file_ ElfFile file = {};
 *     r = elf_file_read(path, &file);          0 also for what is no ELF file: is_elf says so
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct ElfSymbol {
	char *name; /* with its version: "memcpy@GLIBC_2.14" */
	uint64_t size;
	bool is_data; /* programs may have copied it: its size is part of the interface */
	bool is_weak;
} ElfSymbol;

typedef struct ElfFile {
	bool is_elf;
	bool is_code;    /* the kernel or the dynamic linker maps it to run it */
	bool is_library; /* other files link to it, or load it */
	bool is_program; /* names a dynamic linker */
	char *soname;    /* NULL: it has none */
	char **needed;   /* sonames, in the file's order */
	size_t needed_count;
	ElfSymbol *exported; /* sorted by name */
	size_t exported_count;
	uint64_t debug_bytes, symtab_bytes; /* that strip(1) would take away */
	bool has_types;                     /* debug information that tells types */
} ElfFile;

/* 0 or a negative errno. A damaged file gives what could be read of it. */
int elf_file_read(const char *path, ElfFile *ret_file);
void elf_file_done(ElfFile *file);
#define _cleanup_elf_file_ _cleanup_(elf_file_done)

/* By name and version; NULL when it is not exported. */
const ElfSymbol *elf_file_symbol(const ElfFile *file, const char *name);

/* Whether two ELF files have the same content but for what every build makes anew: the build-id and
 * the name and checksum of the debug file. 1, 0, or a negative errno. */
int elf_file_same_but_build(const char *one, const char *other);

/* Whether the kernel or the dynamic linker maps this file to run it. */
bool elf_is_code(const char *path);
