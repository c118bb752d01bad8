/* SPDX-License-Identifier: Apache-2.0 */
#include "device/tuf/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/time.h"

#define ROOT_FILE "root.json"

static int read_root(const char *path, uint8_t **ret_data, size_t *ret_size, Reason *reason)
{
	int r = file_read(AT_FDCWD, path, TRUST_ROOT_SIZE_MAX, ret_data, ret_size);

	return r < 0 ? reason_errno(reason, r, "cannot read the trusted root %s", path) : 0;
}

int client_init(const char *folder, const char *root_file, Reason *reterr_reason)
{
	_cleanup_(cache_close) Cache cache = CACHE_NONE;
	_cleanup_(trust_freep) Trust *trust = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = read_root(root_file, &data, &size, reterr_reason);

	if (r == 0)
		r = trust_new(data, size, time_now(), &trust, reterr_reason);
	if (r == 0)
		r = cache_open(&cache, folder, true, reterr_reason);
	return r < 0 ? r : cache_save(&cache, ROOT_FILE, data, size, reterr_reason);
}

/* Fetcher's `ask` in this process. */
typedef struct Progress {
	void (*tell)(void *context, uint64_t bytes);
	void *context;
} Progress;

static int pass_on(void *context, uint64_t bytes)
{
	const Progress *progress = context;

	if (progress->tell)
		progress->tell(progress->context, bytes);
	return 0;
}

static int ask_http(void *asked, const FetchRequest *request,
	void (*tell)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply)
{
	Progress progress = {tell, context};

	http_get(asked, request, pass_on, &progress, ret_reply);
	return 0;
}

static Fetcher fetcher_of(const Client *client, const char *url, const char *setting)
{
	return (Fetcher){.url = url, .setting = setting, .ask = ask_http, .asked = client->http};
}

static int fetch(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason)
{
	Client *client = context;
	char etag[FETCH_ETAG_MAX + 1] = "";

	return fetcher_get(&client->metadata, name, max, etag, ret_data, ret_size, reterr_reason);
}

static int load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	Client *client = context;

	return cache_load(&client->cache, name, max, ret_data, ret_size);
}

static int save(void *context, const char *name, const void *data, size_t size, Reason *reason)
{
	Client *client = context;

	return cache_save(&client->cache, name, data, size, reason);
}

static int load_root(Client *client, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = cache_load(&client->cache, ROOT_FILE, TRUST_ROOT_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(reason, r,
			"cannot read %s/" ROOT_FILE ", which 'suture-tuf init' puts there",
			client->cache.path);
	return trust_new(data, size, time_now(), &client->trust, reason);
}

int client_open(Client *client, const char *folder, const char *url, Reason *reterr_reason)
{
	int r;

	*client = (Client){.cache = CACHE_NONE, .repository = {client, fetch, load, save}};
	r = cache_open(&client->cache, folder, false, reterr_reason);
	if (r == 0)
		r = load_root(client, reterr_reason);
	if (r == 0)
		r = http_new(&client->http, reterr_reason);
	client->metadata = fetcher_of(client, url, "--metadata-url");
	return r;
}

void client_close(Client *client)
{
	trust_free(client->trust);
	http_free(client->http);
	cache_close(&client->cache);
	*client = (Client){.cache = CACHE_NONE};
}

int client_refresh(Client *client, Reason *reterr_reason)
{
	return trust_refresh(client->trust, &client->repository, reterr_reason);
}
