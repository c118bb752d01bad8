/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/check-screen.h"

#include <stdio.h>
#include <string.h>

#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "wire/improvement/offer.h"
#include "wire/json/document.h"

bool check_screen_is_available(const json_t *check)
{
	return strcmp(document_text(json_object_get(check, "offer"), "state"),
		       offer_states[OFFER_AVAILABLE]) == 0;
}

void check_screen_print(const json_t *check)
{
	const json_t *offer = json_object_get(check, "offer");
	const json_t *support = json_object_get(check, "support");
	const char *why = json_string_value(json_object_get(offer, "why"));
	char size[ROW_SIZE_TEXT_SIZE];

	row_size(document_number(offer, "download_bytes"), size);
	if (why)
		printf("%s\n", why);
	else if (json_object_get(offer, "label"))
		printf(_("%s is available: %s (%s to download). Run 'suture install'.\n"),
			document_text(offer, "label"), document_text(offer, "summary"), size);
	else
		printf(_("Up to date: nothing newer is offered.\n"));
	if (json_is_true(json_object_get(support, "ended")))
		printf("%s.\n", json_string_value(json_object_get(support, "text")));
	if (json_object_get(check, "notes_problem"))
		printf(_("Note: %s.\n"), document_text(check, "notes_problem"));
}
