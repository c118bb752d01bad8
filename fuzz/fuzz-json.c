/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile JSON; and what is read has one canonical form, which reads as the same again. */
#include <stdio.h>
#include <string.h>

#include "wire/json/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Control characters stand raw in the canonical form, where no JSON reader takes them. */
static int has_control_character(const Buffer *text)
{
	for (size_t i = 0; i < text->size; i++)
		if (text->data[i] < ' ')
			return 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *json = NULL, *again = NULL;
	_cleanup_buffer_ Buffer canonical = {}, second = {}, compact = {}, indented = {};
	Reason reason = {};

	if (document_parse(data, size, &json, &reason) < 0)
		return 0;
	if (document_write(json, &compact) < 0 || document_write_indented(json, &indented) < 0)
		abort();
	if (document_canonical(json, &canonical) < 0 || has_control_character(&canonical))
		return 0;
	if (document_parse(canonical.data, canonical.size, &again, &reason) < 0 ||
		!json_equal(json, again) || document_canonical(again, &second) < 0)
		abort();
	if (canonical.size != second.size || memcmp(canonical.data, second.data, second.size) != 0)
		abort();
	return 0;
}
