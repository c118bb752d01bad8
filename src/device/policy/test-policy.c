/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/path.h"
#include "device/policy/config.h"
#include "test.h"

#define URL "[repository]\nurl = https://updates.example.org/suture\n"

static int parse(const char *text, Config *config, Reason *reason)
{
	return config_parse("suture.conf", text, strlen(text), config, reason);
}

TEST(all_keys_are_read)
{
	Config config;

	ASSERT_OK(parse("# what the owner decides\n"
			"[repository]\n"
			"  url=https://updates.example.org/suture  # ours\n"
			"channel\t=\trehearsal\r\n"
			"\n"
			"[install]\n"
			"; a comment of the other kind\n"
			"automatic = download\n"
			"[check]\n"
			"interval = 90",
		&config, NULL));
	ASSERT_STREQ(config.url, "https://updates.example.org/suture/");
	ASSERT_STREQ(config.channel, "rehearsal");
	ASSERT_EQ(config.automatic, AUTOMATIC_DOWNLOAD);
	ASSERT_EQ(config.interval, 90);
}

TEST(the_way_to_the_repository_is_read)
{
	Config config;

	ASSERT_OK(parse("[repository]\nurl = file:///media/usb/26.3.1.suture\n"
			"mirror = http://a.example\nmirror = https://b.example/x/\n"
			"proxy = http://proxy.example:3128\nca-file = /etc/ssl/our own.pem\n"
			"redirects = any\ntimeout = 600\n",
		&config, NULL));
	ASSERT_STREQ(config.url, "file:///media/usb/26.3.1.suture/");
	ASSERT_EQ(config.mirror_count, 2);
	ASSERT_STREQ(config.mirrors[0], "http://a.example/");
	ASSERT_STREQ(config.mirrors[1], "https://b.example/x/");
	ASSERT_STREQ(config.proxy, "http://proxy.example:3128/");
	ASSERT_STREQ(config.ca_file, "/etc/ssl/our own.pem");
	ASSERT(config.any_redirect);
	ASSERT_EQ(config.timeout, 600);
	ASSERT_OK(parse("[repository]\nredirects = same-host\n", &config, NULL));
	ASSERT(!config.any_redirect);
}

TEST(restarts_and_trials_are_read)
{
	Config config;

	ASSERT_OK(parse("[restart]\nautomatic = off\nprotect = postgresql@*\n"
			"protect = dev-sda\\x2d1.service\n"
			"[trial]\nwindow = 1\nboot-window = 86400\n",
		&config, NULL));
	ASSERT(config.keeps_services);
	ASSERT_EQ(config.protect_count, 2);
	ASSERT_STREQ(config.protect[0], "postgresql@*");
	ASSERT_STREQ(config.protect[1], "dev-sda\\x2d1.service");
	ASSERT_EQ(config.window, 1);
	ASSERT_EQ(config.boot_window, 86400);
	ASSERT_OK(parse("[restart]\nautomatic = services\nprotect = *\n", &config, NULL));
	ASSERT(!config.keeps_services);
}

TEST(a_unit_too_many_is_refused)
{
	char text[1000] = "[restart]\n";
	Config config;

	for (int i = 0; i < CONFIG_PROTECT_MAX; i++)
		strcat(text, "protect = a.service\n");
	ASSERT_OK(parse(text, &config, NULL));
	ASSERT_EQ(config.protect_count, CONFIG_PROTECT_MAX);
	strcat(text, "protect = a.service\n");
	ASSERT_ERROR(-EINVAL, parse(text, &config, NULL));
}

TEST(eight_mirrors_are_enough)
{
	char text[1000] = "[repository]\n";
	Config config;

	for (int i = 0; i < CONFIG_MIRRORS_MAX; i++)
		strcat(text, "mirror = http://a.example/\n");
	ASSERT_OK(parse(text, &config, NULL));
	ASSERT_EQ(config.mirror_count, CONFIG_MIRRORS_MAX);
	strcat(text, "mirror = http://a.example/\n");
	ASSERT_ERROR(-EINVAL, parse(text, &config, NULL));
}

