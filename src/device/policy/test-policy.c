/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/policy/policy.h"
#include "test.h"

#define URL "[repository]\nurl = https://updates.example.org/suture\n"

/* Whatever is wrong with the text; the last text's is kept until the next one. */
static Policy *policy;

static void add(PolicyLayer layer, const char *name, const char *text)
{
	ASSERT_OK(policy_add(policy, layer, name, text, strlen(text)));
}

static void begin(void)
{
	policy_free(policy);
	policy = policy_new();
	ASSERT(policy);
}

static const Config *settle(void)
{
	ASSERT_OK(policy_settle(policy));
	return &policy->config;
}

/* What one file of the owner's gives. */
static const Config *parse(const char *text)
{
	begin();
	add(POLICY_OWNER, "suture.conf", text);
	return settle();
}

static const Config *parse_well(const char *text)
{
	const Config *config = parse(text);

	if (policy->mistake_count > 0)
		test_fail(text, 0, "'%s'", policy->mistakes[0].text);
	return config;
}

static void check_mistake(size_t number, const char *start)
{
	ASSERT(policy->mistake_count > number);
	if (!text_starts_with(policy->mistakes[number].text, start))
		test_fail(start, 0, "'%s'", policy->mistakes[number].text);
}

static void check_value(const char *section, const char *key, const char *text, PolicyLayer layer,
	const char *file, unsigned line)
{
	const PolicyValue *value = policy_value(policy, section, key);

	ASSERT(value);
	ASSERT_STREQ(value->text, text);
	ASSERT_EQ(value->layer, layer);
	ASSERT_EQ(value->line, line);
	if (file)
		ASSERT(text_ends_with(value->file, file));
	else
		ASSERT(!value->file);
}

TEST(all_keys_are_read)
{
	const Config *config = parse_well("# what the owner decides\n"
					  "[repository]\n"
					  "  url=https://updates.example.org/suture  # ours\n"
					  "channel\t=\trehearsal\r\n"
					  "\n"
					  "[install]\n"
					  "; a comment of the other kind\n"
					  "automatic = download\n"
					  "[check]\n"
					  "interval = 90");
	ASSERT_STREQ(config->url, "https://updates.example.org/suture/");
	ASSERT_STREQ(config->channel, "rehearsal");
	ASSERT_EQ(config->automatic, AUTOMATIC_DOWNLOAD);
	ASSERT_EQ(config->interval, 90);
}

TEST(the_way_to_the_repository_is_read)
{
	const Config *config =
		parse_well("[repository]\nurl = file:///media/usb/26.3.1.suture\n"
			   "mirror = http://a.example\nmirror = https://b.example/x/\n"
			   "proxy = http://proxy.example:3128\nca-file = /etc/ssl/our own.pem\n"
			   "redirects = any\ntimeout = 600\n");
	ASSERT_STREQ(config->url, "file:///media/usb/26.3.1.suture/");
	ASSERT_EQ(config->mirror_count, 2);
	ASSERT_STREQ(config->mirrors[0], "http://a.example/");
	ASSERT_STREQ(config->mirrors[1], "https://b.example/x/");
	ASSERT_STREQ(config->proxy, "http://proxy.example:3128/");
	ASSERT_STREQ(config->ca_file, "/etc/ssl/our own.pem");
	ASSERT(config->any_redirect);
	ASSERT_EQ(config->timeout, 600);
	config = parse_well("[repository]\nredirects = same-host\n");
	ASSERT(!config->any_redirect);
}

TEST(restarts_and_trials_are_read)
{
	const Config *config = parse_well("[restart]\nautomatic = off\nprotect = postgresql@*\n"
					  "protect = dev-sda\\x2d1.service\n"
					  "[trial]\nwindow = 1\nboot-window = 86400\n");
	ASSERT_EQ(config->restarts, RESTARTS_OFF);
	ASSERT_EQ(config->protect_count, 2);
	ASSERT_STREQ(config->protect[0], "postgresql@*");
	ASSERT_STREQ(config->protect[1], "dev-sda\\x2d1.service");
	ASSERT_EQ(config->window, 1);
	ASSERT_EQ(config->boot_window, 86400);
	config = parse_well("[restart]\nautomatic = services\nprotect = *\n");
	ASSERT_EQ(config->restarts, RESTARTS_SERVICES);
}

