/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define FIRST_LINE "SETTINGS "
#define VERSION    "1"

/* Members that are text, in the order of their lines. */
static const struct {
	const char *key;
	size_t offset;
	bool is_environment;
} texts[] = {
	{"proxy", offsetof(FetchSettings, proxy), false},
	{"ca-file", offsetof(FetchSettings, ca_file), false},
	{"http_proxy", offsetof(FetchSettings, http_proxy), true},
	{"https_proxy", offsetof(FetchSettings, https_proxy), true},
	{"all_proxy", offsetof(FetchSettings, all_proxy), true},
	{"no_proxy", offsetof(FetchSettings, no_proxy), true},
};

static const char *const redirect_words[] = {"same", "any", NULL};
static const char *const background_words[] = {"no", "yes", NULL};

static char *text_of(const FetchSettings *settings, size_t i)
{
	return (char *)settings + texts[i].offset;
}

/* As libcurl looks for it: HTTP_PROXY is what a client of a web server could set. */
static const char *environment_of(const char *key)
{
	const char *value = getenv(key);
	char upper[16] = "";

	if (value || strcmp(key, "http_proxy") == 0)
		return value;
	for (size_t i = 0; key[i] && i < sizeof(upper) - 1; i++)
		upper[i] = key[i] >= 'a' && key[i] <= 'z' ? (char)(key[i] - 'a' + 'A') : key[i];
	return getenv(upper);
}

int fetch_settings_read_environment(FetchSettings *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = texts[i].is_environment ? environment_of(texts[i].key) : NULL;

		if (value &&
			snprintf(text_of(settings, i), FETCH_VALUE_MAX + 1, "%s", value) >
				FETCH_VALUE_MAX)
			return -E2BIG;
	}
	return 0;
}

int fetch_settings_set_environment(const FetchSettings *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].is_environment && text_of(settings, i)[0] &&
			setenv(texts[i].key, text_of(settings, i), true) < 0)
			return -errno;
	return 0;
}

int fetch_settings_write(const FetchSettings *settings, char ret_text[static FETCH_SETTINGS_SIZE])
{
	int used = snprintf(ret_text, FETCH_SETTINGS_SIZE,
		FIRST_LINE VERSION "\ntimeout %u\nbandwidth %u\nredirects %s\nbackground %s\n",
		settings->timeout, settings->bandwidth, redirect_words[settings->any_redirect],
		background_words[settings->in_background]);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = text_of(settings, i);

		if (!value[0])
			continue;
		if (!text_is_printable(value))
			return -EINVAL;
		used += snprintf(ret_text + used, (size_t)(FETCH_SETTINGS_SIZE - used), "%s %s\n",
			texts[i].key, value);
		if (used >= FETCH_SETTINGS_SIZE)
			return -E2BIG;
	}
	return used;
}

/* The rest of the next line if it begins with this word; else NULL, and the cursor stays. Every
 * line has its newline. */
static char *take_value(char **cursor, const char *key)
{
	size_t length = strlen(key);

	if (!text_starts_with(*cursor, key) || (*cursor)[length] != ' ' || !strchr(*cursor, '\n'))
		return NULL;
	return text_next_line(cursor) + length + 1;
}

static int take_number(char **cursor, const char *key, uint64_t max, unsigned *ret)
{
	const char *value = take_value(cursor, key);
	uint64_t number;

	if (!value || text_to_u64(value, max, &number) < 0)
		return -EBADMSG;
	*ret = (unsigned)number;
	return 0;
}

static int take_word(char **cursor, const char *key, const char *const *words, bool *ret)
{
	const char *value = take_value(cursor, key);
	int index = value ? text_index(words, value) : -1;

	if (index < 0)
		return -EBADMSG;
	*ret = index > 0;
	return 0;
}

static int take_texts(char **cursor, FetchSettings *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = take_value(cursor, texts[i].key);

		if (!value)
			continue;
		if (!value[0] || strlen(value) > FETCH_VALUE_MAX || !text_is_printable(value))
			return -EBADMSG;
		snprintf(text_of(settings, i), FETCH_VALUE_MAX + 1, "%s", value);
	}
	return **cursor ? -EBADMSG : 0;
}

int fetch_settings_parse(char *text, FetchSettings *ret_settings)
{
	FetchSettings settings = {};
	const char *version = take_value(&text, "SETTINGS");
	int r;

	if (!version)
		return -EBADMSG;
	if (strcmp(version, VERSION) != 0)
		return -EPROTONOSUPPORT;
	r = take_number(&text, "timeout", FETCH_TIMEOUT_MAX, &settings.timeout);
	if (r == 0)
		r = take_number(&text, "bandwidth", INT_MAX, &settings.bandwidth);
	if (r == 0)
		r = take_word(&text, "redirects", redirect_words, &settings.any_redirect);
	if (r == 0)
		r = take_word(&text, "background", background_words, &settings.in_background);
	if (r == 0)
		r = take_texts(&text, &settings);
	if (r == 0)
		*ret_settings = settings;
	return r;
}
