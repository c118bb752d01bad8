/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * After: what is run when an improvement was grafted or taken off (grafting rule 7). A closed list
 * of the system's own commands; a vendor's programs are never run. Sets are bits in the order of
 * after_names.
 */
#include "device/store/generation.h"
#include "wire/improvement/index.h"

unsigned after_of_generation(const Generation *generation);

/* Runs the set's commands. Below a --root that is not the machine's own there is nothing to reload.
 * A command that is not installed has nothing to reload either; one that fails is -EIO, after all
 * were run. */
int after_run(const char *root, unsigned set, Reason *reterr_reason);
