/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define DEFAULT_CHANNEL     "public"
#define DEFAULT_INTERVAL    (6 * 3600) /* as the timer of fleets that meter themselves: four a day */
#define DEFAULT_TIMEOUT     30
#define DEFAULT_WINDOW      60
#define DEFAULT_BOOT_WINDOW 180

const char *const config_automatic_words[] = {"install", "download", "off", NULL};

/* Where the parser is. */
typedef struct Parser {
	const char *name;
	unsigned line;
	char section[32];
	unsigned seen; /* bit n: keys[n] was given */
	Config *config;
	Reason *reason;
} Parser;

/* A password in an address would be told to everybody: it stands in messages, in `status`, and on
 * the command lines of the programs that are started. */
static bool has_user(const char *authority)
{
	return memchr(authority, '@', strcspn(authority, "/")) != NULL;
}

/* With a slash at its end. */
static int copy_address(const char *value, char target[static CONFIG_VALUE_MAX + 1])
{
	size_t length = strlen(value);
	const char *rest = strstr(value, "://");

	if (length + 1 > CONFIG_VALUE_MAX || strchr(value, ' ') || !text_is_printable(value))
		return -EINVAL;
	if (text_starts_with(value, "https://") || text_starts_with(value, "http://")) {
		if (strchr("/", rest[strlen("://")]) || has_user(rest + strlen("://")))
			return -EINVAL;
	} else if (!text_starts_with(value, "file:///") || length == strlen("file:///"))
		return -EINVAL;
	snprintf(target, CONFIG_VALUE_MAX + 1, "%s%s", value, value[length - 1] == '/' ? "" : "/");
	return 0;
}

static int set_url(Config *config, const char *value)
{
	return copy_address(value, config->url);
}

static int add_mirror(Config *config, const char *value)
{
	if (config->mirror_count == CONFIG_MIRRORS_MAX ||
		copy_address(value, config->mirrors[config->mirror_count]) < 0)
		return -EINVAL;
	config->mirror_count++;
	return 0;
}

static int set_proxy(Config *config, const char *value)
{
	if (!text_starts_with(value, "http://") && !text_starts_with(value, "https://"))
		return -EINVAL;
	return copy_address(value, config->proxy);
}

static int set_ca_file(Config *config, const char *value)
{
	if (value[0] != '/' || !text_is_printable(value))
		return -EINVAL;
	snprintf(config->ca_file, sizeof(config->ca_file), "%s", value);
	return 0;
}

static int set_redirects(Config *config, const char *value)
{
	static const char *const words[] = {"same-host", "any", NULL};
	int word = text_index(words, value);

	config->any_redirect = word == 1;
	return word < 0 ? -EINVAL : 0;
}

static int read_seconds(const char *value, uint64_t max, int *ret_seconds)
{
	uint64_t seconds;

	if (text_to_u64(value, max, &seconds) < 0 || seconds == 0)
		return -EINVAL;
	*ret_seconds = (int)seconds;
	return 0;
}

static int set_timeout(Config *config, const char *value)
{
	return read_seconds(value, CONFIG_TIMEOUT_MAX, &config->timeout);
}

static int set_channel(Config *config, const char *value)
{
	if (!text_consists_of(value, TEXT_LOWER TEXT_DIGITS "._-") || value[0] == '.')
		return -EINVAL;
	snprintf(config->channel, sizeof(config->channel), "%s", value);
	return 0;
}

static int set_automatic(Config *config, const char *value)
{
	int word = text_index(config_automatic_words, value);

	if (word < 0)
		return -EINVAL;
	config->automatic = (Automatic)word;
	return 0;
}

static int set_restarts(Config *config, const char *value)
{
	static const char *const words[] = {"services", "off", NULL};
	int word = text_index(words, value);

	config->keeps_services = word == 1;
	return word < 0 ? -EINVAL : 0;
}

/* A name without its kind would protect nothing. */
static int add_protected(Config *config, const char *value)
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

static int set_window(Config *config, const char *value)
{
	return read_seconds(value, CONFIG_WINDOW_MAX, &config->window);
}

static int set_boot_window(Config *config, const char *value)
{
	return read_seconds(value, CONFIG_WINDOW_MAX, &config->boot_window);
}

static int set_interval(Config *config, const char *value)
{
	return read_seconds(value, CONFIG_INTERVAL_MAX, &config->interval);
}

