/* SPDX-License-Identifier: Apache-2.0 */
/* Probe, third part: whether the base is the one that the improvement was staged for. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "device/activate/probe.h"

/* 1 when it is, 0 when it is another one, or none. */
static int is_same(const char *path, const Digest *digest)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	Digest is;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO
			? 0
			: -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	r = digest_of_fd(fd, &is, NULL);
	return r < 0 ? r : digest_equal(&is, digest);
}

static int check_file(const Runtime *runtime, const GenerationFile *file, Reason *reterr_reason)
{
	_cleanup_free_ char *path = memory_printf("%s/base/%s", runtime->path, file->path);
	int r = path ? is_same(path, &file->digest) : -ENOMEM;

	if (r > 0 || r == -ENOMEM)
		return r > 0 ? 0 : r;
	if (r < 0)
		return reason_errno(reterr_reason, r, "the base's %s", file->path);
	return reason_set(reterr_reason, -ESTALE,
		"the base's %s is not the file that the improvement was staged for: the "
		"improvement "
		"may be older than it, and stays off; 'suture remove' and 'suture install' take it "
		"all the same",
		file->path);
}

int probe_base(const Runtime *runtime, const char *directory, const GenerationImage *image,
	Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->base_count; i++)
		if (path_is_below(image->bases[i].path, directory))
			r = check_file(runtime, &image->bases[i], reterr_reason);
	return r;
}
