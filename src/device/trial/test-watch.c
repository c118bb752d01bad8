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
	bool on_demand;
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
	{"was started again", {.restarts = 2}, true, true,
		"a.service does not stay up: it was started again 2 times"},
	{"is always started again", {.restarts = 2, .policy = "always"}, false, false, ""},
	{"was started again before the switch", {.restarts = 2, .started = 1}, false, false, ""},
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
		Watched first = {.switched_us = SWITCH}, last = {.switched_us = SWITCH};
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
	Watched watched = {.switched_us = SWITCH};
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

TEST(restarts_are_counted_from_the_switch)
{
	Watched watched = {.switched_us = SWITCH};
	Look old = {.restarts = 7, .started = 1}, again = {.restarts = 8};
	Look by_hand = {}, once = {.restarts = 1};

	ASSERT_EQ(look(&watched, &old, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &old, NOW, true, NULL), 0);
	ASSERT_EQ(look(&watched, &again, NOW, false, NULL), 1);
	watched = (Watched){.switched_us = SWITCH};
	ASSERT_EQ(look(&watched, &old, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &by_hand, NOW, false, NULL), 0);
	ASSERT_EQ(look(&watched, &once, NOW, false, NULL), 1);
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

	ASSERT_EQ(health_run(root, 1, &reason), result);
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
	ASSERT_EQ(health_run(root, 1, &reason), 0);
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

TEST(a_dangling_check_is_not_switched_off)
{
	_cleanup_free_ char *root = memory_printf("%s/dangling", test_folder());
	_cleanup_free_ char *path = memory_printf("%s/" HEALTH_PATH "/a", root);
	Reason reason = {};

	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(symlink("/nonexistent/check", path));
	ASSERT_EQ(health_run(root, 1, &reason), 1);
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
		ASSERT_EQ(health_run(root, 1, &reason), i == HEALTH_CHECKS_MAX);
	}
}

static int run_good(const char *root)
{
	return health_run(root, 9, NULL);
}

TEST(health_checks_survive_a_lack_of_memory)
{
	_cleanup_free_ char *root = memory_printf("%s/memory", test_folder());

	put(root, HEALTH_PATH, "a", "#!/bin/sh\necho good\n", 0755);
	TEST_EACH_ALLOCATION(run_good(root), (void)0);
}
