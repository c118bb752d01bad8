/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/exposure-screen.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "device/ctl/text.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

const char *const exposure_state_names[] = {"offered", "staged", "applied", NULL};

/* What is not covered, whatever else is seen; the same words for programs and people. */
static const char *const blind_spots[] = {"programs that are linked statically",
	"Flatpak applications and their runtimes", "the copies in an initrd",
	"copies under other names", NULL};

static bool has_id(const char *ids, const char *id)
{
	size_t length = strlen(id);

	for (const char *at = ids; (at = strstr(at, id)); at += length)
		if ((at == ids || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

bool exposure_screen_knows(const ExposureFiles *files, const char *cve)
{
	for (size_t i = 0; i < files->count; i++)
		if (has_id(files->items[i].ids, cve))
			return true;
	return false;
}

static bool is_shown(const ExposureShown *shown, const ExposureFile *file)
{
	return !shown->cve || has_id(file->ids, shown->cve);
}

static json_t *list_of_ids(const char *ids)
{
	json_t *list = json_array();

	while (*ids) {
		size_t length = strcspn(ids, " ");

		json_array_append_new(list, json_stringn(ids, length));
		ids += length + (ids[length] == ' ');
	}
	return list;
}

static json_t *describe(const Exposed *exposed, const char *kind)
{
	const ExposureFile *file = exposed->file;

	return json_pack("{s:i, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:o}", "pid",
		(int)exposed->pid, "kind", kind, "comm", exposed->comm, "exe", exposed->exe, "unit",
		exposed->unit, "cgroup", exposed->cgroup, "root", exposed->root, "path", file->path,
		"component", file->component, "cves", list_of_ids(file->ids));
}

static json_t *describe_module(const ExposureFile *file)
{
	return json_pack("{s:s, s:s, s:o}", "path", file->path, "component", file->component,
		"cves", list_of_ids(file->ids));
}

static bool contains(const json_t *list, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), value))
			return true;
	return false;
}

static void append_once(json_t *list, json_t *value)
{
	if (!contains(list, value))
		json_array_append(list, value);
}

/* Of a list of groups the one whose member `key` is the value; it is made where there is none. */
static json_t *group_of(json_t *groups, const char *key, json_t *value, const char *others)
{
	json_t *group;

	for (size_t i = 0; i < json_array_size(groups); i++) {
		group = json_array_get(groups, i);
		if (json_equal(json_object_get(group, key), value))
			return group;
	}
	group = json_pack("{s:O, s:[], s:[], s:[]}", key, value, "pids", "may_run_pids", others);
	json_array_append_new(groups, group);
	return group;
}

static bool is_may_run(const json_t *entry)
{
	const char *kind = json_string_value(json_object_get(entry, "kind"));

	return strcmp(kind, exposure_kind_names[EXPOSURE_MAY_RUN]) == 0;
}

static void count_process(json_t *group, const json_t *entry)
{
	json_t *pid = json_object_get(entry, "pid"), *pids = json_object_get(group, "pids");

	if (!is_may_run(entry))
		append_once(pids, pid);
	else if (!contains(pids, pid))
		append_once(json_object_get(group, "may_run_pids"), pid);
}

/* Those that run old code come first, so that nobody is counted again among those that may. */
static void add_entries(json_t *exposure, bool may_run)
{
	json_t *entries = json_object_get(exposure, "entries");

	for (size_t i = 0; i < json_array_size(entries); i++) {
		json_t *entry = json_array_get(entries, i), *cves, *unit, *group;

		if (is_may_run(entry) != may_run)
			continue;
		cves = json_object_get(entry, "cves");
		unit = json_object_get(entry, "unit");
		count_process(exposure, entry);
		group = group_of(json_object_get(exposure, "units"), "unit", unit, "cves");
		count_process(group, entry);
		for (size_t j = 0; j < json_array_size(cves); j++) {
			json_t *cve = json_array_get(cves, j);
			json_t *of_cve =
				group_of(json_object_get(exposure, "cves"), "cve", cve, "units");

			append_once(json_object_get(group, "cves"), cve);
			count_process(of_cve, entry);
			if (json_is_string(unit))
				append_once(json_object_get(of_cve, "units"), unit);
		}
	}
}

static json_t *count_not_covered(const ExposureFiles *files)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(files->not_covered); i++)
		if (i != FILE_MAPPED)
			json_object_set_new(counts, file_kind_names[i],
				json_integer((json_int_t)files->not_covered[i]));
	return counts;
}

