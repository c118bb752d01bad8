/* SPDX-License-Identifier: Apache-2.0 */
/* suture-publish: the vendor's command. */
#include <sys/stat.h>

#include "vendor/publish/desk.h"
#include "vendor/publish/prune.h"
#include "vendor/publish/verbs.h"

Arguments arguments = {.channel = "public",
	.components = "components.json",
	.passphrase_fd = -1,
	.keep_days = PRUNE_KEEP_DAYS};

static const Option options[] = {
	{"C", "REPOSITORY", "the published folder", OPTION_TEXT, &arguments.repository},
	{"work", "DIR", "what is not published (REPOSITORY.work)", OPTION_TEXT, &arguments.work},
	{"keys", "DIR", "keys, opened by suture-sign", OPTION_TEXT, &arguments.keys, true},
	{"passphrase-fd", "N", "descriptor to read the keys' passphrase from", OPTION_NUMBER,
		&arguments.passphrase_fd},
	{"askpass", "PROGRAM", "program that asks a person for a passphrase", OPTION_TEXT,
		&arguments.askpass},
	{"channel", "NAME", "which channel (public)", OPTION_TEXT, &arguments.channel},
	{"root", "PATH", "base add: the base's files: a folder or an image", OPTION_TEXT,
		&arguments.root},
	{"os-release", "FILE", "base add: its os-release", OPTION_TEXT, &arguments.os_release},
	{"architecture", "ARCH", "base add: as by uname -m", OPTION_TEXT, &arguments.architecture},
	{"variant", "ID", "base add: VARIANT_ID", OPTION_TEXT, &arguments.variant},
	{"includes", "LABEL", "base add: an older base's improvement that it contains (26.3.1-a)",
		OPTION_LIST, &arguments.includes},
	{"components", "FILE", "create: declarations (components.json)", OPTION_TEXT,
		&arguments.components},
	{"fixes", "FILE", "create: what is fixed", OPTION_TEXT, &arguments.fixes},
	{"component", "NAME", "create, lint: which component", OPTION_LIST, &arguments.chosen},
	{"identity-rules", "FILE", "create, lint: what says which version a file is", OPTION_TEXT,
		&arguments.identity_rules},
	{"jobs", "N", "create, lint: how many at once (as many as processors)", OPTION_NUMBER,
		&arguments.jobs},
	{"partition", "NAME", "base add, create, lint: label or number, in a disk image",
		OPTION_TEXT, &arguments.partition},
	{"predecessor", "NAME", "base add: the base whose fixes it must have", OPTION_TEXT,
		&arguments.predecessor},
	{"allow-regression", "REASON", "base add: why it may lack fixes; published", OPTION_TEXT,
		&arguments.allow_regression},
	{"supported-until", "DATE", "base set: 2027-06-30, or none", OPTION_TEXT,
		&arguments.supported_until},
	{"superseded-by", "VERSION", "base set: the VERSION_ID to go to, or none", OPTION_TEXT,
		&arguments.superseded_by},
	{"base", "NAME=NEWROOT", "create: a base and its rebuilt tree; bundle: a base", OPTION_LIST,
		&arguments.bases},
	{"deb", "NAME=OLD.deb,NEW.deb", "create: a base and a package", OPTION_LIST,
		&arguments.debs},
	{"public", "FILE", "keys: the public half of somebody's key", OPTION_TEXT,
		&arguments.public},
	{"against", "FILE", "sign: what to compare with", OPTION_TEXT, &arguments.against},
	{"sequence", "N", "bundle: one improvement only", OPTION_NUMBER, &arguments.sequence},
	{"trusted-root", "FILE", "mirror, check, bundle: the root to begin with", OPTION_TEXT,
		&arguments.trusted_root},
	{"keep-days", "N", "prune: spare what was current within so many days (30)", OPTION_NUMBER,
		&arguments.keep_days},
	{"prune", NULL, "mirror: remove what is not current any more", OPTION_FLAG,
		&arguments.prune},
	{"dry-run", NULL, "prune: only say what would be removed", OPTION_FLAG, &arguments.dry_run},
	{"json", NULL, "print JSON", OPTION_FLAG, &arguments.json},
	{},
};

static const Verb verbs[] = {
	{"init", "", "make a repository and its keys", 0, 0, verb_init},
	{"base", "WHAT [NAME]", "add, list, show, set or retire a base", 1, 2, verb_base},
	{"lint", "", "say what speaks against a draft, and make nothing", 0, 0, verb_lint},
	{"create", "", "make drafts of an improvement", 0, 0, verb_create},
	{"publish", "", "sign and publish the drafts", 0, 0, verb_publish},
	{"resign", "", "renew timestamp, and snapshot when it is due", 0, 0, verb_resign},
	{"check", "", "verify the whole repository", 0, 0, verb_check, .without = "keys"},
	{"prune", "", "remove what is not current any more", 0, 0, verb_prune, .without = "keys"},
	{"mirror", "SOURCE FOLDER", "copy a repository and verify all of it", 2, 2, verb_mirror,
		.without = "keys"},
	{"keys", "[WHAT ROLE ...]", "show or change who signs", 0, 3, verb_keys},
	{"renew", "ROLE...", "new versions with new expiry", 1, COMMAND_WORDS_MAX, verb_renew},
	{"pending", "", "show what waits for whose signatures", 0, 0, verb_pending,
		.without = "keys"},
	{"show", "FILE", "show what a carried file says", 1, 1, verb_show, .without = "keys"},
	{"sign", "FILE [NAME...]", "show and sign a carried file", 1, COMMAND_WORDS_MAX, verb_sign},
	{"accept", "FILE...", "take the signatures of carried files", 1, COMMAND_WORDS_MAX,
		verb_accept},
	{"abandon", "", "drop what waits for signatures", 0, 0, verb_abandon, .without = "keys"},
	{"advisories", "", "write what was fixed, for people and programs", 0, 0, verb_advisories},
	{"bundle", "FILE", "write one base's files for a medium", 1, 1, verb_bundle,
		.without = "keys"},
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
