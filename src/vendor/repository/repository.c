/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"
#include "vendor/repository/delegations.h"
#include "vendor/repository/metadata.h"
#include "vendor/work/outbox.h"
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
	if (r == -ENOENT && !text_ends_with(name, ".root.json")) /* the roots end somewhere */
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is missing; bring it back from a copy of the repository", path);
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

static int repository_new(Repository *repository, const Workspace *workspace, const Signer *signer)
{
	*repository = (Repository){.workspace = workspace,
		.path = workspace->repository,
		.signer = signer,
		.pending = json_object(),
		.now = time_of_source()};
	return repository->pending ? 0 : -ENOMEM;
}

static int refresh(Repository *repository, const char *root, int64_t now, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	TrustRepository files = files_of(repository);
	size_t size;
	int r = file_read(AT_FDCWD, root, TRUST_ROOT_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read the trusted root %s", root);
	r = trust_new(data, size, now > 0 ? now : TRUST_NO_CLOCK, &repository->trust, reason);
	return r < 0 ? r : trust_refresh(repository->trust, &files, reason);
}

int repository_open(Repository *repository, const Workspace *workspace, int64_t now,
	const Signer *signer, Reason *reterr_reason)
{
	_cleanup_free_ char *root = workspace_path(workspace, "device/root.json");
	int r = repository_new(repository, workspace, signer);

	if (r < 0 || !root)
		return -ENOMEM;
	return refresh(repository, root, now, reterr_reason);
}

int repository_open_to_read(Repository *repository, const char *path, const char *root, int64_t now,
	Reason *reterr_reason)
{
	*repository = (Repository){.path = path, .pending = json_object(), .now = time_of_source()};
	return repository->pending ? refresh(repository, root, now, reterr_reason) : -ENOMEM;
}

void repository_done(Repository *repository)
{
	trust_free(repository->trust);
	json_decref(repository->pending);
	if (repository->workspace)
		(void)outbox_discard(repository->workspace, NULL); /* else the next one does it */
	*repository = (Repository){};
}

int repository_init(Repository *repository, const Workspace *workspace, const Signer *signer)
{
	json_t *root, *targets;
	int r = repository_new(repository, workspace, signer);

	if (r < 0)
		return r;
	root = metadata_root(signer, repository->now);
	targets = metadata_targets(1, repository->now, NULL, NULL);
	if (json_object_set_new(repository->pending, "root", root) < 0 ||
		json_object_set_new(repository->pending, "targets", targets) < 0)
		return -ENOMEM;
	return 0;
}

const json_t *repository_published(const Repository *repository, const char *role)
{
	return repository->trust ? trust_body(repository->trust, role) : NULL;
}

int64_t repository_next_version(const Repository *repository, const char *role)
{
	if (strcmp(role, "root") == 0 || strcmp(role, "snapshot") == 0 ||
		strcmp(role, "timestamp") == 0)
		return metadata_version(repository_published(repository, role)) + 1;
	return metadata_listed_version(repository_published(repository, "snapshot"), role) + 1;
}

json_t *repository_body(Repository *repository, const char *role)
{
	json_t *pending = json_object_get(repository->pending, role), *copy;
	const json_t *published = repository_published(repository, role);

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
	json_t *targets = repository_body(repository, "targets");

	if (!role || !pattern || !keys || !targets ||
		metadata_delegate(targets, role, pattern, keys) < 0)
		return -ENOMEM;
	return repository_body(repository, role) ? 0 : -ENOMEM;
}

int repository_visit(Repository *repository, const Base *base,
	int (*each)(void *context, const char *path, const TrustFile *file), void *context,
	Reason *reterr_reason)
{
	TrustRepository files = files_of(repository);

	return delegations_visit(repository->trust, &files, base, each, context, reterr_reason);
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

/* -ENOENT, or -EFBIG where it has another size. */
static int map_file(const char *path, uint64_t size, Mapping *ret_mapping)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t actual;
	void *data;
	int r = fd < 0 ? -errno : fd_size(fd, &actual);

	if (r < 0)
		return r;
	if (actual != size || size == 0)
		return -EFBIG;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret_mapping = (Mapping){data, size};
	return 0;
}

void mapping_done(Mapping *mapping)
{
	if (mapping->data)
		munmap((void *)mapping->data, mapping->size);
	*mapping = (Mapping){};
}

int repository_map_signed(const char *path, uint64_t size, const Digest *digest,
	Mapping *ret_mapping, Reason *reterr_reason)
{
	_cleanup_(mapping_done) Mapping mapping = {};
	Digest found;
	int r = map_file(path, size, &mapping);

	if (r == 0)
		r = digest_of(mapping.data, mapping.size, &found);
	if (r < 0 && r != -EFBIG && r != -ENOENT)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	if (r < 0 || !digest_equal(&found, digest))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is %s; bring it back from a copy of the repository", path,
			r == -ENOENT ? "missing" : "damaged");
	*ret_mapping = mapping;
	mapping = (Mapping){};
	return 0;
}

