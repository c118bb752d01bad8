/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stage/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "device/store/base-file.h"
#include "wire/delta/apply/apply.h"
#include "wire/improvement/offer.h"

#define SPACE_RESERVE   ((uint64_t)16 << 20) /* left free for the system that lives on this disk */
#define STAT_BLOCK_SIZE 512                  /* of st_blocks, whatever the file system */
#define ZSTD_WINDOW_LOG 27                   /* 128 MiB, the decoder's own default limit */

/* One image in the making. */
typedef struct Making {
	Stage *stage;
	const IndexImage *image;
	const Payload *payload;
	char name[DIGEST_TEXT_SIZE + sizeof(".image")]; /* in partial/ */
	char payload_name[DIGEST_TEXT_SIZE + sizeof(".payload")];
	int fd; /* of the image's partial file */
	int payload_fd;
	bool is_whole; /* the payload is there and verified */
	Reason *reason;
} Making;

static int open_source(const Stage *stage, const PayloadSource *source)
{
	int fd;

	if (source->path)
		return base_file_open(stage->store, source->path);
	return store_open_image(stage->store, &source->image, &fd, NULL) < 0 ? -ENOENT : fd;
}

/* The index names every byte that a delta reads: a base that differs gets the full image. */
static bool has_source(void *context, const PayloadSource *source)
{
	const Making *making = context;
	_cleanup_fd_ int fd = open_source(making->stage, source);
	uint64_t size;
	Digest digest;

	return fd >= 0 && fd_size(fd, &size) == 0 && size == source->size &&
		digest_of_fd(fd, &digest, NULL) == 0 && digest_equal(&digest, &source->sha256);
}

/* What an earlier try left need not be found again. */
static uint64_t bytes_on_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * STAT_BLOCK_SIZE : 0;
}

/* -ENOSPC when the disk is too small, or when `is_full` says that it was found full. */
static int check_space(const Making *making, int payload_fd, bool is_full)
{
	uint64_t needed = making->payload->size + making->image->size + SPACE_RESERVE;
	uint64_t have = bytes_on_disk(payload_fd) + bytes_on_disk(making->fd), free_bytes;
	struct statvfs st;

	if (fstatvfs(making->stage->store->dir, &st) < 0)
		return -errno;
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	needed = needed > have ? needed - have : 0;
	if (free_bytes >= needed && !is_full)
		return 0;
	return reason_set(making->reason, -ENOSPC,
		"%s/%s has %" PRIu64 " MB free, but component %s needs %" PRIu64
		" MB; free some space there and try again",
		making->stage->store->path, STORE_PATH, free_bytes >> 20, making->image->component,
		(needed >> 20) + 1);
}

static void tell_download(void *context, uint64_t bytes)
{
	const Making *making = context;

	stage_report(
		making->stage, "download", making->image->component, bytes, making->payload->size);
}

static int verify_payload(const Making *making, int fd)
{
	Digest digest;
	int r = digest_of_fd(fd, &digest, NULL);

	if (r < 0)
		return r;
	if (digest_equal(&digest, &making->payload->sha256))
		return 0;
	return reason_set(making->reason, -EBADMSG,
		"the download for component %s is not the bytes that were signed",
		making->image->component);
}

static int download_from(Making *making, int fd, uint64_t have)
{
	Fetcher *fetcher = &making->stage->fetcher;
	char blob[INDEX_BLOB_PATH_SIZE];
	_cleanup_free_ char *name = NULL;
	uint64_t before = fetcher->wire;
	int r;

	index_blob_path(&making->payload->sha256, blob);
	name = memory_printf("blobs/%s", blob);
	if (!name)
		return -ENOMEM;
	fetcher->progress = tell_download;
	fetcher->context = making;
	r = fetcher_get_file(fetcher, name, fd, have, making->payload->size, making->reason);
	fetcher->progress = NULL;
	making->stage->payload_bytes += fetcher->wire - before;
	if (r == -ENOENT) /* announced, and not there: not the same as "not for this base" */
		r = -EIO;
	return r < 0 ? r : verify_payload(making, fd);
}