/* As many lines as are wanted, each with its number in place of %d. */
static const char *repeat(const char *section, const char *line, int count)
{
	static char text[4096];
	size_t length = (size_t)snprintf(text, sizeof(text), "[%s]\n", section);

	for (int i = 0; i < count; i++) {
		char number[12];
		const char *place = strchr(line, '%');

		snprintf(number, sizeof(number), "%02d", i);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%.*s%s%s\n",
			(int)(place - line), line, number, place + 1);
	}
	return text;
}

static const struct {
	const char *section, *line;
	int max;
	size_t count; /* offset of the member that counts them */
} lists[] = {
	{"repository", "mirror = http://a.example/%", CONFIG_MIRRORS_MAX,
		offsetof(Config, mirror_count)},
	{"restart", "protect = a%.service", CONFIG_PROTECT_MAX, offsetof(Config, protect_count)},
	{"install", "window = 03:%-04:00", CONFIG_WINDOWS_MAX, offsetof(Config, window_count)},
	{"enforce", "require = 26.3.%-b 2026-12-01T18:00", CONFIG_ENFORCEMENTS_MAX,
		offsetof(Config, enforcement_count)},
};

TEST(an_entry_too_many_is_left_out)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *text = repeat(lists[i].section, lists[i].line, lists[i].max);
		const Config *config = parse_well(text);

		ASSERT_EQ(*(const size_t *)((const char *)config + lists[i].count), lists[i].max);
		config = parse(repeat(lists[i].section, lists[i].line, lists[i].max + 1));
		ASSERT_EQ(*(const size_t *)((const char *)config + lists[i].count), lists[i].max);
		ASSERT_EQ(policy->mistake_count, 1);
		ASSERT(strstr(policy->mistakes[0].text, "is given too often"));
	}
}

TEST(what_is_not_said_has_a_default)
{
	const Config *config = parse_well("");
	ASSERT_STREQ(config->url, "");
	ASSERT_STREQ(config->channel, "public");
	ASSERT_EQ(config->automatic, AUTOMATIC_INSTALL);
	ASSERT_EQ(config->interval, 6 * 3600);
	ASSERT_EQ(config->timeout, 30);
	ASSERT_EQ(config->mirror_count, 0);
	ASSERT_EQ(config->window, 60);
	ASSERT_EQ(config->boot_window, 180);
	ASSERT(config->restarts == RESTARTS_SERVICES && config->protect_count == 0);
	ASSERT(!config->any_redirect && !config->proxy[0] && !config->ca_file[0]);
	config = parse_well("[repository]\nurl = http://[::1]:8000/\n");
	ASSERT_STREQ(config->url, "http://[::1]:8000/");
}

TEST(what_decides_when_and_what_is_read)
{
	const Config *config = parse_well(
		"[install]\nallow = no\nremoval = no\nwindow = Mon..Fri 03:00-05:00\n"
		"window = Sat 22:00-06:00\nmetered = wait\nmetered-max = 64k\non-battery = wait\n"
		"battery = 35\nidle = yes\nidle-load = 5\ndelay = 3d\ndelay-unless = high\n"
		"postpone-limit = 12h\n[repository]\nbandwidth = 2M\n"
		"[enforce]\nrequire = 26.3.1-b 2026-12-01T18:00\nwarn = 2d 15min\n"
		"countdown = 2min\ndetails-url = https://intra.example/why#not\n"
		"[notify]\nlevel = deadline-only\n[manage]\norganisation = Example & Sons\n");

	ASSERT(config->forbids_install && config->forbids_removal);
	ASSERT_EQ(config->window_count, 2);
	ASSERT_EQ(config->windows[1].start, 22 * 60);
	ASSERT_EQ(config->metered, METERED_WAITS);
	ASSERT_EQ(config->metered_max, 65536);
	ASSERT(config->battery_waits && config->waits_for_idle);
	ASSERT(config->battery_floor == 35 && config->idle_load == 5);
	ASSERT(config->delay == 3 * CONFIG_DAY && config->delay_unless == URGENCY_HIGH);
	ASSERT_EQ(config->postpone_limit, 12 * 3600);
	ASSERT_EQ(config->bandwidth, 2 << 20);
	ASSERT_STREQ(config->enforcements[0].improvement, "26.3.1-b");
	ASSERT(config->warning_count == 2 && config->warnings[1] == 900);
	ASSERT_EQ(config->countdown, 120);
	ASSERT_STREQ(config->details_url, "https://intra.example/why");
	ASSERT_EQ(config->notify, NOTIFY_DEADLINE_ONLY);
	ASSERT_STREQ(policy_organisation(policy), "Example & Sons");
	parse_well("");
	ASSERT_STREQ(policy_organisation(policy), "your organisation");
}

