/* SPDX-License-Identifier: Apache-2.0 */
/* suture-tuf: a client of The Update Framework, for any repository. */
#include <stdio.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"
#include "device/tuf/client.h"

static const char *arg_metadata_dir, *arg_metadata_url, *arg_target_dir, *arg_target_url;
static OptionList arg_targets;

#define _cleanup_client_ _cleanup_(client_close)

static int fail(int error, const Reason *reason)
{
	log_reason(error, reason);
	return EXIT_FAILED;
}

/* An address is used as it is given: what stands behind its last slash would be lost in a join. */
static int check_url(const char *option, const char *url)
{
	if (url && text_ends_with(url, "/"))
		return 0;
	log_error(url ? "%s must end with a slash" : "%s is missing", option);
	return -1;
}

static int verb_init(int count, char **operands)
{
	Reason reason = {};
	int r = client_init(arg_metadata_dir, operands[0], &reason);

	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

static int verb_refresh(int count, char **operands)
{
	_cleanup_client_ Client client = {.cache = CACHE_NONE};
	Reason reason = {};
	int r;

	if (check_url("--metadata-url", arg_metadata_url) < 0)
		return EXIT_FAILED;
	r = client_open(&client, arg_metadata_dir, arg_metadata_url, &reason);
	if (r == 0)
		r = client_refresh(&client, &reason);
	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

static int download_all(Client *client, Reason *reason)
{
	for (size_t i = 0; i < arg_targets.count; i++) {
		_cleanup_free_ char *path = NULL;
		bool is_new;
		int r = client_download(client, arg_target_url, arg_targets.items[i],
			arg_target_dir, &path, &is_new, reason);

		if (r < 0)
			return r;
		printf("%s %s\n", path, is_new ? "downloaded" : "is up to date");
	}
	return 0;
}

static int verb_download(int count, char **operands)
{
	_cleanup_client_ Client client = {.cache = CACHE_NONE};
	Reason reason = {};
	int r;

	if (check_url("--metadata-url", arg_metadata_url) < 0 ||
		check_url("--target-base-url", arg_target_url) < 0)
		return EXIT_FAILED;
	if (arg_targets.count == 0 || !arg_target_dir) {
		log_error("--target-name and --target-dir say what to download, and into what");
		return EXIT_FAILED;
	}
	r = client_open(&client, arg_metadata_dir, arg_metadata_url, &reason);
	if (r == 0)
		r = client_refresh(&client, &reason);
	if (r == 0)
		r = download_all(&client, &reason);
	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

static const Option options[] = {
	{"metadata-dir", "DIR", "where trusted metadata is kept", OPTION_TEXT, &arg_metadata_dir,
		true},
	{"metadata-url", "URL", "the repository's metadata, with a slash at its end", OPTION_TEXT,
		&arg_metadata_url},
	{"target-name", "PATH", "download: a target; may be repeated", OPTION_LIST, &arg_targets},
	{"target-dir", "DIR", "download: where targets go", OPTION_TEXT, &arg_target_dir},
	{"target-base-url", "URL", "download: the repository's targets, with a slash at its end",
		OPTION_TEXT, &arg_target_url},
	{},
};

static const Verb verbs[] = {
	{"init", "ROOT", "trust the root metadata in a file", 1, 1, verb_init},
	{"refresh", "", "bring the top-level metadata up to date", 0, 0, verb_refresh},
	{"download", "", "refresh, then download and verify targets", 0, 0, verb_download},
	{},
};

/* Exactly 1 for every failure, as the conformance tests of TUF clients ask for. */
int main(int argc, char **argv)
{
	static const Command command = {"suture-tuf",
		"refresh and download from a repository of The Update Framework", options, verbs,
		NULL};

	return command_main(&command, argc, argv) == EXIT_OK ? EXIT_OK : EXIT_FAILED;
}
