/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "device/unit/job.h"
#include "device/unit/owner.h"
#include "fake-systemd.h"
#include "test.h"

#define SECOND UINT64_C(1000000)

TEST(a_unit_is_read_whole)
{
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect(
		"{\"units\": {\"a@1.service\": {\"properties\": {\"After\": [\"b.service\", "
		"\"c.target\"], \"ActiveState\": \"failed\", \"SubState\": \"failed\", "
		"\"Result\": \"exit-code\", \"ExecMainCode\": 1, \"ExecMainStatus\": 127, "
		"\"NRestarts\": 3, \"Job\": 12, \"CanReload\": true, \"RefuseManualStop\": true, "
		"\"InvocationID\": \"0\", \"StartLimitBurst\": 9, \"Restart\": \"always\", "
		"\"InactiveExitTimestampMonotonic\": 123456789012}}}}");
	_cleanup_(unit_freep) Unit *unit = NULL;

	ASSERT_OK(unit_read(bus, "a@1.service", &unit, NULL));
	ASSERT_STREQ(unit->id, "a@1.service");
	ASSERT_STREQ(unit->after[0], "b.service");
	ASSERT_STREQ(unit->after[1], "c.target");
	ASSERT(!unit->after[2] && !unit->drop_ins);
	ASSERT_STREQ(unit->load_state, "loaded");
	ASSERT_STREQ(unit->active_state, "failed");
	ASSERT_STREQ(unit->result, "exit-code");
	ASSERT_STREQ(unit->type, "simple");
	ASSERT_STREQ(unit->restart_policy, "always");
	ASSERT_STREQ(unit->slice, "system.slice");
	ASSERT_STREQ(unit->invocation, "30303030303030303030303030303030");
	ASSERT_EQ(unit->main_code, 1);
	ASSERT_EQ(unit->main_status, 127);
	ASSERT_EQ(unit->restarts, 3);
	ASSERT_EQ(unit->job, 12);
	ASSERT_EQ(unit->start_burst, 9);
	ASSERT_EQ(unit->start_interval_us, 10 * SECOND);
	ASSERT_EQ(unit->inactive_exit_us, INT64_C(123456789012));
	ASSERT(unit->can_reload && unit->refuses_stop && !unit->refuses_start);
	ASSERT(!unit->transient && !unit_is_active(unit) && unit_has_ended(unit));
}

TEST(a_unit_that_does_not_exist_is_not_found)
{
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect("{}");
	_cleanup_(unit_freep) Unit *unit = NULL;

	ASSERT_OK(unit_read(bus, "gone.service", &unit, NULL));
	ASSERT_STREQ(unit->load_state, "not-found");
	ASSERT_STREQ(unit->invocation, "");
	ASSERT(!unit_is_active(unit));
}

static const struct {
	const char *state;
	bool is_active, has_ended;
} states[] = {
	{"active", true, false},
	{"reloading", true, false},
	{"refreshing", true, false},
	{"activating", false, false},
	{"maintenance", false, false},
	{"deactivating", false, true},
	{"inactive", false, true},
	{"failed", false, true},
};

TEST(a_unit_that_starts_is_neither_active_nor_over)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		Unit unit = {};

		snprintf(unit.active_state, sizeof(unit.active_state), "%s", states[i].state);
		ASSERT_EQ(unit_is_active(&unit), states[i].is_active);
		ASSERT_EQ(unit_has_ended(&unit), states[i].has_ended);
	}
}

TEST(an_answer_that_is_an_error_is_no_lost_manager)
{
	_cleanup_bus_ sd_bus *bus =
		fake_systemd_connect("{\"units\": {\"a.service\": {\"unreadable\": true, "
				     "\"job\": {\"result\": \"hang-up\"}}}}");
	char state[BUS_WORD_SIZE];
	Unit *unit = NULL;
	int r = unit_read(bus, "a.service", &unit, NULL);

	ASSERT(r < 0 && !unit);
	ASSERT(!bus_is_lost(bus, r));
	ASSERT_OK(job_start(bus, "a.service", "replace", NULL));
	r = bus_system_state(bus, state, NULL);
	ASSERT(r < 0 && bus_is_lost(bus, r));
}

TEST(reading_a_unit_survives_a_lack_of_memory)
{
	_cleanup_bus_ sd_bus *bus = fake_systemd_connect("{\"units\": {\"a.service\": {}}}");
	Unit *unit = NULL;

	TEST_EACH_ALLOCATION(unit_read(bus, "a.service", &unit, NULL), unit_free(unit));
}

