/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fetcher: files of one repository, by names relative to its address. Who carries a request out is
 * the owner's choice: the stager, which has no network, sends it to suture-fetch over a socket;
 * suture-tuf calls the same HTTP code in its own process.
 *
 *     Fetcher fetcher = {.url = url, .setting = "url in suture.conf", .ask = …, .asked = …};
 *
 * A repository may have mirrors, which need no trust: what they say is verified like all else. One
 * address is in use at a time; who finds that another may help goes on to it.
 *
 * Errors: -ENOENT the repository has no such file; -EHOSTUNREACH, -ETIMEDOUT, -ECONNABORTED, -EIO
 * it cannot be reached or breaks off; -EFBIG it sends more than was announced; -EKEYREJECTED
 * its certificate, or TLS with it, is not good. Reasons name the URL. What may be well a moment
 * later was tried again already (device/fetch/http.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fetch/request.h"

typedef struct Fetcher {
	const char *const *urls; /* the repository's address and its mirrors; end in slashes */
	size_t url_count;
	size_t at;           /* which of them is asked */
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

/* Positive: 304, it is still the one of the entity tag. Only where one was given: else 304 is -EIO.
 */
#define FETCHER_UNCHANGED 1

/* A small file into memory; the caller frees. `etag` in: condition, or empty; out: the new tag. */
int fetcher_get(Fetcher *fetcher, const char *name, size_t max,
	char etag[static FETCH_ETAG_MAX + 1], uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason);

const char *fetcher_url(const Fetcher *fetcher);

/* Whether what failed with this error is the address's fault, so that a mirror may do. */
bool fetcher_other_may_help(int error);

/* Calls `get` at the address in use, then at each other one, until it gives something that another
 * address is no help against. `get` has the same reason. */
int fetcher_try_each(Fetcher *fetcher, int (*get)(void *context, Reason *reterr_reason),
	void *context, Reason *reterr_reason);

/* When all have failed: the first one's reason, and that its mirrors failed too. Returns `error`.
 */
int fetcher_tell_first(
	const Fetcher *fetcher, const Reason *first, int error, Reason *reterr_reason);

/* Into a file of which `have` bytes are there already; it ends with exactly `size` bytes, else
 * -EBADMSG. */
int fetcher_get_file(Fetcher *fetcher, const char *name, int fd, uint64_t have, uint64_t size,
	Reason *reterr_reason);
