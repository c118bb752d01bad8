/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Cache: the folder in which a TUF client keeps the metadata that it trusts, as received:
 * root.json, timestamp.json, snapshot.json, targets.json, and delegated roles by their encoded
 * names (trust_metadata_name()). Every *.json in it is metadata.
 *
 * One client at a time: the folder is locked while it is open, so that two refreshes at once cannot
 * put an older file over a newer one. What a killed client left half written is removed then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

typedef struct Cache {
	const char *path;
	int dir; /* holds the lock */
} Cache;

/* Waits for the lock. `create`: makes the folder where it is missing. */
int cache_open(Cache *cache, const char *path, bool create, Reason *reterr_reason);
void cache_close(Cache *cache);
#define CACHE_NONE                                                                                 \
	{                                                                                          \
		.dir = -1                                                                          \
	}

/* The load and save of a TrustRepository; the context is the Cache. */
int cache_load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size);
int cache_save(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason);
