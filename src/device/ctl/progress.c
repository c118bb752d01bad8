/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/progress.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int progress_start(const ProgressWish *wish, Manager *manager, Bar *bar, Reason *reterr_reason)
{
	const char *how = wish->how ? wish->how : "auto";
	bool is_plain = strcmp(how, "plain") == 0;

	if (is_plain && wish->is_json)
		return reason_set(reterr_reason, -EINVAL,
			"--json and --progress plain both need standard output; see --progress "
			"json");
	bar_start(bar);
	bar->is_terminal = bar->is_terminal && !is_plain;
	manager->progress_fd = wish->fd;
	if (strcmp(how, "json") == 0) {
		if (wish->fd < 0)
			manager->progress_fd = STDERR_FILENO;
	} else if (is_plain || (strcmp(how, "auto") == 0 && !wish->is_json && !wish->is_quiet)) {
		manager->progress = bar_update;
		manager->context = bar;
	}
	return 0;
}
