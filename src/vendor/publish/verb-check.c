/* SPDX-License-Identifier: Apache-2.0 */
/* check: everything that devices may meet, verified. */
#include "vendor/upkeep/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/time.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

static json_t *describe(const CheckReport *report, json_t *warnings)
{
	return json_pack("{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, "
			 "s:O, s:O, s:O}",
		"schema", 1, "good", report->error == 0, "indexes", (json_int_t)report->indexes,
		"improvements", (json_int_t)report->improvements, "images",
		(json_int_t)report->images, "blobs", (json_int_t)report->blobs, "deltas",
		(json_int_t)report->deltas, "bytes", (json_int_t)report->bytes, "unsealed",
		(json_int_t)report->unsealed, "unapplied", (json_int_t)report->unapplied,
		"unlisted", (json_int_t)report->unlisted, "unlisted_bytes",
		(json_int_t)report->unlisted_bytes, "advisories", (json_int_t)report->advisories,
		"publishing", report->is_moving, "lacks", report->lacks, "faults", report->faults,
		"expiring", warnings);
}

static void print_faults(const CheckReport *report)
{
	for (size_t i = 0; i < json_array_size(report->faults); i++)
		log_error("%s", json_string_value(json_array_get(report->faults, i)));
}

static void print_advisories(const CheckReport *report)
{
	if (report->advisories)
		printf("%zu advisories%s\n", report->advisories,
			report->is_moving       ? ", not judged: something is being published"
				: report->error ? ""
						: ", which say what is signed");
	for (size_t i = 0; i < json_array_size(report->lacks); i++) {
		const json_t *lacks = json_array_get(report->lacks, i);

		printf("%s %s lacks %lld files of %s: %s\n", document_text(lacks, "product"),
			document_text(lacks, "base"), (long long)document_number(lacks, "files"),
			document_text(lacks, "of"), document_text(lacks, "reason"));
	}
}

static void print_counts(const CheckReport *report)
{
	printf("%s: %zu indexes, %zu improvements, %zu images, %zu blobs of %" PRIu64
	       " bytes, %zu deltas applied again\n",
		report->error ? "Not good" : "Good", report->indexes, report->improvements,
		report->images, report->blobs, report->bytes, report->deltas);
	print_advisories(report);
	if (report->unsealed || report->unapplied)
		printf("Not looked at: %zu seals and %zu deltas, which need the work folder and "
		       "the bases\n",
			report->unsealed, report->unapplied);
	if (report->unlisted)
		printf("%zu files of %" PRIu64 " bytes are not current any more: 'suture-publish "
		       "prune' removes them\n",
			report->unlisted, report->unlisted_bytes);
}

static int tell(const CheckReport *report, json_t *warnings)
{
	int code = EXIT_OK;

	print_faults(report);
	if (arguments.json)
		code = desk_print_json(describe(report, warnings));
	else
		print_counts(report);
	return report->error ? (int)exit_code_of(report->error) : code;
}

static int check(Desk *desk, CheckReport *ret_report, json_t **ret_warnings)
{
	bool shows = !arguments.json && isatty(STDERR_FILENO);
	Bar bar;
	int r = desk_open_to_read(desk, time_now());

	if (r < 0)
		return r;
	bar_start(&bar);
	r = check_repository(&desk->workspace, &desk->repository, &arguments.bases,
		arguments.channel, shows ? &bar : NULL, ret_report, &desk->reason);
	bar_end(&bar);
	/* a role that cannot be loaded is among the faults already */
	if (r == 0 && ret_report->error == 0)
		r = desk_warn_expiry(desk, ret_warnings);
	return r;
}

int verb_check(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_json_ json_t *warnings = NULL;
	_cleanup_check_report_ CheckReport report = {};
	int r = check(&desk, &report, &warnings);

	if (r == 0 && !warnings) {
		warnings = json_array();
		r = warnings ? 0 : -ENOMEM;
	}
	return r != 0 ? desk_fail(&desk, r) : tell(&report, warnings);
}