int repository_read_signed(const char *path, uint64_t size, const Digest *digest,
	uint8_t **ret_data, Reason *reterr_reason)
{
	_cleanup_(mapping_done) Mapping mapping = {};
	int r = repository_map_signed(path, size, digest, &mapping, reterr_reason);

	if (r < 0)
		return r;
	*ret_data = memory_copy(mapping.data, mapping.size);
	return *ret_data ? 0 : -ENOMEM;
}

/* What the base's role says of the index. -ENOENT: nothing yet. */
static int find_index(Repository *repository, const Base *base, const char *channel,
	TrustFile *ret_file, char **ret_name, Reason *reason)
{
	_cleanup_free_ char *path = index_target_path(base->product, base->key, channel);
	_cleanup_free_ char *name = NULL;
	TrustRepository files = files_of(repository);
	int r = path ? trust_find(repository->trust, &files, path, ret_file, reason) : -ENOMEM;

	if (r < 0)
		return r;
	name = trust_target_name(repository->trust, path, ret_file);
	*ret_name = name ? path_join("targets", name) : NULL;
	return *ret_name ? 0 : -ENOMEM;
}

/* `path` NULL: no memory. */
static int read_index_file(
	const char *path, const TrustFile *file, Index *ret_index, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = repository_read_signed(path, file->length, &file->sha256, &data, reason);
	if (r < 0)
		return r;
	r = index_read(data, file->length, ret_index, reason);
	return r == INDEX_FROM_FUTURE ? -EOPNOTSUPP : r;
}

static int read_verified(const Repository *repository, const char *name, const TrustFile *file,
	Index *ret_index, Reason *reason)
{
	_cleanup_free_ char *full = path_join(repository->path, name);

	return read_index_file(full, file, ret_index, reason);
}

int repository_read_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason)
{
	_cleanup_free_ char *name = NULL;
	TrustFile file;
	int r = find_index(repository, base, channel, &file, &name, reterr_reason);

	if (r == -ENOENT)
		return empty_index(base, channel, ret_index);
	return r < 0 ? r : read_verified(repository, name, &file, ret_index, reterr_reason);
}

/* What the base's pending role says of the index; NULL where nothing of it is pending. */
static const json_t *pending_index(const Repository *repository, const Base *base, const char *path)
{
	_cleanup_free_ char *role = workspace_role(base);
	const json_t *body = role ? json_object_get(repository->pending, role) : NULL;

	return json_object_get(json_object_get(body, "targets"), path);
}

int repository_read_next_index(Repository *repository, const Base *base, const char *channel,
	Index *ret_index, Reason *reterr_reason)
{
	_cleanup_free_ char *path = index_target_path(base->product, base->key, channel);
	const json_t *entry = path ? pending_index(repository, base, path) : NULL;
	_cleanup_free_ char *name = NULL, *below = NULL, *file = NULL;
	TrustFile target;
	int r;

	if (!path)
		return -ENOMEM;
	if (!entry)
		return repository_read_index(repository, base, channel, ret_index, reterr_reason);
	r = trust_file_read(entry, path, &target, reterr_reason);
	if (r < 0)
		return r;
	name = trust_target_name(repository->trust, path, &target);
	below = name ? path_join("targets", name) : NULL;
	file = below ? outbox_source(repository->workspace, below) : NULL;
	return read_index_file(file, &target, ret_index, reterr_reason);
}

/* A file may say the truth about another base: the names inside must be those it is listed under.
 */
static int check_listed(const Index *index, const char *path, Reason *reason)
{
	_cleanup_free_ char *own = index_target_path(index->product, index->base, index->channel);

	if (!own)
		return -ENOMEM;
	return strcmp(own, path) == 0
		? 0
		: reason_set(reason, -EKEYREJECTED, "%s holds the index of %s", path, own);
}

int repository_read_listed(const Repository *repository, const char *path, const TrustFile *file,
	Index *ret_index, Reason *reterr_reason)
{
	_cleanup_free_ char *target = trust_target_name(repository->trust, path, file);
	_cleanup_free_ char *name = target ? path_join("targets", target) : NULL;
	int r = name ? read_verified(repository, name, file, ret_index, reterr_reason) : -ENOMEM;

	return r < 0 ? r : check_listed(ret_index, path, reterr_reason);
}

int repository_index_file(Repository *repository, const Base *base, const char *channel,
	char **ret_name, TrustFile *ret_file, Reason *reterr_reason)
{
	return find_index(repository, base, channel, ret_file, ret_name, reterr_reason);
}

/* The search for an index, in whatever channel, goes through the base's role. */
int repository_load_role(Repository *repository, const Base *base, Reason *reterr_reason)
{
	_cleanup_free_ char *name = NULL;
	TrustFile file;
	int r = find_index(repository, base, "public", &file, &name, reterr_reason);

	return r == -ENOENT ? 0 : r;
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
	r = outbox_put(repository->workspace, file, bytes.data, bytes.size, reterr_reason);
	if (r < 0)
		return r;
	return metadata_list_target(repository_body(repository, role), path, &target);
}

char *repository_blob(const Repository *repository, const Digest *digest)
{
	char path[INDEX_BLOB_PATH_SIZE];

	index_blob_path(digest, path);
	return memory_printf("%s/blobs/%s", repository->path, path);
}
