/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/trial-screen.h"

#include <stdio.h>
#include <string.h>

#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "wire/json/document.h"

void trial_print(const json_t *trial)
{
	const char *before = document_text(trial, "before");
	json_int_t units = document_number(trial, "units");
	char until[ROW_TIME_TEXT_SIZE];

	if (!json_is_object(trial))
		return;
	row_time(document_text(trial, "until"), until);
	if (until[0])
		row_print(_("Trial"),
			_n("until %s, %lld more seconds; %lld service is watched, and what fails "
			   "leads back to %s",
				"until %s, %lld more seconds; %lld services are watched, and what "
				"fails leads back to %s",
				units),
			until, (long long)document_number(trial, "seconds_left"), (long long)units,
			before);
	else
		row_print(_("Trial"),
			_n("%s is tried at the next restart; %lld service is watched, and what "
			   "fails leads back to %s",
				"%s is tried at the next restart; %lld services are watched, and "
				"what fails leads back to %s",
				units),
			document_text(trial, "label"), (long long)units, before);
}

void reverted_print(const json_t *reverted)
{
	char when[ROW_TIME_TEXT_SIZE];

	row_time(document_text(reverted, "time"), when);
	if (json_is_object(reverted))
		row_print(_("Reverted"), _("%s was taken off (%s): %s"),
			document_text(reverted, "label"), when, document_text(reverted, "why"));
}
