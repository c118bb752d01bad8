/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/path.h"

int tree_digest(const char *root, const char *path, Digest *ret_digest, uint64_t *ret_size)
{
	_cleanup_free_ char *full = path_join(root, path);
	_cleanup_fd_ int fd = full ? open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (!full)
		return -ENOMEM;
	return fd < 0 ? -errno : digest_of_fd(fd, ret_digest, ret_size);
}

int tree_map(const char *full_path, TreeBytes *ret_bytes)
{
	_cleanup_fd_ int fd = open(full_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	TreeBytes bytes = {};
	int r = fd < 0 ? -errno : fd_size(fd, &bytes.size);

	if (r == 0 && bytes.size > 0) {
		bytes.data = mmap(NULL, bytes.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes.data == MAP_FAILED)
			r = -errno;
	}
	if (r == 0)
		*ret_bytes = bytes;
	return r;
}

void tree_bytes_done(TreeBytes *bytes)
{
	if (bytes->data)
		munmap(bytes->data, bytes->size);
	*bytes = (TreeBytes){};
}

/* The root is a name, whatever is in it. */
static int quote(const char *root, Buffer *pattern)
{
	int r = 0;

	for (const char *at = root; r == 0 && *at; at++)
		r = buffer_printf(pattern, "%s%c", strchr("*?[\\", *at) ? "\\" : "", *at);
	return r;
}

int tree_find(const char *root, const char *pattern, char **ret_path)
{
	_cleanup_buffer_ Buffer full = {};
	glob_t found = {};
	int r = quote(root, &full);

	if (r == 0)
		r = buffer_printf(&full, "/%s", pattern);
	if (r < 0)
		return r;
	*ret_path = NULL;
	switch (glob((char *)full.data, 0, NULL, &found)) {
	case 0:
		*ret_path = memory_string(found.gl_pathv[0] + strlen(root) + 1);
		r = *ret_path ? 0 : -ENOMEM;
		break;
	case GLOB_NOSPACE: r = -ENOMEM; break;
	default: /* nothing there, or a folder that cannot be read: not to be found either */ break;
	}
	globfree(&found);
	return r;
}
