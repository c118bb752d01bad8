/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/inhibitor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "device/agent/agent.h"

struct Inhibitor {
	Agent *agent;
	struct Inhibitor *next;
	uid_t user;
	sd_event_source *source;
};

static void take_out(Inhibitor *inhibitor)
{
	Inhibitor **link = &inhibitor->agent->inhibitors;

	while (*link != inhibitor)
		link = &(*link)->next;
	*link = inhibitor->next;
	sd_event_source_disable_unref(inhibitor->source);
	memory_free(inhibitor);
}

/* The only event of a pipe that nobody writes into is that its other end was closed. */
static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Inhibitor *inhibitor = userdata;
	Agent *agent = inhibitor->agent;

	take_out(inhibitor);
	rounds_consider(agent);
	agent_touch(agent);
	return 0;
}

static bool has_too_many(const Agent *agent, uid_t user)
{
	size_t count = 0, of_user = 0;

	for (const Inhibitor *each = agent->inhibitors; each; each = each->next) {
		count++;
		of_user += each->user == user;
	}
	return count >= AGENT_LOCKS_MAX || (user != 0 && of_user >= AGENT_LOCKS_OF_USER_MAX);
}

/* Ends with the other end of the pipe that `fd` is of. */
static int add(Agent *agent, uid_t user, int *fd)
{
	Inhibitor *inhibitor = memory_new(sizeof(*inhibitor));
	int r;

	if (!inhibitor)
		return -ENOMEM;
	*inhibitor = (Inhibitor){agent, agent->inhibitors, user, NULL};
	agent->inhibitors = inhibitor;
	r = sd_event_add_io(agent->event, &inhibitor->source, *fd, 0, on_end, inhibitor);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(inhibitor->source, true);
	if (r < 0) {
		take_out(inhibitor);
		return r;
	}
	(void)TAKE_FD(*fd);
	return 0;
}

int inhibitor_add(Agent *agent, uid_t user, const char *who, const char *why, int *ret_fd,
	Reason *reterr_reason)
{
	_cleanup_fd_ int mine = -1, theirs = -1;
	int ends[2], r;

	if (has_too_many(agent, user))
		return reason_set(reterr_reason, -EBUSY, "too many others ask for no change");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return reason_errno(reterr_reason, -errno, "pipe2");
	mine = ends[0];
	theirs = ends[1];
	r = add(agent, user, &mine);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot watch the lock");
	log_info("%s asks for no change: %s", who, why);
	rounds_consider(agent);
	*ret_fd = TAKE_FD(theirs);
	return 0;
}

void inhibitor_end_all(Agent *agent)
{
	while (agent->inhibitors)
		take_out(agent->inhibitors);
}
