/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/journal.h"
#include "base/path.h"
#include "test.h"

static const char hostile[] = "two\nPRIORITY=0\nlines";

TEST(a_value_brings_no_field_of_its_own)
{
	_cleanup_buffer_ Buffer message = {};
	static const char expected[] = "MESSAGE=one = line\nSUTURE_X1\n\x14\0\0\0\0\0\0\0"
				       "two\nPRIORITY=0\nlines\n";

	ASSERT_OK(journal_add(&message, "MESSAGE", "one = line"));
	ASSERT_OK(journal_add(&message, "SUTURE_X1", hostile));
	ASSERT_EQ(message.size, sizeof(expected) - 1);
	ASSERT_MEMEQ(message.data, expected, message.size);
}

TEST(names_of_fields_are_strict_and_messages_bounded)
{
	static const char *const bad[] = {"", "a", "_A", "1A", "A-B", "A=", "A\n"};
	_cleanup_free_ char *text = memory_new(JOURNAL_MESSAGE_MAX + 1);
	_cleanup_buffer_ Buffer message = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EINVAL, journal_add(&message, bad[i], "x"));
	memset(text, 'x', JOURNAL_MESSAGE_MAX);
	ASSERT_ERROR(-EMSGSIZE, journal_add(&message, "A", text));
	ASSERT_EQ(message.size, 0);
	text[JOURNAL_MESSAGE_MAX - 100] = '\0';
	ASSERT_OK(journal_add(&message, "A", text));
	ASSERT_ERROR(-EMSGSIZE, journal_add(&message, "B", text));
	ASSERT(message.size < JOURNAL_MESSAGE_MAX);
}

TEST(a_field_is_there_whole_or_not_at_all)
{
	_cleanup_buffer_ Buffer message = {};

	TEST_EACH_ALLOCATION(journal_add(&message, "A", hostile), (void)0);
	ASSERT_EQ(message.size, strlen("A\n") + 8 + strlen(hostile) + 1);
}

/* Below a path that is longer than a socket's address may be. */
static char *long_run_folder(void)
{
	char *run = memory_printf("%s/%0120d/run", test_folder(), 0);

	ASSERT(run);
	ASSERT_OK(path_make_directories(AT_FDCWD, run, 0755));
	return run;
}

static int listen_below(const char *run)
{
	_cleanup_free_ char *folder = memory_printf("%s/systemd/journal", run);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int dir = -1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ASSERT_OK(path_make_directories(AT_FDCWD, folder, 0755));
	dir = open(folder, O_PATH | O_CLOEXEC);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", dir);
	ASSERT_OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

TEST(a_journal_gets_one_datagram_and_none_is_no_error)
{
	_cleanup_free_ char *run = long_run_folder();
	_cleanup_buffer_ Buffer message = {};
	_cleanup_fd_ int fd = -1;
	char got[64];

	ASSERT_OK(journal_add(&message, "MESSAGE", "here"));
	ASSERT_ERROR(1, journal_send(run, &message));
	fd = listen_below(run);
	ASSERT_OK(journal_send(run, &message));
	ASSERT_EQ(recv(fd, got, sizeof(got), MSG_DONTWAIT), message.size);
	ASSERT_MEMEQ(got, "MESSAGE=here\n", message.size);
	for (int i = 0, r = 0; r == 0;
		i++) { /* one that reads no more makes nobody wait for long */
		ASSERT(i < 100000);
		r = journal_send(run, &message);
		ASSERT(r == 0 || r == -EAGAIN);
	}
	fd = fd_close(fd);
	ASSERT_ERROR(1, journal_send(run, &message));
}
