/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "device/restart/report.h"
#include "device/restart/run.h"
#include "device/restart/survey.h"
#include "fake-systemd.h"
#include "test.h"

#define SECOND UINT64_C(1000000)
#define NOW    (1000 * SECOND)

static char **list_of(const char *words)
{
	char **list = memory_new_array(9, sizeof(char *));
	_cleanup_free_ char *copy = memory_string(words);
	char *rest, *word = strtok_r(copy, " ", &rest);

	for (size_t i = 0; word; i++, word = strtok_r(NULL, " ", &rest))
		list[i] = memory_string(word);
	return list;
}

/* A service that runs well; `after` and `names` are separated by blanks. */
static Unit *service(const char *id, const char *after, const char *names)
{
	Unit *unit = memory_new(sizeof(Unit));

	unit->id = memory_string(id);
	unit->slice = memory_string("system.slice");
	unit->after = list_of(after);
	unit->names = list_of(names);
	unit->start_burst = 5;
	unit->start_interval_us = 10 * SECOND;
	unit->inactive_exit_us = SECOND;
	snprintf(unit->active_state, sizeof(unit->active_state), "active");
	snprintf(unit->type, sizeof(unit->type), "notify");
	return unit;
}

static void add(Plan *plan, Unit *unit)
{
	static pid_t pid = 100;
	_cleanup_free_ char *id = memory_string(unit->id);

	ASSERT_OK(plan_add(plan, pid++, id, NULL, unit));
}

static PlanAction action_of(Unit *unit, const PlanPolicy *policy)
{
	_cleanup_(plan_done) Plan plan = {};

	add(&plan, unit);
	plan.items[0].declares_reload = strcmp(plan.items[0].unit, "reload.service") == 0;
	ASSERT_OK(plan_decide(&plan, policy));
	return plan.items[0].action;
}

static const char *const protect[] = {"postgresql@*", "exact.service"};
static const PlanPolicy policy_now = {.scope = RESTART_SERVICES,
	.protect = protect,
	.protect_count = ARRAY_SIZE(protect),
	.own = "sutured.service",
	.now_us = NOW};

static const struct {
	const char *id, *names;
	PlanAction action;
} named[] = {
	{"nginx.service", "nginx.service", PLAN_RESTART},
	{"exact.service", "exact.service", PLAN_PROTECTED},
	{"exact2.service", "exact2.service", PLAN_RESTART},
	{"postgresql@15-main.service", "", PLAN_PROTECTED},
	{"postgresql.service", "postgresql.service", PLAN_RESTART},
	{"real.service", "real.service exact.service", PLAN_PROTECTED},
	{"gdm3.service", "gdm3.service display-manager.service", PLAN_PROTECTED},
	{"dbus-broker.service", "dbus.service dbus-broker.service", PLAN_PROTECTED},
	{"dbus.service", "", PLAN_PROTECTED},
	{"sutured.service", "sutured.service", PLAN_OWN},
	{"user@1000.service", "", PLAN_USER_SERVICE},
	{"session-1.scope", "", PLAN_SESSION},
	{"docker-1.scope", "", PLAN_SCOPE},
	{"init.scope", "", PLAN_REEXECUTE},
	{"system.slice", "", PLAN_PROCESS},
};

TEST(units_are_treated_by_their_names)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (action_of(service(named[i].id, "", named[i].names), &policy_now) !=
			named[i].action)
			test_fail(named[i].id, 0, "has another action");
}

static Unit *with_state(const char *state)
{
	Unit *unit = service("a.service", "", "");

	snprintf(unit->active_state, sizeof(unit->active_state), "%s", state);
	return unit;
}

TEST(units_are_treated_by_their_state)
{
	Unit *unit;

	ASSERT_EQ(action_of(with_state("active"), &policy_now), PLAN_RESTART);
	ASSERT_EQ(action_of(with_state("activating"), &policy_now), PLAN_RESTART);
	ASSERT_EQ(action_of(with_state("reloading"), &policy_now), PLAN_RESTART);
	ASSERT_EQ(action_of(with_state("failed"), &policy_now), PLAN_LEFT_BEHIND);
	ASSERT_EQ(action_of(with_state("inactive"), &policy_now), PLAN_LEFT_BEHIND);
	ASSERT_EQ(action_of(with_state("deactivating"), &policy_now), PLAN_LEFT_BEHIND);
	unit = service("a.service", "", "");
	unit->refuses_stop = true;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_REFUSES);
	unit = service("a.service", "", "");
	unit->refuses_start = true;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_REFUSES);
	unit = service("a.service", "", "");
	unit->transient = true;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_TRANSIENT);
	unit = service("a.service", "", "");
	snprintf(unit->type, sizeof(unit->type), "oneshot");
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_ONESHOT);
	unit = service("a.service", "", "");
	free(unit->slice);
	unit->slice = memory_string("machine.slice");
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_CONTAINER);
}

