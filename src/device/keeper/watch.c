/* SPDX-License-Identifier: Apache-2.0 */
#include "device/keeper/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>

#include "base/fd.h"
#include "base/time.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

int watch_open(Watch *ret_watch, Reason *reterr_reason)
{
	int fd = open(OWN_MOUNTS, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "cannot watch " OWN_MOUNTS);
	*ret_watch = (Watch){.mountinfo = fd};
	return 0;
}

void watch_done(Watch *watch)
{
	watch->mountinfo = fd_close(watch->mountinfo);
}

uint64_t watch_now(void)
{
	return time_monotonic_us() / 1000;
}

uint64_t watch_pause(unsigned failures)
{
	uint64_t pause = WATCH_PAUSE_MS;

	while (failures-- > 0 && pause < WATCH_PAUSE_MAX_MS)
		pause *= 2;
	return pause < WATCH_PAUSE_MAX_MS ? pause : WATCH_PAUSE_MAX_MS;
}

static int timeout_until(uint64_t now, uint64_t when)
{
	return when - now < INT_MAX ? (int)(when - now) : INT_MAX;
}

static void note_change(Watch *watch)
{
	uint64_t after_burst = watch_now() + WATCH_BURST_MS;

	if (!watch->due && watch->earliest < after_burst)
		watch->earliest = after_burst;
	watch->due = true;
}

WatchEvent watch_wait(Watch *watch, int signals, uint64_t end)
{
	for (;;) {
		struct pollfd poller[] = {{.fd = signals, .events = POLLIN},
			{.fd = watch->mountinfo, .events = POLLPRI}};
		uint64_t now = watch_now();

		if (watch->due && now >= watch->earliest)
			return WATCH_MOUNTS;
		if (now >= end)
			return WATCH_TIME;
		if (poll(poller, 2,
			    timeout_until(now,
				    watch->due && watch->earliest < end ? watch->earliest : end)) <
			0)
			continue; /* interrupted */
		if (poller[0].revents)
			return WATCH_SIGNAL;
		if (poller[1].revents & (POLLPRI | POLLERR))
			note_change(watch);
	}
}

void watch_tried(Watch *watch, bool mended)
{
	watch->due = !mended;
	watch->failures = mended ? 0 : watch->failures + 1;
	watch->earliest = watch_now() + watch_pause(watch->failures);
}
