/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Command: the command line of every program, from two tables.
 *
 * Options may stand anywhere before "--"; `--name VALUE` and `--name=VALUE` are the same. The verb
 * is the first other word. Behind the first operand of a verb that runs a command all words are the
 * command's. `--help` prints what the tables say, `--version` the version; a mistake
 * is one line on standard error and exit code 64.
 *
 *     static const Option options[] = {
 *             {"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root}, {}};
 *     static const Verb verbs[] = {{"status", "", "show the state", 0, 0, verb_status}, {}};
 *     int main(int argc, char **argv)
 *     {
 *             static const Command command = {"suture", "…", options, verbs, NULL};
 *             return command_main(&command, argc, argv);
 *     }
 */
#include <stdbool.h>
#include <stddef.h>

#define COMMAND_WORDS_MAX 1024 /* verb and operands: another program's command line among them */
#define OPTION_LIST_MAX   256 /* repetitions of one option: a build matrix of bases × components */

typedef enum OptionKind {
	OPTION_TEXT,   /* const char * */
	OPTION_FLAG,   /* bool, takes no value */
	OPTION_NUMBER, /* int, 0 or more */
	OPTION_LIST,   /* OptionList: may be repeated */
	OPTION_CHOICE, /* const char *, one of the words of `value`: "auto|plain" */
} OptionKind;

typedef struct OptionList {
	const char *items[OPTION_LIST_MAX];
	size_t count;
} OptionList;

typedef struct Option {
	const char *name;  /* without the dashes; a name of one letter is written -x */
	const char *value; /* what to call the value in the help; NULL for a flag */
	const char *help;
	OptionKind kind;
	void *target;
	bool required; /* OPTION_TEXT: for every verb that does not say that it does without */
} Option;

typedef struct Verb {
	const char *name;
	const char *operands; /* for the help */
	const char *help;
	int min, max;                           /* operands behind the verb */
	int (*run)(int count, char **operands); /* returns an exit code; operands[count] is NULL */
	bool runs_command;                      /* the operands are a command with its arguments */
	const char *without; /* a required option that this verb does without, or NULL */
} Verb;

typedef struct Command {
	const char *program;
	const char *purpose;   /* one line */
	const Option *options; /* ends with a zeroed entry */
	const Verb *verbs;     /* ends with a zeroed entry */
	const char
		*default_verb; /* NULL: a verb must be given; "" with one unnamed verb: no verbs */
} Command;

/* Whether the option was given with this value. */
bool option_list_has(const OptionList *list, const char *value);

int command_main(const Command *command, int argc, char **argv);
