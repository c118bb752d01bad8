/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/facts-screen.h"

#include <stdio.h>
#include <string.h>

#include "device/facts/wording.h"
#include "wire/json/document.h"

json_t *facts_screen(const json_t *status)
{
	_cleanup_buffer_ Buffer message = {};

	if (wording_message(status, &message) < 0)
		return NULL;
	if (message.size > 0) /* without the line's end */
		message.data[message.size - 1] = '\0';
	return json_pack("{s:i, s:O, s:O, s:O, s:O, s:s?}", "schema", 1, "name",
		json_object_get(status, "name"), "label", json_object_get(status, "label"),
		"sequence", json_object_get(status, "sequence"), "restart_needed",
		json_object_get(status, "restart_needed"), "message", (char *)message.data);
}

void facts_screen_print(const json_t *facts)
{
	const char *message = document_text(facts, "message");

	if (message[0])
		printf("%s\n", message);
	else
		printf("%s %s\n", document_text(facts, "name"), document_text(facts, "label"));
}
