/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "device/policy/amount.h"

/* A password in an address would be told to everybody: it stands in messages, in `status`, and on
 * the command lines of the programs that are started. */
static bool has_user(const char *authority)
{
	return memchr(authority, '@', strcspn(authority, "/")) != NULL;
}

static bool is_web_address(const char *value)
{
	const char *rest = strstr(value, "://");

	if (!text_starts_with(value, "https://") && !text_starts_with(value, "http://"))
		return false;
	return !strchr("/", rest[strlen("://")]) && !has_user(rest + strlen("://"));
}

/* With a slash at its end. */
static int copy_address(const char *value, char target[static CONFIG_VALUE_MAX + 1])
{
	size_t length = strlen(value);

	if (length + 1 > CONFIG_VALUE_MAX || strchr(value, ' '))
		return -EINVAL;
	if (!is_web_address(value) &&
		(!text_starts_with(value, "file:///") || length == strlen("file:///")))
		return -EINVAL;
	snprintf(target, CONFIG_VALUE_MAX + 1, "%s%s", value, value[length - 1] == '/' ? "" : "/");
	return 0;
}

static int set_url(const Key *key, Config *config, const char *value)
{
	return copy_address(value, config->url);
}

static int add_mirror(const Key *key, Config *config, const char *value)
{
	if (config->mirror_count == CONFIG_MIRRORS_MAX ||
		copy_address(value, config->mirrors[config->mirror_count]) < 0)
		return -EINVAL;
	config->mirror_count++;
	return 0;
}

static int set_proxy(const Key *key, Config *config, const char *value)
{
	return is_web_address(value) ? copy_address(value, config->proxy) : -EINVAL;
}

static int set_ca_file(const Key *key, Config *config, const char *value)
{
	if (value[0] != '/')
		return -EINVAL;
	snprintf(config->ca_file, sizeof(config->ca_file), "%s", value);
	return 0;
}

static int set_channel(const Key *key, Config *config, const char *value)
{
	if (!text_consists_of(value, TEXT_LOWER TEXT_DIGITS "._-") || value[0] == '.')
		return -EINVAL;
	snprintf(config->channel, sizeof(config->channel), "%s", value);
	return 0;
}

static int set_details_url(const Key *key, Config *config, const char *value)
{
	if (!is_web_address(value) || strchr(value, ' '))
		return -EINVAL;
	snprintf(config->details_url, sizeof(config->details_url), "%s", value);
	return 0;
}

static int set_organisation(const Key *key, Config *config, const char *value)
{
	if (strlen(value) > CONFIG_NAME_MAX)
		return -EINVAL;
	snprintf(config->organisation, sizeof(config->organisation), "%s", value);
	return 0;
}

/* A name without its kind would protect nothing. */
static int add_protected(const Key *key, Config *config, const char *value)
{
	size_t length = strlen(value);
	bool is_pattern = value[length - 1] == '*';

	if (config->protect_count == CONFIG_PROTECT_MAX || length > UNIT_NAME_MAX ||
		strspn(value, UNIT_NAME_CHARACTERS) != length - is_pattern ||
		!(is_pattern || strchr(value, '.')))
		return -EINVAL;
	snprintf(config->protect[config->protect_count++], UNIT_NAME_MAX + 1, "%s", value);
	return 0;
}

static int add_window(const Key *key, Config *config, const char *value)
{
	if (config->window_count == CONFIG_WINDOWS_MAX ||
		window_parse(value, &config->windows[config->window_count]) < 0)
		return -EINVAL;
	config->window_count++;
	return 0;
}

static int add_enforcement(const Key *key, Config *config, const char *value)
{
	if (config->enforcement_count == CONFIG_ENFORCEMENTS_MAX ||
		enforcement_parse(value, &config->enforcements[config->enforcement_count]) < 0)
		return -EINVAL;
	config->enforcement_count++;
	return 0;
}

