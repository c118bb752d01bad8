/* SPDX-License-Identifier: Apache-2.0 */
#include "device/facts/wording.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "device/facts/restart.h"
#include "wire/improvement/offer.h"
#include "wire/json/document.h"
#include "wire/terms/label.h"

/* Quoted as shells and os-release(5) have it. */
static int add_variable(Buffer *text, const char *name, const char *value)
{
	int r = buffer_printf(text, "%s=\"", name);

	for (; r == 0 && *value; value++) {
		if (strchr("\"\\$`", *value))
			r = buffer_text(text, "\\");
		if (r == 0)
			r = buffer_append(text, value, 1);
	}
	return r < 0 ? r : buffer_text(text, "\"\n");
}

static int add_list(Buffer *text, const char *name, const json_t *list)
{
	_cleanup_buffer_ Buffer words = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = buffer_printf(&words, "%s%s", i > 0 ? " " : "",
			json_string_value(json_array_get(list, i)));
	if (r < 0 || words.size == 0)
		return r;
	return add_variable(text, name, (const char *)words.data);
}

int wording_release(const json_t *status, Buffer *text)
{
	json_int_t sequence = document_number(status, "sequence");
	const char *label = document_text(status, "label");
	char letters[LABEL_LETTERS_SIZE];
	_cleanup_free_ char *pretty = NULL;
	int r;

	if (sequence <= 0 || label_letters((uint64_t)sequence, letters) < 0)
		return 0;
	pretty = memory_printf("%s %s", document_text(status, "name"), label);
	r = pretty ? add_variable(text, "PATCH_ID", document_text(status, "product")) : -ENOMEM;
	if (r == 0)
		r = add_variable(text, "PATCH_BASE", document_text(status, "base"));
	if (r == 0)
		r = add_variable(text, "PATCH_BASE_VERSION_ID", document_text(status, "version"));
	if (r == 0)
		r = add_variable(text, "PATCH_LABEL", letters);
	if (r == 0)
		r = buffer_printf(text, "PATCH_SEQUENCE=%lld\n", (long long)sequence);
	if (r == 0)
		r = add_variable(text, "PATCH_VERSION_ID", document_text(status, "machine_label"));
	if (r == 0)
		r = add_variable(text, "PATCH_PRETTY_VERSION", label);
	if (r == 0)
		r = add_variable(text, "PATCH_PRETTY_NAME", pretty);
	return r < 0 ? r : add_list(text, "PATCH_FIXES", json_object_get(status, "fixes"));
}

static bool is_available(const json_t *offer)
{
	return strcmp(document_text(offer, "state"), offer_states[OFFER_AVAILABLE]) == 0;
}

/* What waits, and for what. */
static int add_waiting(const json_t *status, Buffer *text)
{
	const json_t *offer = json_object_get(status, "offer");

	if (restart_wanted(status))
		return buffer_printf(text, "; %s waits for a restart of the system",
			document_text(status, "selected_label"));
	return is_available(offer)
		? buffer_printf(text, "; %s is available", document_text(offer, "label"))
		: 0;
}

int wording_message(const json_t *status, Buffer *text)
{
	_cleanup_buffer_ Buffer waiting = {};
	int r = add_waiting(status, &waiting);

	if (r < 0 || (waiting.size == 0 && document_number(status, "sequence") == 0))
		return r;
	return buffer_printf(text, "%s %s%s\n", document_text(status, "name"),
		document_text(status, "label"), waiting.size > 0 ? (char *)waiting.data : "");
}

int wording_issue(const json_t *status, Buffer *text)
{
	_cleanup_buffer_ Buffer line = {};
	int r = wording_message(status, &line);

	for (size_t i = 0; r == 0 && i < line.size; i++)
		r = buffer_append(text, line.data[i] == '\\' ? "\\\\" : (char *)line.data + i,
			line.data[i] == '\\' ? 2 : 1);
	return r;
}
