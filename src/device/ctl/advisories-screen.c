/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/advisories-screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/time.h"
#include "device/ctl/text.h"
#include "wire/improvement/cvss.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

/* -- what is asked for -- */

/* "b", "(b)", "26.3.1 (b)", "26.3.1-b" and "2" are the same. */
static bool names_sequence(const AdvisoriesShown *shown, uint64_t sequence)
{
	const char *version = shown->manager->identity.version_id;
	char label[LABEL_TEXT_SIZE];
	uint64_t number;

	if (label_parse(shown->about, &number) == 0 ||
		text_to_u64(shown->about, LABEL_SEQUENCE_MAX, &number) == 0)
		return number == sequence;
	label_shown(version, sequence, label);
	if (strcmp(shown->about, label) == 0)
		return true;
	label_machine(version, sequence, label);
	return strcmp(shown->about, label) == 0;
}

static bool names(const AdvisoriesShown *shown, const char *id)
{
	return strcasecmp(shown->about, id) == 0;
}

static bool wants_fix(const AdvisoriesShown *shown, const KnownImprovement *improvement,
	const Fixes *file, const Fix *fix)
{
	return !shown->about || names_sequence(shown, improvement->sequence) ||
		names(shown, file->id) || names(shown, fix->cve);
}

static int is_cve(void *context, const char *cve, const char *component)
{
	return strcasecmp(context, cve) == 0;
}

static bool wants_text(const AdvisoriesShown *shown, const KnownImprovement *improvement)
{
	for (size_t i = 0; i < improvement->notes.notes.count; i++) {
		const Fixes *file = &improvement->notes.notes.items[i];

		if (names(shown, file->id))
			return true;
		for (size_t j = 0; j < file->fixes.count; j++)
			if (names(shown, file->fixes.items[j].cve))
				return true;
	}
	return false;
}

static bool wants(const AdvisoriesShown *shown, const KnownImprovement *improvement)
{
	return !shown->about || names_sequence(shown, improvement->sequence) ||
		(improvement->listed && improvement->listed->advisory &&
			names(shown, improvement->listed->advisory)) ||
		known_visit_fixes(improvement, is_cve, (void *)shown->about) != 0 ||
		wants_text(shown, improvement);
}

int advisories_check(const AdvisoriesShown *shown, Reason *reterr_reason)
{
	const Known *known = shown->known;

	for (size_t i = 0; i < known->count; i++)
		if (wants(shown, &known->items[i]))
			return 0;
	if (!shown->about)
		return 0;
	return reason_set(reterr_reason, -ENOENT,
		"nothing that this machine knows is about %.64s: a label such as (a), its number, "
		"an advisory or a CVE; 'suture advisories' lists what is known, and 'suture check' "
		"asks for news",
		shown->about);
}

static bool has_in_file(const AdvisoriesShown *shown, const FixesList *notes, const char *cve)
{
	for (size_t i = 0; i < notes->notes.count; i++) {
		const Fixes *file = &notes->notes.items[i];

		for (size_t j = 0; names(shown, file->id) && j < file->fixes.count; j++)
			if (strcmp(file->fixes.items[j].cve, cve) == 0)
				return true;
	}
	return false;
}

bool advisories_want(const AdvisoriesShown *shown, const char *cve)
{
	if (!shown->about || names(shown, cve))
		return true;
	for (size_t i = 0; i < shown->known->count; i++) {
		const KnownImprovement *improvement = &shown->known->items[i];

		if (has_in_file(shown, &improvement->notes, cve) ||
			(names_sequence(shown, improvement->sequence) &&
				known_visit_fixes(improvement, is_cve, (void *)cve) != 0))
			return true;
	}
	return false;
}

const Fix *advisories_find_text(const Known *known, const char *cve)
{
	const Fix *fix = NULL;

	for (size_t i = 0; !fix && i < known->count; i++)
		fix = fixes_list_find(&known->items[i].notes, cve);
	return fix;
}

/* -- the object -- */

static json_t *label_text(const Manager *manager, uint64_t sequence,
	int (*make)(const char *version, uint64_t sequence, char ret_text[static LABEL_TEXT_SIZE]))
{
	char text[LABEL_TEXT_SIZE];

	make(manager->identity.version_id, sequence, text);
	return json_string(text);
}

/* Of what is listed no more, the day that its notes tell. */
static json_t *date_of(const KnownImprovement *improvement)
{
	int64_t date = improvement->listed ? improvement->listed->published : 0;
	char text[TIME_TEXT_SIZE];

	for (size_t i = 0; !improvement->listed && i < improvement->notes.notes.count; i++)
		if (improvement->notes.notes.items[i].released > date)
			date = improvement->notes.notes.items[i].released;
	if (date == 0)
		return json_null();
	time_format(date, text);
	return json_string(text);
}

static json_t *urgency_of(const KnownImprovement *improvement)
{
	const FixesList *notes = &improvement->notes;
	int urgency = URGENCY_LOW;

	if (improvement->listed)
		return json_string(urgency_names[improvement->listed->urgency]);
	for (size_t i = 0; i < notes->notes.count; i++)
		if (notes->notes.items[i].urgency > urgency)
			urgency = notes->notes.items[i].urgency;
	return notes->notes.count > 0 ? json_string(urgency_names[urgency]) : json_null();
}

