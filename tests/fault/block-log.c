/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block-log IMAGE LOG FOLDER
 *
 * A disk that remembers what was done to it: mounts two files on FOLDER until that is unmounted.
 * `disk` is IMAGE, for a loop device to be put on; every write to it and every flush of it is
 * appended to LOG. What is written to `mark` goes into the log only: so a test says what has been
 * promised by then.
 *
 * LOG is a sequence of BlockLogRecord, each followed by its `length` bytes, in this machine's byte
 * order; tests/lib/blocklog.py reads it. Requests are served one after the other, so everything
 * before a flush in the log had reached the disk when that flush was answered.
 *
 * It ends with the process that started it, however that ends. libfuse 3.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef enum BlockLogKind {
	BLOCK_LOG_WRITE = 1,
	BLOCK_LOG_FLUSH,
	BLOCK_LOG_MARK,
} BlockLogKind;

typedef struct BlockLogRecord {
	uint32_t kind; /* BlockLogKind */
	uint32_t length;
	uint64_t offset; /* in the disk */
} BlockLogRecord;

static int image_fd, log_fd;
static off_t disk_size;

static int is_disk(const char *path)
{
	return strcmp(path, "/disk") == 0;
}

static int is_mark(const char *path)
{
	return strcmp(path, "/mark") == 0;
}

static int append(BlockLogKind kind, const char *data, size_t size, off_t offset)
{
	BlockLogRecord record = {kind, (uint32_t)size, (uint64_t)offset};
	struct iovec parts[] = {{&record, sizeof(record)}, {(void *)data, size}};
	ssize_t n = writev(log_fd, parts, 2);

	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(record) + size ? 0 : -ENOSPC;
}

static int get_attributes(const char *path, struct stat *ret, struct fuse_file_info *file)
{
	*ret = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
	if (strcmp(path, "/") == 0)
		ret->st_mode = S_IFDIR | 0700;
	else if (is_disk(path))
		ret->st_size = disk_size;
	else if (!is_mark(path))
		return -ENOENT;
	return 0;
}

/* Past the page cache: the log has what the loop device was told, when it was told. */
static int open_file(const char *path, struct fuse_file_info *file)
{
	file->direct_io = 1;
	return 0;
}

static int read_file(
	const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *file)
{
	ssize_t n = is_disk(path) ? pread(image_fd, buffer, size, offset) : 0;

	return n < 0 ? -errno : (int)n;
}

static int write_file(
	const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *file)
{
	BlockLogKind kind = is_disk(path) ? BLOCK_LOG_WRITE : BLOCK_LOG_MARK;
	int r = append(kind, data, size, offset);
	ssize_t n = (ssize_t)size;

	if (r == 0 && kind == BLOCK_LOG_WRITE)
		n = pwrite(image_fd, data, size, offset);
	if (r < 0)
		return r;
	return n < 0 ? -errno : (int)n;
}

static int flush_disk(const char *path, int only_data, struct fuse_file_info *file)
{
	return is_disk(path) ? append(BLOCK_LOG_FLUSH, NULL, 0, 0) : 0;
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.fsync = flush_disk,
};

static int fail(const char *what)
{
	fprintf(stderr, "block-log: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	const char *words[] = {argv[0], "-f", "-s", "-ofsname=block-log", argv[argc - 1], NULL};
	struct stat st;

	if (argc != 4) {
		fprintf(stderr, "usage: block-log IMAGE LOG FOLDER\n");
		return 2;
	}
	/* SIGKILL, so that nothing waits for a disk that nobody serves any more */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail("prctl");
	image_fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (image_fd < 0 || fstat(image_fd, &st) < 0)
		return fail(argv[1]);
	disk_size = st.st_size;
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return fail(argv[2]);
	return fuse_main(5, (char **)words, &operations, NULL);
}
