/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Modules: whether a kernel module is loaded with other code than the wanted file's. Its build-id
 * stands in /sys/module/NAME/notes; a module that does not tell one, or whose wanted one is not
 * known, is not known to be fixed. */
#include "device/exposure/exposure.h"

#define MODULE_NAME_SIZE 64 /* the kernel's MODULE_NAME_LEN is 56 */

/* 1: other code is loaded, 0: not; or -ENOMEM. */
int module_is_old(const Store *store, const ExposureFile *file);

/* Pure: the kernel's name of a module's file ("snd_hda" of "sound/snd-hda.ko.xz"), cut to its
 * buffer. */
void module_name_of(const char *path, char ret_name[static MODULE_NAME_SIZE]);

/* Pure: the build-id in the text of an ELF note section, in hex; NULL when it has none, or there is
 * no memory. Caller frees. */
char *module_build_id_of(const void *notes, size_t size);
