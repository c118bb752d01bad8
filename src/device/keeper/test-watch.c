/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/keeper/watch.h"
#include "test.h"

TEST(pauses_grow_up_to_a_bound)
{
	ASSERT_EQ(watch_pause(0), WATCH_PAUSE_MS);
	ASSERT_EQ(watch_pause(1), 2 * WATCH_PAUSE_MS);
	ASSERT_EQ(watch_pause(3), 8 * WATCH_PAUSE_MS);
	for (unsigned failures = 7; failures < 1000; failures += 13)
		ASSERT_EQ(watch_pause(failures), WATCH_PAUSE_MAX_MS);
	ASSERT_EQ(watch_pause(UINT32_MAX), WATCH_PAUSE_MAX_MS);
}

TEST(time_and_signals_end_a_wait)
{
	_cleanup_watch_ Watch watch = {.mountinfo = -1};
	uint64_t start = watch_now();
	int pipe_fds[2];

	ASSERT_OK(pipe2(pipe_fds, O_CLOEXEC));
	ASSERT_OK(watch_open(&watch, NULL));
	ASSERT_EQ(watch_wait(&watch, pipe_fds[0], start + 30), WATCH_TIME);
	ASSERT(watch_now() >= start + 30);
	ASSERT_EQ(write(pipe_fds[1], "x", 1), 1);
	ASSERT_EQ(watch_wait(&watch, pipe_fds[0], start + 3600000), WATCH_SIGNAL);
	ASSERT(watch_now() < start + 3000000);
	fd_close(pipe_fds[0]);
	fd_close(pipe_fds[1]);
}

/* What could not be mended comes again by itself, after its pause and not before. */
TEST(a_failure_is_tried_again)
{
	_cleanup_watch_ Watch watch = {.mountinfo = -1};
	int never[2];
	uint64_t start;

	ASSERT_OK(pipe2(never, O_CLOEXEC));
	ASSERT_OK(watch_open(&watch, NULL));
	start = watch_now();
	watch_tried(&watch, false);
	ASSERT_EQ(watch.failures, 1);
	ASSERT_EQ(watch_wait(&watch, never[0], start + watch_pause(1) / 2), WATCH_TIME);
	ASSERT_EQ(watch_wait(&watch, never[0], start + 3600000), WATCH_MOUNTS);
	ASSERT(watch_now() >= start + watch_pause(1));
	watch_tried(&watch, true);
	ASSERT_EQ(watch.failures, 0);
	ASSERT(!watch.due);
	fd_close(never[0]);
	fd_close(never[1]);
}
