/* SPDX-License-Identifier: Apache-2.0 */
#include "device/tuf/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/address.h"
#include "base/bar.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

/* The dot of a first or last part that would mean something is encoded too: ".." is "%2E.", and
 * "a.1.tmp", which might be taken for what a killed writer left, is "a.1%2Etmp". */
static char *encode_dots(const char *encoded)
{
	size_t size = strlen(encoded);
	bool has_first = encoded[0] == '.', has_last = text_ends_with(encoded + has_first, ".tmp");

	if (has_last)
		size -= strlen(".tmp");
	return memory_printf("%s%.*s%s", has_first ? "%2E" : "", (int)(size - has_first),
		encoded + has_first, has_last ? "%2Etmp" : "");
}

/* One component for any target: "a/../b" is "a%2F..%2Fb". Names that no file system takes are
 * replaced by their digest. */
static char *file_name(const char *target)
{
	_cleanup_free_ char *encoded = trust_encode_name(target);
	char text[DIGEST_TEXT_SIZE];
	Digest digest;

	if (!encoded)
		return NULL;
	if (strlen(encoded) + strlen("%2E") + strlen("%2E") > NAME_MAX) {
		if (digest_of(target, strlen(target), &digest) < 0)
			return NULL;
		digest_to_text(&digest, text);
		return memory_string(text);
	}
	return encode_dots(encoded);
}

/* Length and hashes of what a descriptor holds. */
static int check_content(int fd, const TrustFile *file, const char *target, Reason *reason)
{
	uint64_t size;
	void *data;
	int r = fd_size(fd, &size);

	if (r < 0)
		return r;
	if (size == 0)
		return trust_file_check(file, "", 0, target, reason);
	data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = trust_file_check(file, data, size, target, reason);
	munmap(data, size);
	return r;
}

static bool is_there(const char *path, const TrustFile *file)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd >= 0 && check_content(fd, file, path, NULL) == 0;
}

typedef struct Show {
	Bar bar;
	const char *target;
	uint64_t total;
} Show;

static void show_progress(void *context, uint64_t bytes)
{
	Show *show = context;

	bar_update(&show->bar, "download", show->target, bytes, show->total);
}

static int get(const Client *client, const char *url, const char *target, const TrustFile *file,
	int fd, Reason *reason)
{
	_cleanup_free_ char *name = trust_target_name(client->trust, target, file);
	_cleanup_free_ char *encoded = name ? address_encode_path(name) : NULL;
	Show show = {.target = target, .total = file->length};
	Fetcher fetcher = client->metadata;
	int r;

	if (!encoded)
		return -ENOMEM;
	fetcher.urls = &url;
	fetcher.setting = "--target-base-url";
	fetcher.progress = show_progress;
	fetcher.context = &show;
	bar_start(&show.bar);
	r = fetcher_get_file(&fetcher, encoded, fd, 0, file->length, reason);
	bar_end(&show.bar);
	return r;
}

/* The file has no name until every byte of it is verified. */
static int download(const Client *client, const char *url, const char *target,
	const TrustFile *file, const char *path, Reason *reason)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(AT_FDCWD, path, 0644, &draft);

	if (r < 0)
		return reason_errno(reason, r, "cannot write %s", path);
	r = get(client, url, target, file, draft.fd, reason);
	if (r == 0)
		r = check_content(draft.fd, file, target, reason);
	if (r < 0)
		return r;
	r = file_draft_finish(&draft);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

int client_download(Client *client, const char *url, const char *target, const char *folder,
	char **ret_path, bool *ret_is_new, Reason *reterr_reason)
{
	_cleanup_free_ char *name = file_name(target);
	_cleanup_free_ char *path = name ? path_join(folder, name) : NULL;
	bool is_new = false;
	TrustFile file;
	int r;

	if (!path)
		return -ENOMEM;
	r = trust_find(client->trust, &client->repository, target, &file, reterr_reason);
	if (r < 0)
		return r;
	r = path_make_directories(AT_FDCWD, folder, 0755);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make the target folder %s", folder);
	r = file_remove_unfinished(AT_FDCWD, folder, name);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot work in %s", folder);
	if (!is_there(path, &file)) {
		r = download(client, url, target, &file, path, reterr_reason);
		is_new = true;
	}
	if (r < 0)
		return r;
	*ret_path = TAKE_PTR(path);
	*ret_is_new = is_new;
	return 0;
}