static const struct {
	const char *text, *reason;
} mistakes[] = {
	{"url = https://example.org/\n", "suture.conf:1: unknown key url"},
	{"[repository]\n[colours]\n", "suture.conf:2: unknown section [colours]"},
	{"[repository]\nmirror = /media/usb\n", "suture.conf:2: mirror must be an address"},
	{"[repository]\nurl = file://host/x\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = file:///\n", "suture.conf:2: url must be an address"},
	{"[repository]\nproxy = socks5://a:1\n", "suture.conf:2: proxy must be an address"},
	{"[repository]\nurl = https://user:word@a.example/\n", "suture.conf:2: url must be"},
	{"[repository]\nmirror = https://user@a.example\n", "suture.conf:2: mirror must be"},
	{"[repository]\nproxy = http://user:word@a:1\n", "suture.conf:2: proxy must be"},
	{"[repository]\nproxy = file:///a\n", "suture.conf:2: proxy must be an address"},
	{"[repository]\nca-file = our.pem\n", "suture.conf:2: ca-file must be the absolute"},
	{"[repository]\nredirects = all\n", "suture.conf:2: redirects must be same-host or any"},
	{"[repository]\ntimeout = 0\n", "suture.conf:2: timeout must be a duration"},
	{"[repository]\ntimeout = 601\n", "suture.conf:2: timeout must be a duration"},
	{"[repository]\ntimeout = 1\ntimeout = 1\n", "suture.conf:3: timeout is given twice"},
	{"[repository\n", "suture.conf:1: not a section: [repository"},
	{"[]\n", "suture.conf:1: not a section: []"},
	{"[]", "suture.conf:1: not a section: []"},
	{"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", "suture.conf:1: unknown section [aaaa"},
	{"[repository]\nurl\n", "suture.conf:2: not of the form key = value: url"},
	{"[repository]\ninterval = 5\n", "suture.conf:2: unknown key interval"},
	{"[repository]\n= 5\n", "suture.conf:2: unknown key "},
	{URL "url = https://example.org/\n", "suture.conf:3: url is given twice"},
	{URL "[install]\n[repository]\nurl = https://a/\n", "suture.conf:5: url is given twice"},
	{"[repository]\nurl =\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = ftp://example.org/\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = https://\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = https:///srv\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = https://a b/\n", "suture.conf:2: url must be an address"},
	{"[repository]\nurl = https://a\tb/\n", "suture.conf:2: url must be an address"},
	{"[repository]\nchannel = Public\n", "suture.conf:2: channel must be a name"},
	{"[repository]\nchannel = ..\n", "suture.conf:2: channel must be a name"},
	{"[repository]\nchannel = a/b\n", "suture.conf:2: channel must be a name"},
	{"[install]\nautomatic = yes\n", "suture.conf:2: automatic must be install, download or"},
	{"[install]\nautomatic = Install\n", "suture.conf:2: automatic must be install,"},
	{"[restart]\nautomatic = on\n", "suture.conf:2: automatic must be services, machine or"},
	{"[restart]\nprotect = nginx\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = a*.service\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = a b.service\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = ../a.service\n", "suture.conf:2: protect must be the name"},
	{"[trial]\nwindow = 0\n", "suture.conf:2: window must be a duration, at most 1d"},
	{"[trial]\nboot-window = 86401\n", "suture.conf:2: boot-window must be a duration"},
	{"[trial]\nautomatic = off\n", "suture.conf:2: unknown key automatic"},
	{"[check]\ninterval = 0\n", "suture.conf:2: interval must be a duration"},
	{"[check]\ninterval = 604801\n", "suture.conf:2: interval must be a duration"},
	{"[check]\ninterval = 6y\n", "suture.conf:2: interval must be a duration"},
	{"[check]\ninterval = -1\n", "suture.conf:2: interval must be a duration"},
	{"[install]\nallow = false\n", "suture.conf:2: allow must be yes or no"},
	{"[install]\nremoval =\n", "suture.conf:2: removal must be yes or no"},
	{"[install]\nwindow = 5-6\n", "suture.conf:2: window must be days and hours such as"},
	{"[install]\nmetered = 5M\n", "suture.conf:2: metered must be go, small or wait"},
	{"[install]\nmetered-max = 2G\n", "suture.conf:2: metered-max must be bytes, at most 1G"},
	{"[install]\nbattery = 101\n", "suture.conf:2: battery must be percent, 0 to 100"},
	{"[install]\nbattery = 20%\n", "suture.conf:2: battery must be percent"},
	{"[install]\nidle-load = 0\n", "suture.conf:2: idle-load must be percent, 1 to 100"},
	{"[install]\nidle = 1\n", "suture.conf:2: idle must be yes or no"},
	{"[install]\non-battery = no\n", "suture.conf:2: on-battery must be go or wait"},
	{"[install]\ndelay = 91d\n", "suture.conf:2: delay must be a duration, at most 90d"},
	{"[install]\ndelay-unless = important\n",
		"suture.conf:2: delay-unless must be low, medium,"},
	{"[install]\npostpone-limit = forever\n",
		"suture.conf:2: postpone-limit must be a duration"},
	{"[enforce]\nrequire = 26.3.1-b\n",
		"suture.conf:2: require must be an improvement and a local"},
	{"[enforce]\nrequire = 26.3.1-b 2026-02-30T18:00\n",
		"suture.conf:2: require must be an improvement"},
	{"[enforce]\nrequire = 26.3.1-b 2026-12-01T18:00Z\n",
		"suture.conf:2: require must be an improvement"},
	{"[enforce]\nwarn = 1d 0\n", "suture.conf:2: warn must be up to 8 durations"},
	{"[enforce]\nwarn = 1 2 3 4 5 6 7 8 9\n", "suture.conf:2: warn must be up to 8 durations"},
	{"[enforce]\nwarn = 1d, 1h\n", "suture.conf:2: warn must be up to 8 durations"},
	{"[enforce]\ncountdown = 2h\n", "suture.conf:2: countdown must be a duration, at most 1h"},
	{"[enforce]\ndetails-url = file:///etc/motd\n",
		"suture.conf:2: details-url must be an address"},
	{"[notify]\nlevel = some\n", "suture.conf:2: level must be all, deadline-only or none"},
	{"[manage]\norganisation =\n", "suture.conf:2: organisation must be a name"},
	{"[repository]\nbandwidth = 8191\n",
		"suture.conf:2: bandwidth must be bytes a second, 8k to 1G"},
};

