/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/time.h"
#include "device/trial/health.h"
#include "device/trial/verdict.h"
#include "test.h"

#define SECOND UINT64_C(1000000)
#define SWITCH (100 * SECOND)
#define NOW    (120 * SECOND)

/* What one look at a unit gives. Empty words are those of a service that is well. */
typedef struct Look {
	const char *active, *sub, *result, *type, *policy;
	int code, status;
	uint32_t restarts;
	uint64_t started; /* 0: after the switch; 1: before it; 2: never */
	bool on_demand, has_job;
} Look;

static const char *or_well(const char *word, const char *well)
{
	return word ? word : well;
}

static int look(Watched *watched, const Look *look, uint64_t now, bool is_last, Reason *reason)
{
	char *sockets[] = {(char *)"a.socket", NULL};
	Unit unit = {.id = (char *)"a.service",
		.main_code = look->code,
		.main_status = look->status,
		.restarts = look->restarts,
		.triggered_by = look->on_demand ? sockets : NULL,
		.job = look->has_job ? 7 : 0,
		.inactive_exit_us = look->started == 0 ? SWITCH + SECOND
			: look->started == 1           ? SWITCH - SECOND
						       : 0};

	snprintf(unit.active_state, sizeof(unit.active_state), "%s",
		or_well(look->active, "active"));
	snprintf(unit.sub_state, sizeof(unit.sub_state), "%s", or_well(look->sub, "running"));
	snprintf(unit.result, sizeof(unit.result), "%s", or_well(look->result, "success"));
	snprintf(unit.type, sizeof(unit.type), "%s", or_well(look->type, "notify"));
	snprintf(unit.restart_policy, sizeof(unit.restart_policy), "%s",
		or_well(look->policy, "on-failure"));
	return verdict_look(watched, &unit, now, is_last, reason);
}

static const struct {
	const char *what;
	Look look;
	bool fails, fails_at_end;
	const char *says;
} looks[] = {
	{"well", {}, false, false, ""},
	{"failed with 127",
		{.active = "failed", .result = "exit-code", .code = CLD_EXITED, .status = 127},
		true, true, "a.service failed: its program ended with 127, as when a library"},
	{"failed with 1",
		{.active = "failed", .result = "exit-code", .code = CLD_EXITED, .status = 1}, true,
		true, "a.service failed: its program ended with 1"},
	{"failed by a signal",
		{.active = "failed", .result = "core-dump", .code = CLD_DUMPED, .status = SIGSEGV},
		true, true, "a.service failed: its program was ended by signal 11"},
	{"failed to start in time", {.active = "failed", .result = "timeout"}, true, true,
		"a.service failed: timeout"},
	{"starts again after a bad end",
		{.active = "activating",
			.sub = "auto-restart",
			.result = "signal",
			.code = CLD_KILLED,
			.status = SIGBUS},
		true, true, "a.service does not stay up: its program was ended by signal 7"},
	{"starts again, as systemd 257 says it",
		{.active = "activating", .sub = "auto-restart-queued", .result = "exit-code"}, true,
		true, "a.service does not stay up: exit-code"},
	{"starts again after a good end",
		{.active = "activating", .sub = "auto-restart", .policy = "always", .restarts = 1},
		false, true, "a.service does not get ready"},
	{"was started again before it was looked at", {.restarts = 2}, false, false, ""},
	{"fails in a restart",
		{.active = "failed", .result = "exit-code", .status = 143, .has_job = true}, false,
		true, "a.service failed: exit-code"},
	{"waits for its start", {.active = "inactive", .sub = "dead", .has_job = true}, false, true,
		"a.service does not get ready"},
	{"still starts", {.active = "activating", .sub = "start"}, false, true,
		"a.service does not get ready"},
	{"does its one job", {.active = "activating", .sub = "start", .type = "oneshot"}, false,
		false, ""},
	{"is down", {.active = "inactive", .sub = "dead"}, false, true,
		"a.service is not active any more"},
	{"is stopped", {.active = "deactivating", .sub = "stop"}, false, false, ""},
	{"has a socket", {.active = "inactive", .sub = "dead", .on_demand = true}, false, false,
		""},
	{"is on the bus", {.active = "inactive", .sub = "dead", .type = "dbus"}, false, false, ""},
	{"failed with a socket", {.active = "failed", .result = "exit-code", .on_demand = true},
		true, true, "a.service failed: exit-code"},
	{"nobody started", {.active = "inactive", .sub = "dead", .started = 2}, false, false, ""},
	{"reloads", {.active = "reloading", .sub = "reload"}, false, false, ""},
};

