/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/trial-screen.h"

#include <stdio.h>
#include <string.h>

#include "wire/json/document.h"

void trial_print(const json_t *trial)
{
	const char *before = document_text(trial, "before"), *until = document_text(trial, "until");
	json_int_t units = document_number(trial, "units");

	if (!json_is_object(trial))
		return;
	printf("    Trial: ");
	if (until[0])
		printf("until %.5s UTC, %lld more seconds", until + strcspn(until, "T") + 1,
			(long long)document_number(trial, "seconds_left"));
	else
		printf("%s is tried at the next restart", document_text(trial, "label"));
	printf("; %lld %s watched, and what fails leads back to %s\n", (long long)units,
		units == 1 ? "service is" : "services are", before);
}

void reverted_print(const json_t *reverted)
{
	const char *when = document_text(reverted, "time");

	if (json_is_object(reverted))
		printf(" Reverted: %s was taken off (%.10s %.5s UTC): %s\n",
			document_text(reverted, "label"), when, when + strcspn(when, "T") + 1,
			document_text(reverted, "why"));
}