/* One mistake each, and what stands behind it counts. */
TEST(every_mistake_is_told_with_its_line_and_the_rest_counts)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		_cleanup_free_ char *text =
			memory_printf("%s\n[notify]\nlevel = none\n", mistakes[i].text);
		bool is_level = strstr(mistakes[i].text, "[notify]");
		const Config *config = parse(text);

		check_mistake(0, mistakes[i].reason);
		ASSERT_EQ(policy->mistake_count, is_level ? 2 : 1);
		ASSERT_EQ(config->notify, is_level ? NOTIFY_ALL : NOTIFY_NONE);
	}
}

static const struct {
	const char *text, *section, *key, *safe;
} safe_values[] = {
	{"[repository]\nurl = x\n", "repository", "url", ""},
	{"[repository]\nmirror = x\n", "repository", "mirror", ""},
	{"[repository]\nproxy = x\n", "repository", "proxy", ""},
	{"[repository]\nca-file = x\n", "repository", "ca-file", ""},
	{"[repository]\nredirects = x\n", "repository", "redirects", "same-host"},
	{"[repository]\nchannel = X\n", "repository", "channel", "public"},
	{"[check]\ninterval = x\n", "check", "interval", "6h"},
	{"[install]\nautomatic = x\n", "install", "automatic", "install"},
	{"[install]\nallow = x\n", "install", "allow", "yes"},
	{"[install]\nremoval = x\n", "install", "removal", "yes"},
	{"[install]\nwindow = x\n", "install", "window", "03:00-05:00"},
	{"[install]\nmetered = x\n", "install", "metered", "small"},
	{"[install]\nbattery = x\n", "install", "battery", "20"},
	{"[install]\ndelay = x\n", "install", "delay", "0"},
	{"[install]\npostpone-limit = x\n", "install", "postpone-limit", "7d"},
	{"[restart]\nautomatic = x\n", "restart", "automatic", "off"},
	{"[restart]\nprotect = x\n", "restart", "protect", "*"},
	{"[enforce]\nrequire = x\n", "enforce", "require", ""},
	{"[enforce]\nwarn = x\n", "enforce", "warn", "1d 1h 10min"},
	{"[notify]\nlevel = x\n", "notify", "level", "all"},
};

