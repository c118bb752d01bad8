/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/identity/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/text.h"

#define PART_CHARACTERS TEXT_LOWER TEXT_DIGITS "._-"

static const struct {
	const char *key;
	size_t offset;
} fields[] = {
	{"ID", offsetof(BaseIdentity, product)},
	{"VERSION_ID", offsetof(BaseIdentity, version_id)},
	{"IMAGE_VERSION", offsetof(BaseIdentity, image_version)},
	{"BUILD_ID", offsetof(BaseIdentity, build_id)},
	{"VARIANT_ID", offsetof(BaseIdentity, variant_id)},
};

/* Shell quoting as os-release(5) allows it: none, '…', or "…" where a backslash protects one of
 * "$`\. Writes at most IDENTITY_VALUE_MAX characters. */
static int unquote(const char *value, char *ret)
{
	char quote = value[0] == '"' || value[0] == '\'' ? value[0] : '\0';
	size_t n = 0;

	for (value += quote != '\0'; *value && *value != quote; value++) {
		if (quote == '"' && *value == '\\' && value[1] && strchr("\"$`\\", value[1]))
			value++;
		else if (quote != '\'' && strchr("\"'$`\\", *value))
			return -EBADMSG;
		else if (!quote && strchr(" \t;&|<>()", *value))
			return -EBADMSG;
		if (n == IDENTITY_VALUE_MAX)
			return -EBADMSG;
		ret[n++] = *value;
	}
	if (quote && (value[0] != quote || value[1]))
		return -EBADMSG;
	ret[n] = '\0';
	return text_is_printable(ret) ? 0 : -EBADMSG;
}

static int take_line(BaseIdentity *identity, const char *line, Reason *reterr_reason)
{
	size_t length = strcspn(line, "=");

	if (line[length] != '=')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strlen(fields[i].key) != length || strncmp(fields[i].key, line, length) != 0)
			continue;
		if (unquote(line + length + 1, (char *)identity + fields[i].offset) < 0)
			return reason_set(reterr_reason, -EBADMSG,
				"os-release: the value of %s is malformed or too long",
				fields[i].key);
	}
	/* nothing depends on what people read: a name that is malformed or too long is none */
	if (length == strlen("NAME") && text_starts_with(line, "NAME=") &&
		unquote(line + length + 1, identity->name) < 0)
		identity->name[0] = '\0';
	return 0;
}

static int set_architecture(BaseIdentity *identity, const char *architecture)
{
	struct utsname machine;

	if (!architecture) {
		if (uname(&machine) < 0)
			return -errno;
		architecture = machine.machine;
	}
	if (strlen(architecture) > IDENTITY_VALUE_MAX)
		return -EINVAL;
	memcpy(identity->architecture, architecture, strlen(architecture) + 1);
	return 0;
}

static int check_product(const BaseIdentity *identity, Reason *reterr_reason)
{
	if (!text_consists_of(identity->product, PART_CHARACTERS))
		return reason_set(
			reterr_reason, -EINVAL, "os-release: ID is missing or not of [a-z0-9._-]");
	if (!identity->version_id[0])
		return reason_set(reterr_reason, -EINVAL,
			"os-release: VERSION_ID is missing; a base needs one");
	return 0;
}

int identity_parse(const void *text, size_t size, const char *architecture, BaseIdentity *ret,
	Reason *reterr_reason)
{
	_cleanup_free_ char *copy = NULL;
	BaseIdentity identity = {};
	char *cursor, *line;
	int r;

	if (size > IDENTITY_TEXT_MAX || (size > 0 && memchr(text, '\0', size)))
		return reason_set(reterr_reason, -EBADMSG, "os-release: too long, or not text");
	copy = memory_string_n(text, size);
	if (!copy)
		return -ENOMEM;
	for (cursor = copy; (line = text_next_line(&cursor));) {
		r = take_line(&identity, line, reterr_reason);
		if (r < 0)
			return r;
	}
	r = set_architecture(&identity, architecture);
	if (r == 0)
		r = check_product(&identity, reterr_reason);
	if (r == 0 && !identity.name[0])
		memcpy(identity.name, identity.product, sizeof(identity.name));
	if (r == 0)
		*ret = identity;
	return r;
}

static int add_part(
	char *key, const char *mark, const char *field, const char *value, Reason *reterr_reason)
{
	size_t length = strlen(key);
	int n;

	if (!text_consists_of(value, PART_CHARACTERS))
		return reason_set(reterr_reason, -EINVAL,
			"os-release: %s is '%s', but a base key consists of [a-z0-9._-]", field,
			value);
	n = snprintf(key + length, IDENTITY_KEY_MAX + 1 - length, "%s%s", mark, value);
	if ((size_t)n > IDENTITY_KEY_MAX - length)
		return reason_set(reterr_reason, -EINVAL,
			"os-release: %s makes the base key longer than %d characters", field,
			IDENTITY_KEY_MAX);
	return 0;
}

int identity_base_key(const BaseIdentity *identity, char ret_key[static IDENTITY_KEY_MAX + 1],
	Reason *reterr_reason)
{
	char key[IDENTITY_KEY_MAX + 1] = "";
	int r = add_part(key, "", "VERSION_ID", identity->version_id, reterr_reason);

	if (r == 0 && identity->image_version[0])
		r = add_part(key, "+", "IMAGE_VERSION", identity->image_version, reterr_reason);
	else if (r == 0 && identity->build_id[0])
		r = add_part(key, "+", "BUILD_ID", identity->build_id, reterr_reason);
	if (r == 0 && identity->variant_id[0])
		r = add_part(key, "_", "VARIANT_ID", identity->variant_id, reterr_reason);
	if (r == 0)
		r = add_part(key, "_", "the architecture", identity->architecture, reterr_reason);
	if (r == 0)
		memcpy(ret_key, key, strlen(key) + 1);
	return r;
}
