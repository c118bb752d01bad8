/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/description.h"

#include <errno.h>
#include <string.h>

#include "vendor/sign/keyring.h"
#include "vendor/sign/record.h"
#include "wire/json/schema.h"
#include "wire/trust/key.h"

static const SchemaField fields[] = {
	SCHEMA_FIELD(Description, name, TEXT, .max = KEY_NAME_MAX),
	SCHEMA_FIELD(Description, keyid, DIGEST),
	SCHEMA_FIELD(Description, key, ANY),
	{},
};

int description_new(const char *name, json_t *key, Description *ret)
{
	_cleanup_description_ Description description = {.key = key};
	int r = key ? key_id(key, &description.keyid) : -ENOMEM;

	if (r < 0)
		return r;
	description.name = memory_string(name);
	if (!description.name)
		return -ENOMEM;
	*ret = description;
	description = (Description){};
	return 0;
}

void description_done(Description *description)
{
	schema_clear(fields, description);
}

int description_load(const char *folder, const char *name, Description *ret, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.pub", folder, name);
	_cleanup_description_ Description description = {};
	Digest keyid;
	int r = path ? record_load(path, fields, &description, reterr_reason) : -ENOMEM;

	if (r == 0)
		r = key_id(description.key, &keyid);
	if (r < 0)
		return r;
	if (strcmp(description.name, name) != 0 || !digest_equal(&keyid, &description.keyid))
		return reason_set(
			reterr_reason, -EBADMSG, "%s: is not the public half of %s", path, name);
	*ret = description;
	description = (Description){};
	return 0;
}

int description_save(const char *folder, const Description *description, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.pub", folder, description->name);

	return path ? record_save(path, fields, description, 0644, reterr_reason) : -ENOMEM;
}

json_t *description_json(const Description *description)
{
	return schema_write(fields, description);
}
