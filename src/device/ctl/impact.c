/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/impact.h"
#include "device/ctl/text.h"

#include <stdio.h>
#include <string.h>

#include "wire/json/document.h"

json_t *impact_json(const Impact *impact)
{
	if (!impact->is_known)
		return json_null();
	return json_pack("{s:I, s:I, s:O}", "exposed", (json_int_t)impact->exposed, "left",
		(json_int_t)impact->left, "restarts", impact->report);
}

/* What became of a unit, in the order in which it is told. */
typedef enum Fate {
	FATE_WOULD, /* nothing yet */
	FATE_DONE,
	FATE_GOES_ON,
	FATE_FAILED,
	FATE_NOT_TRIED,
	FATE_STAYS, /* nobody touches it */
} Fate;

static const char *const headings[] = {N_("Would restart: "), N_("Restarted: "),
	N_("Still restarting, which goes on by itself: "), N_("Failed: "),
	N_("Not tried, since others failed: ")};

static bool is_restart(const json_t *unit)
{
	static const char *const restarts[] = {"restart", "reload", "reexecute"};

	for (size_t i = 0; i < ARRAY_SIZE(restarts); i++)
		if (strcmp(document_text(unit, "action"), restarts[i]) == 0)
			return true;
	return false;
}

/* The words are suture-restart's. */
static Fate fate_of(const json_t *unit)
{
	const char *result = document_text(unit, "result");

	if (!is_restart(unit))
		return FATE_STAYS;
	if (strcmp(result, "unfinished") == 0)
		return FATE_GOES_ON;
	if (strcmp(result, "not-tried") == 0)
		return FATE_NOT_TRIED;
	if (json_is_true(json_object_get(unit, "failed")))
		return FATE_FAILED;
	return result[0] ? FATE_DONE : FATE_WOULD;
}

/* "Would restart: nginx, ssh". Kinds of units are for those who know them. */
static void print_units(const json_t *units, Fate fate)
{
	const char *before = _(headings[fate]);

	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit");
		size_t length = strlen(name) - (strstr(name, ".service") ? strlen(".service") : 0);

		if (fate_of(unit) != fate)
			continue;
		printf("%s%.*s", before, (int)length, name);
		before = ", ";
	}
	if (before[0] == ',')
		printf("\n");
}

static void print_staying(const json_t *units)
{
	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit");
		const json_t *pids = json_object_get(unit, "pids");

		if (fate_of(unit) != FATE_STAYS)
			continue;
		if (name[0])
			printf(_("Still runs it: %s: "), name);
		else
			printf(_n("Still runs it: %zu process of no unit: ",
				       "Still runs it: %zu processes of no unit: ",
				       json_array_size(pids)),
				json_array_size(pids));
		printf("%s\n", document_text(unit, "advice"));
	}
}

void impact_print(const json_t *impact, const char *what)
{
	const json_t *report = json_object_get(impact, "restarts");
	const json_t *units = json_object_get(report, "units");
	json_int_t exposed = document_number(impact, "exposed");

	printf("%lld %s %s", (long long)exposed, _n("process runs", "processes run", exposed),
		what);
	if (json_object_get(report, "failed"))
		printf(_("; after the restarts %lld"), (long long)document_number(impact, "left"));
	printf(".\n");
	for (Fate fate = FATE_WOULD; fate < FATE_STAYS; fate++)
		print_units(units, fate);
	print_staying(units);
}
