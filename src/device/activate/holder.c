/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/holder.h"

#include <sys/sysmacros.h>

#include "base/maps.h"

typedef struct Search {
	const HeldList *list;
	const bool *wanted;
	pid_t *pids;
} Search;

static int check_mapping(pid_t pid, const Mapping *mapping, void *context)
{
	const Search *search = context;
	dev_t device = makedev(mapping->major, mapping->minor);

	for (size_t i = 0; i < search->list->count; i++)
		if (search->wanted[i] && search->pids[i] == 0 &&
			search->list->items[i].device == device)
			search->pids[i] = pid;
	return 0;
}

static int check_process(pid_t pid, void *context)
{
	return maps_visit(pid, check_mapping, context);
}

int holder_find(const HeldList *list, const bool *wanted, pid_t *ret_pids)
{
	Search search = {.list = list, .wanted = wanted, .pids = ret_pids};
	bool any = false;

	for (size_t i = 0; i < list->count; i++) {
		ret_pids[i] = 0;
		any = any || wanted[i];
	}
	return any ? processes_visit(check_process, &search) : 0;
}
