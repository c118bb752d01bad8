/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/history-screen.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

static bool is_older(const json_t *entry, int64_t since)
{
	int64_t when;

	return time_parse(document_text(entry, "time"), &when) == 0 && when < since;
}

void history_screen_select(json_t *history, int64_t since, int limit)
{
	json_t *list = json_object_get(history, "history");

	if (since > 0)
		json_object_set_new(history, "since", json_integer(since));
	/* from the end, which stays where it is; a clock may have been set back in between */
	for (size_t i = json_array_size(list); i > 0; i--)
		if (is_older(json_array_get(list, i - 1), since))
			json_array_remove(list, i - 1);
	while (limit > 0 && json_array_size(list) > (size_t)limit)
		json_array_remove(list, 0);
}

/* Which one, where the text does not tell. */
static void print_letters(const json_t *entry)
{
	char letters[LABEL_LETTERS_SIZE], shown[LABEL_LETTERS_SIZE + 2];
	json_int_t sequence = document_number(entry, "sequence");

	if (sequence <= 0 || label_letters((uint64_t)sequence, letters) < 0)
		return;
	snprintf(shown, sizeof(shown), "(%s)", letters);
	if (!strstr(document_text(entry, "text"), shown))
		printf("%s: ", shown);
}

void history_screen_print(const json_t *history)
{
	const json_t *list = json_object_get(history, "history");
	char when[ROW_TIME_TEXT_SIZE];

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);

		row_time(document_text(entry, "time"), when);
		printf("%s  %-11s  ", when, document_text(entry, "event"));
		print_letters(entry);
		printf("%s", document_text(entry, "text"));
		if (document_number(entry, "generation") > 0)
			printf(_(" (generation %lld)"),
				(long long)document_number(entry, "generation"));
		printf("\n");
	}
	if (json_array_size(list) == 0)
		printf("%s\n",
			json_object_get(history, "since") ? _("Nothing happened since then.")
							  : _("Nothing happened yet."));
}