static const struct {
	const char *section, *key, *expected;
	int (*set)(Config *config, const char *value);
	bool repeats;
} keys[] = {
	{"repository", "url",
		"an address that starts with https://, http:// or file:///, without a user",
		set_url},
	{"repository", "mirror",
		"an address that starts with https://, http:// or file:///, without a user, given "
		"8 "
		"times at most",
		add_mirror, true},
	{"repository", "proxy", "an address that starts with http:// or https://, without a user",
		set_proxy},
	{"repository", "ca-file", "the absolute path of a file", set_ca_file},
	{"repository", "redirects", "same-host or any", set_redirects},
	{"repository", "timeout", "seconds, at most ten minutes", set_timeout},
	{"repository", "channel", "a name of lower-case letters, digits and ._-", set_channel},
	{"install", "automatic", "install, download or off", set_automatic},
	{"restart", "automatic", "services or off", set_restarts},
	{"restart", "protect",
		"the name of a unit with its kind, or its beginning and a *, given 32 times at "
		"most",
		add_protected, true},
	{"trial", "window", "seconds, at most a day", set_window},
	{"trial", "boot-window", "seconds, at most a day", set_boot_window},
	{"check", "interval", "seconds, at most a week", set_interval},
};

static int refuse(const Parser *parser, const char *what, const char *word)
{
	return reason_set(
		parser->reason, -EINVAL, "%s:%u: %s%s", parser->name, parser->line, what, word);
}

static int take_section(Parser *parser, const char *line)
{
	size_t length = strlen(line);

	if (line[length - 1] != ']' || length < 3 || length - 2 >= sizeof(parser->section))
		return refuse(parser, "not a section: ", line);
	snprintf(parser->section, sizeof(parser->section), "%.*s", (int)length - 2, line + 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].section, parser->section) == 0)
			return 0;
	return refuse(parser, "unknown section ", line);
}

static int take_assignment(Parser *parser, char *line)
{
	char *equals = strchr(line, '='), *key, *value;

	if (!equals)
		return refuse(parser, "not of the form key = value: ", line);
	*equals = '\0';
	key = text_trim(line);
	value = text_trim(equals + 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].section, parser->section) != 0 || strcmp(keys[i].key, key) != 0)
			continue;
		if (parser->seen & 1u << i && !keys[i].repeats)
			return refuse(parser, "given twice: ", key);
		parser->seen |= 1u << i;
		if (strlen(value) > CONFIG_VALUE_MAX || value[0] == '\0' ||
			keys[i].set(parser->config, value) < 0) {
			Reason what;

			reason_set(&what, 0, "%s must be ", key);
			return refuse(parser, what.text, keys[i].expected);
		}
		return 0;
	}
	return refuse(parser, "unknown key ", key);
}

static int take_line(Parser *parser, char *line)
{
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	line = text_trim(line);
	if (line[0] == '\0' || line[0] == ';')
		return 0;
	return line[0] == '[' ? take_section(parser, line) : take_assignment(parser, line);
}

int config_parse(
	const char *name, const void *text, size_t size, Config *ret_config, Reason *reterr_reason)
{
	Config config = {.channel = DEFAULT_CHANNEL,
		.interval = DEFAULT_INTERVAL,
		.timeout = DEFAULT_TIMEOUT,
		.window = DEFAULT_WINDOW,
		.boot_window = DEFAULT_BOOT_WINDOW};
	Parser parser = {.name = name, .config = &config, .reason = reterr_reason};
	_cleanup_free_ char *copy = memory_string_n(text, size);
	char *cursor = copy, *line;

	if (!copy)
		return -ENOMEM;
	if (strlen(copy) != size)
		return refuse(&parser, "holds a NUL byte", "");
	while ((line = text_next_line(&cursor))) {
		int r;

		parser.line++;
		r = take_line(&parser, line);
		if (r < 0)
			return r;
	}
	*ret_config = config;
	return 0;
}

int config_load(const char *root, Config *ret_config, Reason *reterr_reason)
{
	static const char *const places[] = {CONFIG_PATH, CONFIG_VENDOR_PATH};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = path_join(root, places[i]);
		_cleanup_free_ uint8_t *text = NULL;
		size_t size;
		int r = path ? file_read(AT_FDCWD, path, CONFIG_SIZE_MAX, &text, &size) : -ENOMEM;

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return reason_errno(reterr_reason, r, "cannot read %s", path);
		return config_parse(path, text, size, ret_config, reterr_reason);
	}
	return reason_set(reterr_reason, -ENOENT,
		"%s%s" CONFIG_PATH " is missing: it says where improvements come from "
		"(suture.conf(5))",
		root, text_ends_with(root, "/") ? "" : "/");
}