static json_t *list_blind_spots(void)
{
	json_t *list = json_array();

	for (size_t i = 0; blind_spots[i]; i++)
		json_array_append_new(list, json_string(blind_spots[i]));
	return list;
}

static void add_all(const ExposureShown *shown, json_t *exposure)
{
	const ExposureList *list = shown->list;

	for (size_t i = 0; i < list->count; i++)
		if (is_shown(shown, list->items[i].file))
			json_array_append_new(json_object_get(exposure, "entries"),
				describe(
					&list->items[i], exposure_kind_names[list->items[i].kind]));
	for (size_t i = 0; i < list->copy_count; i++)
		if (is_shown(shown, list->copies[i].file))
			json_array_append_new(json_object_get(exposure, "copies"),
				describe(&list->copies[i], "copy"));
	for (size_t i = 0; i < list->module_count; i++)
		if (is_shown(shown, list->modules[i]))
			json_array_append_new(json_object_get(exposure, "modules"),
				describe_module(list->modules[i]));
	add_entries(exposure, false);
	add_entries(exposure, true);
}

json_t *exposure_screen(const ExposureShown *shown)
{
	char label[LABEL_TEXT_SIZE];
	json_t *exposure;

	label_shown(shown->manager->identity.version_id, shown->sequence, label);
	exposure = json_pack("{s:i, s:I, s:s, s:s, s:s?, s:I, s:I, s:[], s:[], s:[], s:[], s:[], "
			     "s:[], s:[], s:o, s:o}",
		"schema", SCHEMA, "sequence", (json_int_t)shown->sequence, "label", label, "state",
		exposure_state_names[shown->state], "cve", shown->cve, "processes",
		(json_int_t)shown->list->processes, "denied", (json_int_t)shown->list->denied,
		"pids", "may_run_pids", "entries", "units", "cves", "copies", "modules",
		"not_covered", count_not_covered(shown->files), "blind_spots", list_blind_spots());
	if (!exposure)
		return NULL;
	add_all(shown, exposure);
	json_object_set_new(exposure, "exposed",
		json_integer((json_int_t)json_array_size(json_object_get(exposure, "pids"))));
	return exposure;
}

static size_t count_of(const json_t *object, const char *name)
{
	return json_array_size(json_object_get(object, name));
}

static void print_list(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(list, i)));
}

static void print_entry(const json_t *entry)
{
	const char *kind = document_text(entry, "kind");
	const char *what = strcmp(kind, "exe") == 0 ? _("program")
		: strcmp(kind, "may-run") == 0      ? _("reads scripts")
						    : kind;

	printf("    %7lld %-15s %-13s /%s\n",
		(long long)json_integer_value(json_object_get(entry, "pid")),
		document_text(entry, "comm"), what, document_text(entry, "path"));
}

static void print_unit(const json_t *exposure, const json_t *group, bool may_run)
{
	const json_t *entries = json_object_get(exposure, "entries");
	const json_t *unit = json_object_get(group, "unit");
	const json_t *pids = json_object_get(group, may_run ? "may_run_pids" : "pids");

	if (json_array_size(pids) == 0)
		return;
	printf("  %s: ", json_is_string(unit) ? json_string_value(unit) : "(no unit)");
	print_list(json_object_get(group, "cves"));
	printf("\n");
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);

		if (is_may_run(entry) == may_run &&
			json_equal(json_object_get(entry, "unit"), unit) &&
			contains(pids, json_object_get(entry, "pid")))
			print_entry(entry);
	}
}

static void print_units(const json_t *exposure, bool may_run)
{
	const json_t *units = json_object_get(exposure, "units");

	for (size_t i = 0; i < json_array_size(units); i++)
		print_unit(exposure, json_array_get(units, i), may_run);
}

static const char *remedy_of(const json_t *exposure, size_t count)
{
	const char *state = document_text(exposure, "state");

	if (strcmp(state, exposure_state_names[EXPOSURE_OFFERED]) == 0)
		return _n("install it, then restart it", "install it, then restart them", count);
	if (strcmp(state, exposure_state_names[EXPOSURE_STAGED]) == 0)
		return _("restart the machine");
	return _n("restart it", "restart them", count);
}