/* Bytes of an earlier, interrupted download are kept and continued; if the whole then is wrong,
 * they may be to blame, and it is got anew once. What does not verify is not kept. Only bytes that
 * came can show that: a certificate that is not good says nothing about those that are there. */
static int download_here(void *context, Reason *reason)
{
	Making *making = context;
	int fd = making->payload_fd;
	uint64_t have;
	int r = fd_size(fd, &have);

	if (r < 0)
		return r;
	if (have == making->payload->size && verify_payload(making, fd) == 0)
		return 0;
	if (have >= making->payload->size)
		have = 0;
	r = download_from(making, fd, have);
	if (r == -EBADMSG && have > 0)
		r = download_from(making, fd, 0);
	if (r == -EBADMSG && ftruncate(fd, 0) < 0)
		return -errno;
	return r;
}

static int tell_apply(void *context, uint64_t done, uint64_t total)
{
	const Making *making = context;

	stage_report(making->stage, "apply", making->image->component, done, total);
	return 0;
}

static int write_unpacked(Making *making, const ZSTD_outBuffer *out, uint64_t *written)
{
	if (out->pos > making->image->size - *written)
		return reason_set(making->reason, -EKEYREJECTED,
			"component %s unpacks to more than its image", making->image->component);
	*written += out->pos;
	return fd_write_full(making->fd, out->dst, out->pos);
}

static int unpack_stream(Making *making, ZSTD_DStream *stream, const uint8_t *data, size_t size)
{
	size_t room = ZSTD_DStreamOutSize();
	_cleanup_free_ uint8_t *buffer = memory_raw(room);
	ZSTD_inBuffer in = {data, size, 0};
	uint64_t written = 0;

	if (!buffer)
		return -ENOMEM;
	while (in.pos < in.size) {
		ZSTD_outBuffer out = {buffer, room, 0};
		size_t left = ZSTD_decompressStream(stream, &out, &in);
		int r;

		if (ZSTD_isError(left))
			return reason_set(making->reason, -EKEYREJECTED, "component %s: %s",
				making->image->component, ZSTD_getErrorName(left));
		r = write_unpacked(making, &out, &written);
		if (r < 0)
			return r;
		tell_apply(making, written, making->image->size);
	}
	return 0;
}

static int apply_full(Making *making, const uint8_t *data, size_t size)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	int r = -ENOMEM;

	if (stream) {
		ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
		r = unpack_stream(making, stream, data, size);
	}
	ZSTD_freeDStream(stream);
	return r;
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fd_close(fds[i]);
	free(fds);
}

static int apply_delta(Making *making, const uint8_t *data, size_t size)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	size_t count = making->payload->sources.count, opened = 0;
	int *fds = memory_new_array(count, sizeof(*fds));
	int r = fds ? delta_patch_read(data, size, &patch, making->reason) : -ENOMEM;

	if (r == 0 && patch.target_size != making->image->size)
		r = reason_set(making->reason, -EKEYREJECTED, "the delta makes another image");
	while (r == 0 && opened < count) {
		fds[opened] = open_source(making->stage, &making->payload->sources.items[opened]);
		r = fds[opened] < 0 ? fds[opened] : 0;
		opened += r == 0;
	}
	if (r == 0)
		r = delta_apply(&patch, fds, count, making->fd, tell_apply, making, making->reason);
	close_all(fds, opened);
	return r;
}

static int apply(Making *making, int payload_fd)
{
	size_t size = making->payload->size;
	void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, payload_fd, 0);
	int r;

	if (data == MAP_FAILED)
		return -errno;
	if (ftruncate(making->fd, 0) < 0 || lseek(making->fd, 0, SEEK_SET) < 0)
		r = -errno;
	else if (making->payload->kind == PAYLOAD_DELTA)
		r = apply_delta(making, data, size);
	else
		r = apply_full(making, data, size);
	munmap(data, size);
	return r;
}

