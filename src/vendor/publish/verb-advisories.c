/* SPDX-License-Identifier: Apache-2.0 */
/* advisories: makes the published files that tell what was fixed; no signature is needed. */
#include <errno.h>
#include <stdio.h>

#include "base/exit.h"
#include "vendor/publish/advisories.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"

#define CHANGE "advisories"

static int publish_files(Desk *desk)
{
	const OutboxNote note = {.schema = 1, .change = (char *)CHANGE};
	int r = outbox_close(&desk->workspace, &note, &desk->reason);

	return r < 0 ? r : outbox_publish(&desk->workspace, &desk->reason);
}

int verb_advisories(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	size_t changed = 0;
	int r = desk_open_for_change(&desk);

	if (r == 0)
		r = advisories_put(&desk.repository, ADVISORIES_ALL, &changed, &desk.reason);
	if (r == 0)
		r = publish_files(&desk);
	if (r < 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(
			json_pack("{s:i, s:I}", "schema", 1, "changed_files", (json_int_t)changed));
	if (changed > 0)
		printf("Wrote %zu files of advisories\n", changed);
	else
		printf("All advisories are as they should be\n");
	return EXIT_OK;
}