static PlanAction action_with_socket(const char *id, const char *socket)
{
	Unit *unit = service(id, "", "");

	unit->triggered_by = list_of(socket);
	return action_of(unit, &policy_now);
}

TEST(connections_are_not_cut)
{
	ASSERT_EQ(action_with_socket("sshd@1-10.0.0.1:22.service", "sshd.socket"), PLAN_CONNECTION);
	ASSERT_EQ(action_with_socket("sshd.service", "sshd.socket"), PLAN_RESTART);
	ASSERT_EQ(action_with_socket("journald@x.service", "journald@x.socket"), PLAN_RESTART);
	ASSERT_EQ(action_with_socket("sshd@1.service", "sshd2.socket"), PLAN_RESTART);
}

TEST(a_unit_at_its_start_rate_limit_is_not_stopped_to_stay_down)
{
	Unit *unit = service("a.service", "", "");

	unit->inactive_exit_us = NOW - 9 * SECOND;
	unit->restarts = 4;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_AT_LIMIT);
	unit = service("a.service", "", "");
	unit->inactive_exit_us = NOW - 11 * SECOND;
	unit->restarts = 4;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_RESTART);
}

TEST(a_reload_needs_a_declaration_and_a_command)
{
	Unit *unit = service("reload.service", "", "");

	unit->can_reload = unit->refuses_stop = true; /* which a reload does not mind */
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_RELOAD);
	unit = service("reload.service", "", "");
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_RESTART);
	unit = service("a.service", "", "");
	unit->can_reload = true;
	ASSERT_EQ(action_of(unit, &policy_now), PLAN_RESTART);
}

TEST(other_scopes_wait)
{
	for (int scope = RESTART_NONE; scope <= RESTART_REBOOT; scope++) {
		PlanPolicy policy = policy_now;
		PlanAction expected = scope == RESTART_SERVICES ? PLAN_RESTART : PLAN_WAITS;

		policy.scope = (RestartScope)scope;
		ASSERT_EQ(action_of(service("a.service", "", ""), &policy), expected);
	}
}

static const struct {
	const char *after[4]; /* of a, b, c, d */
	int batches[4];
} orders[] = {
	{{"", "", "", ""}, {0, 0, 0, 0}},
	{{"b.service", "c.service", "d.service", ""}, {3, 2, 1, 0}},
	{{"", "a.service", "a.service", "b.service c.service"}, {0, 1, 1, 2}},
	{{"network.target x.service", "", "", ""}, {0, 0, 0, 0}},
	{{"a.service", "", "", ""}, {0, 0, 0, 0}},
	/* a cycle, and one behind it */
	{{"b.service", "a.service", "", "a.service"}, {1, 1, 0, 1}},
	{{"b.service", "c.service", "a.service", "c.service"}, {0, 0, 0, 0}},
};

TEST(batches_keep_the_order_of_units_and_survive_cycles)
{
	static const char *const ids[] = {"a.service", "b.service", "c.service", "d.service"};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_(plan_done) Plan plan = {};

		for (size_t j = 0; j < ARRAY_SIZE(ids); j++)
			add(&plan, service(ids[j], orders[i].after[j], ""));
		ASSERT_OK(plan_decide(&plan, &policy_now));
		for (size_t j = 0; j < ARRAY_SIZE(ids); j++)
			if ((int)plan.items[j].batch != orders[i].batches[j])
				test_fail("orders", (int)i, "%s is in batch %u", ids[j],
					plan.items[j].batch);
	}
}

TEST(what_is_kept_orders_nothing)
{
	_cleanup_(plan_done) Plan plan = {};

	add(&plan, service("a.service", "exact.service", ""));
	add(&plan, service("exact.service", "", ""));
	ASSERT_OK(plan_decide(&plan, &policy_now));
	ASSERT_EQ(plan.items[0].batch, 0);
	ASSERT_EQ(plan.batches, 1);
}

TEST(each_unit_is_there_once)
{
	_cleanup_(plan_done) Plan plan = {};

	ASSERT_OK(plan_add(&plan, 7, "a.service", NULL, service("a.service", "", "")));
	ASSERT_OK(plan_add(&plan, 8, "a.service", NULL, NULL));
	ASSERT_OK(plan_add(&plan, 8, "a.service", NULL, NULL));
	ASSERT_OK(plan_add(&plan, 9, NULL, NULL, NULL));
	ASSERT_OK(plan_add(&plan, 10, NULL, NULL, NULL));
	ASSERT_EQ(plan.count, 2);
	ASSERT_EQ(plan.items[0].pid_count, 2);
	ASSERT_EQ(plan.items[1].pid_count, 2);
}

