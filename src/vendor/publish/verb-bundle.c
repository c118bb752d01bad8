/* SPDX-License-Identifier: Apache-2.0 */
/* bundle: one base's improvements as a file to be carried. */
#include "vendor/upkeep/bundle.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/time.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"

static int write_bundle(Desk *desk, const char *path, BundleCounts *ret_counts)
{
	const Base *base;
	int r = desk_open_to_read(desk, time_of_source());

	if (r == 0)
		r = workspace_find_base(
			&desk->workspace, arguments.bases.items[0], &base, &desk->reason);
	return r < 0 ? r
		     : bundle_write(&desk->repository, base, arguments.channel,
			       (uint64_t)arguments.sequence, path, ret_counts, &desk->reason);
}

int verb_bundle(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	BundleCounts counts;
	int r;

	if (arguments.bases.count != 1) {
		log_error("the form is: bundle --base NAME [--sequence N] FILE");
		return EXIT_USAGE;
	}
	r = write_bundle(&desk, operands[0], &counts);
	if (r < 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(
			json_pack("{s:i, s:s, s:I, s:I}", "schema", 1, "file", operands[0], "files",
				(json_int_t)counts.files, "bytes", (json_int_t)counts.bytes));
	printf("Bundle %s: %zu files of %" PRIu64 " bytes\n", operands[0], counts.files,
		counts.bytes);
	return EXIT_OK;
}
