/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Told: what a person was told last, kept in the state folder of the session (XDG Base Directory
 * Specification 0.8), so that everything is told once, and after the next log-in too. */
#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

typedef struct Told {
	uint64_t applied, pending; /* sequences; 0: the base, nothing */
	uint64_t restart; /* when the machine is to be restarted, in seconds; 0: it is not */
	uint64_t warned;  /* the time of the last warning of a deadline, in seconds; 0: none yet */
} Told;

bool told_equal(const Told *a, const Told *b);

/* The file's path, which the caller frees; NULL when memory is short or there is no home. */
char *told_path(void);

/* TOLD_NOTHING: there is no such file yet, or it is not understood. */
#define TOLD_NOTHING 1
int told_read(const char *path, Told *ret_told);
int told_write(const char *path, const Told *told, Reason *reterr_reason);
