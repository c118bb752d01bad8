/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exit.h"

#include <errno.h>
#include <stddef.h>

#include "base/memory.h"

static const struct {
	int error;
	ExitCode code;
} codes[] = {
	{ENODATA, EXIT_NOTHING_TO_DO}, {ENOENT, EXIT_NOT_FOUND}, {EPERM, EXIT_NOT_AUTHORISED},
	{EACCES, EXIT_NOT_AUTHORISED}, {EBUSY, EXIT_DEFERRED},
	{EBADMSG, EXIT_NOT_VERIFIED},      /* malformed */
	{EKEYREJECTED, EXIT_NOT_VERIFIED}, /* signature or digest */
	{EKEYEXPIRED, EXIT_NOT_VERIFIED},  /* expired */
	{ESTALE, EXIT_NOT_VERIFIED},       /* older than what is already known */
};

ExitCode exit_code_of(int error)
{
	if (error == 0)
		return EXIT_OK;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (error == -codes[i].error)
			return codes[i].code;
	return EXIT_FAILED;
}

const char *exit_word(ExitCode code)
{
	static const char *const words[] = {
		[EXIT_OK] = "ok",
		[EXIT_FAILED] = "failed",
		[EXIT_NOTHING_TO_DO] = "nothing-to-do",
		[EXIT_NOT_FOUND] = "not-found",
		[EXIT_NOT_AUTHORISED] = "not-authorised",
		[EXIT_DEFERRED] = "deferred",
		[EXIT_NOT_VERIFIED] = "not-verified",
	};

	return code == EXIT_USAGE ? "usage" : code < ARRAY_SIZE(words) ? words[code] : "failed";
}

int exit_error_of(int code)
{
	static const int errors[] = {
		[EXIT_OK] = 0,
		[EXIT_FAILED] = -EIO,
		[EXIT_NOTHING_TO_DO] = -ENODATA,
		[EXIT_NOT_FOUND] = -ENOENT,
		[EXIT_NOT_AUTHORISED] = -EACCES,
		[EXIT_DEFERRED] = -EBUSY,
		[EXIT_NOT_VERIFIED] = -EKEYREJECTED,
	};

	return code >= 0 && (size_t)code < ARRAY_SIZE(errors) ? errors[code] : -EIO;
}
