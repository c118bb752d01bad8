/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Client: a whole TUF client in one process: the workflow of wire/trust, the HTTP code of the
 * device's downloader, and a Cache.
 *
 *     client_init(folder, root_file, &reason);                  once: what to trust
 *     client_open(&client, folder, metadata_url, &reason);
 *     client_refresh(&client, &reason);
 *     client_download(&client, targets_url, name, target_folder, &path, &reason);   any number
 *     client_close(&client);
 */
#include "device/fetch/fetcher.h"
#include "device/fetch/http.h"
#include "device/tuf/cache.h"
#include "wire/trust/refresh.h"

typedef struct Client {
	Cache cache;
	Http *http;
	Fetcher metadata;
	TrustRepository repository; /* its context is the client */
	Trust *trust;
} Client;

/* Keeps a copy of a root that verifies by itself; no network. What else is kept stays, and counts
 * only as far as it verifies under that root. */
int client_init(const char *folder, const char *root_file, Reason *reterr_reason);

/* Reads and verifies the trusted root. Both strings stay the caller's, and must stay. The client
 * must not move in memory until it is closed. */
int client_open(Client *client, const char *folder, const char *url, Reason *reterr_reason);
void client_close(Client *client);

/* Root, timestamp, snapshot and targets, by the specification's section 5. */
int client_refresh(Client *client, Reason *reterr_reason);

/* Searches a target, and downloads it into `folder` unless it is there already. Its file name is
 * the target's path, percent-encoded whole, so that it stays in the folder whatever it is called.
 * *ret_path is the caller's to free, and *ret_is_new tells whether anything was downloaded. */
int client_download(Client *client, const char *url, const char *target, const char *folder,
	char **ret_path, bool *ret_is_new, Reason *reterr_reason);
