/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/external.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "crypto/publickey.h"
#include "vendor/sign/keyobject.h"
#include "vendor/sign/record.h"
#include "wire/json/document.h"

#define PROGRAM_PATH_MAX 1024

static bool is_absolute(const char *path)
{
	return path[0] == '/';
}

static const SchemaField argument = {.kind = SCHEMA_KIND_TEXT, .max = EXTERNAL_ARGUMENT_SIZE_MAX};
static const SchemaField fields[] = {
	SCHEMA_FIELD(External, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(External, key, ANY),
	SCHEMA_FIELD(External, program, TEXT, .max = PROGRAM_PATH_MAX, .check = is_absolute),
	SCHEMA_FIELD(External, arguments, LIST, .max = EXTERNAL_ARGUMENTS_MAX, .item = &argument,
		.size = sizeof(char *)),
	{},
};

void external_done(External *external)
{
	schema_clear(fields, external);
}

int external_load(const char *folder, const char *name, External *ret, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.json", folder, name);

	return path ? record_load(path, fields, ret, reterr_reason) : -ENOMEM;
}

/* What is written must be read again; jansson takes UTF-8 only. */
static bool can_be_kept(const char *text, size_t max)
{
	_cleanup_json_ json_t *json = json_string(text);

	return json && text[0] != '\0' && strlen(text) <= max && text_is_printable(text);
}

static int check_program(const char *program, Reason *reason)
{
	if (!is_absolute(program) || !can_be_kept(program, PROGRAM_PATH_MAX))
		return reason_set(reason, -EINVAL,
			"%s: give the program with its whole path, from / on", program);
	if (access(program, X_OK) < 0)
		return reason_errno(reason, -errno, "cannot run %s", program);
	return 0;
}

static int check_argument(const char *text, Reason *reason)
{
	if (can_be_kept(text, EXTERNAL_ARGUMENT_SIZE_MAX))
		return 0;
	return reason_set(reason, -EINVAL,
		"an argument of the program is empty, longer than %d bytes or not printable UTF-8",
		EXTERNAL_ARGUMENT_SIZE_MAX);
}

int external_new(const char *program, const char *const *arguments, size_t count, External *ret,
	Reason *reterr_reason)
{
	_cleanup_external_ External external = {.schema = 1};
	int r = check_program(program, reterr_reason);

	if (r == 0 && count > EXTERNAL_ARGUMENTS_MAX)
		r = reason_set(
			reterr_reason, -EINVAL, "more than %d arguments", EXTERNAL_ARGUMENTS_MAX);
	if (r < 0)
		return r;
	external.program = memory_string(program);
	external.arguments.items = memory_new_array(count, sizeof(char *));
	if (!external.program || !external.arguments.items)
		return -ENOMEM;
	for (; external.arguments.count < count; external.arguments.count++) {
		const char *each = arguments[external.arguments.count];
		char *copy;

		r = check_argument(each, reterr_reason);
		if (r < 0)
			return r;
		copy = memory_string(each);
		if (!copy)
			return -ENOMEM;
		external.arguments.items[external.arguments.count] = copy;
	}
	*ret = external;
	external = (External){};
	return 0;
}

int external_save(
	const char *folder, const char *name, const External *external, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.json", folder, name);

	return path ? record_save(path, fields, external, 0600, reterr_reason) : -ENOMEM;
}

static int run(const External *external, const void *message, size_t size, Buffer *ret_signature,
	Reason *reason)
{
	const char *argv[EXTERNAL_ARGUMENTS_MAX + 2] = {external->program};
	Process process = {.argv = argv, .seconds = EXTERNAL_SECONDS_MAX};
	_cleanup_free_ uint8_t *output = NULL;
	size_t output_size;
	int status, r;

	for (size_t i = 0; i < external->arguments.count; i++)
		argv[1 + i] = external->arguments.items[i];
	r = process_exchange(&process, message, size, PUBLIC_KEY_SIGNATURE_MAX, &output,
		&output_size, &status, reason);
	if (r == -EFBIG)
		return reason_set(reason, -EKEYREJECTED, "it printed more than a signature");
	if (r == -ETIMEDOUT)
		return reason_set(reason, r, "it took longer than %d seconds, and was ended",
			EXTERNAL_SECONDS_MAX);
	if (r < 0)
		return r;
	if (status != 0 && reason->text[0] == '\0')
		reason_set(reason, 0, "it ended with %d", status);
	return status != 0 ? -EIO : buffer_append(ret_signature, output, output_size);
}

int external_sign(const External *external, const char *name, const void *message, size_t size,
	Buffer *ret_signature, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer signature = {};
	Reason why = {};
	int r = run(external, message, size, &signature, &why);

	if (r < 0)
		return reason_set(reterr_reason, r, "%s: %s did not sign: %s", name,
			external->program, why.text);
	r = keyobject_check(external->key, message, size, &signature);
	if (r == -EKEYREJECTED)
		return reason_set(reterr_reason, r,
			"%s: what %s printed is no signature by this key", name, external->program);
	if (r < 0)
		return r;
	*ret_signature = signature;
	signature = (Buffer){};
	return 0;
}
