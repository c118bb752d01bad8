/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

#define PASSPHRASE_FILE_MAX 4096 /* a page; suture-sign takes 1023 bytes of the first line */

static int move_all(int pipe, int file)
{
	size_t size = 0;

	while (size <= PASSPHRASE_FILE_MAX) {
		ssize_t n = splice(pipe, NULL, file, NULL, PASSPHRASE_FILE_MAX + 1 - size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		size += (size_t)n;
	}
	return -EMSGSIZE;
}

/* The file's page stays out of the swap as long as this process maps it; the map is for nothing
 * else, and goes with the process. Where that is not allowed suture-sign, which has to lock more,
 * warns. Private: kernels before 6.7 map a sealed file in no other way. */
static void lock_page(int file)
{
	void *page = mmap(NULL, PASSPHRASE_FILE_MAX, PROT_READ, MAP_PRIVATE | MAP_LOCKED, file, 0);

	if (page != MAP_FAILED)
		(void)madvise(page, PASSPHRASE_FILE_MAX, MADV_DONTDUMP);
}

static int keep_pipe(int pipe)
{
	_cleanup_fd_ int file = memfd_create("passphrase", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = file < 0 ? -errno : move_all(pipe, file);

	if (r < 0)
		return r;
	if (fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	lock_page(file);
	return TAKE_FD(file);
}

int passphrase_keep(int fd, Reason *reterr_reason)
{
	bool is_pipe = lseek(fd, 0, SEEK_CUR) < 0 && errno == ESPIPE;
	_cleanup_fd_ int moved = is_pipe ? keep_pipe(fd) : -1;
	int r = is_pipe && moved < 0 ? moved : 0;

	if (r == 0)
		r = fcntl(is_pipe ? moved : fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (r == -1)
		r = -errno;
	if (r < 0)
		return reason_errno(reterr_reason, r,
			"cannot take the passphrase from descriptor %d: give a file or a pipe", fd);
	return r;
}