static void print_exposed(const json_t *exposure)
{
	long long processes = json_integer_value(json_object_get(exposure, "processes"));
	const char *label = document_text(exposure, "label");
	size_t count = count_of(exposure, "pids");

	if (count == 0)
		printf(_("No process maps code that %s replaces (%lld looked at).\n"), label,
			processes);
	else
		printf(_n("%zu of %lld processes runs code that %s replaces; %s:\n",
			       "%zu of %lld processes run code that %s replaces; %s:\n", count),
			count, processes, label, remedy_of(exposure, count));
	print_units(exposure, false);
}

static void print_may_run(const json_t *exposure)
{
	size_t count = count_of(exposure, "may_run_pids");

	if (count == 0)
		return;
	printf(_n("%zu process may still run old scripts: what it reads only once shows nowhere;\n"
		  "restart it to be sure:\n",
		       "%zu processes may still run old scripts: what it reads only once shows "
		       "nowhere;\nrestart them to be sure:\n",
		       count),
		count);
	print_units(exposure, true);
}

static void print_cves(const json_t *exposure)
{
	const json_t *cves = json_object_get(exposure, "cves");

	if (json_array_size(cves) > 0)
		printf(_("By CVE:\n"));
	for (size_t i = 0; i < json_array_size(cves); i++) {
		const json_t *cve = json_array_get(cves, i);

		printf(_("  %-16s %zu run it"), document_text(cve, "cve"), count_of(cve, "pids"));
		if (count_of(cve, "may_run_pids") > 0)
			printf(_(", %zu may"), count_of(cve, "may_run_pids"));
		if (count_of(cve, "units") > 0)
			printf(": ");
		print_list(json_object_get(cve, "units"));
		printf("\n");
	}
}

static void print_modules(const json_t *exposure)
{
	const json_t *modules = json_object_get(exposure, "modules");

	for (size_t i = 0; i < json_array_size(modules); i++) {
		const json_t *module = json_array_get(modules, i);

		printf(_("Reboot needed: the kernel has not loaded the fixed /%s  "),
			document_text(module, "path"));
		print_list(json_object_get(module, "cves"));
		printf("\n");
	}
}

/* Most telling first: the unit, else the control group, else only the root. */
static void print_copies(const json_t *exposure)
{
	const json_t *copies = json_object_get(exposure, "copies");

	if (json_array_size(copies) > 0)
		printf(_("Not covered: containers with other copies of their own, which "
			 "improvements do not reach:\n"));
	for (size_t i = 0; i < json_array_size(copies); i++) {
		const json_t *copy = json_array_get(copies, i);
		const char *unit = document_text(copy, "unit");

		printf(_("    %7lld %-15s %s  %s  (root %s)\n"),
			(long long)json_integer_value(json_object_get(copy, "pid")),
			document_text(copy, "comm"), path_name(document_text(copy, "path")),
			unit[0] ? unit : document_text(copy, "cgroup"),
			document_text(copy, "root"));
	}
}

static void print_not_covered(const json_t *exposure)
{
	static const struct {
		const char *kind, *what;
	} kinds[] = {
		{"read-once", N_("scripts and other files that are read once")},
		{"data", N_("data files")},
	};
	const json_t *counts = json_object_get(exposure, "not_covered");
	const char *before = _("Not covered: ");
	long long denied = json_integer_value(json_object_get(exposure, "denied"));

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_int_t count = json_integer_value(json_object_get(counts, kinds[i].kind));

		if (count == 0)
			continue;
		printf("%s%lld %s", before, (long long)count, _(kinds[i].what));
		before = ", ";
	}
	if (before[0] == ',')
		printf(_("; which processes use them cannot be seen.\n"));
	if (denied > 0)
		printf(_n("Not covered: %lld process, which this one may not look at.\n",
			       "Not covered: %lld processes, which this one may not look at.\n",
			       denied),
			denied);
	printf(_("Never covered: "));
	print_list(json_object_get(exposure, "blind_spots"));
	printf(".\n");
}

void exposure_screen_print(const json_t *exposure)
{
	if (json_integer_value(json_object_get(exposure, "sequence")) == 0) {
		printf(_("No improvement is known, so nothing is known to be exposed.\n"));
		return;
	}
	print_exposed(exposure);
	print_may_run(exposure);
	print_cves(exposure);
	print_modules(exposure);
	print_copies(exposure);
	print_not_covered(exposure);
}