/* Not what the file below it says: nobody meant that. */
TEST(a_key_that_cannot_be_read_has_its_safe_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(safe_values); i++) {
		const PolicyValue *value;

		parse(safe_values[i].text);
		value = policy_value(policy, safe_values[i].section, safe_values[i].key);
		ASSERT_STREQ(value->text, safe_values[i].safe);
		if (safe_values[i].safe[0] || !value->is_list)
			ASSERT(value->is_mistaken && value->line == 2);
	}
	begin();
	add(POLICY_VENDOR, "a", "[install]\nautomatic = off\n");
	add(POLICY_OWNER, "b", "[install]\nautomatic = of\n");
	ASSERT_EQ(settle()->automatic, AUTOMATIC_INSTALL);
}

TEST(later_files_win_and_it_is_known_which)
{
	begin();
	add(POLICY_VENDOR, "vendor", URL "[install]\nautomatic = off\ndelay = 1d\n");
	add(POLICY_OWNER, "10-a", "[install]\nautomatic = download\n");
	add(POLICY_COMMAND, "command", "[install]\n\nautomatic = off\n");
	ASSERT_EQ(settle()->automatic, AUTOMATIC_OFF);
	check_value("install", "automatic", "off", POLICY_COMMAND, "command", 3);
	check_value("install", "delay", "1d", POLICY_VENDOR, "vendor", 5);
	check_value("install", "battery", "20", POLICY_DEFAULT, NULL, 0);
	check_value("repository", "url", "https://updates.example.org/suture", POLICY_VENDOR,
		"vendor", 2);
	ASSERT(!policy_is_managed(policy, "install", "automatic"));
	ASSERT(!policy_value(policy, "install", "colour"));
}

TEST(lists_grow_and_an_empty_entry_begins_anew)
{
	begin();
	add(POLICY_VENDOR, "vendor", "[restart]\nprotect = a.service\n");
	add(POLICY_OWNER, "owner", "[restart]\nprotect = b.service\nprotect = a.service\n");
	ASSERT_EQ(settle()->protect_count, 2);
	check_value("restart", "protect", "a.service", POLICY_VENDOR, "vendor", 2);
	ASSERT_STREQ((policy_value(policy, "restart", "protect") + 1)->text, "b.service");
	begin();
	add(POLICY_VENDOR, "vendor", "[restart]\nprotect = a.service\n");
	add(POLICY_OWNER, "owner", "[restart]\nprotect =\nprotect = b.service\n");
	ASSERT_EQ(settle()->protect_count, 1);
	check_value("restart", "protect", "b.service", POLICY_OWNER, "owner", 3);
}

TEST(what_is_managed_wins_over_all_that_comes_later)
{
	begin();
	add(POLICY_MANAGED, "policy",
		"[install]\nautomatic = install\n[restart]\nprotect = "
		"a.service\n[manage]\norganisation = Example\n");
	add(POLICY_OWNER, "owner",
		"[install]\nautomatic = off\nremoval = no\n[restart]\nprotect = b.service\n");
	ASSERT_EQ(settle()->automatic, AUTOMATIC_INSTALL);
	ASSERT_EQ(policy->config.protect_count, 1);
	ASSERT_STREQ(policy->config.protect[0], "a.service");
	ASSERT(policy->config.forbids_removal);
	ASSERT(policy_is_managed(policy, "install", "automatic"));
	ASSERT(policy_is_managed(policy, "restart", "protect"));
	ASSERT(!policy_is_managed(policy, "install", "removal"));
	ASSERT_STREQ(policy_organisation(policy), "Example");
}

