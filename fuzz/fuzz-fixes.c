/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile notes of an improvement; and each file that is read can be written, and reads as the
 * same. */
#include <string.h>

#include "wire/improvement/fixes.h"
#include "wire/json/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The list as text, in a form that depends on what it says alone. */
static void write_list(const FixesList *list, Buffer *ret_text)
{
	_cleanup_json_ json_t *json = json_array();

	for (size_t i = 0; i < list->notes.count; i++)
		json_array_append_new(json, schema_write(fixes_fields, &list->notes.items[i]));
	if (json_array_size(json) != list->notes.count || document_canonical(json, ret_text) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_fixes_list_ FixesList list = {}, again = {};
	_cleanup_buffer_ Buffer text = {}, second = {};
	Reason reason = {};

	if (fixes_list_read(data, size, &list, &reason) < 0) {
		if (!reason.text[0] || list.notes.count > 0)
			abort();
		return 0;
	}
	write_list(&list, &text);
	if (fixes_list_read(text.data, text.size, &again, &reason) < 0)
		abort();
	write_list(&again, &second);
	if (text.size != second.size || memcmp(text.data, second.data, text.size) != 0)
		abort();
	return 0;
}
