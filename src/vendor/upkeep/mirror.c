/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/bar.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "base/time.h"
#include "device/fetch/fetcher.h"
#include "vendor/repository/delegations.h"
#include "vendor/upkeep/mirror-advisories.h"
#include "vendor/upkeep/prune.h"

#define FETCH_PROGRAM "suture-fetch"
#define ROOT_NAME     32 /* "9007199254740992.root.json" */

typedef struct Mirror {
	const MirrorOrder *order;
	MirrorFolder folder;
	Process fetch; /* suture-fetch, which has the network */
	char *program;
	int socket;
	char *url;
	const char *urls[1];
	Fetcher fetcher;
	TrustRepository files; /* its context is the mirror */
	Trust *trust;
	int64_t first_root;        /* the version of the root that is trusted */
	char root_name[ROOT_NAME]; /* what was asked for last */
	MirrorAdvisories advisories;
	MirrorCounts counts;
	Bar bar;
	const char *shown; /* what is being downloaded, and its size */
	uint64_t shown_size;
	Reason *reason;
} Mirror;

/* -- the source -- */

/* It has nothing to tidy up, and talks to strangers: nobody waits for it. */
static void end_fetch(Mirror *mirror)
{
	int status;

	fd_close(mirror->socket);
	if (mirror->fetch.pid <= 0)
		return;
	kill(mirror->fetch.pid, SIGKILL);
	process_wait(&mirror->fetch, &status);
}

static int start_fetch(Mirror *mirror)
{
	const char *words[2] = {};
	_cleanup_fd_ int theirs = -1;
	int sockets[2], r;

	r = process_find_helper(FETCH_PROGRAM, &mirror->program, mirror->reason);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	mirror->socket = sockets[0];
	theirs = sockets[1];
	r = fetch_send_settings(mirror->socket, &(FetchSettings){});
	if (r < 0)
		return r;
	words[0] = mirror->program;
	mirror->fetch = (Process){.argv = words,
		.map = {{theirs, FETCH_SOCKET_FD}},
		.map_count = 1,
		.ends_with_us = true};
	r = process_start(&mirror->fetch, mirror->reason);
	mirror->fetch.argv = NULL;
	return r;
}

/* Of a source on this machine: where it is, also where it is given as an address. */
static const char *source_here(const char *source)
{
	static const char scheme[] = "file://";

	if (!strstr(source, "://"))
		return source;
	return text_starts_with(source, scheme) && !strchr(source, '%') ? source + strlen(scheme)
									: NULL;
}

/* A folder or bundle becomes an address; an address ends in a slash. */
static int choose_url(Mirror *mirror)
{
	const char *source = mirror->order->source;
	char absolute[PATH_MAX];
	_cleanup_free_ char *encoded = NULL;

	if (strstr(source, "://")) {
		mirror->url = memory_printf("%s%s", source, text_ends_with(source, "/") ? "" : "/");
		return mirror->url ? 0 : -ENOMEM;
	}
	if (!realpath(source, absolute))
		return reason_errno(mirror->reason, -errno, "cannot find %s", source);
	encoded = address_encode_path(absolute);
	mirror->url = encoded ? memory_printf("file://%s/", encoded) : NULL;
	return mirror->url ? 0 : -ENOMEM;
}

static void show_progress(void *context, uint64_t bytes)
{
	Mirror *mirror = context;

	if (mirror->order->shows && mirror->shown)
		bar_update(&mirror->bar, "download", mirror->shown, bytes, mirror->shown_size);
}

static int open_source(Mirror *mirror)
{
	int r = choose_url(mirror);

	if (r == 0)
		r = start_fetch(mirror);
	mirror->urls[0] = mirror->url;
	mirror->fetcher = (Fetcher){.urls = mirror->urls,
		.url_count = 1,
		.setting = "the address",
		.ask = fetcher_ask_socket,
		.asked = fetcher_socket(mirror->socket),
		.progress = show_progress,
		.context = mirror};
	return r;
}

static int get(Mirror *mirror, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reason)
{
	char etag[FETCH_ETAG_MAX + 1] = "";

	return fetcher_get(&mirror->fetcher, name, max, etag, ret_data, ret_size, reason);
}

/* -- metadata -- */

static int fetch(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason)
{
	Mirror *mirror = context;
	_cleanup_free_ char *path = path_join("metadata", name);

	if (!path)
		return -ENOMEM;
	if (text_ends_with(name, ".root.json"))
		snprintf(mirror->root_name, sizeof(mirror->root_name), "%s", name);
	return get(mirror, path, max, ret_data, ret_size, reterr_reason);
}

