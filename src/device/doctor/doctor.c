/* SPDX-License-Identifier: Apache-2.0 */
#include "device/doctor/doctor.h"

#include <errno.h>
#include <string.h>

#include "base/path.h"

const char *const finding_levels[] = {"note", "problem", NULL};

int doctor_add_directory(Doctor *doctor, const char *directory)
{
	int r;

	for (size_t i = 0; i < doctor->directory_count; i++)
		if (strcmp(doctor->directories[i], directory) == 0)
			return 0;
	r = memory_grow(&doctor->directories, doctor->directory_count, sizeof(char *));
	if (r < 0)
		return r;
	doctor->directories[doctor->directory_count] = memory_string(directory);
	if (!doctor->directories[doctor->directory_count])
		return -ENOMEM;
	doctor->directory_count++;
	return 0;
}

int doctor_find(Doctor *doctor, FindingLevel level, const char *name, char *text, char *remedy)
{
	Finding finding = {.level = level, .name = name, .text = text, .remedy = remedy};
	int r = text && remedy
		? memory_grow(&doctor->findings, doctor->finding_count, sizeof(finding))
		: -ENOMEM;

	if (r < 0) {
		free(text);
		free(remedy);
		return r;
	}
	doctor->findings[doctor->finding_count++] = finding;
	return 0;
}

bool doctor_concerns(const Doctor *doctor, const char *path)
{
	while (*path == '/')
		path++;
	for (size_t i = 0; i < doctor->directory_count; i++)
		if (path_is_below(path, doctor->directories[i]) ||
			(*path && path_is_below(doctor->directories[i], path)))
			return true;
	return doctor->directory_count == 0 && path_is_below(path, "usr");
}

int doctor_examine(Doctor *doctor)
{
	int (*const examinations[])(Doctor *) = {
		doctor_kernel, doctor_places, doctor_guards, doctor_services};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(examinations); i++)
		r = examinations[i](doctor);
	return r;
}

size_t doctor_problems(const Doctor *doctor)
{
	size_t problems = 0;

	for (size_t i = 0; i < doctor->finding_count; i++)
		problems += doctor->findings[i].level == FINDING_PROBLEM;
	return problems;
}

void doctor_done(Doctor *doctor)
{
	for (size_t i = 0; i < doctor->directory_count; i++)
		free(doctor->directories[i]);
	for (size_t i = 0; i < doctor->finding_count; i++) {
		free(doctor->findings[i].text);
		free(doctor->findings[i].remedy);
	}
	free(doctor->directories);
	free(doctor->findings);
}