static const char *title_of(const KnownImprovement *improvement)
{
	if (improvement->listed)
		return improvement->listed->summary;
	return improvement->notes.notes.count > 0 ? improvement->notes.notes.items[0].title : NULL;
}

static bool contains(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static int append_once(void *context, const char *cve, const char *component)
{
	return contains(context, cve) ? 0 : json_array_append_new(context, json_string(cve));
}

static json_t *cves_of(const KnownImprovement *improvement)
{
	json_t *list = json_array();

	known_visit_fixes(improvement, append_once, list);
	return list;
}

/* Fixed here by what an older improvement brought; the text is in that one's notes. */
static json_t *carried_over(const KnownImprovement *improvement, const json_t *cves)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(cves); i++) {
		const char *cve = json_string_value(json_array_get(cves, i));

		if (!fixes_list_find(&improvement->notes, cve))
			json_array_append_new(list, json_string(cve));
	}
	return list;
}

static json_t *ids_of(const KnownImprovement *improvement)
{
	const FixesList *notes = &improvement->notes;
	json_t *list = json_array();

	for (size_t i = 0; i < notes->notes.count; i++)
		append_once(list, notes->notes.items[i].id, NULL);
	return list;
}

static bool is_exploited(const Known *known, const json_t *cves)
{
	for (size_t i = 0; i < json_array_size(cves); i++) {
		const Fix *fix =
			advisories_find_text(known, json_string_value(json_array_get(cves, i)));

		if (fix && fix->exploited)
			return true;
	}
	return false;
}

static json_t *describe_fix(const Fix *fix)
{
	json_t *references = json_array();
	json_t *object;

	for (size_t i = 0; i < fix->references.count; i++)
		json_array_append_new(references, json_string(fix->references.items[i]));
	object = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:b}", "cve", fix->cve, "component",
		fix->component, "impact", fix->impact, "description", fix->description, "credit",
		fix->credit, "references", references, "exploited", fix->exploited);
	if (object && fix->cvss) {
		unsigned score = cvss_score(fix->cvss);
		char text[24];

		snprintf(text, sizeof(text), "%u.%u", score / 10, score % 10);
		json_object_update_new(object,
			json_pack("{s:{s:s, s:s, s:s}}", "cvss", "vector", fix->cvss, "score", text,
				"severity", cvss_severity(score)));
	}
	return object;
}

static json_t *describe_file(
	const AdvisoriesShown *shown, const KnownImprovement *improvement, const Fixes *file)
{
	json_t *fixes = json_array();

	for (size_t i = 0; i < file->fixes.count; i++)
		if (wants_fix(shown, improvement, file, &file->fixes.items[i]))
			json_array_append_new(fixes, describe_fix(&file->fixes.items[i]));
	return json_pack("{s:s, s:s, s:s, s:o}", "id", file->id, "title", file->title, "urgency",
		urgency_names[file->urgency], "fixes", fixes);
}

static json_t *describe_files(const AdvisoriesShown *shown, const KnownImprovement *improvement)
{
	const FixesList *notes = &improvement->notes;
	json_t *list = json_array();

	for (size_t i = 0; i < notes->notes.count; i++) {
		json_t *file = describe_file(shown, improvement, &notes->notes.items[i]);

		if (json_array_size(json_object_get(file, "fixes")) > 0)
			json_array_append(list, file);
		json_decref(file);
	}
	return list;
}

static json_t *describe_withdrawal(const Withdrawal *withdrawal)
{
	return withdrawal
		? json_pack("{s:s, s:s}", "level", index_withdrawal_levels[withdrawal->level],
			  "reason", withdrawal->reason)
		: json_null();
}

static json_t *describe(const AdvisoriesShown *shown, const KnownImprovement *improvement)
{
	json_t *cves = cves_of(improvement);
	json_t *object = json_pack(
		"{s:I, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:s?, s:o, s:O, s:b, s:b}", "sequence",
		(json_int_t)improvement->sequence, "label",
		label_text(shown->manager, improvement->sequence, label_shown), "machine_label",
		label_text(shown->manager, improvement->sequence, label_machine), "state",
		known_states[improvement->state], "selected",
		improvement->sequence == shown->known->selected, "withdrawn",
		describe_withdrawal(improvement->withdrawal), "date", date_of(improvement),
		"urgency", urgency_of(improvement), "title", title_of(improvement), "ids",
		ids_of(improvement), "cves", cves, "exploited", is_exploited(shown->known, cves),
		"has_notes", improvement->has_notes);

	if (object && !improvement->has_notes)
		json_object_set_new(object, "why", json_string(improvement->why.text));
	if (object && shown->about)
		json_object_update_new(object,
			json_pack("{s:o, s:o}", "carried_over", carried_over(improvement, cves),
				"advisories", describe_files(shown, improvement)));
	json_decref(cves);
	return object;
}