static const struct {
	const char *section, *key, *first, *second, *merged;
} merges[] = {
	{"install", "allow", "no", "yes", "no"},
	{"install", "allow", "yes", "no", "no"},
	{"install", "removal", "no", "yes", "no"},
	{"install", "removal", "yes", "yes", "yes"},
	{"install", "automatic", "off", "download", "download"},
	{"install", "delay", "2d", "47h", "47h"},
	{"install", "delay", "47h", "2d", "47h"},
	{"install", "delay", "x", "2d", "0"},
	{"install", "postpone-limit", "0", "1d", "0"},
	{"install", "metered-max", "5M", "4000k", "4000k"},
	{"install", "battery", "30", "20", "30"},
	{"install", "battery", "20", "30", "30"},
	{"repository", "bandwidth", "20k", "x", "20k"},
	{"repository", "bandwidth", "x", "20k", "20k"},
	{"repository", "channel", "a", "b", "b"},
	{"trial", "window", "90", "1min", "90"},
	{"enforce", "countdown", "10s", "1min", "1min"},
};

TEST(managed_files_agree_on_the_stricter)
{
	for (size_t i = 0; i < ARRAY_SIZE(merges); i++) {
		_cleanup_free_ char *first = memory_printf(
			"[%s]\n%s = %s\n", merges[i].section, merges[i].key, merges[i].first);
		_cleanup_free_ char *second = memory_printf(
			"[%s]\n%s = %s\n", merges[i].section, merges[i].key, merges[i].second);

		begin();
		add(POLICY_MANAGED, "first", first);
		add(POLICY_MANAGED, "second", second);
		settle();
		if (strcmp(policy_value(policy, merges[i].section, merges[i].key)->text,
			    merges[i].merged) != 0)
			test_fail(merges[i].key, (int)i, "'%s'",
				policy_value(policy, merges[i].section, merges[i].key)->text);
	}
}

TEST(managed_lists_are_one)
{
	begin();
	add(POLICY_MANAGED, "first", "[enforce]\nrequire = 26.3.1-b 2026-12-01T18:00\n");
	add(POLICY_MANAGED, "second",
		"[enforce]\nrequire =\nrequire = 26.3.1-c 2026-12-08T18:00\n");
	ASSERT_EQ(settle()->enforcement_count, 2);
	begin();
	add(POLICY_OWNER, "owner", "[install]\nwindow = 03:00-05:00\n");
	add(POLICY_MANAGED, "managed", "[install]\nwindow =\n");
	ASSERT_EQ(settle()->window_count, 0);
	check_value("install", "window", "", POLICY_MANAGED, "managed", 2);
}

TEST(mistakes_are_bounded_and_counted)
{
	begin();
	for (int i = 0; i < POLICY_MISTAKES_MAX + 5; i++)
		add(POLICY_OWNER, "suture.conf", "[check]\nspeed = 1\n");
	settle();
	ASSERT_EQ(policy->mistake_count, POLICY_MISTAKES_MAX);
	ASSERT_EQ(policy->mistakes_left_out, 5);
}

TEST(keys_of_an_unknown_section_are_told_once)
{
	parse("[colours]\nred = 1\nblue = 2\n[check]\ninterval = 1\n");
	ASSERT_EQ(policy->mistake_count, 1);
	check_mistake(0, "suture.conf:1: unknown section [colours]");
	ASSERT_EQ(policy->config.interval, 1);
}

TEST(a_file_with_a_nul_byte_is_left_out_and_nothing_restarts_by_itself)
{
	begin();
	ASSERT_OK(policy_add(policy, POLICY_OWNER, "suture.conf", "a\0b", 3));
	settle();
	check_mistake(0, "suture.conf: holds a NUL byte");
	check_value("restart", "protect", "*", POLICY_OWNER, "suture.conf", 0);
}

