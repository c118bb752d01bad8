/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Boot: what the present boot says about itself, without anything but files to ask.
 */
#include <stdbool.h>
#include <stdint.h>

#include "device/activate/runtime.h"

#define BOOT_BLESSED   "suture.blessed"   /* in the run folder, as STORE_BLESSED */
#define BOOT_UNBLESSED "suture.unblessed" /* the same, by the integrator: the base is on trial */

/* Pure: whether a kernel command line asks for the base: `suture.base=1`, or a way into rescue or
 * emergency mode (systemd(1), kernel-command-line(7)). If so *ret_word is the word that does. */
bool boot_wants_base(const char *command_line, char *ret_word, size_t size);

/* The command line of this boot, from ROOT/proc or else /proc; the caller frees. */
int boot_command_line(const Runtime *runtime, char **ret_text, Reason *reterr_reason);

/* Whether this boot has come to boot-complete.target; boot_bless() says so, and
 * boot_unbless() that a next one begins: a soft-reboot keeps the run folder. */
bool boot_is_blessed(const Runtime *runtime);
int boot_bless(const Runtime *runtime, Reason *reterr_reason);
void boot_unbless(const Runtime *runtime);

/* Whether the base itself is on trial in this boot: systemd-boot counts it (LoaderBootCountPath is
 * set, Boot Loader Interface), or the integrator's own boot loader says so with BOOT_UNBLESSED. */
bool boot_tries_base(const Runtime *runtime);
