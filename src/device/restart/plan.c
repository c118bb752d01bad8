/* SPDX-License-Identifier: Apache-2.0 */
#include "device/restart/plan.h"

#include <errno.h>
#include <string.h>

const char *const plan_action_names[] = {"restart", "reload", "reexecute", "waits", "protected",
	"own", "refuses", "at-limit", "transient", "oneshot", "connection", "left-behind",
	"session", "user-service", "scope", "container", "process", NULL};

/* With the display manager end the sessions, with the bus nearly everything. By these names, which
 * are aliases of whatever program does it. */
static const char *const always_protected[] = {"dbus.service", "display-manager.service"};

bool plan_pattern_matches(const char *pattern, const char *unit)
{
	size_t length = strlen(pattern);

	if (length > 0 && pattern[length - 1] == '*')
		return strncmp(pattern, unit, length - 1) == 0;
	return strcmp(pattern, unit) == 0;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

PlanEntry *plan_find(const Plan *plan, const char *unit, const char *user_unit)
{
	for (size_t i = 0; i < plan->count; i++)
		if (is_same(plan->items[i].unit, unit) &&
			is_same(plan->items[i].user_unit, user_unit))
			return &plan->items[i];
	return NULL;
}

/* The names first: what has none is no entry yet. */
static int add_entry(
	Plan *plan, const char *unit, const char *user_unit, Unit **facts, PlanEntry **ret)
{
	PlanEntry *entry;
	int r = memory_grow(&plan->items, plan->count, sizeof(PlanEntry));

	if (r < 0)
		return r;
	entry = &plan->items[plan->count++];
	entry->unit = unit ? memory_string(unit) : NULL;
	entry->user_unit = user_unit ? memory_string(user_unit) : NULL;
	entry->facts = TAKE_PTR(*facts);
	if ((unit && !entry->unit) || (user_unit && !entry->user_unit))
		return -ENOMEM;
	entry->kind =
		unit ? owner_kind_of(unit, entry->facts ? entry->facts->slice : NULL) : OWNER_NONE;
	*ret = entry;
	return 0;
}

int plan_add(Plan *plan, pid_t pid, const char *unit, const char *user_unit, Unit *facts)
{
	_cleanup_(unit_freep) Unit *taken = facts;
	PlanEntry *entry = plan_find(plan, unit, user_unit);
	int r = entry ? 0 : add_entry(plan, unit, user_unit, &taken, &entry);

	for (size_t i = 0; r == 0 && i < entry->pid_count; i++)
		if (entry->pids[i] == pid)
			return 0;
	if (r == 0)
		r = memory_grow(&entry->pids, entry->pid_count, sizeof(pid_t));
	if (r == 0)
		entry->pids[entry->pid_count++] = pid;
	return r;
}

void plan_done(Plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->items[i].unit);
		free(plan->items[i].user_unit);
		unit_free(plan->items[i].facts);
		free(plan->items[i].pids);
	}
	free(plan->items);
	*plan = (Plan){};
}

static bool is_named(const PlanEntry *entry, const char *pattern)
{
	if (plan_pattern_matches(pattern, entry->unit))
		return true;
	for (char **name = entry->facts->names; name && *name; name++)
		if (plan_pattern_matches(pattern, *name))
			return true;
	return false;
}

static bool is_protected(const PlanEntry *entry, const PlanPolicy *policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(always_protected); i++)
		if (is_named(entry, always_protected[i]))
			return true;
	for (size_t i = 0; i < policy->protect_count; i++)
		if (is_named(entry, policy->protect[i]))
			return true;
	return false;
}

/* Such a socket gives its name to the instances. It alone can start them, each with a connection.
 */
static bool is_connection(const PlanEntry *entry)
{
	size_t length = strcspn(entry->unit, "@");

	for (char **trigger = entry->facts->triggered_by; trigger && *trigger; trigger++)
		if (entry->unit[length] && strncmp(*trigger, entry->unit, length) == 0 &&
			strcmp(*trigger + length, ".socket") == 0)
			return true;
	return false;
}

static PlanAction decide_service(const PlanEntry *entry, const PlanPolicy *policy)
{
	const Unit *facts = entry->facts;

	if (unit_has_ended(facts))
		return PLAN_LEFT_BEHIND;
	if (is_same(entry->unit, policy->own))
		return PLAN_OWN;
	if (is_protected(entry, policy))
		return PLAN_PROTECTED;
	if (entry->declares_reload && facts->can_reload)
		return PLAN_RELOAD;
	if (facts->refuses_start || facts->refuses_stop)
		return PLAN_REFUSES;
	if (facts->transient)
		return PLAN_TRANSIENT;
	if (strcmp(facts->type, "oneshot") == 0)
		return PLAN_ONESHOT;
	if (is_connection(entry))
		return PLAN_CONNECTION;
	return unit_is_at_start_limit(facts, policy->now_us) ? PLAN_AT_LIMIT : PLAN_RESTART;
}

static PlanAction decide(const PlanEntry *entry, const PlanPolicy *policy)
{
	static const PlanAction by_kind[] = {
		[OWNER_NONE] = PLAN_PROCESS,
		[OWNER_SCOPE] = PLAN_SCOPE,
		[OWNER_SESSION] = PLAN_SESSION,
		[OWNER_USER_SERVICE] = PLAN_USER_SERVICE,
		[OWNER_CONTAINER] = PLAN_CONTAINER,
		[OWNER_MANAGER] = PLAN_REEXECUTE,
	};

	if (policy->scope != RESTART_SERVICES)
		return PLAN_WAITS;
	return entry->kind == OWNER_SERVICE ? decide_service(entry, policy) : by_kind[entry->kind];
}

