/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "device/policy/setting.h"

#define SECTION_MAX   31
#define UNREADABLE    "protect" /* of [restart]: what a file that cannot be read may have said */
#define UNREADABLE_IN "restart"

const char *const policy_layer_names[] = {"default", "vendor", "owner", "command", "managed", NULL};

/* Where the reader of one text is. */
typedef struct Reader {
	Policy *policy;
	PolicyLayer layer;
	const char *file;
	unsigned line;
	size_t first;                  /* setting of this text */
	char section[SECTION_MAX + 1]; /* empty: one that is not known, which was told */
} Reader;

Policy *policy_new(void)
{
	return memory_new(sizeof(Policy));
}

void policy_free(Policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->value_count; i++)
		memory_free(policy->values[i].text);
	for (size_t i = 0; i < policy->setting_count; i++)
		memory_free(policy->settings[i].value);
	for (size_t i = 0; i < policy->file_count; i++)
		memory_free(policy->files[i]);
	memory_free(policy->values);
	memory_free(policy->settings);
	memory_free(policy->files);
	memory_free(policy->mistakes);
	memory_free(policy);
}

int policy_note(Policy *policy, const char *file, unsigned line, const char *format, ...)
{
	Reason what;
	va_list args;
	int r;

	if (policy->mistake_count == POLICY_MISTAKES_MAX) {
		policy->mistakes_left_out++;
		return 0;
	}
	va_start(args, format);
	vsnprintf(what.text, sizeof(what.text), format, args);
	va_end(args);
	r = memory_grow(&policy->mistakes, policy->mistake_count, sizeof(*policy->mistakes));
	if (r < 0)
		return r;
	if (line > 0)
		reason_set(&policy->mistakes[policy->mistake_count++], 0, "%s:%u: %s", file, line,
			what.text);
	else
		reason_set(
			&policy->mistakes[policy->mistake_count++], 0, "%s: %s", file, what.text);
	return 0;
}

static int add_file(Policy *policy, const char *name, const char **ret_file)
{
	char *copy = memory_string(name);

	if (!copy || memory_grow(&policy->files, policy->file_count, sizeof(char *)) < 0) {
		memory_free(copy);
		return -ENOMEM;
	}
	*ret_file = policy->files[policy->file_count++] = copy;
	policy->has_files = true;
	return 0;
}

static int add_setting(Policy *policy, const PolicySetting *setting, const char *value)
{
	char *copy = memory_string(value);

	if (!copy || memory_grow(&policy->settings, policy->setting_count, sizeof(*setting)) < 0) {
		memory_free(copy);
		return -ENOMEM;
	}
	policy->settings[policy->setting_count] = *setting;
	policy->settings[policy->setting_count++].value = copy;
	return 0;
}

int policy_add_unreadable(Policy *policy, PolicyLayer layer, const char *name, const char *why)
{
	const Key *key = key_find(UNREADABLE_IN, UNREADABLE);
	PolicySetting setting = {.key = key, .layer = layer, .is_mistaken = true};
	int r = add_file(policy, name, &setting.file);

	if (r == 0)
		r = policy_note(policy, name, 0, "%s", why);
	return r < 0 ? r : add_setting(policy, &setting, key->safe);
}

static int take_section(Reader *reader, const char *line)
{
	size_t length = strlen(line);

	reader->section[0] = '\0';
	if (line[length - 1] != ']' || length < 3)
		return policy_note(
			reader->policy, reader->file, reader->line, "not a section: %s", line);
	if (length - 2 <= SECTION_MAX)
		snprintf(reader->section, sizeof(reader->section), "%.*s", (int)length - 2,
			line + 1);
	if (key_is_section(reader->section))
		return 0;
	reader->section[0] = '\0';
	return policy_note(reader->policy, reader->file, reader->line, "unknown section %s", line);
}

static bool is_given_twice(const Reader *reader, const Key *key)
{
	const Policy *policy = reader->policy;

	for (size_t i = reader->first; i < policy->setting_count; i++)
		if (policy->settings[i].key == key)
			return key->merge != MERGE_UNION;
	return false;
}

