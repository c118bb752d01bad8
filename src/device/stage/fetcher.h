/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fetcher: the stager's side of suture-fetch. Names are relative to the repository's address.
 *
 * Errors: -ENOENT the repository has no such file; -EHOSTUNREACH, -ETIMEDOUT, -ECONNABORTED, -EIO
 * it cannot be reached or breaks off; -EFBIG it sends more than was announced. Reasons name the
 * URL. What may be well a moment later was tried again already (device/fetch/http.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fetch/request.h"

typedef struct Fetcher {
	int socket;
	const char *url; /* ends in a slash */
	unsigned requests;
	uint64_t wire; /* bytes, all requests */
	void (*progress)(void *context, uint64_t bytes);
	void *context;
} Fetcher;

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
