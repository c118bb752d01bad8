/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/path.h"
#include "base/time.h"
#include "device/policy/amount.h"
#include "device/policy/postponement.h"
#include "device/policy/wait.h"
#include "test.h"

/* Rules instead of names: no table of zones has to be on the machine. Clocks go forward on the last
 * Sunday of March at 2:00, and back on that of October at 3:00. */
#define CENTRAL_EUROPE "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEPAL          "NPT-5:45"

static void be_in(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static int64_t at(const char *utc)
{
	int64_t seconds;

	ASSERT_OK(time_parse(utc, &seconds));
	return seconds;
}

static Window window(const char *text)
{
	Window parsed;

	ASSERT_OK(window_parse(text, &parsed));
	return parsed;
}

static bool is_open(const char *text, const char *utc)
{
	Window parsed = window(text);

	return window_is_open(&parsed, 1, at(utc));
}

static int64_t next(const char *text, const char *utc)
{
	Window parsed = window(text);
	int64_t time;

	ASSERT_OK(window_next(&parsed, 1, at(utc), &time));
	return time;
}

TEST(windows_are_days_and_hours)
{
	static const char *const wrong[] = {"", "Mon", "Mon ", "03:00", "03:00-", "3:00-5:00",
		"03:00-05:00 ", "03:00-03:00", "24:00-05:00", "03:00-24:01", "03:60-05:00",
		"Mon..Xyz 03:00-05:00", "mon 03:00-05:00", "Mon, Tue 03:00-05:00",
		"Mon..Wed..Fri 03:00-05:00", "Monday 03:00-05:00", "Mon03:00-05:00",
		"Mon.Tue 03:00-05:00", "-3:00-05:00", "03:00 05:00", "Mon..", "Mon,"};
	Window parsed = {.days = 99};

	ASSERT_EQ(window("03:00-05:00").days, 0x7f);
	ASSERT_EQ(window("Mon..Fri 03:00-05:00").days, 0x3e);
	ASSERT_EQ(window("Sat..Mon 03:00-05:00").days, 0x43);
	ASSERT_EQ(window("Sun,Tue..Wed,Sun  03:00-05:00").days, 0x0d);
	ASSERT_EQ(window("00:00-24:00").end, 24 * 60);
	ASSERT_EQ(window("22:30-06:15").start, 22 * 60 + 30);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (window_parse(wrong[i], &parsed) != -EINVAL)
			test_fail(wrong[i], (int)i, "was taken for a window");
	ASSERT_EQ(parsed.days, 99);
}

/* 2026-11-29 is a Sunday. */
TEST(a_window_is_open_from_its_first_to_before_its_last_minute)
{
	be_in("UTC");
	ASSERT(!is_open("Sun 03:00-05:00", "2026-11-29T02:59:59Z"));
	ASSERT(is_open("Sun 03:00-05:00", "2026-11-29T03:00:00Z"));
	ASSERT(is_open("Sun 03:00-05:00", "2026-11-29T04:59:59Z"));
	ASSERT(!is_open("Sun 03:00-05:00", "2026-11-29T05:00:00Z"));
	ASSERT(!is_open("Mon..Sat 03:00-05:00", "2026-11-29T04:00:00Z"));
	ASSERT(is_open("00:00-24:00", "2026-11-29T23:59:59Z"));
	ASSERT(window_is_open(NULL, 0, 0));
}

TEST(a_window_over_midnight_belongs_to_the_day_it_begins_on)
{
	be_in("UTC");
	ASSERT(!is_open("Sat 22:00-06:00", "2026-11-28T05:00:00Z"));
	ASSERT(is_open("Sat 22:00-06:00", "2026-11-28T22:00:00Z"));
	ASSERT(is_open("Sat 22:00-06:00", "2026-11-29T05:59:00Z"));
	ASSERT(!is_open("Sat 22:00-06:00", "2026-11-29T06:00:00Z"));
	ASSERT(!is_open("Sat 22:00-06:00", "2026-11-29T22:00:00Z"));
	ASSERT(is_open("Sat 23:00-00:00", "2026-11-28T23:59:00Z"));
	ASSERT(!is_open("Sat 23:00-00:00", "2026-11-29T00:00:00Z"));
}

TEST(windows_are_in_local_time)
{
	be_in(NEPAL);
	ASSERT(is_open("Mon 03:00-05:00", "2026-11-29T21:15:00Z"));
	ASSERT(!is_open("Mon 03:00-05:00", "2026-11-29T21:14:00Z"));
	ASSERT_EQ(next("Mon 03:00-05:00", "2026-11-29T00:00:07Z"), at("2026-11-29T21:15:00Z"));
	be_in(CENTRAL_EUROPE);
	ASSERT(is_open("03:00-05:00", "2026-01-10T02:00:00Z"));
	ASSERT(is_open("03:00-05:00", "2026-07-10T01:00:00Z"));
}

TEST(what_the_clock_leaves_out_is_no_part_of_a_window)
{
	be_in(CENTRAL_EUROPE);
	ASSERT_EQ(next("02:15-02:45", "2026-03-28T12:00:00Z"), at("2026-03-30T00:15:00Z"));
	ASSERT_EQ(next("02:30-04:00", "2026-03-28T12:00:00Z"), at("2026-03-29T01:00:00Z"));
	ASSERT_EQ(next("Sun 02:15-02:45", "2026-03-28T12:00:00Z"), at("2026-04-05T00:15:00Z"));
}

TEST(an_hour_that_comes_twice_is_open_twice)
{
	be_in(CENTRAL_EUROPE);
	ASSERT(is_open("02:00-03:00", "2026-10-25T00:30:00Z"));
	ASSERT(is_open("02:00-03:00", "2026-10-25T01:30:00Z"));
	ASSERT(!is_open("02:00-03:00", "2026-10-25T02:00:00Z"));
	ASSERT_EQ(next("02:00-02:30", "2026-10-25T00:30:00Z"), at("2026-10-25T01:00:00Z"));
}

TEST(the_next_window_is_found)
{
	const Window both[] = {window("Mon 03:00-05:00"), window("Sun 04:00-06:00")};
	int64_t time;

	be_in("UTC");
	ASSERT_OK(window_next(both, 2, at("2026-11-29T05:30:12Z"), &time));
	ASSERT_EQ(time, at("2026-11-29T05:30:12Z"));
	ASSERT_OK(window_next(both, 2, at("2026-11-29T06:00:00Z"), &time));
	ASSERT_EQ(time, at("2026-11-30T03:00:00Z"));
	ASSERT_OK(window_next(both, 2, at("2026-11-30T05:00:00Z"), &time));
	ASSERT_EQ(time, at("2026-12-06T04:00:00Z"));
	ASSERT_EQ(next("Tue 00:00-01:00", "2028-02-28T12:00:00Z"), at("2028-02-29T00:00:00Z"));
	ASSERT_OK(window_next(NULL, 0, 7, &time));
	ASSERT_EQ(time, 7);
	ASSERT_ERROR(-ENOENT, window_next(&(Window){.start = 1, .end = 2}, 1, 0, &time));
}

static Enforcement enforcement(const char *text)
{
	Enforcement parsed;

	ASSERT_OK(enforcement_parse(text, &parsed));
	return parsed;
}

TEST(deadlines_are_local)
{
	static const char *const wrong[] = {"", "26.3.1-b", "26.3.1-b ", "26.3.1-b 2026-12-01",
		"26.3.1-b 2026-12-01T24:00", "26.3.1-b 2027-02-29T10:00", " 2026-12-01T18:00",
		"26.3.1 (b) 2026-12-01T18:00", "26.3.1-b 2026-12-01T18:00+01:00",
		"26.3.1-b 2026-12-01T18:00:00 x"};
	Enforcement parsed = enforcement("26.3.1-b  2028-02-29T18:00");

	be_in("UTC");
	ASSERT_EQ(enforcement_deadline(&parsed), at("2028-02-29T18:00:00Z"));
	be_in(CENTRAL_EUROPE);
	ASSERT_EQ(enforcement_deadline(&parsed), at("2028-02-29T17:00:00Z"));
	parsed = enforcement("26.3.1-b 2026-07-01T18:00:30");
	ASSERT_EQ(enforcement_deadline(&parsed), at("2026-07-01T16:00:30Z"));
	parsed = enforcement("26.3.1-b 2026-03-29T02:30"); /* left out */
	ASSERT_EQ(enforcement_deadline(&parsed), at("2026-03-29T01:30:00Z"));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (enforcement_parse(wrong[i], &parsed) != -EINVAL)
			test_fail(wrong[i], (int)i, "was taken for an enforcement");
}

#define SECOND "2026-12-02T00:00"
#define FIRST  "2026-12-01T00:00"

static const struct {
	const char *first, *second; /* what has to be on by FIRST and by SECOND */
	uint64_t installed, offered;
	const char *found; /* NULL: none */
} queues[] = {
	{"26.3.1-b", "26.3.1-c", 0, 3, "26.3.1-b"}, /* the earliest */
	{"26.3.1-b", "26.3.1-c", 2, 3, "26.3.1-c"}, /* as new as what is on */
	{"26.3.1-b", "26.3.1-c", 3, 3, NULL},       /* older */
	{"26.3.1-z", "26.3.1-c", 0, 3, "26.3.1-c"}, /* not offered yet: waits */
	{"26.3.1-aa", "26.3.1-c", 3, 27, "26.3.1-aa"},
	{"26.3.2-a", "26.3.1-c", 0, 3, "26.3.1-c"}, /* another base: waits */
	{"26.3.10-a", "26.3.1-", 0, 3, NULL},
	{"26.3.1", "26.3.1-c", 2, 3, "26.3.1"}, /* whatever is newest */
	{"26.3.1", "26.3.1-c", 3, 3, NULL},
	{"newest", "26.3.1-c", 0, 1, "newest"},
	{"newest", "26.3.1", 0, 0, NULL},
	{"26.3.1-A", "26.3.1-abcde", 0, 3, NULL},
};

TEST(enforcements_are_a_queue)
{
	be_in("UTC");
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		_cleanup_free_ char *second = memory_printf("%s " SECOND, queues[i].second),
				    *first = memory_printf("%s " FIRST, queues[i].first);
		const Enforcement list[] = {enforcement(second), enforcement(first)};
		const EnforcementDevice device = {"26.3.1", queues[i].installed, queues[i].offered};
		EnforcementNext found = {};
		int r = enforcement_next(list, 2, &device, &found);

		ASSERT_EQ(r, queues[i].found ? 0 : ENFORCEMENT_NONE);
		if (!queues[i].found)
			continue;
		ASSERT_STREQ(found.enforcement->improvement, queues[i].found);
		ASSERT_EQ(found.sequence, queues[i].offered);
		ASSERT_EQ(found.deadline, enforcement_deadline(found.enforcement));
	}
}