TEST(one_look_tells_what_can_be_told)
{
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		Watched first = {}, last = {};
		Reason reason = {};

		if ((look(&first, &looks[i].look, NOW, false, NULL) > 0) != looks[i].fails ||
			(look(&last, &looks[i].look, NOW, true, &reason) > 0) !=
				looks[i].fails_at_end)
			test_fail(looks[i].what, 0, "is judged wrongly");
		if (strncmp(reason.text, looks[i].says, strlen(looks[i].says)) != 0)
			test_fail(looks[i].what, 0, "'%s'", reason.text);
	}
}

TEST(a_unit_that_goes_down_has_a_moment_to_come_back)
{
	Watched watched = {};
	Look up = {}, down = {.active = "inactive", .sub = "dead"};
	Look start = {.active = "activating", .sub = "start"};

	ASSERT_EQ(look(&watched, &up, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &down, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &down, NOW + VERDICT_DOWN_US - 1, false, NULL), 0);
	ASSERT_EQ(look(&watched, &up, NOW + VERDICT_DOWN_US, false, NULL), 0);
	ASSERT_EQ(look(&watched, &start, NOW + VERDICT_DOWN_US, false, NULL), 0);
	ASSERT_EQ(look(&watched, &down, NOW + 9 * SECOND, false, NULL), 0);
	ASSERT_EQ(look(&watched, &down, NOW + 11 * SECOND, false, NULL), 1);
}

TEST(restarts_are_counted_from_the_first_look)
{
	Watched watched = {};
	Look old = {.restarts = 7}, again = {.restarts = 8}, by_hand = {}, once = {.restarts = 1};
	Look always = {.restarts = 8, .policy = "always"};
	Reason reason = {};

	ASSERT_EQ(look(&watched, &old, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &old, NOW, true, NULL), 0);
	ASSERT_EQ(look(&watched, &always, NOW, true, NULL), 0);
	ASSERT_EQ(look(&watched, &again, NOW, false, &reason), 1);
	ASSERT_STREQ(reason.text, "a.service does not stay up: it was started again 1 times");
	watched = (Watched){};
	ASSERT_EQ(look(&watched, &old, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &by_hand, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &once, NOW, false, NULL), 1);
}

static void tell(Watched *watched, const char *state)
{
	Unit changes = {};

	snprintf(changes.active_state, sizeof(changes.active_state), "%s", state);
	verdict_note_change(watched, &changes);
}

TEST(what_somebody_stopped_has_not_failed)
{
	Look up = {}, down = {.active = "inactive", .sub = "dead"};
	Look ended_badly = {
		.active = "failed", .result = "exit-code", .code = CLD_EXITED, .status = 143};
	const Look *ends[] = {&down, &ended_badly};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		Watched watched = {};

		ASSERT_EQ(look(&watched, &up, NOW, false, NULL), 0);
		tell(&watched, "deactivating");
		tell(&watched, ends[i]->active);
		tell(&watched, ""); /* of something else */
		verdict_note_job_done(&watched);
		ASSERT_EQ(look(&watched, ends[i], NOW, true, NULL), 0);
		ASSERT(watched.is_stopped && !watched.is_awaited);
		ASSERT_EQ(look(&watched, ends[i], NOW + 99 * SECOND, true, NULL), 0);
		/* up again, it is judged again */
		ASSERT_EQ(look(&watched, &up, NOW + 99 * SECOND, false, NULL), 0);
		ASSERT(!watched.is_stopped);
		ASSERT_EQ(look(&watched, ends[i], NOW + 99 * SECOND, true, NULL), 1);
	}
}