static int load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	const Mirror *mirror = context;
	_cleanup_free_ char *path = path_join(MIRROR_KEPT, name);

	return path ? mirror_folder_read(&mirror->folder, path, max, ret_data, ret_size) : -ENOMEM;
}

static int save(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason)
{
	const Mirror *mirror = context;
	bool is_root = strcmp(name, "root.json") == 0;
	_cleanup_free_ char *path =
		path_join(is_root ? MIRROR_ROOTS : MIRROR_KEPT, is_root ? mirror->root_name : name);

	return path ? mirror_folder_save(&mirror->folder, path, data, size, reterr_reason)
		    : -ENOMEM;
}

static char *root_name(const char *folder, int64_t version)
{
	_cleanup_free_ char *name = trust_metadata_name("root", version);

	return name ? path_join(folder, name) : NULL;
}

/* What a source of today withholds, but was there yesterday, still counts. One that does not verify
 * any more is asked for again. */
static int walk_own_roots(Mirror *mirror)
{
	int r = 0;

	while (r == 0) {
		_cleanup_free_ char *name =
			root_name("metadata", trust_root_version(mirror->trust) + 1);
		_cleanup_free_ uint8_t *data = NULL;
		size_t size;

		if (!name)
			return -ENOMEM;
		r = mirror_folder_read(&mirror->folder, name, TRUST_ROOT_SIZE_MAX, &data, &size);
		if (r == 0)
			r = trust_update_root(mirror->trust, data, size, NULL);
	}
	return r == -ENOMEM ? r : 0;
}

static int open_trust(Mirror *mirror)
{
	const char *path = mirror->order->root;
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, path, TRUST_ROOT_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(mirror->reason, r, "cannot read the trusted root %s", path);
	r = trust_new(data, size, time_now(), &mirror->trust, mirror->reason);
	if (r < 0)
		return r;
	mirror->first_root = trust_root_version(mirror->trust);
	name = root_name(MIRROR_ROOTS, mirror->first_root);
	r = name ? mirror_folder_save(&mirror->folder, name, data, size, mirror->reason) : -ENOMEM;
	if (r == 0)
		r = walk_own_roots(mirror);
	return r < 0 ? r : trust_refresh(mirror->trust, &mirror->files, mirror->reason);
}

/* A file that is kept aside becomes one of the repository's. -ENOENT without a reason: there is
 * none. */
static int publish_aside(Mirror *mirror, const char *aside, const char *name)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = mirror_folder_read(&mirror->folder, aside, TRUST_TARGETS_SIZE_MAX, &data, &size);

	if (r < 0)
		return r == -ENOENT || r == -ENOMEM
			? r
			: reason_errno(mirror->reason, r, "cannot read %s", aside);
	return mirror_folder_put(&mirror->folder, name, data, size, mirror->reason);
}

/* As it was received, under its version. */
static int publish_role(Mirror *mirror, const char *role)
{
	int64_t version = metadata_version(trust_body(mirror->trust, role));
	_cleanup_free_ char *file = trust_metadata_name(role, version);
	_cleanup_free_ char *kept = trust_metadata_name(role, 0);
	_cleanup_free_ char *name = file ? path_join("metadata", file) : NULL;
	_cleanup_free_ char *aside = kept ? path_join(MIRROR_KEPT, kept) : NULL;

	return name && aside ? publish_aside(mirror, aside, name) : -ENOMEM;
}

/* -- blobs -- */

/* -EKEYREJECTED: what is there now is not the file. */
static int fill(Mirror *mirror, const char *name, int fd, uint64_t have, uint64_t size,
	const Digest *digest)
{
	Digest found;
	int r = have < size
		? fetcher_get_file(&mirror->fetcher, name, fd, have, size, mirror->reason)
		: 0;

	if (r == 0)
		r = digest_of_fd(fd, &found, NULL);
	if (r == 0 && !digest_equal(&found, digest))
		r = reason_set(mirror->reason, -EKEYREJECTED,
			"%s%s is not the file that was signed", mirror->url, name);
	return r;
}

