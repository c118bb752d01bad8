/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define FD_CHUNK ((size_t)64 * 1024)

int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

ssize_t fd_read_some(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int fd_read_full(int fd, void *buffer, size_t size)
{
	uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = fd_read_some(fd, at, size);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENODATA;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_pread_full(int fd, void *buffer, size_t size, uint64_t offset)
{
	uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = pread(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_write_full(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_pwrite_full(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *at = data;

	while (size > 0) {
		ssize_t n = pwrite(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_buffer_ Buffer buffer = {};
	_cleanup_free_ uint8_t *chunk = memory_raw(FD_CHUNK);
	ssize_t n;
	int r;

	if (!chunk)
		return -ENOMEM;
	while ((n = fd_read_some(fd, chunk, FD_CHUNK)) > 0) {
		if ((size_t)n > max - buffer.size)
			return -EFBIG;
		r = buffer_append(&buffer, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
	if (n < 0)
		return (int)n;
	r = buffer_append(&buffer, "", 0);
	if (r < 0)
		return r;
	*ret_size = buffer.size;
	*ret_data = TAKE_PTR(buffer.data);
	return 0;
}

int fd_size(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int fd_copy(int from, int to, uint64_t size)
{
	_cleanup_free_ uint8_t *chunk = memory_raw(FD_CHUNK);

	if (!chunk)
		return -ENOMEM;
	while (size > 0) {
		size_t n = size < FD_CHUNK ? (size_t)size : FD_CHUNK;
		int r = fd_read_full(from, chunk, n);

		if (r < 0)
			return r;
		r = fd_write_full(to, chunk, n);
		if (r < 0)
			return r;
		size -= n;
	}
	return 0;
}

int fd_of_data(const char *name, const void *data, size_t size)
{
	_cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, data, size);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return TAKE_FD(fd);
}