TEST(the_owner_postpones_as_long_as_the_policy_lets)
{
	Postponement postponement = {};

	ASSERT_EQ(postpone_until(&postponement, 1000, 50000), 0);
	ASSERT_OK(postponement_extend(&postponement, 1000, 300, 50000));
	ASSERT_EQ(postpone_until(&postponement, 1000, 50000), 50300);
	ASSERT_EQ(postponement_left(&postponement, 1000, 50100), 900);
	ASSERT_EQ(postpone_until(&postponement, 1000, 50300), 0);
	ASSERT_OK(postponement_extend(&postponement, 1000, 5000, 60000)); /* 300 were used */
	ASSERT_EQ(postpone_until(&postponement, 1000, 60000), 60700);
	ASSERT_OK(postponement_extend(&postponement, 1000, 0, 60200)); /* no longer */
	ASSERT_EQ(postpone_until(&postponement, 1000, 60200), 0);
	ASSERT_OK(postponement_extend(&postponement, 1000, 5000, 70000));
	ASSERT_EQ(postpone_until(&postponement, 1000, 70000), 70500);
	ASSERT_ERROR(-EDQUOT, postponement_extend(&postponement, 1000, 1, 70500));
	ASSERT_ERROR(-EDQUOT, postponement_extend(&(Postponement){}, 0, 1, 70500));
	ASSERT_OK(postponement_extend(&(Postponement){}, 0, 0, 70500));
}