/* Whether a later try can continue with the payload. What is wrong of a download is gone already;
 * one that is whole, and of no use, is of none later. */
static bool is_resumable(const Making *making, int error)
{
	return !making->is_whole || error == -EIO || error == -ENOSPC || error == -ENOMEM;
}

static void drop_partial(const Stage *stage, const char *name)
{
	_cleanup_free_ char *path = path_join("partial", name);

	if (path)
		(void)file_remove(stage->store->dir, path);
}

static int make_image(Making *making, int payload_fd)
{
	int r = check_space(making, payload_fd, false);

	making->payload_fd = payload_fd;
	if (r == 0)
		r = fetcher_try_each(
			&making->stage->fetcher, download_here, making, making->reason);
	making->is_whole = r == 0;
	if (r == 0)
		r = apply(making, payload_fd);
	if (r == -ENOSPC)
		r = check_space(making, payload_fd, true);
	if (r == 0)
		r = store_commit_image(
			making->stage->store, making->name, &making->image->sha256, making->reason);
	return r;
}

static int try_payload(Making *making)
{
	_cleanup_fd_ int fd = -1;
	char text[DIGEST_TEXT_SIZE];
	Stage *stage = making->stage;
	uint64_t have;
	int r;

	making->is_whole = false;
	digest_to_text(&making->payload->sha256, text);
	snprintf(making->payload_name, sizeof(making->payload_name), "%s.payload", text);
	r = store_open_partial(stage->store, making->name, &making->fd, making->reason);
	if (r == 0)
		r = store_open_partial(stage->store, making->payload_name, &fd, making->reason);
	if (r == 0)
		r = make_image(making, fd);
	making->fd = fd_close(making->fd);
	if (r < 0)
		drop_partial(stage, making->name);
	if (!is_resumable(making, r) || fd_size(fd, &have) < 0 || have == 0)
		drop_partial(stage, making->payload_name);
	if (r < 0)
		return r;
	stage->has_used_delta |= making->payload->kind == PAYLOAD_DELTA;
	stage->has_used_full |= making->payload->kind == PAYLOAD_FULL;
	return 0;
}

static const Payload *full_payload(const IndexImage *image)
{
	IndexImage only_full = *image;

	return offer_payload(&only_full, NULL, NULL);
}

/* A delta is an optimisation that may fail safely: whatever is wrong with it, unless the repository
 * cannot be reached at all or the disk is full, the full image is the answer. */
static bool may_try_full(const Making *making, int error)
{
	return making->payload->kind == PAYLOAD_DELTA && error != -ENOSPC &&
		error != -EHOSTUNREACH && error != -ENOMEM;
}

static bool is_present(const Stage *stage, const IndexImage *image)
{
	_cleanup_fd_ int fd = -1;
	Digest digest;

	return store_open_image(stage->store, &image->sha256, &fd, NULL) == 0 &&
		digest_of_fd(fd, &digest, NULL) == 0 && digest_equal(&digest, &image->sha256);
}

int stage_obtain_image(Stage *stage, const IndexImage *image, Reason *reterr_reason)
{
	Making making = {.stage = stage, .image = image, .fd = -1, .reason = reterr_reason};
	char text[DIGEST_TEXT_SIZE];
	int r;

	if (is_present(stage, image))
		return 0;
	making.payload = offer_payload(image, has_source, &making);
	if (!making.payload)
		return reason_set(reterr_reason, -EOPNOTSUPP,
			"component %s comes in no form that this version of Suture knows",
			image->component);
	digest_to_text(&image->sha256, text);
	snprintf(making.name, sizeof(making.name), "%s.image", text);
	r = try_payload(&making);
	if (r < 0 && may_try_full(&making, r)) {
		making.payload = full_payload(image);
		if (making.payload)
			r = try_payload(&making);
	}
	return r;
}
