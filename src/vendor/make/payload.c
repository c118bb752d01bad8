/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/make/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"

#define FULL_ENCODING  "zstd"
#define DELTA_ENCODING "suture-delta-1"
#define PIECE_SIZE     ((size_t)65536)
#define FULL_LEVEL     19 /* the highest whose window (8 MiB) a small device can afford */

/* Two images may have a payload of the same bytes, and so of the same name. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

/* An image in memory, and where its blobs go. */
typedef struct Making {
	const ImageBuild *build;
	const char *blobs;
	IndexImage *image;
	uint8_t *data;
	Reason *reason;
} Making;

static int write_blob(
	const Making *making, const Buffer *bytes, const char *encoding, Payload *payload)
{
	_cleanup_free_ char *path = NULL;
	char name[INDEX_BLOB_PATH_SIZE];
	int r = digest_of(bytes->data, bytes->size, &payload->sha256);

	if (r < 0)
		return r;
	payload->size = bytes->size;
	payload->encoding = memory_string(encoding);
	index_blob_path(&payload->sha256, name);
	path = path_join(making->blobs, name);
	if (!payload->encoding || !path)
		return -ENOMEM;
	pthread_mutex_lock(&writing);
	r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, bytes->data, bytes->size, 0644);
	pthread_mutex_unlock(&writing);
	return r < 0 ? reason_errno(making->reason, r, "cannot write %s", path) : 0;
}

static int compress(const uint8_t *data, size_t size, Buffer *ret)
{
	size_t bound = ZSTD_compressBound(size), n;

	ret->data = memory_raw(bound);
	if (!ret->data)
		return -ENOMEM;
	n = ZSTD_compress(ret->data, bound, data, size, FULL_LEVEL);
	if (ZSTD_isError(n))
		return -EIO;
	ret->size = n;
	return 0;
}

static int make_full(const Making *making, Payload *payload)
{
	_cleanup_buffer_ Buffer bytes = {};
	int r = compress(making->data, making->image->size, &bytes);

	payload->kind = PAYLOAD_FULL;
	if (r == 0)
		r = payload_check_full(bytes.data, bytes.size, making->image, making->reason);
	return r < 0 ? r : write_blob(making, &bytes, FULL_ENCODING, payload);
}

/* In pieces: the image may be larger than what is free. */
static int unpack(ZSTD_DStream *stream, const uint8_t *data, size_t size, uint8_t *piece,
	DigestStream *digest, uint64_t *ret_size)
{
	ZSTD_inBuffer in = {data, size, 0};
	size_t left = 1;

	*ret_size = 0;
	while (left > 0) {
		ZSTD_outBuffer out = {piece, PIECE_SIZE, 0};

		left = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(left) || (left > 0 && out.pos == 0 && in.pos == in.size))
			return -EBADMSG;
		if (digest_stream_update(digest, piece, out.pos) < 0)
			return -EIO;
		*ret_size += out.pos;
	}
	return in.pos == in.size ? 0 : -EBADMSG;
}

static int digest_of_packed(
	const uint8_t *data, size_t size, Digest *ret_digest, uint64_t *ret_size)
{
	_cleanup_(digest_stream_freep) DigestStream *digest = digest_stream_new();
	_cleanup_free_ uint8_t *piece = memory_raw(PIECE_SIZE);
	ZSTD_DStream *stream = ZSTD_createDStream();
	int r = digest && piece && stream ? unpack(stream, data, size, piece, digest, ret_size)
					  : -ENOMEM;

	ZSTD_freeDStream(stream);
	return r < 0 ? r : digest_stream_final(digest, ret_digest);
}

int payload_check_full(
	const uint8_t *data, size_t size, const IndexImage *image, Reason *reterr_reason)
{
	uint64_t unpacked;
	Digest digest;
	int r = digest_of_packed(data, size, &digest, &unpacked);

	if (r == -EBADMSG || (r == 0 && unpacked != image->size))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"a full payload of component %s does not unpack to its image",
			image->component);
	if (r < 0)
		return r;
	if (!digest_equal(&digest, &image->sha256))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"a full payload of component %s is another image", image->component);
	return 0;
}

static int read_image(Making *making)
{
	size_t size;
	int r = file_read(AT_FDCWD, making->build->path, making->image->size, &making->data, &size);

	return r < 0 ? reason_errno(making->reason, r, "cannot read %s", making->build->path) : 0;
}

/* The sources as the index names them; positions are those that the patch means. */
static int list_sources(const ImageMap *map, Payload *payload)
{
	payload->sources.items = memory_new_array(map->source_count, sizeof(PayloadSource));
	if (!payload->sources.items)
		return -ENOMEM;
	for (size_t i = 0; i < map->source_count; i++) {
		PayloadSource *source = &payload->sources.items[i];

		source->path = memory_string(map->sources[i].path);
		source->sha256 = map->sources[i].sha256;
		source->size = map->sources[i].size;
		if (!source->path)
			return -ENOMEM;
		payload->sources.count++;
	}
	return 0;
}

