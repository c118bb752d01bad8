/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/checked.h"

#include <errno.h>

#include "base/file.h"
#include "base/time.h"
#include "wire/json/document.h"
#include "wire/json/schema.h"

#define CHECKED_PATH     "checked" /* below the store */
#define CHECKED_SIZE_MAX 8192      /* six numbers and two Reasons, escaped */

#define FAILURES_MAX 1000000 /* counted so far: a century of hourly tries */

static const SchemaField fields[] = {
	SCHEMA_FIELD(Checked, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Checked, succeeded, TIME, .optional = true),
	SCHEMA_FIELD(Checked, issued, TIME, .optional = true),
	SCHEMA_FIELD(Checked, expires, TIME, .optional = true),
	SCHEMA_FIELD(Checked, failed, TIME, .optional = true),
	SCHEMA_FIELD(Checked, problem, TEXT, .optional = true, .max = REASON_TEXT_MAX),
	SCHEMA_FIELD(Checked, failures, NUMBER, .min = 1, .max = FAILURES_MAX, .optional = true),
	SCHEMA_FIELD(Checked, notes, TEXT, .optional = true, .max = REASON_TEXT_MAX),
	{},
};

int checked_load(const Store *store, Checked *ret)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_json_ json_t *json = NULL;
	Checked checked = {};
	size_t size;
	int r = store->dir < 0
		? -ENOENT
		: file_read(store->dir, CHECKED_PATH, CHECKED_SIZE_MAX, &data, &size);

	if (r == 0)
		r = document_parse(data, size, &json, NULL);
	if (r == 0)
		r = schema_read(fields, json, &checked, NULL);
	if (r == -ENOMEM)
		return r;
	checked.schema = 1;
	*ret = checked;
	return 0;
}

int checked_save(const Checked *checked, const Store *store, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = schema_write(fields, checked);
	_cleanup_buffer_ Buffer text = {};
	int r = json ? document_write(json, &text) : -ENOMEM;

	if (r == 0)
		r = file_write_atomic(store->dir, CHECKED_PATH, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s/" STORE_PATH "/%s",
			       store->path, CHECKED_PATH)
		     : 0;
}

void checked_done(Checked *checked)
{
	schema_clear(fields, checked);
}

int64_t checked_now(const Checked *checked)
{
	int64_t now = time_now();

	return now > checked->issued ? now : checked->issued;
}

void checked_succeeded(Checked *checked, int64_t issued, int64_t expires)
{
	checked->issued = issued;
	checked->expires = expires;
	checked->succeeded = checked_now(checked);
	checked->failed = 0;
	free(checked->problem);
	checked->problem = NULL;
	checked->failures = 0;
}

int checked_failed(Checked *checked, const char *problem)
{
	char *copy = memory_string(problem[0] ? problem : "the check failed");

	if (!copy)
		return -ENOMEM;
	free(checked->problem);
	checked->problem = copy;
	checked->failed = checked_now(checked);
	if (checked->failures < FAILURES_MAX)
		checked->failures++;
	return 0;
}

int checked_notes(Checked *checked, const char *problem)
{
	char *copy = problem[0] ? memory_string(problem) : NULL;

	if (problem[0] && !copy)
		return -ENOMEM;
	free(checked->notes);
	checked->notes = copy;
	return 0;
}
