/* SPDX-License-Identifier: Apache-2.0 */
/* prune: the end of what is not current any more. */
#include "vendor/upkeep/prune.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/exit.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"
#include "wire/json/document.h"

static int prune(Desk *desk, PruneList *ret_list)
{
	/* what waits may build on blobs that nothing else needs */
	int r = desk_open_for_change(desk);

	if (r == 0)
		r = prune_list(&desk->repository, arguments.keep_days, ret_list, &desk->reason);
	if (r == 0 && !arguments.dry_run)
		r = prune_remove(&desk->repository, ret_list, &desk->reason);
	return r;
}

static int tell_json(const PruneList *list)
{
	_cleanup_json_ json_t *files = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(files,
			json_pack("{s:s, s:I}", "file", list->items[i].name, "bytes",
				(json_int_t)list->items[i].size));
	return desk_print_json(json_pack("{s:i, s:b, s:I, s:O}", "schema", 1, "removed",
		!arguments.dry_run, "bytes", (json_int_t)list->bytes, "files", files));
}

int verb_prune(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_prune_list_ PruneList list = {};
	int r = prune(&desk, &list);

	if (r < 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return tell_json(&list);
	for (size_t i = 0; i < list.count; i++)
		printf("%s\n", list.items[i].name);
	printf("%s: %zu files of %" PRIu64 " bytes\n",
		arguments.dry_run ? "Would be removed" : "Removed", list.count, list.bytes);
	return EXIT_OK;
}