TEST(neither_clock_nor_policy_makes_a_postponement_longer)
{
	const Postponement postponement = {.since = 50000, .until = 50900};

	ASSERT_EQ(postpone_until(&postponement, 1000, 10000), 11000); /* set back by 11 hours */
	ASSERT_EQ(postpone_until(&postponement, 500, 50100), 50500);  /* the policy got stricter */
	ASSERT_EQ(postpone_until(&postponement, 0, 50100), 0);
}

TEST(a_postponement_is_kept_until_something_else_is_on)
{
	const Postponement kept = {.installed = 2, .used = 60, .since = 1000, .until = 4000};
	Postponement read = {.used = 7};

	ASSERT_OK(postponement_read(test_folder(), 2, &read));
	ASSERT(read.installed == 2 && read.used == 0 && read.until == 0);
	ASSERT_OK(postponement_write(test_folder(), &kept, NULL));
	ASSERT_OK(postponement_read(test_folder(), 2, &read));
	ASSERT_MEMEQ(&read, &kept, sizeof(kept));
	ASSERT_OK(postponement_read(test_folder(), 3, &read));
	ASSERT(read.installed == 3 && read.used == 0 && read.until == 0);
}

#define RECORD "installed 2\nused 9\nsince 2026-11-29T08:00:00Z\nuntil 2026-11-29T20:00:00Z\n"