static int create_patch(const Making *making, const ImageMap *map, Buffer *ret)
{
	_cleanup_free_ DeltaBytes *sources = memory_new_array(map->source_count, sizeof(*sources));
	_cleanup_free_ DeltaRange *plan = memory_new_array(map->extent_count, sizeof(*plan));

	if (!sources || !plan)
		return -ENOMEM;
	for (size_t i = 0; i < map->source_count; i++)
		sources[i] = (DeltaBytes){map->sources[i].data, map->sources[i].size};
	for (size_t i = 0; i < map->extent_count; i++)
		plan[i] = (DeltaRange){
			map->extents[i].offset, map->extents[i].size, map->extents[i].source};
	return delta_create(sources, map->source_count, making->data, making->image->size, plan,
		map->extent_count, ret, making->reason);
}

/* Positive: there is nothing to make a delta from, or it would be no smaller than `full_size`. */
static int make_delta(const Making *making, uint64_t full_size, Payload *payload)
{
	_cleanup_(image_map_done) ImageMap map = {};
	_cleanup_buffer_ Buffer bytes = {};
	int r = image_map(making->build, making->data, making->image->size, &map, making->reason);

	if (r < 0)
		return r;
	if (map.source_count == 0 || map.source_count > INDEX_SOURCES_MAX)
		return 1;
	r = create_patch(making, &map, &bytes);
	if (r < 0)
		return r;
	if (bytes.size >= full_size)
		return 1;
	payload->kind = PAYLOAD_DELTA;
	r = list_sources(&map, payload);
	if (r == 0)
		r = payload_check_delta(bytes.data, bytes.size, payload, making->build->old_root,
			making->image, making->reason);
	return r < 0 ? r : write_blob(making, &bytes, DELTA_ENCODING, payload);
}

/* Smallest first: a device takes the first payload that it can use. */
int payload_make_all(
	const ImageBuild *build, const char *blobs, IndexImage *image, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	Making making = {build, blobs, image, NULL, reterr_reason};
	Payload full = {};
	int r = read_image(&making);

	data = making.data;
	image->payloads.items = memory_new_array(INDEX_PAYLOADS_MAX, sizeof(Payload));
	if (r < 0 || !image->payloads.items)
		return r < 0 ? r : -ENOMEM;
	r = make_full(&making, &full);
	if (r < 0)
		return r;
	image->payloads.count = 1; /* so that a half-made delta is freed with the image */
	r = make_delta(&making, full.size, &image->payloads.items[0]);
	if (r < 0) {
		free(full.encoding);
		return r;
	}
	image->payloads.count = r > 0 ? 1 : 2;
	image->payloads.items[image->payloads.count - 1] = full;
	return 0;
}

static int open_sources(const Payload *payload, const char *root, int *fds, Reason *reason)
{
	for (size_t i = 0; i < payload->sources.count; i++) {
		const PayloadSource *source = &payload->sources.items[i];
		_cleanup_free_ char *path = source->path ? path_join(root, source->path) : NULL;

		if (!path)
			return source->path ? -ENOMEM : -EOPNOTSUPP;
		fds[i] = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fds[i] < 0)
			return reason_errno(reason, -errno, "cannot read %s", path);
	}
	return 0;
}

static int apply_and_compare(const DeltaPatch *patch, const int *fds, size_t count,
	const IndexImage *image, Reason *reason)
{
	_cleanup_fd_ int out = memfd_create("image", MFD_CLOEXEC);
	Digest digest;
	int r = out < 0 ? -errno : delta_apply(patch, fds, count, out, NULL, NULL, reason);

	if (r == 0)
		r = digest_of_fd(out, &digest, NULL);
	if (r == 0 && !digest_equal(&digest, &image->sha256))
		r = reason_set(reason, -EKEYREJECTED,
			"the delta of component %s makes another image", image->component);
	return r;
}

int payload_check_delta(const uint8_t *data, size_t size, const Payload *payload, const char *root,
	const IndexImage *image, Reason *reterr_reason)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	size_t count = payload->sources.count;
	int *fds = memory_new_array(count, sizeof(*fds));
	int r;

	if (!fds)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fds[i] = -1;
	r = open_sources(payload, root, fds, reterr_reason);
	if (r == 0)
		r = delta_patch_read(data, size, &patch, reterr_reason);
	if (r == 0)
		r = apply_and_compare(&patch, fds, count, image, reterr_reason);
	for (size_t i = 0; i < count; i++)
		fd_close(fds[i]);
	free(fds);
	return r;
}
