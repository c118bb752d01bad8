/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/dmverity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hex.h"
#include "base/time.h"
#include "device/activate/loop.h"

#define CONTROL_PATH     "/dev/mapper/control"
#define SECTOR_SIZE      512
#define NAME_DIGITS      16  /* of the image's digest, in the device's name */
#define PARAMETERS_MAX   512 /* two devices, six numbers, 64 and 128 digits */
#define NODE_TRIES       50 /* devtmpfs makes the node at once; a slow udev renames nothing of ours */
#define NODE_PAUSE_US    10000
#define NO_DEVICE_MAPPER 1

/* An ioctl's buffer: the head, and the one target of the table behind it. */
typedef struct Request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char parameters[PARAMETERS_MAX];
} Request;

/* A device of the same image may still be in use: the serial keeps their names apart. */
static void request_init(Request *request, const Seal *seal, uint64_t serial)
{
	char digest[DIGEST_TEXT_SIZE];

	*request = (Request){.head = {.version = {DM_VERSION_MAJOR, 0, 0},
				     .data_size = sizeof(*request),
				     .data_start = offsetof(Request, target)}};
	digest_to_text(&seal->image, digest);
	snprintf(request->head.name, sizeof(request->head.name), "suture-%.*s-%llx", NAME_DIGITS,
		digest, (unsigned long long)serial);
}

static int call(int control, unsigned long command, Request *request)
{
	return ioctl(control, command, request) < 0 ? -errno : 0;
}

static int load_table(
	int control, const Seal *seal, uint64_t serial, const char *data, const char *hashes)
{
	char root[DIGEST_TEXT_SIZE], salt[2 * VERITY_PADDED_SALT_SIZE + 1];
	uint8_t padded[VERITY_PADDED_SALT_SIZE] = {};
	Request request;

	request_init(&request, seal, serial);
	memcpy(padded, seal->verity_salt, VERITY_SALT_SIZE);
	hex_encode(padded, sizeof(padded), salt);
	digest_to_text(&seal->verity_root, root);
	request.head.flags = DM_READONLY_FLAG;
	request.head.target_count = 1;
	request.target.length = seal->size / SECTOR_SIZE;
	snprintf(request.target.target_type, sizeof(request.target.target_type), "verity");
	snprintf(request.parameters, sizeof(request.parameters),
		"1 %s %s %d %d %llu 0 sha256 %s %s", data, hashes, VERITY_BLOCK_SIZE,
		VERITY_BLOCK_SIZE, (unsigned long long)(seal->size / VERITY_BLOCK_SIZE), root,
		salt);
	return call(control, DM_TABLE_LOAD, &request);
}

static int resume(int control, const Seal *seal, uint64_t serial)
{
	Request request;

	request_init(&request, seal, serial);
	request.head.flags = DM_READONLY_FLAG;
	return call(control, DM_DEV_SUSPEND, &request); /* without its flag: resume */
}

/* At once, or when the last user is gone (Linux 3.13). */
static void remove_later(int control, const Seal *seal, uint64_t serial)
{
	Request request;

	request_init(&request, seal, serial);
	request.head.flags = DM_DEFERRED_REMOVE;
	(void)call(control, DM_DEV_REMOVE, &request);
}

static int open_node(const char *path, int *ret_fd)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < NODE_TRIES; i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			break;
		if (fd < 0)
			usleep(NODE_PAUSE_US);
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Up to the root from both ends. */
static int read_ends(int fd, const Seal *seal)
{
	uint8_t block[VERITY_BLOCK_SIZE];
	int r = fd_pread_full(fd, block, sizeof(block), 0);

	if (r == 0)
		r = fd_pread_full(fd, block, sizeof(block), seal->size - sizeof(block));
	return r == -EIO ? -EKEYREJECTED : r;
}

static int start(int control, const Seal *seal, const char *data, const char *hashes, char *path,
	int *ret_fd)
{
	uint64_t serial = time_monotonic_us();
	Request request;
	int r;

	request_init(&request, seal, serial);
	r = call(control, DM_DEV_CREATE, &request);
	if (r < 0)
		return r;
	snprintf(path, DM_VERITY_PATH_SIZE, "/dev/dm-%u", minor(request.head.dev));
	r = load_table(control, seal, serial, data, hashes);
	/* the target is not there, or this kernel wants signed roots (dm_verity.require_signatures)
	 */
	if (r == -EINVAL || r == -ENOKEY)
		r = NO_DEVICE_MAPPER;
	if (r == 0)
		r = resume(control, seal, serial);
	if (r == 0)
		r = open_node(path, ret_fd);
	remove_later(control, seal, serial);
	return r;
}

int dm_verity_open(const Seal *seal, int image, int tree, int *ret_fd,
	char ret_path[static DM_VERITY_PATH_SIZE], Reason *reterr_reason)
{
	_cleanup_fd_ int control = open(CONTROL_PATH, O_RDWR | O_CLOEXEC), data = -1, hashes = -1,
			 fd = -1;
	char data_path[LOOP_PATH_SIZE], hashes_path[LOOP_PATH_SIZE];
	int r;

	if (control < 0)
		return NO_DEVICE_MAPPER;
	if (seal->size % VERITY_BLOCK_SIZE != 0)
		return reason_set(reterr_reason, -EBADMSG, "the image of %s has half a block",
			seal->component);
	r = loop_attach(image, &data, data_path, reterr_reason);
	if (r == 0)
		r = loop_attach(tree, &hashes, hashes_path, reterr_reason);
	if (r < 0)
		return r == -ENOENT ? NO_DEVICE_MAPPER : r; /* and no loop devices, so of no use */
	r = start(control, seal, data_path, hashes_path, ret_path, &fd);
	if (r == 0)
		r = read_ends(fd, seal);
	if (r == -EKEYREJECTED)
		return reason_set(reterr_reason, r,
			"the image of %s is damaged: dm-verity finds other bytes than the sealed "
			"ones",
			seal->component);
	if (r != 0)
		return r < 0 ? reason_errno(reterr_reason, r, "dm-verity of %s", seal->component)
			     : r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
