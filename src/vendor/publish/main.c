/* SPDX-License-Identifier: Apache-2.0 */
/* suture-publish: the vendor's command. */
#include <sys/stat.h>

#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"

Arguments arguments = {.channel = "public",
	.components = "components.json",
	.passphrase_fd = -1,
	.from = "rehearsal",
	.to = "public"};

static const Option options[] = {
	{"C", "REPOSITORY", "the published folder", OPTION_TEXT, &arguments.repository},
	{"work", "DIR", "what is not published (REPOSITORY.work)", OPTION_TEXT, &arguments.work},
	{"keys", "DIR", "keys, opened by suture-sign", OPTION_TEXT, &arguments.keys, true},
	{"passphrase-fd", "N", "descriptor to read the keys' passphrase from", OPTION_NUMBER,
		&arguments.passphrase_fd},
	{"askpass", "PROGRAM", "program that asks a person for a passphrase", OPTION_TEXT,
		&arguments.askpass},
	{"channel", "NAME", "which channel (public)", OPTION_TEXT, &arguments.channel},
	{"root", "DIR", "base add: the base's files", OPTION_TEXT, &arguments.root},
	{"os-release", "FILE", "base add: its os-release", OPTION_TEXT, &arguments.os_release},
	{"architecture", "ARCH", "base add: as by uname -m", OPTION_TEXT, &arguments.architecture},
	{"variant", "ID", "base add: VARIANT_ID", OPTION_TEXT, &arguments.variant},
	{"includes", "LABEL", "base add: an older base's improvement that it contains (26.3.1-a)",
		OPTION_LIST, &arguments.includes},
	{"components", "FILE", "create: declarations (components.json)", OPTION_TEXT,
		&arguments.components},
	{"fixes", "FILE", "create: what is fixed", OPTION_TEXT, &arguments.fixes},
	{"component", "NAME", "create: which component", OPTION_TEXT, &arguments.component},
	{"base", "NAME=NEWROOT",
		"create: a base and its rebuilt tree; else NAME alone: this base only", OPTION_LIST,
		&arguments.bases},
	{"deb", "NAME=OLD.deb,NEW.deb", "create: a base and a package", OPTION_LIST,
		&arguments.debs},
	{"public", "FILE", "keys: the public half of somebody's key", OPTION_TEXT,
		&arguments.public},
	{"against", "FILE", "sign: what to compare with", OPTION_TEXT, &arguments.against},
	{"sequence", "N", "bundle: one improvement only", OPTION_NUMBER, &arguments.sequence},
	{"ramp", "HOURS:PERCENT,...", "publish, promote: let devices in by these steps",
		OPTION_TEXT, &arguments.ramp},
	{"start", "TIME", "publish, promote: when the first step begins (now)", OPTION_TEXT,
		&arguments.start},
	{"rehearsal", NULL, "publish: a letter that brings nothing, instead of the drafts",
		OPTION_FLAG, &arguments.rehearsal},
	{"from", "CHANNEL", "promote: where it is (rehearsal)", OPTION_TEXT, &arguments.from},
	{"to", "CHANNEL", "promote: where it goes (public)", OPTION_TEXT, &arguments.to},
	{"level", "LEVEL", "withdraw: advise, stop or revert", OPTION_TEXT, &arguments.level},
	{"reason", "TEXT", "withdraw: why, for everybody", OPTION_TEXT, &arguments.reason},
	{"replacement", "LABEL", "withdraw: what replaces it", OPTION_TEXT, &arguments.replacement},
	{"force", NULL, "publish, promote: also what looks like a mistake", OPTION_FLAG,
		&arguments.force},
	{"json", NULL, "print JSON", OPTION_FLAG, &arguments.json},
	{},
};

static const Verb verbs[] = {
	{"init", "", "make a repository and its keys", 0, 0, verb_init},
	{"base", "add NAME", "register a base", 1, 2, verb_base},
	{"create", "", "make drafts of an improvement", 0, 0, verb_create},
	{"publish", "", "sign and publish the drafts", 0, 0, verb_publish},
	{"resign", "", "renew timestamp, and snapshot when it is due", 0, 0, verb_resign},
	{"check", "", "verify the whole repository", 0, 0, verb_check},
	{"keys", "[WHAT ROLE ...]", "show or change who signs", 0, 3, verb_keys},
	{"renew", "ROLE...", "new versions with new expiry", 1, COMMAND_WORDS_MAX, verb_renew},
	{"pending", "", "show what waits for whose signatures", 0, 0, verb_pending},
	{"show", "FILE", "show what a carried file says", 1, 1, verb_show},
	{"sign", "FILE [NAME...]", "show and sign a carried file", 1, COMMAND_WORDS_MAX, verb_sign},
	{"accept", "FILE...", "take the signatures of carried files", 1, COMMAND_WORDS_MAX,
		verb_accept},
	{"abandon", "", "drop what waits for signatures", 0, 0, verb_abandon},
	{"hold", "LABEL...", "let no more devices in", 1, COMMAND_WORDS_MAX, verb_hold},
	{"resume", "LABEL...", "go on where the hold began", 1, COMMAND_WORDS_MAX, verb_resume},
	{"complete", "LABEL...", "let all devices in", 1, COMMAND_WORDS_MAX, verb_complete},
	{"withdraw", "LABEL...", "say that improvements must stop, or be taken off", 1,
		COMMAND_WORDS_MAX, verb_withdraw},
	{"promote", "LABEL...", "sign the same bytes into another channel", 1, COMMAND_WORDS_MAX,
		verb_promote},
	{"bundle", "FILE", "write one base's files for a medium", 1, 1, verb_bundle},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {"suture-publish",
		"publish background security improvements as a folder of signed static files",
		options, verbs, NULL};

	umask(022);
	return command_main(&command, argc, argv);
}
