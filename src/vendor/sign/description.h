/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Description: the public half of a key under its name, {"name", "keyid", "key"}: what others are
 * told of it, and what is carried to the publisher. It lies beside an encrypted key as `NAME.pub`,
 * so that the keys can be listed without a passphrase.
 */
#include <jansson.h>

#include "base/memory.h"
#include "base/reason.h"
#include "crypto/digest.h"

typedef struct Description {
	char *name;
	Digest keyid;
	json_t *key;
} Description;

/* Of a key object, whose reference it takes over; NULL is -ENOMEM. */
int description_new(const char *name, json_t *key, Description *ret);
void description_done(Description *description);
#define _cleanup_description_ _cleanup_(description_done)

/* -EBADMSG also for a file of another name, and for a keyid that is not the key's. */
int description_load(const char *folder, const char *name, Description *ret, Reason *reterr_reason);
int description_save(const char *folder, const Description *description, Reason *reterr_reason);

json_t *description_json(const Description *description); /* NULL: memory is short */