json_t *advisories_screen(const AdvisoriesShown *shown)
{
	const Manager *manager = shown->manager;
	json_t *list = json_array();

	for (size_t i = 0; i < shown->known->count; i++)
		if (wants(shown, &shown->known->items[i]))
			json_array_append_new(list, describe(shown, &shown->known->items[i]));
	return json_pack("{s:i, s:s, s:s, s:s, s:s?, s:b, s:o}", "schema", SCHEMA, "product",
		manager->identity.product, "version", manager->identity.version_id, "base",
		manager->base_key, "about", shown->about, "checked",
		manager->checked.succeeded != 0, "improvements", list);
}

/* -- for people -- */

static void print_list(const char *before, const json_t *list, const char *between)
{
	if (json_array_size(list) == 0)
		return;
	printf("%s", before);
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s%s", i > 0 ? between : "", json_string_value(json_array_get(list, i)));
	printf("\n");
}

/* "26.3.1 (b)  offered, 2026-11-29, high, known to be exploited" */
static void print_head(const json_t *improvement)
{
	const char *state = document_text(improvement, "state");
	const char *date = document_text(improvement, "date");
	const char *urgency = document_text(improvement, "urgency");
	const json_t *withdrawn = json_object_get(improvement, "withdrawn");

	printf("%s  %s", document_text(improvement, "label"), state);
	if (strcmp(state, known_states[KNOWN_STAGED]) == 0 &&
		json_is_true(json_object_get(improvement, "selected")))
		printf(_(" until the next restart"));
	if (date[0])
		printf(", %.10s", date);
	if (urgency[0])
		printf(", %s", urgency);
	if (json_is_true(json_object_get(improvement, "exploited")))
		printf(_(", known to be exploited"));
	printf("\n");
	if (document_text(improvement, "title")[0])
		printf("    %s\n", document_text(improvement, "title"));
	if (json_is_object(withdrawn))
		printf(_("    The vendor withdrew it: %s\n"), document_text(withdrawn, "reason"));
}

static void print_fix(const json_t *advisories, const json_t *fix)
{
	const json_t *cvss = json_object_get(fix, "cvss");

	printf("\n%s\n", document_text(fix, "component"));
	printf(_("    Available for: %s %s (%s)\n"), document_text(advisories, "product"),
		document_text(advisories, "version"), document_text(advisories, "base"));
	printf(_("    Impact: %s\n"), document_text(fix, "impact"));
	if (json_is_true(json_object_get(fix, "exploited")))
		printf(_("    It is known to be used in attacks.\n"));
	printf(_("    Description: %s\n"), document_text(fix, "description"));
	printf("    %s%s%s\n", document_text(fix, "cve"),
		document_text(fix, "credit")[0] ? ": " : "", document_text(fix, "credit"));
	if (cvss)
		printf(_("    Severity: %s %s (%s)\n"), document_text(cvss, "score"),
			document_text(cvss, "severity"), document_text(cvss, "vector"));
	print_list("    References: ", json_object_get(fix, "references"), "\n                ");
}

static void print_whole(const json_t *advisories, const json_t *improvement)
{
	const json_t *files = json_object_get(improvement, "advisories");

	print_head(improvement);
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *file = json_array_get(files, i);
		const json_t *fixes = json_object_get(file, "fixes");

		printf("\n%s: %s (%s)\n", document_text(file, "id"), document_text(file, "title"),
			document_text(file, "urgency"));
		for (size_t j = 0; j < json_array_size(fixes); j++)
			print_fix(advisories, json_array_get(fixes, j));
	}
	if (!json_is_true(json_object_get(improvement, "has_notes")))
		printf(_("    Note: %s.\n"), document_text(improvement, "why"));
	print_list("\nCarried over from older improvements: ",
		json_object_get(improvement, "carried_over"), ", ");
}

static void print_empty(const json_t *advisories)
{
	if (json_is_true(json_object_get(advisories, "checked")))
		printf(_("Nothing is known to be fixed: no improvement is offered for %s %s, and "
			 "none was installed.\n"),
			document_text(advisories, "product"), document_text(advisories, "version"));
	else
		printf(_(
			"Nothing is known yet. Run 'suture check' to ask what is offered, and what "
			"that fixes.\n"));
}

void advisories_screen_print(const json_t *advisories)
{
	const json_t *list = json_object_get(advisories, "improvements");
	bool whole = json_is_string(json_object_get(advisories, "about"));

	if (json_array_size(list) == 0)
		print_empty(advisories);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *improvement = json_array_get(list, i);

		if (whole) {
			printf("%s", i > 0 ? "\n" : "");
			print_whole(advisories, improvement);
			continue;
		}
		print_head(improvement);
		print_list("    Fixes: ", json_object_get(improvement, "cves"), ", ");
		if (!json_is_true(json_object_get(improvement, "has_notes")))
			printf(_("    Note: %s.\n"), document_text(improvement, "why"));
	}
	if (!whole && json_array_size(list) > 0)
		printf(_("\nRun 'suture advisories %lld' to read all of %s.\n"),
			(long long)document_number(json_array_get(list, 0), "sequence"),
			document_text(json_array_get(list, 0), "label"));
}
