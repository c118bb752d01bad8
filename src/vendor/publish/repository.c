/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/time.h"
#include "vendor/publish/metadata.h"
#include "wire/json/document.h"

static int fetch_file(void *context, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size, Reason *reterr_reason)
{
	const Repository *repository = context;
	_cleanup_free_ char *path = memory_printf("%s/metadata/%s", repository->path, name);
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, max, ret_data, ret_size);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot read %s", path) : 0;
}

static int load_nothing(
	void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	return -ENOENT;
}

static int save_nothing(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason)
{
	return 0;
}

static TrustRepository files_of(const Repository *repository)
{
	return (TrustRepository){(void *)repository, fetch_file, load_nothing, save_nothing};
}

int repository_open(Repository *repository, const char *path, const char *root, int64_t now,
	const Signer *signer, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	TrustRepository files;
	size_t size;
	int r;

	*repository = (Repository){
		.path = path, .signer = signer, .pending = json_object(), .now = time_of_source()};
	if (!repository->pending)
		return -ENOMEM;
	r = file_read(AT_FDCWD, root, TRUST_ROOT_SIZE_MAX, &data, &size);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read the trusted root %s", root);
	r = trust_new(
		data, size, now > 0 ? now : TRUST_NO_CLOCK, &repository->trust, reterr_reason);
	files = files_of(repository);
	return r < 0 ? r : trust_refresh(repository->trust, &files, reterr_reason);
}

void repository_done(Repository *repository)
{
	trust_free(repository->trust);
	json_decref(repository->pending);
	*repository = (Repository){};
}

static int write_public(
	const char *root, const char *name, const void *data, size_t size, Reason *reason)
{
	_cleanup_free_ char *path = path_join(root, name);
	int r = path ? path_make_parent(AT_FDCWD, path, 0755) : -ENOMEM;

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, data, size, 0644);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path ? path : name) : 0;
}

/* Signs a body and writes it as metadata/`name`. */
static int publish_body(const char *path, const Signer *signer, const char *role, json_t *body,
	bool with_version, Reason *reason)
{
	_cleanup_buffer_ Buffer bytes = {};
	_cleanup_free_ char *name = NULL, *file = NULL;
	int r = signer_envelope(signer, role, body, &bytes, reason);

	if (r < 0)
		return r;
	name = trust_metadata_name(role, with_version ? metadata_version(body) : 0);
	file = name ? path_join("metadata", name) : NULL;
	return file ? write_public(path, file, bytes.data, bytes.size, reason) : -ENOMEM;
}

static int publish_snapshot(const char *path, const Signer *signer, json_t *snapshot,
	int64_t timestamp_version, int64_t now, Reason *reason)
{
	_cleanup_json_ json_t *timestamp = NULL;
	int r = snapshot ? publish_body(path, signer, "snapshot", snapshot, true, reason) : -ENOMEM;

	if (r < 0)
		return r;
	timestamp = metadata_timestamp(timestamp_version, metadata_version(snapshot), now);
	return timestamp ? publish_body(path, signer, "timestamp", timestamp, false, reason)
			 : -ENOMEM;
}

static int publish_root(
	const char *path, const Signer *signer, int64_t now, Buffer *ret_root, Reason *reason)
{
	_cleanup_json_ json_t *body = metadata_root(signer, now);
	int r = body ? signer_envelope(signer, "root", body, ret_root, reason) : -ENOMEM;

	return r < 0 ? r
		     : write_public(path, "metadata/1.root.json", ret_root->data, ret_root->size,
			       reason);
}

int repository_init(const char *path, const Signer *signer, int64_t now, Buffer *ret_root,
	Reason *reterr_reason)
{
	_cleanup_json_ json_t *targets = metadata_targets(1, now, NULL, NULL);
	_cleanup_json_ json_t *snapshot = metadata_snapshot(1, now, NULL);
	int r = publish_root(path, signer, now, ret_root, reterr_reason);

	if (!targets || !snapshot || metadata_list_role(snapshot, "targets", 1) < 0)
		return -ENOMEM;
	if (r == 0)
		r = publish_body(path, signer, "targets", targets, true, reterr_reason);
	return r < 0 ? r : publish_snapshot(path, signer, snapshot, 1, now, reterr_reason);
}

/* The `signed` part of a role as it will be: what is pending, else a copy of what is published. */
static json_t *body_of(Repository *repository, const char *role)
{
	json_t *pending = json_object_get(repository->pending, role), *copy;
	const json_t *published = trust_body(repository->trust, role);

	if (pending)
		return pending;
	copy = published ? json_deep_copy(published) : metadata_targets(0, 0, NULL, NULL);
	if (!copy || json_object_set_new(repository->pending, role, copy) < 0)
		return NULL;
	return copy;
}

int repository_delegate(Repository *repository, const Base *base, Reason *reterr_reason)
{
	_cleanup_free_ char *role = workspace_role(base);
	_cleanup_free_ char *pattern = memory_printf("%s/%s/*/*", base->product, base->key);
	_cleanup_json_ json_t *keys = role ? signer_public_keys(repository->signer, role) : NULL;
	json_t *targets = body_of(repository, "targets");

	if (!role || !pattern || !keys || !targets ||
		metadata_delegate(targets, role, pattern, keys) < 0)
		return -ENOMEM;
	return body_of(repository, role) ? 0 : -ENOMEM;
}

