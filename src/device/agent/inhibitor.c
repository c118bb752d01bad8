/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/inhibitor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "device/agent/agent.h"

/* The only event of a pipe that nobody writes into is that its other end was closed. */
static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Agent *agent = userdata;

	agent->inhibitors--;
	sd_event_source_disable_unref(source);
	rounds_consider(agent);
	agent_touch(agent);
	return 0;
}

int inhibitor_add(
	Agent *agent, const char *who, const char *why, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_fd_ int mine = -1, theirs = -1;
	sd_event_source *source = NULL;
	int ends[2], r;

	if (agent->inhibitors >= AGENT_LOCKS_MAX)
		return reason_set(reterr_reason, -EBUSY, "too many others ask for no change");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return reason_errno(reterr_reason, -errno, "pipe2");
	mine = ends[0];
	theirs = ends[1];
	r = sd_event_add_io(agent->event, &source, mine, 0, on_end, agent);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(source, true);
	if (r < 0) {
		sd_event_source_disable_unref(source);
		return reason_errno(reterr_reason, r, "cannot watch the lock");
	}
	mine = -1;
	agent->inhibitors++;
	log_info("%s asks for no change: %s", who, why);
	rounds_consider(agent);
	*ret_fd = TAKE_FD(theirs);
	return 0;
}
