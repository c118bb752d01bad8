/* SPDX-License-Identifier: Apache-2.0 */
#include "device/restart/survey.h"

#include <errno.h>
#include <signal.h>

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* 1: the process is gone. */
static int survey_process(sd_bus *bus, pid_t pid, Plan *plan, Reason *reason)
{
	_cleanup_free_ char *unit = NULL, *user_unit = NULL;
	_cleanup_(unit_freep) Unit *facts = NULL;
	int r = bus ? owner_unit_of(bus, pid, &unit, reason) : 1;

	if (r < 0)
		return r;
	if (r > 0)
		return is_gone(pid) ? 1 : plan_add(plan, pid, NULL, NULL, NULL);
	if (owner_kind_of(unit, NULL) == OWNER_USER_SERVICE)
		r = owner_user_unit_of(pid, &user_unit);
	if (r >= 0 && !plan_find(plan, unit, user_unit))
		r = unit_read(bus, unit, &facts, reason);
	if (r < 0)
		return r;
	r = plan_add(plan, pid, unit, user_unit, facts);
	if (r == 0 && facts)
		plan_find(plan, unit, user_unit)->declares_reload = unit_reload_suffices(facts);
	facts = NULL; /* the plan's now */
	return r;
}

int survey_processes(sd_bus *bus, const pid_t *pids, size_t count, Plan *plan, size_t *ret_gone,
	Reason *reterr_reason)
{
	size_t gone = 0;

	for (size_t i = 0; i < count; i++) {
		int r = survey_process(bus, pids[i], plan, reterr_reason);

		if (r < 0)
			return r;
		gone += r > 0;
	}
	*ret_gone = gone;
	return 0;
}