TEST(long_values_are_refused_and_the_longest_is_not)
{
	static const char head[] = "[repository]\nurl = https://";
	char text[CONFIG_VALUE_MAX + sizeof(head)];
	size_t room = CONFIG_VALUE_MAX - strlen("https://");

	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'a', room);
	text[sizeof(head) - 1 + room] = '\0';
	parse(text); /* no room for the slash */
	check_mistake(0, "suture.conf:2: url must be");
	text[sizeof(head) - 2 + room] = '\0';
	ASSERT_EQ(strlen(parse_well(text)->url), CONFIG_VALUE_MAX);
}

/* Writes a file below `root`. */
static void put(const char *root, const char *place, const char *text)
{
	_cleanup_free_ char *path = path_join(root, place);

	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644));
}

static void load(const char *root)
{
	policy_free(policy);
	policy = NULL;
	ASSERT_OK(policy_load(root, &policy));
}

TEST(the_owners_main_file_replaces_the_vendors)
{
	_cleanup_free_ char *root = memory_printf("%s/main", test_folder());
	Reason reason = {};

	load(root);
	ASSERT_ERROR(-ENOENT, policy_need_repository(policy, &reason));
	ASSERT(text_starts_with(reason.text, "/etc/suture/suture.conf is missing"));
	put(root, CONFIG_VENDOR_PATH, URL "channel = stable\n");
	load(root);
	ASSERT_OK(policy_need_repository(policy, &reason));
	ASSERT_STREQ(policy->config.channel, "stable");
	put(root, CONFIG_PATH, "[check]\ninterval = 1\n");
	load(root);
	ASSERT_STREQ(policy->config.channel, "public");
	ASSERT_ERROR(-ENOENT, policy_need_repository(policy, &reason));
	ASSERT(strstr(reason.text, "names no repository"));
	put(root, CONFIG_PATH, "[repository]\nurll = https://a.example/\n");
	load(root);
	ASSERT_ERROR(-EINVAL, policy_need_repository(policy, &reason));
	ASSERT(strstr(reason.text, "/etc/suture/suture.conf:2: unknown key urll"));
}

TEST(drop_ins_count_in_order_and_hide_each_other_by_name)
{
	_cleanup_free_ char *root = memory_printf("%s/order", test_folder());
	_cleanup_free_ char *hidden = path_join(root, "etc/suture/suture.conf.d/90-z.conf");

	put(root, CONFIG_VENDOR_PATH, "[repository]\nchannel = a\n");
	put(root, "usr/lib/suture/suture.conf.d/90-z.conf", "[repository]\nchannel = b\n");
	put(root, "usr/lib/suture/suture.conf.d/90-z.conf.old", "[repository]\nchannel = c\n");
	load(root);
	check_value("repository", "channel", "b", POLICY_VENDOR, "suture.conf.d/90-z.conf", 2);
	put(root, "etc/suture/suture.conf.d/90-z.conf", "");
	load(root);
	ASSERT_STREQ(policy->config.channel, "a");
	ASSERT_OK(file_link_atomic(AT_FDCWD, "/dev/null", hidden));
	load(root);
	ASSERT_STREQ(policy->config.channel, "a");
	put(root, "etc/suture/suture.conf.d/20-x.conf", "[repository]\nchannel = x\n");
	put(root, "etc/suture/suture.conf.d/10-y.conf", "[repository]\nchannel = y\n");
	load(root);
	check_value("repository", "channel", "x", POLICY_OWNER, "suture.conf.d/20-x.conf", 2);
	put(root, CONFIG_PATH, "[check]\ninterval = 1\n");
	put(root, POLICY_OWNER_PATH, "[repository]\nchannel = k\n");
	load(root);
	check_value("repository", "channel", "k", POLICY_COMMAND, "suture/owner.conf", 2);
	put(root, "usr/lib/suture/policy.d/50-m.conf", "[repository]\nchannel = m\n");
	put(root, "run/suture.policy.d/40-n.conf", "[repository]\nchannel = n\n");
	load(root);
	check_value("repository", "channel", "n", POLICY_MANAGED, "policy.d/40-n.conf", 2);
	put(root, "etc/suture/policy.d/40-n.conf", "");
	load(root);
	check_value("repository", "channel", "m", POLICY_MANAGED, "policy.d/50-m.conf", 2);
	ASSERT_EQ(policy->mistake_count, 0);
}