TEST(what_is_not_said_has_a_default)
{
	Config config;

	ASSERT_OK(parse("", &config, NULL));
	ASSERT_STREQ(config.url, "");
	ASSERT_STREQ(config.channel, "public");
	ASSERT_EQ(config.automatic, AUTOMATIC_INSTALL);
	ASSERT_EQ(config.interval, 6 * 3600);
	ASSERT_EQ(config.timeout, 30);
	ASSERT_EQ(config.mirror_count, 0);
	ASSERT_EQ(config.window, 60);
	ASSERT_EQ(config.boot_window, 180);
	ASSERT(!config.keeps_services && config.protect_count == 0);
	ASSERT(!config.any_redirect && !config.proxy[0] && !config.ca_file[0]);
	ASSERT_OK(parse("[repository]\nurl = http://[::1]:8000/\n", &config, NULL));
	ASSERT_STREQ(config.url, "http://[::1]:8000/");
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
	{"[repository]\ntimeout = 0\n", "suture.conf:2: timeout must be seconds"},
	{"[repository]\ntimeout = 601\n", "suture.conf:2: timeout must be seconds"},
	{"[repository]\ntimeout = 1\ntimeout = 1\n", "suture.conf:3: given twice: timeout"},
	{"[repository\n", "suture.conf:1: not a section: [repository"},
	{"[]\n", "suture.conf:1: not a section: []"},
	{"[]", "suture.conf:1: not a section: []"},
	{"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", "suture.conf:1: not a section: [aaaa"},
	{"[repository]\nurl\n", "suture.conf:2: not of the form key = value: url"},
	{"[repository]\ninterval = 5\n", "suture.conf:2: unknown key interval"},
	{"[repository]\n= 5\n", "suture.conf:2: unknown key "},
	{URL "url = https://example.org/\n", "suture.conf:3: given twice: url"},
	{URL "[install]\n[repository]\nurl = https://a/\n", "suture.conf:5: given twice: url"},
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
	{"[restart]\nautomatic = on\n", "suture.conf:2: automatic must be services or off"},
	{"[restart]\nprotect = nginx\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = a*.service\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = a b.service\n", "suture.conf:2: protect must be the name of a unit"},
	{"[restart]\nprotect = ../a.service\n", "suture.conf:2: protect must be the name"},
	{"[trial]\nwindow = 0\n", "suture.conf:2: window must be seconds, at most a day"},
	{"[trial]\nboot-window = 86401\n", "suture.conf:2: boot-window must be seconds"},
	{"[trial]\nautomatic = off\n", "suture.conf:2: unknown key automatic"},
	{"[check]\ninterval = 0\n", "suture.conf:2: interval must be seconds"},
	{"[check]\ninterval = 604801\n", "suture.conf:2: interval must be seconds"},
	{"[check]\ninterval = 6h\n", "suture.conf:2: interval must be seconds"},
	{"[check]\ninterval = -1\n", "suture.conf:2: interval must be seconds"},
};

TEST(every_mistake_is_told_with_its_line)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		Config config = {.interval = 7};
		Reason reason = {};

		ASSERT_ERROR(-EINVAL, parse(mistakes[i].text, &config, &reason));
		if (strncmp(reason.text, mistakes[i].reason, strlen(mistakes[i].reason)) != 0)
			test_fail(mistakes[i].text, 0, "'%s'", reason.text);
		ASSERT_EQ(config.interval, 7);
	}
	ASSERT_ERROR(-EINVAL, config_parse("x", "a\0b", 3, &(Config){}, NULL));
}

TEST(long_values_are_refused_and_the_longest_is_not)
{
	static const char head[] = "[repository]\nurl = https://";
	char text[CONFIG_VALUE_MAX + sizeof(head)];
	size_t room = CONFIG_VALUE_MAX - strlen("https://");
	Config config;

	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'a', room);
	text[sizeof(head) - 1 + room] = '\0';
	ASSERT_ERROR(-EINVAL, parse(text, &config, NULL)); /* no room for the slash */
	text[sizeof(head) - 2 + room] = '\0';
	ASSERT_OK(parse(text, &config, NULL));
	ASSERT_EQ(strlen(config.url), CONFIG_VALUE_MAX);
}

TEST(the_owners_file_wins_over_the_vendors)
{
	_cleanup_free_ char *root = memory_printf("%s/root", test_folder());
	_cleanup_free_ char *owner = path_join(root, CONFIG_PATH);
	_cleanup_free_ char *vendor = path_join(root, CONFIG_VENDOR_PATH);
	static const char by_vendor[] = "[check]\ninterval = 1\n", by_owner[] = "[check]\ninterval";
	Reason reason = {};
	Config config;

	ASSERT_OK(path_make_parent(AT_FDCWD, owner, 0755));
	ASSERT_OK(path_make_parent(AT_FDCWD, vendor, 0755));
	ASSERT_ERROR(-ENOENT, config_load(root, &config, &reason));
	ASSERT(strstr(reason.text, "/root/etc/suture/suture.conf is missing"));
	ASSERT_OK(file_write_atomic(AT_FDCWD, vendor, by_vendor, strlen(by_vendor), 0644));
	ASSERT_OK(config_load(root, &config, &reason));
	ASSERT_EQ(config.interval, 1);
	ASSERT_OK(file_write_atomic(AT_FDCWD, owner, by_owner, strlen(by_owner), 0644));
	ASSERT_ERROR(-EINVAL, config_load(root, &config, &reason));
	ASSERT(strstr(reason.text, "/etc/suture/suture.conf:2: not of the form"));
}

TEST(a_file_that_cannot_be_read_is_named)
{
	_cleanup_free_ char *root = memory_printf("%s/large", test_folder());
	_cleanup_free_ char *path = path_join(root, CONFIG_PATH);
	_cleanup_free_ char *text = memory_new(CONFIG_SIZE_MAX + 2);
	Reason reason = {};

	memset(text, '\n', CONFIG_SIZE_MAX + 1);
	ASSERT_OK(path_make_parent(AT_FDCWD, path, 0755));
	ASSERT_OK(file_write_atomic(AT_FDCWD, path, text, CONFIG_SIZE_MAX + 1, 0644));
	ASSERT_ERROR(-EFBIG, config_load(root, &(Config){}, &reason));
	ASSERT(strstr(reason.text, CONFIG_PATH));
}

TEST(short_memory_is_told)
{
	Config config;

	TEST_EACH_ALLOCATION(parse(URL, &config, NULL), (void)0);
	ASSERT_STREQ(config.url, "https://updates.example.org/suture/");
}