static const struct {
	const char *told[3]; /* the states; NULL: that a job is done */
	uint64_t started;
} not_stopped[] = {
	{{"inactive", "inactive", "inactive"}}, /* it ended by itself, */
	{{"active", NULL, "inactive"}},         /* after a start, a restart or a reload, */
	{{NULL, "failed", "failed"}},           /* also one of which only the end was seen; */
	{{"activating", "inactive", NULL}, 1},  /* or it was started anew, and ended at once */
};

TEST(what_ended_after_a_job_was_done_was_not_stopped)
{
	for (size_t i = 0; i < ARRAY_SIZE(not_stopped); i++) {
		Look up = {};
		Look down = {
			.active = "inactive", .sub = "dead", .started = not_stopped[i].started};
		Watched watched = {};

		ASSERT_EQ(look(&watched, &up, NOW, false, NULL), 0);
		for (size_t j = 0; j < 3; j++) {
			if (not_stopped[i].told[j])
				tell(&watched, not_stopped[i].told[j]);
			else
				verdict_note_job_done(&watched);
		}
		ASSERT_EQ(look(&watched, &down, NOW, true, NULL), 1);
		ASSERT(!watched.is_stopped);
	}
}

TEST(a_unit_whose_start_waits_for_others_is_not_down)
{
	Watched watched = {};
	Look up = {}, waits = {.active = "inactive", .sub = "dead", .has_job = true};

	ASSERT_EQ(look(&watched, &up, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &waits, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &waits, NOW + 9 * VERDICT_DOWN_US, false, NULL), 0);
	ASSERT(watched.is_awaited);
	ASSERT_EQ(look(&watched, &up, NOW + 9 * VERDICT_DOWN_US, true, NULL), 0);
	ASSERT(!watched.is_awaited);
}

static void put(
	const char *root, const char *place, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = memory_printf("%s/%s/%s", root, place, name);

	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(file_write_atomic(AT_FDCWD, path, text, strlen(text), mode));
}

static void expect(const char *root, int result, const char *says)
{
	Reason reason = {};

	ASSERT_EQ(health_run(root, 1, UINT64_MAX, &reason), result);
	ASSERT_STREQ(reason.text, says);
}

TEST(health_checks_say_which_failed_and_why)
{
	_cleanup_free_ char *root = memory_printf("%s/health", test_folder());

	expect(root, 0, "");
	put(root, HEALTH_VENDOR_PATH, "10-good", "#!/bin/sh\nexit 0\n", 0755);
	expect(root, 0, "");
	put(root, HEALTH_VENDOR_PATH, "20-bad", "#!/bin/sh\necho 'x: no answer' >&2; exit 3\n",
		0755);
	expect(root, 1, "the health check 20-bad failed: no answer");
	put(root, HEALTH_PATH, "20-bad", "#!/bin/sh\nexit 3\n", 0755);
	expect(root, 1, "the health check 20-bad ended with 3");
	put(root, HEALTH_PATH, "15-worse", "#!/bin/sh\nexit 4\n", 0755);
	expect(root, 1, "the health check 15-worse ended with 4");
	put(root, HEALTH_PATH, "15-worse", "#!/bin/sh\nexit 4\n", 0644);
	put(root, HEALTH_PATH, "20-bad", "", 0755);
	expect(root, 0, "");
	put(root, HEALTH_PATH, ".hidden", "#!/bin/sh\nexit 3\n", 0755);
	expect(root, 0, "");
}

