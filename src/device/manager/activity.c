/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/activity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

#define WORD_SIZE 16

const char *const activity_words[] = {
	"", "checking", "downloading", "staging", "installing", "removing", NULL};

/* Always as long, so that a reader never sees the end of a longer one before it. */
void activity_note(int lock, Activity activity)
{
	char word[WORD_SIZE] = {};

	if (lock < 0)
		return;
	snprintf(word, sizeof(word), "%s", activity_words[activity]);
	(void)!pwrite(lock, word, sizeof(word), 0);
}

static Activity read_word(int fd)
{
	char word[WORD_SIZE + 1] = {};
	int index;

	if (pread(fd, word, WORD_SIZE, 0) <= 0)
		return ACTIVITY_NONE;
	index = text_index(activity_words, word);
	return index < 0 ? ACTIVITY_NONE : (Activity)index;
}

/* The look takes the lock for an instant where nobody has it; who wants it tries more than once. */
Activity activity_read(const Store *store)
{
	_cleanup_fd_ int fd = -1;

	if (store->dir < 0)
		return ACTIVITY_NONE;
	fd = openat(store->dir, ACTIVITY_LOCK_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return ACTIVITY_NONE;
	return read_word(fd);
}