/* An entry of a list is tried as the first one. How many there are is known when all are. */
static bool is_allowed(Policy *policy, const Key *key, const char *value)
{
	if (!value[0])
		return key->merge == MERGE_UNION;
	policy->config = (Config){};
	return strlen(value) <= CONFIG_VALUE_MAX && text_is_clean(value) &&
		key->set(key, &policy->config, value) == 0;
}

static int take_value(Reader *reader, const Key *key, const char *value)
{
	PolicySetting setting = {
		.key = key, .layer = reader->layer, .file = reader->file, .line = reader->line};
	int r;

	if (is_given_twice(reader, key))
		return policy_note(reader->policy, reader->file, reader->line,
			"%s is given twice: the first counts", key->name);
	if (is_allowed(reader->policy, key, value))
		return add_setting(reader->policy, &setting, value);
	r = policy_note(reader->policy, reader->file, reader->line, "%s must be %s", key->name,
		key->expected);
	if (r < 0 || (key->merge == MERGE_UNION && !key->safe))
		return r;
	setting.is_mistaken = true;
	return add_setting(reader->policy, &setting, key->safe ? key->safe : key->fallback);
}

static int take_assignment(Reader *reader, char *line)
{
	char *equals = strchr(line, '='), *name;
	const Key *key;

	if (!equals)
		return policy_note(reader->policy, reader->file, reader->line,
			"not of the form key = value: %s", line);
	*equals = '\0';
	name = text_trim(line);
	key = key_find(reader->section, name);
	return key ? take_value(reader, key, text_trim(equals + 1))
		   : policy_note(reader->policy, reader->file, reader->line,
			     "unknown key %s, which is ignored", name);
}

static int take_line(Reader *reader, char *line, bool *is_ignored)
{
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	line = text_trim(line);
	if (line[0] == '\0' || line[0] == ';')
		return 0;
	if (line[0] != '[')
		return *is_ignored ? 0 : take_assignment(reader, line);
	*is_ignored = false;
	if (take_section(reader, line) < 0)
		return -ENOMEM;
	*is_ignored = !reader->section[0];
	return 0;
}

int policy_add(Policy *policy, PolicyLayer layer, const char *name, const void *text, size_t size)
{
	Reader reader = {.policy = policy, .layer = layer, .first = policy->setting_count};
	_cleanup_free_ char *copy = memory_string_n(text, size);
	char *cursor = copy, *line;
	bool is_ignored = false; /* a section that is not known was told, its keys need not be */
	int r = copy ? 0 : -ENOMEM;

	if (r == 0 && strlen(copy) != size)
		return policy_add_unreadable(policy, layer, name, "holds a NUL byte");
	if (r == 0)
		r = add_file(policy, name, &reader.file);
	while (r == 0 && (line = text_next_line(&cursor))) {
		reader.line++;
		r = take_line(&reader, line, &is_ignored);
	}
	return r;
}

const PolicyValue *policy_value(const Policy *policy, const char *section, const char *key)
{
	for (size_t i = 0; i < policy->value_count; i++)
		if (strcmp(policy->values[i].section, section) == 0 &&
			strcmp(policy->values[i].key, key) == 0)
			return &policy->values[i];
	return NULL;
}

bool policy_is_managed(const Policy *policy, const char *section, const char *key)
{
	const PolicyValue *value = policy_value(policy, section, key);

	return value && value->layer == POLICY_MANAGED;
}

const char *policy_organisation(const Policy *policy)
{
	return policy->config.organisation[0] ? policy->config.organisation : "your organisation";
}

/* Most likely the one that is why there is no address. */
static const char *likely_mistake(const Policy *policy)
{
	for (size_t i = 0; i < policy->mistake_count; i++)
		if (strstr(policy->mistakes[i].text, " url must be "))
			return policy->mistakes[i].text;
	return policy->mistake_count > 0 ? policy->mistakes[0].text : NULL;
}

int policy_need_repository(const Policy *policy, Reason *reterr_reason)
{
	const char *mistake = likely_mistake(policy);

	if (policy->config.url[0])
		return 0;
	if (mistake)
		return reason_set(reterr_reason, -EINVAL, "no repository to ask: %s", mistake);
	return reason_set(reterr_reason, -ENOENT, "%s",
		policy->has_files ? "suture.conf names no repository: set url in its section "
				    "[repository]"
				  : "/" CONFIG_PATH " is missing: it says where improvements "
				    "come from (suture.conf(5))");
}