TEST(a_damaged_postponement_postpones_nothing)
{
	static const char *const texts[] = {"", "suture-postponed 2\n" RECORD, "\n" RECORD,
		"suture-postponed 1\n" RECORD "more\n",
		"suture-postponed 1\ninstalled 2\nused 0\nsince 2026-11-29T08:00:01Z\n"
		"until 2026-11-29T08:00:00Z\n",
		"suture-postponed 1\ninstalled 2\nused -1\nsince 2026-11-29T08:00:00Z\n"
		"until 2026-11-29T08:00:00Z\n"};
	_cleanup_free_ char *path = path_join(test_folder(), POSTPONEMENT_PATH);
	static const char good[] = "suture-postponed 1\n" RECORD;
	Postponement read;

	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(file_write_atomic(AT_FDCWD, path, good, strlen(good), 0644));
	ASSERT_OK(postponement_read(test_folder(), 2, &read));
	ASSERT(read.used == 9 && read.until == at("2026-11-29T20:00:00Z"));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ASSERT_OK(file_write_atomic(AT_FDCWD, path, texts[i], strlen(texts[i]), 0644));
		ASSERT_OK(postponement_read(test_folder(), 2, &read));
		ASSERT(read.installed == 2 && read.used == 0 && read.until == 0);
	}
}

TEST(people_are_told_what_they_want_to_know)
{
	Config config = {.notify = NOTIFY_ALL};

	ASSERT(config_notifies(&config, CONFIG_NO_DEADLINE));
	config.notify = NOTIFY_DEADLINE_ONLY;
	ASSERT(!config_notifies(&config, CONFIG_NO_DEADLINE));
	ASSERT(!config_notifies(&config, 3601));
	ASSERT(config_notifies(&config, 3600) && config_notifies(&config, 0));
	config.notify = NOTIFY_NONE;
	ASSERT(!config_notifies(&config, 0));
}

#define NOW 1800000000

