/* SPDX-License-Identifier: Apache-2.0 */
/* mirror: a verified copy of somebody's repository. */
#include "vendor/upkeep/mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"

static int print_json(const MirrorCounts *counts)
{
	json_t *faults = counts->faults ? json_incref(counts->faults) : json_array();

	return desk_print_json(json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "schema", 1,
		"bases", (json_int_t)counts->bases, "indexes", (json_int_t)counts->indexes, "files",
		(json_int_t)counts->files, "bytes", (json_int_t)counts->bytes, "removed",
		(json_int_t)counts->removed, "advisories", (json_int_t)counts->advisories,
		"advisory_faults", faults));
}

static int print_counts(const MirrorCounts *counts)
{
	printf("Mirrored %zu bases with %zu indexes: %zu new files of %" PRIu64 " bytes",
		counts->bases, counts->indexes, counts->files, counts->bytes);
	if (counts->removed)
		printf(", %zu removed", counts->removed);
	printf("\n");
	if (json_array_size(counts->faults) > 0)
		printf("All that is signed is here; what tells of fixes is not, as said above\n");
	return EXIT_OK;
}

/* What is wrong with advisories does no harm to devices, and so is no failure. */
static int tell(const MirrorCounts *counts)
{
	for (size_t i = 0; i < json_array_size(counts->faults); i++)
		log_error("%s", json_string_value(json_array_get(counts->faults, i)));
	return arguments.json ? print_json(counts) : print_counts(counts);
}

int verb_mirror(int count, char **operands)
{
	Reason reason = {};
	MirrorCounts counts;
	MirrorOrder order = {.source = operands[0],
		.folder = operands[1],
		.root = arguments.trusted_root,
		.bases = &arguments.bases,
		.signed_only = arguments.signed_only,
		.prune = arguments.prune,
		.keep_days = arguments.keep_days,
		.shows = !arguments.json && isatty(STDERR_FILENO)};
	int r;

	if (!order.root) {
		log_error("the form is: mirror --trusted-root FILE [--base ROLE] SOURCE FOLDER");
		return EXIT_USAGE;
	}
	r = mirror_run(&order, &counts, &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	r = tell(&counts);
	json_decref(counts.faults);
	return r;
}
