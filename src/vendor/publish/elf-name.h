/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ElfName: what the publisher wants to know of ELF files, read with libelf. */
#include <stdbool.h>

/* The DT_SONAME of a shared object; NULL for anything that has none or is no ELF file. The caller
 * frees. 0 or a negative errno. */
int elf_soname(const char *path, char **ret_soname);

/* Whether the kernel or the dynamic linker maps this file to run it. */
bool elf_is_code(const char *path);