/* Durations with spaces between. */
static int set_warnings(const Key *key, Config *config, const char *value)
{
	int warnings[CONFIG_WARNINGS_MAX];
	size_t count = 0;

	for (; *value; value += strspn(value, " ")) {
		size_t length = strcspn(value, " ");
		char word[AMOUNT_TEXT_SIZE];
		uint64_t seconds;

		snprintf(word, sizeof(word), "%.*s", (int)length, value);
		if (count == CONFIG_WARNINGS_MAX || length >= sizeof(word) ||
			amount_duration(word, CONFIG_WARNING_MAX, &seconds) < 0 || seconds == 0)
			return -EINVAL;
		warnings[count++] = (int)seconds;
		value += length;
	}
	memcpy(config->warnings, warnings, count * sizeof(*warnings));
	config->warning_count = count;
	return 0;
}

static int *number_of(const Key *key, Config *config)
{
	return (int *)((char *)config + key->offset);
}

static int set_number(const Key *key, Config *config, uint64_t number)
{
	if (number < (uint64_t)key->min)
		return -EINVAL;
	*number_of(key, config) = (int)number;
	return 0;
}

static int set_duration(const Key *key, Config *config, const char *value)
{
	uint64_t seconds;
	int r = amount_duration(value, (uint64_t)key->max, &seconds);

	return r < 0 ? r : set_number(key, config, seconds);
}

static int set_bytes(const Key *key, Config *config, const char *value)
{
	uint64_t bytes;
	int r = amount_bytes(value, (uint64_t)key->max, &bytes);

	return r < 0 ? r : set_number(key, config, bytes);
}

static int set_percent(const Key *key, Config *config, const char *value)
{
	uint64_t percent;

	return text_to_u64(value, 100, &percent) < 0 ? -EINVAL : set_number(key, config, percent);
}

static int set_word(const Key *key, Config *config, const char *value)
{
	int word = text_index(key->words, value);

	if (word < 0)
		return -EINVAL;
	*number_of(key, config) = word;
	return 0;
}

static int set_flag(const Key *key, Config *config, const char *value)
{
	int word = text_index(key->words, value);

	if (word < 0)
		return -EINVAL;
	*(bool *)((char *)config + key->offset) = word == 1;
	return 0;
}

#define AT(member) .offset = offsetof(Config, member)