/* One circumstance each, on a machine where nothing else waits. */
static const struct {
	WaitSet download, install, restart;
	Config config;
	Conditions conditions;
	Work work;
} cases[] = {
	{},
#define ALWAYS(reason)     WAIT_BIT(reason), WAIT_BIT(reason), WAIT_BIT(reason)
#define LATER(reason)      0, WAIT_BIT(reason), WAIT_BIT(reason)
#define NOT_BEFORE(reason) WAIT_BIT(reason), WAIT_BIT(reason), 0
	{ALWAYS(WAIT_AUTOMATIC), .config = {.automatic = AUTOMATIC_OFF}},
	{LATER(WAIT_AUTOMATIC), .config = {.automatic = AUTOMATIC_DOWNLOAD}},
	{ALWAYS(WAIT_MANAGED_OFF), .config = {.automatic = AUTOMATIC_OFF, .forbids_install = true}},
	{.config = {.forbids_install = true}},
	{.conditions = {.is_metered = true}, .work = {.download = 1 << 30}},
	{WAIT_BIT(WAIT_METERED), .config = {.metered = METERED_WAITS},
		.conditions = {.is_metered = true}, .work = {.download = 1}},
	{.config = {.metered = METERED_WAITS}, .conditions = {.is_metered = true}},
	{.config = {.metered = METERED_WAITS}, .work = {.download = 1}},
	{WAIT_BIT(WAIT_METERED), .config = {.metered = METERED_SMALL, .metered_max = 10},
		.conditions = {.is_metered = true}, .work = {.download = 11}},
	{.config = {.metered = METERED_SMALL, .metered_max = 10},
		.conditions = {.is_metered = true},
		.work = {.download = 10}},
	{.config = {.battery_floor = 20},
		.conditions = {.has_battery = true, .battery = 3}}, /* on power */
	{ALWAYS(WAIT_BATTERY_LOW), .config = {.battery_floor = 20},
		.conditions = {.on_battery = true, .has_battery = true, .battery = 19}},
	{.config = {.battery_floor = 20},
		.conditions = {.on_battery = true, .has_battery = true, .battery = 20}},
	{.config = {.battery_floor = 20}, .conditions = {.on_battery = true}},
	{ALWAYS(WAIT_ON_BATTERY), .config = {.battery_waits = true},
		.conditions = {.on_battery = true, .has_battery = true, .battery = 100}},
	{LATER(WAIT_INHIBITED), .conditions = {.is_inhibited = true}},
	{0, 0, WAIT_BIT(WAIT_INHIBITED), .conditions = {.restart_is_inhibited = true}},
	{ALWAYS(WAIT_HELD), .work = {.is_held = true}},
	{ALWAYS(WAIT_ROLLOUT), .work = {.waits_for_rollout = true}},
	{NOT_BEFORE(WAIT_DISK_FULL), .conditions = {.has_free = true, .free = 9},
		.work = {.space = 10}},
	{.conditions = {.free = 9}, .work = {.space = 10}},
	{LATER(WAIT_POSTPONED), .work = {.postponed_until = NOW + 1}},
	{.work = {.postponed_until = NOW}},
	{ALWAYS(WAIT_DELAY), .config = {.delay = 60, .delay_unless = URGENCY_HIGH},
		.work = {.published = NOW - 59, .urgency = URGENCY_MEDIUM}},
	{.config = {.delay = 60, .delay_unless = URGENCY_HIGH},
		.work = {.published = NOW - 59, .urgency = URGENCY_HIGH}},
	{.config = {.delay = 60, .delay_unless = CONFIG_DELAY_ALL},
		.work = {.published = NOW - 60, .urgency = URGENCY_CRITICAL}},
	{ALWAYS(WAIT_DELAY), .config = {.delay = 60, .delay_unless = CONFIG_DELAY_ALL},
		.work = {.published = NOW - 59, .urgency = URGENCY_CRITICAL}},
	{ALWAYS(WAIT_CLOCK), .config = {.delay = 60, .delay_unless = CONFIG_DELAY_ALL},
		.conditions = {.clock_is_wrong = true}},
	{.conditions = {.clock_is_wrong = true}},
	/* 2027-01-15 08:00 UTC, a Friday */
	{0, 0, WAIT_BIT(WAIT_WINDOW), .config = {.window_count = 1, .windows = {{0x7f, 0, 60}}}},
	{LATER(WAIT_WINDOW), .config = {.window_count = 1, .windows = {{0x7f, 0, 60}}},
		.work = {.scope = RESTART_SERVICES}},
	{.config = {.window_count = 2, .windows = {{0x7f, 0, 60}, {0x20, 480, 481}}},
		.work = {.scope = RESTART_SERVICES}},
	{LATER(WAIT_CLOCK), .config = {.window_count = 1, .windows = {{0x7f, 0, 1440}}},
		.conditions = {.clock_is_wrong = true}, .work = {.scope = RESTART_SERVICES}},
	{LATER(WAIT_NOT_IDLE), .config = {.waits_for_idle = true, .idle_load = 30},
		.conditions = {.load = 31}, .work = {.scope = RESTART_SERVICES}},
	{LATER(WAIT_NOT_IDLE), .config = {.waits_for_idle = true, .idle_load = 30},
		.conditions = {.is_used = true}, .work = {.scope = RESTART_SERVICES}},
	{.config = {.waits_for_idle = true, .idle_load = 30},
		.conditions = {.load = 30},
		.work = {.scope = RESTART_SERVICES}},
	{.conditions = {.is_used = true, .load = 100}, .work = {.scope = RESTART_SERVICES}},
};