TEST(a_health_check_that_cannot_be_run_or_does_not_end_is_bad)
{
	_cleanup_free_ char *root = memory_printf("%s/broken", test_folder());
	Reason reason = {};

	put(root, HEALTH_PATH, "a", "#!/nonexistent/interpreter\n", 0755);
	expect(root, 1, "the health check a ended with 127");
	put(root, HEALTH_PATH, "a", "\177ELF", 0755);
	expect(root, 1, "the health check a ended with 127");
	put(root, HEALTH_PATH, "a", "#!/bin/sh\nexec sleep 60\n", 0755);
	expect(root, 1, "the health check a took more than 1 seconds");
	put(root, HEALTH_PATH, "a", "", 0755);
	put(root, "etc", "other", "", 0644);
	ASSERT_EQ(health_run(root, 1, UINT64_MAX, &reason), 0);
}

/* Which of them hold its standard output is nobody's business. */
TEST(a_health_check_is_judged_by_its_own_end)
{
	_cleanup_free_ char *root = memory_printf("%s/leaves", test_folder());
	_cleanup_free_ char *left = memory_printf("%s/left", test_folder());
	_cleanup_free_ char *text = memory_printf("#!/bin/sh\n(sleep 2; touch %s) &\n", left);
	uint64_t start = time_monotonic_us();

	put(root, HEALTH_PATH, "a", text, 0755);
	expect(root, 0, "");
	put(root, HEALTH_PATH, "a", "#!/bin/sh\nsleep 9 &\nexit 3\n", 0755);
	expect(root, 1, "the health check a ended with 3");
	ASSERT(time_monotonic_us() - start < SECOND);
	usleep(2500000);
	ASSERT(!file_exists(AT_FDCWD, left));
}

TEST(health_checks_end_with_the_time_for_all)
{
	static const char says[] = "the health check b did not end within the trial's time: ";
	_cleanup_free_ char *root = memory_printf("%s/long", test_folder());
	uint64_t start = time_boot_us();
	Reason reason = {};

	put(root, HEALTH_PATH, "a", "#!/bin/sh\nsleep 1\n", 0755);
	put(root, HEALTH_PATH, "b", "#!/bin/sh\nexec sleep 60\n", 0755);
	ASSERT_EQ(health_run(root, 30, start + 2 * SECOND, &reason), 1);
	ASSERT(time_boot_us() - start < 5 * SECOND);
	ASSERT(strncmp(reason.text, says, strlen(says)) == 0);
	/* also when it is over */
	put(root, HEALTH_PATH, "a", "", 0755);
	ASSERT_EQ(health_run(root, 30, start, &reason), 1);
	put(root, HEALTH_PATH, "b", "#!/bin/sh\n", 0755);
	ASSERT_EQ(health_run(root, 30, start, &reason), 0);
}

TEST(a_dangling_check_is_not_switched_off)
{
	_cleanup_free_ char *root = memory_printf("%s/dangling", test_folder());
	_cleanup_free_ char *path = memory_printf("%s/" HEALTH_PATH "/a", root);
	Reason reason = {};

	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(symlink("/nonexistent/check", path));
	ASSERT_EQ(health_run(root, 1, UINT64_MAX, &reason), 1);
	ASSERT(strstr(reason.text, "the health check a failed: cannot run"));
}

TEST(more_checks_than_fit_are_told)
{
	_cleanup_free_ char *root = memory_printf("%s/many", test_folder());
	Reason reason = {};
	char name[16];

	for (int i = 0; i <= HEALTH_CHECKS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(root, HEALTH_PATH, name, "", 0755);
		ASSERT_EQ(health_run(root, 1, UINT64_MAX, &reason), i == HEALTH_CHECKS_MAX);
	}
}

static int run_good(const char *root)
{
	return health_run(root, 9, UINT64_MAX, NULL);
}

TEST(health_checks_survive_a_lack_of_memory)
{
	_cleanup_free_ char *root = memory_printf("%s/memory", test_folder());

	put(root, HEALTH_PATH, "a", "#!/bin/sh\necho good\n", 0755);
	TEST_EACH_ALLOCATION(run_good(root), (void)0);
}
