/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A repository and a device's kept copies, both in memory, with real keys. begin() makes them good;
 * each test then changes one thing.
 */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "crypto/publickey.h"
#include "test.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"
#include "wire/trust/refresh.h"

#define NOW     1780000000 /* 2026-05-28 */
#define LATER   "2027-01-01T00:00:00Z"
#define EXPIRED "2026-05-01T00:00:00Z"

/* Keys by number: 0 to 2 root, 3 targets, 4 snapshot, 5 timestamp, from 6 on free. All are ed25519
 * but the last two. */
enum {
	KEY_TARGETS = 3,
	KEY_SNAPSHOT,
	KEY_TIMESTAMP,
	KEY_A,
	KEY_B,
	KEY_C,
	KEY_D,
	KEY_P256,
	KEY_RSA,
	KEYS
};

typedef struct Key {
	EVP_PKEY *pkey;
	json_t *object;
	char id[DIGEST_TEXT_SIZE];
} Key;

typedef struct File {
	char name[300];
	uint8_t *data;
	size_t size;
} File;

typedef struct Files {
	File items[400];
	size_t count;
} Files;

extern Key keys[KEYS];
extern Files served, kept;
extern char requests[8192]; /* names in order, each followed by a space */
extern size_t asked_max;    /* of the last request */
extern const char *failing; /* the request that ends in -EIO, or NULL */
extern int64_t client_now;  /* the client's clock */
extern json_t *root, *timestamp, *snapshot, *targets;
extern uint8_t *trusted_root;
extern size_t trusted_root_size;
extern Reason reason;
extern Trust *trust;
extern const TrustRepository repository;

void id_of(const json_t *object, char ret[static DIGEST_TEXT_SIZE]);
int put(Files *files, const char *name, const void *data, size_t size);
const File *get(const Files *files, const char *name);
void forget(Files *files);
json_t *key_object(EVP_PKEY *pkey);
json_t *signature_by(int key, const Buffer *message);
json_t *sign(const json_t *body, ...);
void put_json(Files *files, const char *name, json_t *envelope);
void serve(const char *name, json_t *envelope);
void set(json_t *object, const char *name, json_t *value);
void set_version(json_t *object, json_int_t version);
json_t *role_of(int threshold, ...);
void set_role(const char *name, json_t *role);
void list_role(const char *file, json_int_t version);
void list_target(json_t *object, const char *path, unsigned length);
json_t *targets_body(void); /* an empty role; begin() drops it */
json_t *delegate(json_t *delegator, const char *name, json_t *role, const char *pattern);

/* Lets targets trust a new role for dir/ and returns its empty body. */
json_t *delegate_dir(const char *name, int key);
void serve_root(void);
void serve_versioned(const char *role, const json_t *object, int key);
void serve_timestamp(void);
void serve_all(void);
void serve_next_snapshot(void);
void serve_delegated(const char *role, const json_t *object, int key);
void trust_root_now(void);
void begin(void);
int refresh(void);
int find(const char *path, uint64_t *ret_length);
void refuse(int error, const char *word);
void refuse_find(int error, const char *path, const char *word);
void check_length(const char *path, uint64_t expected);
