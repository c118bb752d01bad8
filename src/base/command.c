/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"
#include "suture-version.h"

#define HELP_COLUMN 38

typedef struct Words {
	char *items[COMMAND_WORDS_MAX + 1]; /* ends with NULL */
	int count;
} Words;

static int usage_error(const Command *command, const char *what, const char *word)
{
	log_error("%s%s; see '%s --help'", what, word, command->program);
	return EXIT_USAGE;
}

/* Long and short forms stand in one column, the help beside it. */
static void print_row(const char *form, const char *value, const char *help)
{
	int width = printf("  %s%s%s", form, value[0] ? " " : "", value);

	printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", help);
}

static void print_usage(const Command *command)
{
	const char *operands = command->verbs[0].name[0] ? "VERB ..." : command->verbs[0].operands;
	bool may_omit = command->default_verb && command->default_verb[0];

	printf("%s: %s\n\nUsage: %s [OPTION...]%s%s%s%s\n", command->program, command->purpose,
		command->program, operands[0] ? " " : "", may_omit ? "[" : "", operands,
		may_omit ? "]" : "");
	if (may_omit)
		printf("Without a verb it does what '%s' does.\n", command->default_verb);
}

static void print_help(const Command *command)
{
	print_usage(command);
	if (command->verbs[0].name[0])
		printf("\nVerbs:\n");
	for (const Verb *v = command->verbs; v->name && v->name[0]; v++)
		print_row(v->name, v->operands, v->help);
	printf("\nOptions:\n");
	for (const Option *o = command->options; o->name; o++) {
		char form[64];

		snprintf(form, sizeof(form), "%s%s", o->name[1] ? "--" : "-", o->name);
		print_row(form, o->value ? o->value : "", o->help);
	}
	print_row("--help", "", "show this");
	print_row("--version", "", "show the version");
}

/* Whether it is one of "these|words". */
static bool is_choice(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strcspn(at, "|") == length && strncmp(at, word, length) == 0)
			return true;
	return false;
}

static int set_option(const Command *command, const Option *option, const char *value)
{
	uint64_t number;
	OptionList *list;

	switch (option->kind) {
	case OPTION_FLAG: *(bool *)option->target = true; return 0;
	case OPTION_TEXT: *(const char **)option->target = value; return 0;
	case OPTION_CHOICE:
		if (!is_choice(option->value, value))
			return usage_error(command, "not a choice that there is: ", value);
		*(const char **)option->target = value;
		return 0;
	case OPTION_NUMBER:
		if (text_to_u64(value, INT_MAX, &number) < 0)
			return usage_error(command, "not a number: ", value);
		*(int *)option->target = (int)number;
		return 0;
	case OPTION_LIST:
		list = option->target;
		if (list->count == OPTION_LIST_MAX)
			return usage_error(command, "too many of option ", option->name);
		list->items[list->count++] = value;
		return 0;
	}
	return EXIT_USAGE;
}

/* The option that `word` (dashes removed) names, by itself or with =VALUE behind it. */
static const Option *find_option(const Command *command, const char *word, size_t length)
{
	for (const Option *o = command->options; o->name; o++)
		if (strlen(o->name) == length && strncmp(o->name, word, length) == 0)
			return o;
	return NULL;
}

/* Reads the option at argv[*at] and moves *at to its last word. */
static int take_option(const Command *command, char **argv, int argc, int *at)
{
	const char *word = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
	size_t length = strcspn(word, "=");
	const Option *option = find_option(command, word, length);
	const char *value = word[length] == '=' ? word + length + 1 : NULL;

	if (!option || (argv[*at][1] == '-') != (option->name[1] != '\0'))
		return usage_error(command, "unknown option ", argv[*at]);
	if (option->kind == OPTION_FLAG && value)
		return usage_error(command, "no value belongs to ", argv[*at]);
	if (option->kind != OPTION_FLAG && !value) {
		if (*at + 1 >= argc)
			return usage_error(command, "a value is missing behind ", argv[*at]);
		value = argv[++*at];
	}
	return set_option(command, option, value);
}

static const Verb *find_verb(const Command *command, const char *name)
{
	for (const Verb *v = command->verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static bool runs_command(const Command *command, const char *name)
{
	const Verb *verb = find_verb(command, name);

	return verb && verb->runs_command;
}

static int collect_words(const Command *command, int argc, char **argv, Words *ret_words)
{
	bool only_words = false;

	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (ret_words->count > 1 && runs_command(command, ret_words->items[0]))
			only_words = true;
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && argv[i][0] == '-' && argv[i][1])
			r = take_option(command, argv, argc, &i);
		else if (ret_words->count == COMMAND_WORDS_MAX)
			r = usage_error(command, "too many words at ", argv[i]);
		else
			ret_words->items[ret_words->count++] = argv[i];
		if (r != 0)
			return r;
	}
	return 0;
}

static int require_options(const Command *command, const Verb *verb)
{
	for (const Option *o = command->options; o->name; o++)
		if (o->required && !*(const char **)o->target &&
			!(verb->without && strcmp(verb->without, o->name) == 0))
			return usage_error(command, "this option is missing: --", o->name);
	return 0;
}

static int run_verb(const Command *command, const Verb *verb, Words *words, int skip)
{
	int count = words->count - skip, r = require_options(command, verb);

	if (r != 0)
		return r;
	if (count < verb->min)
		return usage_error(command,
			"an operand is missing: ", verb->name[0] ? verb->name : verb->operands);
	if (count > verb->max)
		return usage_error(command, "unexpected: ", words->items[skip + verb->max]);
	return verb->run(count, words->items + skip);
}

static int choose_verb(const Command *command, Words *words)
{
	bool unnamed = command->default_verb && command->default_verb[0] == '\0';
	const char *name = command->default_verb;
	const Verb *verb;

	if (unnamed)
		return run_verb(command, command->verbs, words, 0);
	if (words->count > 0)
		name = words->items[0];
	if (!name)
		return usage_error(command, "a verb is missing behind ", command->program);
	verb = find_verb(command, name);
	if (verb)
		return run_verb(command, verb, words, words->count > 0 ? 1 : 0);
	return usage_error(command, "unknown verb ", name);
}

bool option_list_has(const OptionList *list, const char *value)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], value) == 0)
			return true;
	return false;
}

int command_main(const Command *command, int argc, char **argv)
{
	Words words = {};
	int r;

	log_open(command->program);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0 && !runs_command(command, argv[i]);
		i++) {
		if (strcmp(argv[i], "--help") == 0) {
			print_help(command);
			return EXIT_OK;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("%s %s\n", command->program, SUTURE_VERSION);
			return EXIT_OK;
		}
	}
	r = collect_words(command, argc, argv, &words);
	return r != 0 ? r : choose_verb(command, &words);
}
