/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/lint/identity-rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/text.h"

#define TEXT_MIN      4    /* as strings(1) */
#define TEXT_MAX      512  /* longer ones are data, not a name with a version */
#define TEXTS_MAX     4096 /* of one rule in one file: beyond that the rule finds anything */
#define RULES_MAX     1024
#define RULE_NAME_MAX 64 /* as of all names */

static const char *const levels[] = {"off", "warning", "error", NULL};

/* In the form of the file. Versions of libraries are warnings: some vendors take the upstream's
 * security releases, whose version they cannot keep. */
static const char defaults[] =
	"error os-release *os-release "
	"^(NAME|PRETTY_NAME|ID|VERSION|VERSION_ID|VERSION_CODENAME|BUILD_ID|IMAGE_ID|IMAGE_VERSION|"
	"VARIANT_ID|CPE_NAME)=.*\n"
	"error user-agent * "
	"(Mozilla|AppleWebKit|Gecko|Chrome|Chromium|Firefox|Safari|Epiphany)/[0-9][0-9.]*\n"
	"error libc *libc.so.* release version [0-9]+\\.[0-9]+\n"
	"warning version * "
	"^([A-Za-z][A-Za-z0-9_+-]* )*v?[0-9]+\\.[0-9]+(\\.[0-9]+)+[a-z]?([ ,(].*)?$\n"
	"warning product * [A-Za-z][A-Za-z0-9_-]*/[0-9]+\\.[0-9]+(\\.[0-9]+)*\n";

static void rule_done(IdentityRule *rule)
{
	free(rule->name);
	free(rule->pattern);
	if (rule->is_compiled)
		regfree(&rule->expression);
	*rule = (IdentityRule){};
}

void identity_rules_done(IdentityRules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		rule_done(&rules->items[i]);
	free(rules->items);
	*rules = (IdentityRules){};
}

/* The next word of a line, ended in place; the rest follows behind one or more spaces. */
static char *take_word(char **line)
{
	char *word = *line;
	size_t length = strcspn(word, " \t");

	*line = word + length;
	if (**line) {
		*(*line)++ = '\0';
		*line += strspn(*line, " \t");
	}
	return word;
}

static int add_rule(IdentityRules *rules, IdentityRule *rule)
{
	int r;

	for (size_t i = 0; i < rules->count; i++)
		if (strcmp(rules->items[i].name, rule->name) == 0) {
			rule_done(&rules->items[i]);
			rules->items[i] = *rule;
			*rule = (IdentityRule){};
			return 0;
		}
	if (rules->count == RULES_MAX)
		return -E2BIG;
	r = memory_grow(&rules->items, rules->count, sizeof(*rules->items));
	if (r < 0)
		return r;
	rules->items[rules->count++] = *rule;
	*rule = (IdentityRule){};
	return 0;
}

static int read_line(IdentityRules *rules, char *line, unsigned number, Reason *reason)
{
	_cleanup_(rule_done) IdentityRule rule = {};
	const char *level = take_word(&line), *name = take_word(&line), *pattern = take_word(&line);
	int which = text_index(levels, level), r;

	if (which < 0 || !line[0] || strlen(name) > RULE_NAME_MAX)
		return reason_set(reason, -EBADMSG,
			"line %u is not of the form: error|warning|off NAME PATTERN EXPRESSION",
			number);
	rule.level = (IdentityLevel)which;
	rule.name = memory_string(name);
	rule.pattern = memory_string(pattern);
	if (!rule.name || !rule.pattern)
		return -ENOMEM;
	r = regcomp(&rule.expression, line, REG_EXTENDED);
	if (r == REG_ESPACE)
		return -ENOMEM;
	if (r != 0)
		return reason_set(reason, -EBADMSG, "line %u: %s is no extended regular expression",
			number, line);
	rule.is_compiled = true;
	r = add_rule(rules, &rule);
	return r == -E2BIG ? reason_set(reason, -EBADMSG, "more than %d rules", RULES_MAX) : r;
}

int identity_rules_read(IdentityRules *rules, const void *text, size_t size, Reason *reterr_reason)
{
	_cleanup_free_ char *copy = memory_string_n(text, size);
	char *cursor = copy, *line;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	if (strlen(copy) != size || (size > 0 && copy[size - 1] != '\n'))
		return reason_set(reterr_reason, -EBADMSG, "is no text that ends with a line end");
	for (unsigned number = 1; r == 0 && (line = text_next_line(&cursor)); number++) {
		line += strspn(line, " \t");
		if (line[0] != '\0' && line[0] != '#')
			r = read_line(rules, line, number, reterr_reason);
	}
	return r;
}

int identity_rules_defaults(IdentityRules *rules)
{
	return identity_rules_read(rules, defaults, sizeof(defaults) - 1, NULL);
}

bool identity_rule_is_for(const IdentityRule *rule, const char *path)
{
	return rule->level != IDENTITY_OFF && fnmatch(rule->pattern, path, 0) == 0;
}

void identity_texts_done(IdentityTexts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (IdentityTexts){};
}

static int add_text(IdentityTexts *texts, const char *start, size_t length)
{
	int r = memory_grow(&texts->items, texts->count, sizeof(*texts->items));

	if (r < 0)
		return r;
	texts->items[texts->count] = memory_string_n(start, length);
	return texts->items[texts->count++] ? 0 : -ENOMEM;
}

static int add_matches(const IdentityRule *rule, const char *text, IdentityTexts *texts)
{
	const char *at = text;
	regmatch_t match;
	int r = 0;

	while (r == 0 && texts->count < TEXTS_MAX &&
		regexec(&rule->expression, at, 1, &match, at > text ? REG_NOTBOL : 0) == 0 &&
		match.rm_so < match.rm_eo) {
		r = add_text(texts, at + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
		at += match.rm_eo;
	}
	return r;
}

static bool is_printable(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f;
}

static bool has_digit(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] >= '0' && text[i] <= '9')
			return true;
	return false;
}

static int take_text(
	const IdentityRule *rule, const uint8_t *text, size_t length, IdentityTexts *texts)
{
	char copy[TEXT_MAX + 1];

	if (length < TEXT_MIN || length > TEXT_MAX || !has_digit(text, length))
		return 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return add_matches(rule, copy, texts);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_texts(IdentityTexts *texts)
{
	size_t kept = 0;

	if (texts->count > 0)
		qsort(texts->items, texts->count, sizeof(*texts->items), compare_texts);
	for (size_t i = 0; i < texts->count; i++)
		if (kept > 0 && strcmp(texts->items[kept - 1], texts->items[i]) == 0)
			free(texts->items[i]);
		else
			texts->items[kept++] = texts->items[i];
	texts->count = kept;
}

int identity_rule_find(
	const IdentityRule *rule, const uint8_t *data, size_t size, IdentityTexts *ret_texts)
{
	_cleanup_identity_texts_ IdentityTexts texts = {};
	size_t start = 0;
	int r = 0;

	for (size_t at = 0; r == 0 && at <= size; at++) {
		if (at < size && is_printable(data[at]))
			continue;
		r = take_text(rule, data + start, at - start, &texts);
		start = at + 1;
	}
	if (r < 0)
		return r;
	sort_texts(&texts);
	*ret_texts = texts;
	texts = (IdentityTexts){};
	return 0;
}