bool plan_is_job(const PlanEntry *entry)
{
	return entry->action == PLAN_RESTART || entry->action == PLAN_RELOAD;
}

/* Whether the unit has to come after one that is not in a batch before this one. */
static bool has_to_wait(const Plan *plan, const PlanEntry *entry, const bool *placed)
{
	for (char **after = entry->facts->after; after && *after; after++)
		for (size_t i = 0; i < plan->count; i++)
			if (plan_is_job(&plan->items[i]) && !placed[i] &&
				&plan->items[i] != entry &&
				strcmp(plan->items[i].unit, *after) == 0)
				return true;
	return false;
}

/* Fills one batch with what need not wait, or, when all wait for each other, with all of them. The
 * batch in the making does not count as placed. */
static size_t fill_batch(Plan *plan, const bool *placed, bool *chosen, bool all)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++) {
		PlanEntry *entry = &plan->items[i];

		chosen[i] = plan_is_job(entry) && !placed[i] &&
			(all || !has_to_wait(plan, entry, placed));
		if (!chosen[i])
			continue;
		entry->batch = plan->batches;
		count++;
	}
	return count;
}

static int order(Plan *plan)
{
	_cleanup_free_ bool *placed = memory_new_array(plan->count, sizeof(bool));
	_cleanup_free_ bool *chosen = memory_new_array(plan->count, sizeof(bool));
	size_t left = 0;

	if (!placed || !chosen)
		return -ENOMEM;
	for (size_t i = 0; i < plan->count; i++)
		left += plan_is_job(&plan->items[i]);
	plan->batches = 0;
	while (left > 0) {
		size_t count = fill_batch(plan, placed, chosen, false);

		if (count == 0)
			count = fill_batch(plan, placed, chosen, true);
		for (size_t i = 0; i < plan->count; i++)
			placed[i] |= chosen[i];
		left -= count;
		plan->batches++;
	}
	return 0;
}

int plan_decide(Plan *plan, const PlanPolicy *policy)
{
	for (size_t i = 0; i < plan->count; i++)
		plan->items[i].action = decide(&plan->items[i], policy);
	return order(plan);
}

static void advise_user(const PlanEntry *entry, Reason *ret)
{
	unsigned uid = owner_uid_of(entry->facts->slice);

	if (entry->user_unit)
		reason_set(ret, 0,
			"user %u can run 'systemctl --user restart %s', or log out and in again",
			uid, entry->user_unit);
	else
		reason_set(ret, 0, "user %u has to log out of all sessions and in again", uid);
}

static void advise_session(const PlanEntry *entry, Reason *ret)
{
	reason_set(ret, 0, "user %u has to log out and in again",
		(unsigned)owner_uid_of(entry->facts->slice));
}

static void advise_waiting(RestartScope scope, Reason *ret)
{
	static const char *const texts[] = {
		[RESTART_NONE] = "nothing has to be restarted",
		[RESTART_SERVICES] = "",
		[RESTART_SESSION] =
			"every user has to log out and in again, or the machine restarts",
		[RESTART_SOFT_REBOOT] = "the system has to restart: 'systemctl soft-reboot'",
		[RESTART_REBOOT] = "the machine has to restart: 'systemctl reboot'",
	};

	reason_set(ret, 0, "%s", texts[scope]);
}

/* By action: what stands before and behind the unit's name. */
static const char *const advice[][2] = {
	[PLAN_PROTECTED] = {"it is protected; restart it when it suits: 'systemctl restart ", "'"},
	[PLAN_OWN] = {"it runs this update; restart it afterwards: 'systemctl restart ", "'"},
	[PLAN_REFUSES] = {"it refuses to be restarted by hand, and the machine has to restart for ",
		""},
	[PLAN_AT_LIMIT] =
		{"systemd would refuse another start so soon; later run 'systemctl restart ", "'"},
	[PLAN_TRANSIENT] = {"whatever program started it has to start it again: ", ""},
	[PLAN_ONESHOT] = {"it ends by itself: ", ""},
	[PLAN_CONNECTION] = {"it ends with the connection that it serves: ", ""},
	[PLAN_LEFT_BEHIND] = {"its service has ended, and these processes have to be ended: ", ""},
	[PLAN_SCOPE] = {"whatever program started it has to start it again: ", ""},
	[PLAN_CONTAINER] = {"what it runs of this system ends when the container is restarted: ",
		""},
};

void plan_advise(const PlanEntry *entry, RestartScope scope, Reason *ret_advice)
{
	reason_set(ret_advice, 0, "%s", "");
	switch (entry->action) {
	case PLAN_RESTART:
	case PLAN_RELOAD: return;
	case PLAN_REEXECUTE: reason_set(ret_advice, 0, "'systemctl daemon-reexec'"); return;
	case PLAN_WAITS: advise_waiting(scope, ret_advice); return;
	case PLAN_SESSION: advise_session(entry, ret_advice); return;
	case PLAN_USER_SERVICE: advise_user(entry, ret_advice); return;
	case PLAN_PROCESS:
		reason_set(ret_advice, 0, "whoever started it has to start it again");
		return;
	default:
		reason_set(ret_advice, 0, "%s%s%s", advice[entry->action][0], entry->unit,
			advice[entry->action][1]);
	}
}