/* What a killed run left may be of another source, and bad: then it is fetched whole. */
static int download(
	Mirror *mirror, const char *name, const char *partial, uint64_t size, const Digest *digest)
{
	_cleanup_fd_ int fd = -1;
	uint64_t have;
	int r = mirror_folder_partial(&mirror->folder, partial, &fd, &have, mirror->reason);

	if (r < 0)
		return r;
	mirror->shown = name;
	mirror->shown_size = size;
	r = have <= size ? fill(mirror, name, fd, have, size, digest) : -EBADMSG;
	if (have > 0 && (r == -EKEYREJECTED || r == -EBADMSG))
		r = ftruncate(fd, 0) < 0 ? -errno : fill(mirror, name, fd, 0, size, digest);
	mirror->shown = NULL;
	if (r == -EKEYREJECTED && ftruncate(fd, 0) < 0)
		return -errno;
	return r < 0 ? r
		     : mirror_folder_keep(&mirror->folder, partial, fd, name, size, mirror->reason);
}

/* What a mirror gave its name was verified before. */
static int copy_blob(void *context, const Digest *digest, uint64_t size)
{
	Mirror *mirror = context;
	char path[INDEX_BLOB_PATH_SIZE], text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *name = NULL;

	index_blob_path(digest, path);
	digest_to_text(digest, text);
	name = path_join("blobs", path);
	if (!name)
		return -ENOMEM;
	return mirror_folder_made(&mirror->folder, name) &&
			mirror_folder_has(&mirror->folder, name, size)
		? 0
		: download(mirror, name, text, size, digest);
}

/* -- indexes -- */

static int copy_listed(Mirror *mirror, const uint8_t *data, size_t size)
{
	_cleanup_index_ Index index = {};
	int r = index_read(data, size, &index, mirror->reason);

	if (r == INDEX_FROM_FUTURE)
		return -EOPNOTSUPP;
	for (size_t i = 0; r == 0 && i < index.improvements.count; i++)
		r = index_visit_blobs(&index.improvements.items[i], copy_blob, mirror);
	return r;
}

static bool is_here(const Mirror *mirror, const char *name, const TrustFile *file,
	uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	if (mirror_folder_read(&mirror->folder, name, file->length, &data, &size) < 0 ||
		trust_file_check(file, data, size, name, NULL) < 0)
		return false;
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return true;
}

static int copy_index(Mirror *mirror, const char *name, const TrustFile *file)
{
	_cleanup_free_ uint8_t *data = NULL;
	bool here;
	size_t size;
	int r = 0;

	if (file->length > INDEX_SIZE_MAX)
		return reason_set(mirror->reason, -EBADMSG,
			"%s%s has %" PRIu64 " bytes, too many for an index", mirror->url, name,
			file->length);
	here = is_here(mirror, name, file, &data, &size);
	if (!here)
		r = get(mirror, name, file->length, &data, &size, mirror->reason);
	if (r == 0)
		r = trust_file_check(file, data, size, name, mirror->reason);
	if (r == 0)
		r = copy_listed(mirror, data, size);
	mirror->counts.indexes += r == 0;
	return r < 0 || here ? r
			     : mirror_folder_put(&mirror->folder, name, data, size, mirror->reason);
}

static int copy_target(void *context, const char *path, const TrustFile *file)
{
	Mirror *mirror = context;
	_cleanup_free_ char *target = trust_target_name(mirror->trust, path, file);
	_cleanup_free_ char *name = target ? path_join("targets", target) : NULL;

	if (!name)
		return -ENOMEM;
	if (!path_is_normal(path) || !text_ends_with(path, "/index.json"))
		return reason_set(mirror->reason, -EBADMSG,
			"%s is listed, and is no index: this mirror knows nothing else", path);
	return copy_index(mirror, name, file);
}

static int copy_base(Mirror *mirror, const Base *base)
{
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? delegations_visit(mirror->trust, &mirror->files, base, copy_target, mirror,
			       mirror->reason)
		     : -ENOMEM;

	mirror->counts.bases++;
	return r < 0 ? r : publish_role(mirror, role);
}

static int check_wanted(const Mirror *mirror, const BaseList *list)
{
	const OptionList *wanted = mirror->order->bases;

	for (size_t i = 0; i < wanted->count; i++) {
		size_t j = 0;

		while (j < list->bases.count &&
			strcmp(list->bases.items[j].name, wanted->items[i]) != 0)
			j++;
		if (j == list->bases.count)
			return reason_set(mirror->reason, -ENOENT,
				"%s has no base with the role %s, as %s", mirror->url,
				wanted->items[i],
				j > 0 ? list->bases.items[0].name : "PRODUCT_VERSION_ARCHITECTURE");
	}
	return 0;
}