static const char *const redirects[] = {"same-host", "any", NULL};
static const char *const yes_no[] = {"yes", "no", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const go_wait[] = {"go", "wait", NULL};
static const char *const delay_unless[] = {"low", "medium", "high", "critical", "never", NULL};

_Static_assert(sizeof(Automatic) == sizeof(int), "set_word() writes an int");

#define ADDRESS "an address that starts with https://, http:// or file:///, without a user"
#define WEB     "an address that starts with http:// or https://, without a user"

const Key keys[] = {
	{"repository", "url", ADDRESS, "", .set = set_url},
	{"repository", "mirror", ADDRESS, "", .set = add_mirror, .merge = MERGE_UNION},
	{"repository", "proxy", WEB, "", .set = set_proxy},
	{"repository", "ca-file", "the absolute path of a file", "", .set = set_ca_file},
	{"repository", "redirects", "same-host or any", "same-host", .set = set_flag,
		.words = redirects, AT(any_redirect)},
	{"repository", "timeout", "a duration, at most 10min", "30s", .merge = MERGE_LEAST,
		.set = set_duration, .min = 1, .max = CONFIG_TIMEOUT_MAX, AT(timeout)},
	{"repository", "bandwidth", "bytes a second, 8k to 1G", "", .merge = MERGE_LEAST,
		.set = set_bytes, .min = CONFIG_BANDWIDTH_MIN, .max = CONFIG_BYTES_MAX,
		AT(bandwidth)},
	{"repository", "channel", "a name of lower-case letters, digits and ._-", "public",
		.set = set_channel},
	{"check", "interval", "a duration, at most 1w", "6h", .merge = MERGE_LEAST,
		.set = set_duration, .min = 1, .max = CONFIG_INTERVAL_MAX, AT(interval)},
	{"install", "automatic", "install, download or off", "install", .set = set_word,
		.words = config_automatic_words, AT(automatic)},
	{"install", "allow", "yes or no", "yes", .merge = MERGE_NO, .set = set_flag,
		.words = yes_no, AT(forbids_install)},
	{"install", "removal", "yes or no", "yes", .merge = MERGE_NO, .set = set_flag,
		.words = yes_no, AT(forbids_removal)},
	{"install", "window", "days and hours such as Mon..Fri 03:00-05:00", "", "03:00-05:00",
		.merge = MERGE_UNION, .set = add_window},
	{"install", "metered", "go, small or wait", "small", .set = set_word,
		.words = config_metered_words, AT(metered)},
	{"install", "metered-max", "bytes, at most 1G", "5M", .merge = MERGE_LEAST,
		.set = set_bytes, .max = CONFIG_BYTES_MAX, AT(metered_max)},
	{"install", "on-battery", "go or wait", "go", .set = set_flag, .words = go_wait,
		AT(battery_waits)},
	{"install", "battery", "percent, 0 to 100", "20", .merge = MERGE_MOST, .set = set_percent,
		AT(battery_floor)},
	{"install", "idle", "yes or no", "no", .set = set_flag, .words = no_yes,
		AT(waits_for_idle)},
	{"install", "idle-load", "percent, 1 to 100", "30", .merge = MERGE_LEAST,
		.set = set_percent, .min = 1, AT(idle_load)},
	{"install", "delay", "a duration, at most 90d", "0", .merge = MERGE_LEAST,
		.set = set_duration, .max = CONFIG_DELAY_MAX, AT(delay)},
	{"install", "delay-unless", "low, medium, high, critical or never", "critical",
		.set = set_word, .words = delay_unless, AT(delay_unless)},
	{"install", "postpone-limit", "a duration, at most 90d", "7d", .merge = MERGE_LEAST,
		.set = set_duration, .max = CONFIG_POSTPONE_MAX, AT(postpone_limit)},
	{"restart", "automatic", "services, machine or off", "services", "off", .set = set_word,
		.words = config_restarts_words, AT(restarts)},
	{"restart", "protect", "the name of a unit with its kind, or its beginning and a *", "",
		"*", .merge = MERGE_UNION, .set = add_protected},
	{"trial", "window", "a duration, at most 1d", "60s", .merge = MERGE_MOST,
		.set = set_duration, .min = 1, .max = CONFIG_WINDOW_MAX, AT(window)},
	{"trial", "boot-window", "a duration, at most 1d", "180s", .merge = MERGE_MOST,
		.set = set_duration, .min = 1, .max = CONFIG_WINDOW_MAX, AT(boot_window)},
	{"enforce", "require", "an improvement and a local time, such as 26.3.1-b 2026-12-01T18:00",
		"", .merge = MERGE_UNION, .set = add_enforcement},
	{"enforce", "warn", "up to 8 durations, each at most 30d", "1d 1h 10min",
		.set = set_warnings},
	{"enforce", "countdown", "a duration, at most 1h", "60s", .merge = MERGE_MOST,
		.set = set_duration, .max = CONFIG_COUNTDOWN_MAX, AT(countdown)},
	{"enforce", "details-url", WEB, "", .set = set_details_url},
	{"notify", "level", "all, deadline-only or none", "all", .set = set_word,
		.words = config_notify_words, AT(notify)},
	{"manage", "organisation", "a name of at most 128 bytes", "", .set = set_organisation},
	{},
};
_Static_assert(ARRAY_SIZE(keys) <= KEYS_MAX, "tables with an entry per key are large enough");

const Key *key_find(const char *section, const char *name)
{
	for (const Key *key = keys; key->name; key++)
		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

bool key_is_section(const char *section)
{
	for (const Key *key = keys; key->name; key++)
		if (strcmp(key->section, section) == 0)
			return true;
	return false;
}

static int read_number(const Key *key, Config *scratch, const char *value)
{
	*number_of(key, scratch) = 0;
	key->set(key, scratch, value);
	return *number_of(key, scratch);
}

bool key_is_stricter(const Key *key, Config *scratch, const char *value, const char *other)
{
	int first = read_number(key, scratch, value), second = read_number(key, scratch, other);

	return key->merge == MERGE_LEAST ? second < first : second > first;
}
