/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/diagnosis.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/json/document.h"
#include "wire/seal/seal.h"

#define SCHEMA 1

static int add_selected(const Manager *manager, Doctor *doctor)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number;
	int r = 0;

	if (store_current(manager->store, &number, NULL) < 0 || number == 0)
		return 0;
	if (store_read_generation(manager->store, number, &generation, NULL) == -ENOMEM)
		return -ENOMEM;
	for (size_t i = 0; generation && r == 0 && i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];
		Seal seal = {};

		if (seal_parse(image->seal, image->seal_size, &seal, NULL) < 0)
			continue;
		for (size_t k = 0; r == 0 && k < seal.directory_count; k++)
			r = doctor_add_directory(doctor, seal_directory(&seal, k));
	}
	return r;
}

static int add_offered(const Manager *manager, Doctor *doctor)
{
	Offer offer;
	int r = 0;

	if (manager_offer(manager, true, &offer, NULL) < 0 || !offer.improvement)
		return 0;
	for (size_t i = 0; r == 0 && i < offer.improvement->images.count; i++) {
		const IndexImage *image = &offer.improvement->images.items[i];

		for (size_t k = 0; r == 0 && k < image->directories.count; k++)
			r = doctor_add_directory(doctor, image->directories.items[k]);
	}
	return r;
}

int diagnosis_make(const Manager *manager, Doctor *ret_doctor)
{
	Doctor doctor = {.store = manager->store};
	int r = add_selected(manager, &doctor);

	if (r == 0)
		r = add_offered(manager, &doctor);
	if (r == 0)
		r = doctor_examine(&doctor);
	if (r < 0)
		doctor_done(&doctor);
	else
		*ret_doctor = doctor;
	return r;
}

static json_t *list_directories(const Doctor *doctor)
{
	json_t *list = json_array();

	for (size_t i = 0; i < doctor->directory_count; i++)
		json_array_append_new(list, json_string(doctor->directories[i]));
	return list;
}

json_t *diagnosis_describe(const Doctor *doctor)
{
	json_t *list = json_array();

	for (size_t i = 0; i < doctor->finding_count; i++) {
		const Finding *finding = &doctor->findings[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s}", "name", finding->name, "level",
				finding_levels[finding->level], "text", finding->text, "remedy",
				finding->remedy));
	}
	return json_pack("{s:i, s:I, s:o, s:o}", "schema", SCHEMA, "problems",
		(json_int_t)doctor_problems(doctor), "findings", list, "directories",
		list_directories(doctor));
}

/* What was looked at, so that nobody takes silence for more than it is. */
static void print_scope(const json_t *directories)
{
	const char *before = _(" for /");

	printf(_("Looked at"));
	for (size_t i = 0; i < json_array_size(directories); i++) {
		printf("%s%s", before, json_string_value(json_array_get(directories, i)));
		before = ", /";
	}
	printf(_(": the kernel, the store, the base and its packages, /run/suture, programs that\n"
		 "watch over files, and the service manager.\n"));
}

/* The findings of a level. */
static void print_findings(const json_t *list, FindingLevel level, const char *heading)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *finding = json_array_get(list, i);

		if (strcmp(document_text(finding, "level"), finding_levels[level]) != 0)
			continue;
		row_print(heading, "%s", document_text(finding, "text"));
		row_print("", "%s", document_text(finding, "remedy"));
	}
}

void diagnosis_print(const json_t *diagnosis)
{
	const json_t *list = json_object_get(diagnosis, "findings");
	json_int_t problems = document_number(diagnosis, "problems");

	print_findings(list, FINDING_PROBLEM, _("Problem"));
	print_findings(list, FINDING_NOTE, _("Note"));
	if (json_array_size(list) > 0)
		printf("\n");
	if (problems > 0)
		printf(_n("%lld problem stands in the way of improvements on this machine.\n",
			       "%lld problems stand in the way of improvements on this machine.\n",
			       problems),
			(long long)problems);
	else
		printf(_("Nothing stands in the way of improvements on this machine.\n"));
	print_scope(json_object_get(diagnosis, "directories"));
}
