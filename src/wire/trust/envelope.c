/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"
#include "wire/trust/trust.h"

#define SPEC_VERSION_PREFIX "1."

json_t *envelope_body(const json_t *envelope)
{
	return json_object_get(envelope, "signed");
}

int64_t envelope_version(const json_t *body)
{
	int64_t version = json_integer_value(json_object_get(body, "version"));

	return version > 0 && version <= TRUST_VERSION_MAX ? version : 0;
}

int64_t envelope_time(const json_t *text)
{
	int64_t seconds;

	return json_is_string(text) && time_parse(json_string_value(text), &seconds) == 0 ? seconds
											  : -1;
}

int64_t envelope_expiry(const json_t *body)
{
	return envelope_time(json_object_get(body, "expires"));
}

static int check_signatures(const json_t *signatures, const char *role, Reason *reason)
{
	if (!json_is_array(signatures))
		return reason_set(reason, -EBADMSG, "%s metadata has no list of signatures", role);
	if (json_array_size(signatures) > KEY_COUNT_MAX)
		return reason_set(reason, -EBADMSG, "%s metadata has more than %d signatures", role,
			KEY_COUNT_MAX);
	for (size_t i = 0; i < json_array_size(signatures); i++) {
		const char *keyid =
			json_string_value(json_object_get(json_array_get(signatures, i), "keyid"));

		if (!keyid)
			return reason_set(reason, -EBADMSG,
				"%s metadata has a signature without a keyid", role);
		for (size_t j = 0; j < i; j++)
			if (strcmp(keyid,
				    json_string_value(json_object_get(
					    json_array_get(signatures, j), "keyid"))) == 0)
				return reason_set(reason, -EBADMSG,
					"%s metadata has two signatures under one keyid", role);
	}
	return 0;
}

static int check_body(const json_t *body, const char *role, const char *type, Reason *reason)
{
	const char *its_type = json_string_value(json_object_get(body, "_type"));
	const char *spec = json_string_value(json_object_get(body, "spec_version"));

	if (!its_type || strcmp(its_type, type) != 0)
		return reason_set(reason, -EBADMSG, "%s metadata is not of type %s", role, type);
	if (!spec || !text_starts_with(spec, SPEC_VERSION_PREFIX))
		return reason_set(reason, -EBADMSG,
			"%s metadata is of an unknown specification version", role);
	if (envelope_version(body) == 0 || envelope_expiry(body) < 0)
		return reason_set(
			reason, -EBADMSG, "%s metadata has no valid version or expiry", role);
	return 0;
}

int envelope_parse(const void *data, size_t size, const char *role, const char *type,
	json_t **ret_envelope, Reason *reterr_reason)
{
	_cleanup_json_ json_t *envelope = NULL;
	Reason why = {};
	int r = document_parse(data, size, &envelope, &why);

	if (r < 0)
		return reason_set(reterr_reason, r, "%s metadata: %s", role, why.text);
	r = check_signatures(json_object_get(envelope, "signatures"), role, reterr_reason);
	if (r == 0)
		r = check_body(envelope_body(envelope), role, type, reterr_reason);
	if (r < 0)
		return r;
	*ret_envelope = TAKE_PTR(envelope);
	return 0;
}