TEST(nobody_at_an_address_is_told_from_an_error)
{
	_cleanup_free_ char *address = memory_printf("unix:path=%s/none", test_folder());
	sd_bus *bus = NULL;
	Reason reason = {};

	ASSERT_EQ(bus_open(address, &bus, &reason), 1);
	ASSERT(!bus && strstr(reason.text, address));
	ASSERT_EQ(bus_open(BUS_NONE, &bus, &reason), 1);
	ASSERT_ERROR(-EINVAL, bus_open("unix:path=%zz", &bus, &reason));
}

TEST(a_manager_that_ends_is_an_error)
{
	_cleanup_bus_ sd_bus *bus =
		fake_systemd_connect("{\"units\": {\"a.service\": {}, "
				     "\"b.service\": {\"job\": {\"result\": \"hang-up\"}}}}");
	Job jobs[] = {{.unit = "a.service", .method = JOB_RESTART},
		{.unit = "b.service", .method = JOB_RESTART}};
	char state[BUS_WORD_SIZE];
	Reason reason = {};

	ASSERT_OK(bus_system_state(bus, state, NULL));
	ASSERT_STREQ(state, "running");
	ASSERT(jobs_run(bus, jobs, 2, 10 * SECOND, &reason) < 0);
	ASSERT(reason.text[0]);
	ASSERT_STREQ(jobs[1].result, JOB_UNFINISHED);
	ASSERT(bus_system_state(bus, state, &reason) < 0);
}

TEST(processes_have_owners)
{
	_cleanup_bus_ sd_bus *bus =
		fake_systemd_connect("{\"pids\": {\"17\": \"a@x\\\\x2dy.service\"}}");
	_cleanup_free_ char *unit = NULL;

	ASSERT_OK(owner_unit_of(bus, 17, &unit, NULL));
	ASSERT_STREQ(unit, "a@x\\x2dy.service");
	ASSERT_EQ(owner_unit_of(bus, 18, &unit, NULL), 1);
}

static const struct {
	const char *unit, *slice;
	OwnerKind kind;
	uid_t uid;
} owners[] = {
	{"nginx.service", "system.slice", OWNER_SERVICE, OWNER_NO_UID},
	{"getty@tty1.service", "system-getty.slice", OWNER_SERVICE, OWNER_NO_UID},
	{"odd.service", NULL, OWNER_SERVICE, OWNER_NO_UID},
	{"init.scope", "-.slice", OWNER_MANAGER, OWNER_NO_UID},
	{"session-3.scope", "user-1000.slice", OWNER_SESSION, 1000},
	{"user@1000.service", "user-1000.slice", OWNER_USER_SERVICE, 1000},
	{"user-runtime-dir@1000.service", "user-1000.slice", OWNER_SERVICE, 1000},
	{"docker-0123.scope", "system.slice", OWNER_SCOPE, OWNER_NO_UID},
	{"machine-web.scope", "machine.slice", OWNER_CONTAINER, OWNER_NO_UID},
	{"systemd-nspawn@web.service", "machine.slice", OWNER_CONTAINER, OWNER_NO_UID},
	{"libpod-1.scope", "machine-pods.slice", OWNER_CONTAINER, OWNER_NO_UID},
	{"-.slice", "", OWNER_NONE, OWNER_NO_UID},
	{"system.slice", NULL, OWNER_NONE, OWNER_NO_UID},
	{"x.service", "user-.slice", OWNER_SERVICE, OWNER_NO_UID},
	{"x.service", "user-4294967295.slice", OWNER_SERVICE, OWNER_NO_UID},
	{"x.service", "user-10x.slice", OWNER_SERVICE, OWNER_NO_UID},
	{"x.service", "user-.slic", OWNER_SERVICE, OWNER_NO_UID},
};

TEST(owners_are_told_by_unit_and_slice)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		ASSERT_EQ(owner_kind_of(owners[i].unit, owners[i].slice), owners[i].kind);
		ASSERT_EQ(owner_uid_of(owners[i].slice), owners[i].uid);
	}
}

TEST(a_process_without_a_user_manager_has_no_unit_of_it)
{
	char *unit = NULL;

	ASSERT_EQ(owner_user_unit_of(getpid(), &unit), 1);
}