static int empty_index(const Base *base, const char *channel, Index *ret_index)
{
	Index index = {
		.format = memory_string("suture-index"),
		.version = INDEX_VERSION,
		.product = memory_string(base->product),
		.base = memory_string(base->key),
		.base_version = memory_string(base->version),
		.channel = memory_string(channel),
	};

	*ret_index = index;
	return index.format && index.product && index.base && index.base_version && index.channel
		? 0
		: -ENOMEM;
}

int repository_read_signed(const char *path, uint64_t size, const Digest *digest,
	uint8_t **ret_data, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t actual = 0;
	Digest found;
	int r = file_read(AT_FDCWD, path, size, &data, &actual);

	if (r == -ENOENT)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is missing; bring it back from a copy of the repository", path);
	if (r < 0 && r != -EFBIG)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	if (r == 0)
		r = digest_of(data, actual, &found);
	if (r < 0 && r != -EFBIG)
		return r;
	if (r == -EFBIG || actual != size || !digest_equal(&found, digest))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is damaged; bring it back from a copy of the repository", path);
	*ret_data = TAKE_PTR(data);
	return 0;
}

static int read_verified(const Repository *repository, const char *path, const TrustFile *file,
	Index *ret_index, Reason *reason)
{
	_cleanup_free_ char *name = trust_target_name(repository->trust, path, file);
	_cleanup_free_ char *full =
		name ? memory_printf("%s/targets/%s", repository->path, name) : NULL;
	_cleanup_free_ uint8_t *data = NULL;
	int r;

	if (!full)
		return -ENOMEM;
	r = repository_read_signed(full, file->length, &file->sha256, &data, reason);
	if (r < 0)
		return r;
	r = index_read(data, file->length, ret_index, reason);
	return r == INDEX_FROM_FUTURE ? -EOPNOTSUPP : r;
}

int repository_read_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason)
{
	_cleanup_free_ char *path = index_target_path(base->product, base->key, channel);
	TrustRepository files = files_of(repository);
	TrustFile file;
	int r;

	if (!path)
		return -ENOMEM;
	r = trust_find(repository->trust, &files, path, &file, reterr_reason);
	if (r == -ENOENT)
		return empty_index(base, channel, ret_index);
	return r < 0 ? r : read_verified(repository, path, &file, ret_index, reterr_reason);
}

/* No device may ever meet an index that it cannot read: all of the reader's rules and bounds hold.
 */
static int check_readable(const Buffer *bytes, Reason *reason)
{
	_cleanup_index_ Index again = {};
	Reason why = {};
	int r = index_read(bytes->data, bytes->size, &again, &why);

	return r == -EBADMSG
		? reason_set(reason, -EINVAL, "devices would refuse the index: %s", why.text)
		: r;
}

int repository_write_index(
	Repository *repository, const Base *base, const Index *index, Reason *reterr_reason)
{
	_cleanup_free_ char *role = workspace_role(base);
	_cleanup_free_ char *path = index_target_path(base->product, base->key, index->channel);
	_cleanup_free_ char *name = NULL, *file = NULL;
	_cleanup_buffer_ Buffer bytes = {};
	TrustFile target = {};
	int r = index_write(index, &bytes);

	if (r == 0)
		r = check_readable(&bytes, reterr_reason);
	if (r == 0)
		r = digest_of(bytes.data, bytes.size, &target.sha256);
	if (r < 0)
		return r;
	target.length = bytes.size;
	target.has_sha256 = true;
	name = path ? trust_target_name(repository->trust, path, &target) : NULL;
	file = name ? path_join("targets", name) : NULL;
	if (!file || !role)
		return -ENOMEM;
	r = write_public(repository->path, file, bytes.data, bytes.size, reterr_reason);
	if (r < 0)
		return r;
	return metadata_list_target(body_of(repository, role), path, &target);
}

int repository_commit(Repository *repository, Reason *reterr_reason)
{
	const json_t *published = trust_body(repository->trust, "snapshot");
	_cleanup_json_ json_t *snapshot =
		metadata_snapshot(metadata_version(published) + 1, repository->now, published);
	const char *role;
	json_t *body;

	if (!snapshot)
		return -ENOMEM;
	json_object_foreach(repository->pending, role, body)
	{
		int64_t version = metadata_listed_version(published, role) + 1;
		int r = metadata_renew(body, version, repository->now);

		if (r == 0)
			r = publish_body(repository->path, repository->signer, role, body, true,
				reterr_reason);
		if (r == 0)
			r = metadata_list_role(snapshot, role, version);
		if (r < 0)
			return r;
	}
	return publish_snapshot(repository->path, repository->signer, snapshot,
		metadata_version(trust_body(repository->trust, "timestamp")) + 1, repository->now,
		reterr_reason);
}

char *repository_blob(const Repository *repository, const Digest *digest)
{
	char path[INDEX_BLOB_PATH_SIZE];

	index_blob_path(digest, path);
	return memory_printf("%s/blobs/%s", repository->path, path);
}