TEST(every_circumstance_holds_up_what_it_should)
{
	be_in("UTC");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const WaitSet expected[] = {cases[i].download, cases[i].install, cases[i].restart};
		Config config = cases[i].config;

		config.restarts = RESTARTS_MACHINE;
		for (int step = STEP_DOWNLOAD; step <= STEP_RESTART; step++) {
			WaitSet set = policy_decide(
				&config, &cases[i].conditions, &cases[i].work, (WaitStep)step, NOW);

			if (set != expected[step])
				test_fail(__FILE__, (int)i, "step %d: %x, not %x", step, set,
					expected[step]);
		}
	}
}

TEST(only_a_policy_that_says_machine_restarts_the_machine)
{
	const Config services = {.restarts = RESTARTS_SERVICES};
	const Config off = {
		.restarts = RESTARTS_OFF, .window_count = 1, .windows = {{0x7f, 0, 60}}};
	const Work work = {.scope = RESTART_SERVICES};

	be_in("UTC");
	ASSERT_EQ(policy_decide(&services, &(Conditions){}, &work, STEP_RESTART, NOW),
		WAIT_BIT(WAIT_RESTART));
	ASSERT_EQ(policy_decide(&services, &(Conditions){}, &work, STEP_INSTALL, NOW), 0);
	ASSERT_EQ(policy_decide(&off, &(Conditions){}, &work, STEP_INSTALL, NOW), 0);
}

TEST(what_is_only_staged_needs_no_window)
{
	const Config config = {.window_count = 1, .windows = {{0x7f, 0, 60}}};
	const Work staged = {.scope = RESTART_SOFT_REBOOT}, grafted = {.scope = RESTART_SERVICES};

	be_in("UTC");
	ASSERT_EQ(policy_decide(&config, &(Conditions){}, &staged, STEP_INSTALL, NOW), 0);
	ASSERT_EQ(policy_decide(&config, &(Conditions){}, &grafted, STEP_INSTALL, NOW),
		WAIT_BIT(WAIT_WINDOW));
}

TEST(all_reasons_are_given_and_have_words)
{
	const Config config = {.automatic = AUTOMATIC_OFF, .battery_waits = true};
	const Conditions conditions = {.on_battery = true, .is_inhibited = true};
	WaitSet set =
		policy_decide(&config, &conditions, &(Work){.is_held = true}, STEP_INSTALL, NOW);
	char text[WAIT_TEXT_SIZE];

	wait_describe(set, text);
	ASSERT_STREQ(text, "automatic-off, on-battery, inhibited, held");
	wait_describe(set & ~WAITS_OF_THE_OWNER, text);
	ASSERT_STREQ(text, "inhibited, held");
	wait_describe(set & ~WAITS_BEFORE_A_DEADLINE, text);
	ASSERT_STREQ(text, "held");
	wait_describe(0, text);
	ASSERT_STREQ(text, "");
	wait_describe(UINT32_MAX, text);
	ASSERT(strlen(text) + 1 < WAIT_TEXT_SIZE && strstr(text, "restart-off"));
	ASSERT(!wait_words[WAIT_REASONS] && wait_words[WAIT_REASONS - 1]);
}

TEST(amounts_have_units)
{
	static const char *const wrong[] = {"", "d", "1 d", "-1", "1.5h", "1D", "01",
		"99999999999999999999", "1y", "18014398509481984k"};
	char text[AMOUNT_TEXT_SIZE];
	uint64_t number;

	ASSERT_OK(amount_duration("90", 90, &number));
	ASSERT_EQ(number, 90);
	ASSERT_OK(amount_duration("2w", UINT64_MAX, &number));
	ASSERT_EQ(number, 14 * 86400);
	ASSERT_OK(amount_duration("15min", 900, &number));
	ASSERT_ERROR(-EINVAL, amount_duration("15min", 899, &number));
	ASSERT_OK(amount_bytes("3k", UINT64_MAX, &number));
	ASSERT_EQ(number, 3072);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (amount_duration(wrong[i], UINT64_MAX, &number) != -EINVAL ||
			amount_bytes(wrong[i], UINT64_MAX, &number) != -EINVAL)
			test_fail(wrong[i], (int)i, "was taken for an amount");
	amount_describe(7 * 86400, text);
	ASSERT_STREQ(text, "7 d");
	amount_describe(86400 + 59, text);
	ASSERT_STREQ(text, "1 d");
	amount_describe(5400, text);
	ASSERT_STREQ(text, "1 h 30 min");
	amount_describe(-5, text);
	ASSERT_STREQ(text, "0 s");
}