TEST(jobs_end_as_systemd_says)
{
	_cleanup_bus_ sd_bus *bus =
		fake_systemd_connect("{\"units\": {\"good.service\": {}, "
				     "\"bad.service\": {\"job\": {\"result\": \"failed\"}}, "
				     "\"idle.service\": {\"job\": {\"result\": \"skipped\"}}, "
				     "\"slow.service\": {\"job\": {\"result\": \"never\"}}}}");
	Job jobs[] = {{.unit = "slow.service", .method = JOB_RESTART},
		{.unit = "good.service", .method = JOB_RESTART},
		{.unit = "gone.service", .method = JOB_RESTART},
		{.unit = "bad.service", .method = JOB_RELOAD},
		{.unit = "idle.service", .method = JOB_RELOAD}};
	static const struct {
		const char *result;
		bool succeeded;
	} expected[] = {
		{JOB_UNFINISHED}, {JOB_DONE, true}, {JOB_REFUSED}, {"failed"}, {"skipped", true}};

	ASSERT_OK(jobs_run(bus, jobs, ARRAY_SIZE(jobs), SECOND / 5, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		ASSERT_STREQ(jobs[i].result, expected[i].result);
		ASSERT_EQ(job_succeeded(&jobs[i]), expected[i].succeeded);
		ASSERT(!jobs[i].path);
	}
	ASSERT_STREQ(jobs[2].reason.text, "the service manager: Unit gone.service not found.");
	ASSERT(jobs[0].duration_us >= SECOND / 5);
	ASSERT(jobs[1].duration_us < SECOND / 5);
	ASSERT_OK(jobs_run(bus, NULL, 0, SECOND, NULL));
}

static const struct {
	uint32_t burst;
	uint64_t interval, last_start;
	uint32_t restarts;
	bool at_limit;
} limits[] = {
	{5, 10 * SECOND, 95 * SECOND, 0, false}, /* now is 100 */
	{5, 10 * SECOND, 95 * SECOND, 3, false}, {5, 10 * SECOND, 95 * SECOND, 4, true},
	{5, 10 * SECOND, 90 * SECOND, 4, false}, {5, 10 * SECOND, 90 * SECOND + 1, 4, true},
	{1, 10 * SECOND, 95 * SECOND, 0, true}, {0, 10 * SECOND, 95 * SECOND, 9, false},
	{5, 0, 95 * SECOND, 9, false}, {5, UINT64_MAX, 1, UINT32_MAX, true},
	{5, UINT64_MAX, 0, 9, false}, /* it never started */
};

TEST(a_start_rate_limit_is_seen_before_it_is_hit)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		Unit unit = {.start_burst = limits[i].burst,
			.start_interval_us = limits[i].interval,
			.inactive_exit_us = limits[i].last_start,
			.restarts = limits[i].restarts};

		ASSERT_EQ(unit_is_at_start_limit(&unit, 100 * SECOND), limits[i].at_limit);
	}
}

static const struct {
	const char *text;
	bool before, after;
} declarations[] = {
	{"[Unit]\nX-Suture-Reload=yes\n", false, true},
	{"[Unit]\n  X-Suture-Reload = On \r\n", false, true},
	{"[Unit]\nX-Suture-Reload=yes\nX-Suture-Reload=no\n", false, false},
	{"[Unit]\nX-Suture-Reload=\n", true, false},
	{"[Unit]\nX-Suture-Reload=perhaps\n", true, true},
	{"[Unit]\nX-Suture-Reload=perhaps\n", false, false},
	{"[Service]\nX-Suture-Reload=yes\n", false, false},
	{"X-Suture-Reload=yes\n", false, false},
	{"[Unit]\n#X-Suture-Reload=yes\n;X-Suture-Reload=yes\n", false, false},
	{"[Unit]\nX-Suture-Reloading=yes\nX-Suture-Reload\n", false, false},
	{"[Service]\nType=notify\n[Unit]\nX-Suture-Reload=1", false, true},
	{"", true, true},
	{"[", false, false},
	{"=", false, false},
};

TEST(units_declare_that_a_reload_is_enough)
{
	for (size_t i = 0; i < ARRAY_SIZE(declarations); i++)
		if (unit_text_declares_reload(declarations[i].text, declarations[i].before) !=
			declarations[i].after)
			test_fail(declarations[i].text, 0, "not so");
}

TEST(drop_ins_have_the_last_word_on_reloads)
{
	static const char yes[] = "[Unit]\nX-Suture-Reload=yes\n";
	static const char no[] = "[Unit]\nX-Suture-Reload=no\n";
	_cleanup_free_ char *fragment = memory_printf("%s/a.service", test_folder());
	_cleanup_free_ char *drop_in = memory_printf("%s/10.conf", test_folder());
	char *drop_ins[] = {NULL, NULL};
	Unit unit = {.fragment = fragment, .drop_ins = drop_ins};

	ASSERT(!unit_reload_suffices(&unit)); /* there is no such file */
	ASSERT_OK(file_write_atomic(AT_FDCWD, fragment, yes, strlen(yes), 0644));
	ASSERT_OK(file_write_atomic(AT_FDCWD, drop_in, no, strlen(no), 0644));
	ASSERT(unit_reload_suffices(&unit));
	drop_ins[0] = drop_in;
	ASSERT(!unit_reload_suffices(&unit));
	ASSERT_OK(file_write_atomic(AT_FDCWD, drop_in, yes, strlen(yes), 0644));
	unit.fragment = NULL;
	ASSERT(unit_reload_suffices(&unit));
}