static int plan_all(void)
{
	_cleanup_(plan_done) Plan plan = {};
	int r = plan_add(&plan, 7, NULL, NULL, NULL);

	return r < 0 ? r : plan_decide(&plan, &policy_now);
}

TEST(plans_survive_a_lack_of_memory)
{
	TEST_EACH_ALLOCATION(plan_all(), (void)0);
}

TEST(everything_that_is_kept_comes_with_advice)
{
	for (int action = 0; plan_action_names[action]; action++) {
		Unit facts = {.slice = (char *)"user-1000.slice"};
		PlanEntry entry = {.unit = (char *)"a.service", .action = action, .facts = &facts};
		Reason advice;

		plan_advise(&entry, RESTART_REBOOT, &advice);
		ASSERT_EQ(advice.text[0] != '\0', !plan_is_job(&entry));
	}
}

#define WORLD                                                                                      \
	"{\"pids\": {\"%d\": \"a.service\"}, \"units\": {\"a.service\": {\"properties\": "         \
	"{\"After\": [\"b.service\"]}}, \"b.service\": {%s}}}"

/* a after b: what b's job gives decides what becomes of a. */
static void run_two(const char *of_b, const char *result_a, const char *result_b, size_t failed)
{
	_cleanup_free_ char *world = memory_printf(WORLD, getpid(), of_b);
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect(world);
	_cleanup_(plan_done) Plan plan = {};
	Run run = {.bus = bus, .timeout_us = SECOND / 2};
	Unit *b = service("b.service", "", "");
	pid_t pids[] = {getpid()};
	size_t gone;

	snprintf(b->invocation, sizeof(b->invocation), "%s", ""); /* as the fake's */
	ASSERT_OK(plan_add(&plan, 1, "b.service", NULL, b));
	ASSERT_OK(survey_processes(bus, pids, 1, &plan, &gone, NULL));
	ASSERT_OK(plan_decide(&plan, &policy_now));
	ASSERT_OK(run_plan(&run, &plan, NULL));
	ASSERT_STREQ(plan.items[0].result, result_b);
	ASSERT_STREQ(plan.items[1].result, result_a);
	ASSERT_EQ(run.failed, failed);
}

TEST(a_failed_batch_is_the_last)
{
	run_two("", "done", "done", 0);
	run_two("\"job\": {\"result\": \"failed\"}", "not-tried", "failed", 2);
	run_two("\"job\": {\"result\": \"refused\"}", "not-tried", "refused", 2);
	run_two("\"job\": {\"result\": \"dependency\"}", "not-tried", "dependency", 2);
	run_two("\"job\": {\"result\": \"never\"}", "not-tried", "unfinished", 1);
	run_two("\"job\": {\"result\": \"skipped\"}", "done", "skipped", 0);
}

TEST(a_unit_that_was_restarted_along_is_left_alone)
{
	run_two("\"properties\": {\"InvocationID\": \"new\"}, \"job\": {\"result\": \"failed\"}",
		"done", "already", 0);
}

static void run_manager(const char *program, const char *result)
{
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect("{}");
	_cleanup_(plan_done) Plan plan = {};
	Run run = {.bus = bus,
		.address = "unix:path=/nonexistent/bus",
		.manager_program = program,
		.timeout_us = SECOND};

	ASSERT_OK(plan_add(&plan, 1, "init.scope", NULL, service("init.scope", "", "")));
	ASSERT_OK(plan_decide(&plan, &policy_now));
	ASSERT_OK(run_plan(&run, &plan, NULL));
	ASSERT_STREQ(plan.items[0].result, result);
	ASSERT(plan.items[0].problem.text[0]);
	ASSERT_EQ(run.failed, 1);
}

TEST(process_1_is_not_asked_to_execute_what_does_not_start)
{
	run_manager("/bin/false", "failed");
	run_manager("/nonexistent/systemd", "failed");
}

TEST(a_process_without_a_unit_and_one_that_is_gone_are_told_apart)
{
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect("{}");
	pid_t pids[] = {getpid(), 4194304 - 1};
	size_t gone = 0;

	for (int i = 0; i < 2; i++) {
		_cleanup_(plan_done) Plan plan = {};

		ASSERT_OK(survey_processes(i == 0 ? bus : NULL, pids, 2, &plan, &gone, NULL));
		ASSERT_EQ(plan.count, 1);
		ASSERT_EQ(plan.items[0].pids[0], getpid());
		ASSERT_EQ(gone, 1);
	}
}
