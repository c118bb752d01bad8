/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Descriptors: ownership, and whole reads and writes. All are O_CLOEXEC. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"

static inline void fd_closep(int *fd);
#define _cleanup_fd_ _cleanup_(fd_closep)
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int _taken = (fd);                                                                 \
		(fd) = -1;                                                                         \
		_taken;                                                                            \
	})

/* Closes, keeps errno, returns -1: fd = fd_close(fd). A negative fd is fine. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
	fd_close(*fd);
}

/* All of `size` bytes, or an error; -ENODATA when the file ends before. */
int fd_read_full(int fd, void *buffer, size_t size);
int fd_pread_full(int fd, void *buffer, size_t size, uint64_t offset);
int fd_write_full(int fd, const void *data, size_t size);
int fd_pwrite_full(int fd, const void *data, size_t size, uint64_t offset);

/* From here to the end of the file or pipe, at most max bytes: -EFBIG when there is more.
 * *ret_data is terminated with a NUL that *ret_size does not count; the caller frees it. */
int fd_read_all(int fd, size_t max, uint8_t **ret_data, size_t *ret_size);

/* Reads up to size bytes, restarting on EINTR: the count, 0 at the end, or a negative errno. */
ssize_t fd_read_some(int fd, void *buffer, size_t size);

int fd_size(int fd, uint64_t *ret_size);

/* Copies size bytes from the current position of one descriptor to that of the other. */
int fd_copy(int from, int to, uint64_t size);

/* A sealed, anonymous file holding the data, positioned at 0. The descriptor or a negative errno.
 */
int fd_of_data(const char *name, const void *data, size_t size);
