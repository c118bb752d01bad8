/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Exit: the exit codes of every program of Suture, so that scripts can tell the cases apart. */

typedef enum ExitCode {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_NOTHING_TO_DO = 2,
	EXIT_NOT_FOUND = 3, /* no such thing, or not applicable to this base */
	EXIT_NOT_AUTHORISED = 4,
	EXIT_DEFERRED = 5,     /* policy, or another instance at work, says "later" */
	EXIT_NOT_VERIFIED = 6, /* a signature, digest, version or expiry check said no */
	EXIT_USAGE = 64,       /* EX_USAGE of sysexits.h */
} ExitCode;

/* "failed", "not-found", "not-verified", …: the word for one, in JSON. "ok" for 0. */
const char *exit_word(ExitCode code);

/* The exit code for a library's result: 0, or a negative errno as the headers use them. */
ExitCode exit_code_of(int error);

/* The other way: what a program of ours meant by its exit code, as a negative errno; 0 for 0. */
int exit_error_of(int code);
