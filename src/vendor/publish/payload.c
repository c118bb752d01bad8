/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"

#define FULL_ENCODING "zstd"
#define FULL_LEVEL    19 /* the highest whose window (8 MiB) a small device can afford */

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
	r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, bytes->data, bytes->size, 0644);
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

int payload_check_full(
	const uint8_t *data, size_t size, const IndexImage *image, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *unpacked = memory_raw(image->size);
	Digest digest;
	int r;

	if (!unpacked)
		return -ENOMEM;
	if (ZSTD_decompress(unpacked, image->size, data, size) != image->size)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"a full payload of component %s does not unpack to its image",
			image->component);
	r = digest_of(unpacked, image->size, &digest);
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

int payload_make_all(
	const ImageBuild *build, const char *blobs, IndexImage *image, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	Making making = {build, blobs, image, NULL, reterr_reason};
	int r = read_image(&making);

	data = making.data;
	image->payloads.items = memory_new_array(INDEX_PAYLOADS_MAX, sizeof(Payload));
	if (r < 0 || !image->payloads.items)
		return r < 0 ? r : -ENOMEM;
	image->payloads.count = 1;
	return make_full(&making, &image->payloads.items[0]);
}

int payload_check_delta(const uint8_t *data, size_t size, const Payload *payload, const char *root,
	const IndexImage *image, Reason *reterr_reason)
{
	return 0;
}