TEST(what_others_can_write_is_no_policy)
{
	_cleanup_free_ char *root = memory_printf("%s/others", test_folder());
	_cleanup_free_ char *file = path_join(root, "etc/suture/policy.d/a.conf");
	_cleanup_free_ char *folder = path_parent(file);

	put(root, "etc/suture/policy.d/a.conf", "[install]\nallow = no\n");
	ASSERT_OK(chmod(file, 0664));
	load(root);
	ASSERT(!policy->config.forbids_install);
	ASSERT_EQ(policy->mistake_count, 1);
	ASSERT(strstr(policy->mistakes[0].text, "policy.d/a.conf: can be written by others"));
	ASSERT_OK(chmod(file, 0644));
	ASSERT_OK(chmod(folder, 0777));
	load(root);
	ASSERT(!policy->config.forbids_install);
	ASSERT(strstr(policy->mistakes[0].text, "policy.d: can be written by others"));
	ASSERT_OK(chmod(folder, 0755));
	load(root);
	ASSERT(policy->config.forbids_install);
}

TEST(a_file_that_cannot_be_read_is_named_and_left_out)
{
	_cleanup_free_ char *root = memory_printf("%s/large", test_folder());
	_cleanup_free_ char *text = memory_new(POLICY_SIZE_MAX + 2);

	memset(text, '\n', POLICY_SIZE_MAX + 1);
	put(root, CONFIG_PATH, text);
	put(root, CONFIG_VENDOR_PATH, URL);
	load(root);
	ASSERT_EQ(policy->mistake_count, 1);
	ASSERT(strstr(policy->mistakes[0].text, CONFIG_PATH ": cannot be read"));
	ASSERT_STREQ(policy->config.url, "");
	ASSERT_STREQ(policy->config.protect[0], "*");
}

TEST(what_a_command_sets_is_kept_beside_what_others_set)
{
	_cleanup_free_ char *root = memory_printf("%s/kept", test_folder());
	Reason reason = {};

	put(root, CONFIG_PATH, "[install]\nautomatic = install\n");
	load(root);
	ASSERT_OK(policy_keep(policy, root, "install", "automatic", "off", &reason));
	load(root);
	check_value("install", "automatic", "off", POLICY_COMMAND, POLICY_OWNER_PATH, 3);
	ASSERT_OK(policy_keep(policy, root, "notify", "level", "none", &reason));
	load(root);
	ASSERT_OK(policy_keep(policy, root, "install", "automatic", "download", &reason));
	load(root);
	ASSERT_EQ(policy->config.automatic, AUTOMATIC_DOWNLOAD);
	ASSERT_EQ(policy->config.notify, NOTIFY_NONE);
	put(root, POLICY_OWNER_PATH,
		"[restart]\nprotect = a.service\nprotect = b.service\n[notify]\nlevel = x\n");
	load(root);
	ASSERT_OK(policy_keep(policy, root, "install", "automatic", "off", &reason));
	load(root);
	ASSERT(policy->config.protect_count == 2 && policy->mistake_count == 0);
	ASSERT_ERROR(-EINVAL, policy_keep(policy, root, "install", "automatic", "x", &reason));
	put(root, "etc/suture/policy.d/a.conf",
		"[install]\nautomatic = install\n[manage]\norganisation = Example\n");
	load(root);
	ASSERT_ERROR(-EPERM, policy_keep(policy, root, "install", "automatic", "off", &reason));
	ASSERT(strstr(reason.text, "automatic is managed by Example (/"));
	ASSERT(strstr(reason.text, "policy.d/a.conf:2)"));
}

static int parse_once(const char *text)
{
	_cleanup_policy_ Policy *once = policy_new();
	int r = once ? policy_add(once, POLICY_OWNER, "x", text, strlen(text)) : -ENOMEM;

	return r < 0 ? r : policy_settle(once);
}

static int load_once(const char *root)
{
	_cleanup_policy_ Policy *once = NULL;

	return policy_load(root, &once);
}

TEST(short_memory_is_told)
{
	_cleanup_free_ char *root = memory_printf("%s/order", test_folder());

	TEST_EACH_ALLOCATION(parse_once(URL "url = twice\n[]\n[check]\ninterval = x\n"), (void)0);
	TEST_EACH_ALLOCATION(load_once(root), (void)0);
}
