/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fetcher: files of one repository, by names relative to its address. Who carries a request out is
 * the owner's choice: the stager, which has no network, sends it to suture-fetch over a socket;
 * suture-tuf calls the same HTTP code in its own process.
 *
 *     Fetcher fetcher = {.url = url, .setting = "url in suture.conf", .ask = …, .asked = …};
 *
 * Errors: -ENOENT the repository has no such file; -EHOSTUNREACH, -ETIMEDOUT, -ECONNABORTED, -EIO
 * it cannot be reached or breaks off; -EFBIG it sends more than was announced. Reasons name the
 * URL.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fetch/request.h"

#define FETCHER_TRIES 3 /* of a download that makes progress each time; #4 adds backoff */

typedef struct Fetcher {
	const char *url;     /* ends in a slash */
	const char *setting; /* where the owner wrote the address, for messages */

	/* Carries out one request; the body goes into request->fd. A failure of the download is
	 * told in the reply; a negative errno means that nothing can be asked any more. */
	int (*ask)(void *asked, const FetchRequest *request,
		void (*progress)(void *context, uint64_t bytes), void *context,
		FetchReply *ret_reply);
	void *asked;

	unsigned requests;
	uint64_t wire; /* bytes, all requests */
	void (*progress)(void *context, uint64_t bytes);
	void *context;
} Fetcher;

/* An `ask` through suture-fetch (device/fetch/request.h); `asked` is fetcher_socket(descriptor). */
static inline void *fetcher_socket(int socket)
{
	return (void *)(intptr_t)socket;
}
int fetcher_ask_socket(void *asked, const FetchRequest *request,
	void (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply);

/* Positive: 304, it is still the one of the entity tag. */
#define FETCHER_UNCHANGED 1

/* A small file into memory; the caller frees. `etag` in: condition, or empty; out: the new tag. */
int fetcher_get(Fetcher *fetcher, const char *name, size_t max,
	char etag[static FETCH_ETAG_MAX + 1], uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason);

/* Into a file of which `have` bytes are there already; it ends with exactly `size` bytes, else
 * -EKEYREJECTED. */
int fetcher_get_file(Fetcher *fetcher, const char *name, int fd, uint64_t have, uint64_t size,
	Reason *reterr_reason);
