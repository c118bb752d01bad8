/* SPDX-License-Identifier: Apache-2.0 */
#include "device/restart/report.h"

#include <stdio.h>
#include <string.h>

#include "device/restart/run.h"

#define SCHEMA 1

static json_t *list_pids(const PlanEntry *entry)
{
	json_t *pids = json_array();

	for (size_t i = 0; i < entry->pid_count; i++)
		json_array_append_new(pids, json_integer(entry->pids[i]));
	return pids;
}

static json_t *user_of(const PlanEntry *entry)
{
	uid_t uid = entry->facts ? owner_uid_of(entry->facts->slice) : OWNER_NO_UID;

	return uid == OWNER_NO_UID ? json_null() : json_integer(uid);
}

static bool is_carried_out(const PlanEntry *entry)
{
	return plan_is_job(entry) || entry->action == PLAN_REEXECUTE;
}

static json_t *describe(const Report *report, const PlanEntry *entry)
{
	Reason advice;
	json_t *object;

	plan_advise(entry, report->scope, &advice);
	object = json_pack("{s:s?, s:s?, s:s, s:o, s:s?, s:s, s:o, s:s}", "unit", entry->unit,
		"user_unit", entry->user_unit, "kind", owner_kind_names[entry->kind], "user",
		user_of(entry), "state", entry->facts ? entry->facts->active_state : NULL, "action",
		plan_action_names[entry->action], "pids", list_pids(entry), "advice", advice.text);
	if (object && plan_is_job(entry))
		json_object_set_new(object, "batch", json_integer(entry->batch));
	if (!object || !entry->result[0])
		return object;
	json_object_set_new(object, "result", json_string(entry->result));
	json_object_set_new(object, "failed", json_boolean(run_has_failed(entry)));
	json_object_set_new(object, "ms", json_integer((json_int_t)(entry->duration_us / 1000)));
	if (entry->problem.text[0])
		json_object_set_new(object, "problem", json_string(entry->problem.text));
	return object;
}

json_t *report_json(const Report *report)
{
	json_t *units = json_array(), *object;

	for (size_t i = 0; i < report->plan->count; i++)
		json_array_append_new(units, describe(report, &report->plan->items[i]));
	object = json_pack("{s:i, s:s, s:b, s:i, s:I, s:o}", "schema", SCHEMA, "scope",
		restart_scope_names[report->scope], "manager", report->has_manager, "batches",
		(int)report->plan->batches, "gone", (json_int_t)report->gone, "units", units);
	if (object && report->has_run)
		json_object_set_new(object, "failed", json_integer((json_int_t)report->failed));
	return object;
}

static void print_entry(const Report *report, const PlanEntry *entry)
{
	const char *name = entry->user_unit ? entry->user_unit : entry->unit;
	Reason advice;

	plan_advise(entry, report->scope, &advice);
	printf("%-12s %s", entry->result[0] ? entry->result : plan_action_names[entry->action],
		name ? name : "no unit:");
	for (size_t i = 0; !name && i < entry->pid_count; i++)
		printf(" %d", entry->pids[i]);
	if (entry->result[0])
		printf(" (%s, %llu ms)", plan_action_names[entry->action],
			(unsigned long long)entry->duration_us / 1000);
	if (entry->problem.text[0])
		printf(": %s", entry->problem.text);
	else if (!is_carried_out(entry) && advice.text[0])
		printf(": %s", advice.text);
	printf("\n");
}

/* What is carried out comes first, in its order. */
void report_print(const Report *report)
{
	const Plan *plan = report->plan;

	if (!report->has_manager)
		printf("Nobody manages services here: the programs have to be restarted by "
		       "hand.\n");
	for (unsigned batch = 0; batch < plan->batches; batch++)
		for (size_t i = 0; i < plan->count; i++)
			if (plan_is_job(&plan->items[i]) && plan->items[i].batch == batch)
				print_entry(report, &plan->items[i]);
	for (size_t i = 0; i < plan->count; i++)
		if (!plan_is_job(&plan->items[i]))
			print_entry(report, &plan->items[i]);
	if (plan->count == 0)
		printf("Nothing has to be restarted.\n");
}