static int copy_bases(Mirror *mirror)
{
	_cleanup_base_list_ BaseList list = {};
	const OptionList *wanted = mirror->order->bases;
	int r = delegations_list(trust_body(mirror->trust, "targets"), &list, mirror->reason);

	if (r == 0)
		r = check_wanted(mirror, &list);
	for (size_t i = 0; r == 0 && i < list.bases.count; i++)
		if (wanted->count == 0 || option_list_has(wanted, list.bases.items[i].name))
			r = copy_base(mirror, &list.bases.items[i]);
	return r;
}

/* -- showing it -- */

static int publish_roots(Mirror *mirror)
{
	int r = 0;

	for (int64_t i = mirror->first_root; r == 0 && i <= trust_root_version(mirror->trust);
		i++) {
		_cleanup_free_ char *aside = root_name(MIRROR_ROOTS, i);
		_cleanup_free_ char *name = root_name("metadata", i);

		r = aside && name ? publish_aside(mirror, aside, name) : -ENOMEM;
		if (r == -ENOENT) /* it was there before */
			r = 0;
	}
	return r;
}

/* Content and what lists it are there: now it is seen. As with the publisher, roots and timestamp
 * are renames with nothing between them. */
static int publish(Mirror *mirror)
{
	int r = publish_role(mirror, "targets");

	if (r == 0)
		r = publish_role(mirror, "snapshot");
	if (r == 0)
		r = publish_roots(mirror);
	return r < 0
		? r
		: publish_aside(mirror, MIRROR_KEPT "/timestamp.json", "metadata/timestamp.json");
}

/* -- removing -- */

static void keep_made(const Mirror *mirror, PruneList *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (mirror_folder_made(&mirror->folder, list->items[i].name))
			list->items[kept++] = list->items[i];
		else
			memory_free(list->items[i].name);
	}
	list->count = kept;
}

static int prune(Mirror *mirror)
{
	_cleanup_repository_ Repository repository = {};
	_cleanup_prune_list_ PruneList list = {};
	int r = repository_open_to_read(&repository, mirror->order->folder, mirror->order->root,
		time_now(), mirror->reason);

	if (r == 0)
		r = prune_list(&repository, mirror->order->keep_days, &list, mirror->reason);
	if (r < 0)
		return r;
	keep_made(mirror, &list);
	r = prune_remove(&repository, &list, mirror->reason);
	if (r == 0)
		r = mirror_advisories_prune(
			&mirror->advisories, &mirror->counts.removed, mirror->reason);
	mirror->counts.removed += list.count;
	return r < 0 ? r : mirror_folder_forget_missing(&mirror->folder, mirror->reason);
}

/* -- all of it -- */

static int run(Mirror *mirror)
{
	int r = mirror_folder_open(&mirror->folder, mirror->order->folder, mirror->reason);

	if (r == 0)
		r = open_source(mirror);
	if (r == 0)
		r = open_trust(mirror);
	if (r == 0)
		r = copy_bases(mirror);
	if (r == 0)
		r = publish(mirror);
	if (r == 0 && !mirror->order->signed_only)
		r = mirror_advisories_copy(&mirror->advisories, mirror->reason);
	if (r == 0)
		r = mirror_folder_drop_partial(&mirror->folder, mirror->reason);
	return r < 0 || !mirror->order->prune ? r : prune(mirror);
}

int mirror_run(const MirrorOrder *order, MirrorCounts *ret_counts, Reason *reterr_reason)
{
	Mirror mirror = {.order = order,
		.folder = MIRROR_FOLDER_NONE,
		.socket = -1,
		.reason = reterr_reason};
	int r;

	mirror.advisories = (MirrorAdvisories){.folder = &mirror.folder,
		.fetcher = &mirror.fetcher,
		.place = source_here(order->source)};
	mirror.files = (TrustRepository){&mirror, fetch, load, save};
	bar_start(&mirror.bar);
	r = run(&mirror);
	bar_end(&mirror.bar);
	mirror.counts.files = mirror.folder.files;
	mirror.counts.bytes = mirror.folder.bytes;
	mirror.counts.advisories = mirror.advisories.good;
	mirror.counts.faults = r == 0 ? TAKE_PTR(mirror.advisories.faults) : NULL;
	mirror_advisories_done(&mirror.advisories);
	trust_free(mirror.trust);
	end_fetch(&mirror);
	memory_free(mirror.program);
	memory_free(mirror.url);
	mirror_folder_close(&mirror.folder);
	if (r == 0)
		*ret_counts = mirror.counts;
	return r;
}
