/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/test-repository.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

Key keys[KEYS];
Files served, kept;
char requests[8192];
size_t asked_max;
const char *failing;
int64_t client_now;
json_t *root, *timestamp, *snapshot, *targets;
uint8_t *trusted_root;
size_t trusted_root_size;
Reason reason;
Trust *trust;
static json_t *bodies; /* of targets roles, until the next begin() */

static json_t *ed25519_object(EVP_PKEY *pkey)
{
	uint8_t public[ED25519_KEY_SIZE];
	char text[2 * ED25519_KEY_SIZE + 1];
	size_t size = sizeof(public);

	EVP_PKEY_get_raw_public_key(pkey, public, &size);
	hex_encode(public, size, text);
	return json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
		"public", text);
}

json_t *key_object(EVP_PKEY *pkey)
{
	bool is_rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
	BIO *bio;
	char *pem;
	long size;
	json_t *object;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		return ed25519_object(pkey);
	bio = BIO_new(BIO_s_mem());
	ASSERT_EQ(PEM_write_bio_PUBKEY(bio, pkey), 1);
	size = BIO_get_mem_data(bio, &pem);
	object = json_pack("{s:s, s:s, s:{s:s%}}", "keytype", is_rsa ? "rsa" : "ecdsa", "scheme",
		is_rsa ? "rsassa-pss-sha256" : "ecdsa-sha2-nistp256", "keyval", "public", pem,
		(size_t)size);
	BIO_free(bio);
	return object;
}

void id_of(const json_t *object, char ret[static DIGEST_TEXT_SIZE])
{
	Digest id;

	ASSERT_OK(key_id(object, &id));
	digest_to_text(&id, ret);
}

static EVP_PKEY *make_key(int number)
{
	uint8_t seed[ED25519_KEY_SIZE];

	if (number == KEY_P256)
		return EVP_EC_gen("P-256");
	if (number == KEY_RSA)
		return EVP_RSA_gen(2048);
	memset(seed, number + 1, sizeof(seed));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void make_keys(void)
{
	for (int i = 0; i < KEYS && !keys[i].pkey; i++) {
		keys[i].pkey = make_key(i);
		keys[i].object = key_object(keys[i].pkey);
		id_of(keys[i].object, keys[i].id);
	}
}

/* -- the repository -- */

int put(Files *files, const char *name, const void *data, size_t size)
{
	File *file = NULL;

	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i].name, name) == 0)
			file = &files->items[i];
	if (!file) {
		ASSERT(files->count < ARRAY_SIZE(files->items));
		file = &files->items[files->count++];
	}
	snprintf(file->name, sizeof(file->name), "%s", name);
	free(file->data);
	file->data = (uint8_t *)memory_string_n(data, size);
	file->size = size;
	return file->data ? 0 : -ENOMEM;
}

const File *get(const Files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i].name, name) == 0)
			return &files->items[i];
	return NULL;
}

void forget(Files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].data);
	memset(files, 0, sizeof(*files));
}

static int give(const Files *files, const char *name, size_t max, uint8_t **ret_data, size_t *ret)
{
	const File *file = get(files, name);

	if (!file)
		return -ENOENT;
	if (file->size > max)
		return -EFBIG;
	*ret_data = memory_copy(file->data, file->size);
	*ret = file->size;
	return *ret_data ? 0 : -ENOMEM;
}

static int fetch(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reterr)
{
	size_t used = strlen(requests);

	if (used < sizeof(requests) - 300)
		snprintf(requests + used, sizeof(requests) - used, "%s ", name);
	asked_max = max;
	if (failing && strcmp(failing, name) == 0)
		return -EIO;
	return give(&served, name, max, ret_data, ret_size);
}

static int load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	return give(&kept, name, max, ret_data, ret_size);
}

static int save(void *context, const char *name, const void *data, size_t size, Reason *reterr)
{
	return put(&kept, name, data, size);
}

const TrustRepository repository = {NULL, fetch, load, save};

/* -- metadata -- */

json_t *signature_by(int key, const Buffer *message)
{
	EVP_PKEY *pkey = keys[key].pkey;
	const EVP_MD *digest = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
	uint8_t signature[PUBLIC_KEY_SIGNATURE_MAX];
	char text[2 * PUBLIC_KEY_SIGNATURE_MAX + 1];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = sizeof(signature);
	EVP_PKEY_CTX *padding;

	ASSERT(EVP_DigestSignInit(context, &padding, digest, NULL, pkey) == 1);
	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
		ASSERT(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1);
	ASSERT(EVP_DigestSign(context, signature, &size, message->data, message->size) == 1);
	EVP_MD_CTX_free(context);
	hex_encode(signature, size, text);
	return json_pack("{s:s, s:s}", "keyid", keys[key].id, "sig", text);
}

/* The envelope of a body with signatures by the keys listed, up to -1. */
json_t *sign(const json_t *body, ...)
{
	_cleanup_buffer_ Buffer message = {};
	json_t *signatures = json_array();
	va_list args;

	ASSERT_OK(document_canonical(body, &message));
	va_start(args, body);
	for (int key = va_arg(args, int); key >= 0; key = va_arg(args, int))
		json_array_append_new(signatures, signature_by(key, &message));
	va_end(args);
	return json_pack("{s:o, s:O}", "signatures", signatures, "signed", body);
}

/* Takes the envelope. */
void put_json(Files *files, const char *name, json_t *envelope)
{
	_cleanup_buffer_ Buffer bytes = {};

	ASSERT_OK(document_write(envelope, &bytes));
	ASSERT_OK(put(files, name, bytes.data, bytes.size));
	json_decref(envelope);
}

void serve(const char *name, json_t *envelope)
{
	put_json(&served, name, envelope);
}

static json_t *body(const char *type)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "_type", type, "spec_version", "1.0.34", "version",
		1, "expires", LATER);
}

void set(json_t *object, const char *name, json_t *value)
{
	ASSERT_EQ(json_object_set_new(object, name, value), 0);
}

void set_version(json_t *object, json_int_t version)
{
	set(object, "version", json_integer(version));
}

json_t *role_of(int threshold, ...)
{
	json_t *ids = json_array();
	va_list args;

	va_start(args, threshold);
	for (int key = va_arg(args, int); key >= 0; key = va_arg(args, int))
		json_array_append_new(ids, json_string(keys[key].id));
	va_end(args);
	return json_pack("{s:o, s:i}", "keyids", ids, "threshold", threshold);
}

static json_t *all_keys(void)
{
	json_t *object = json_object();

	for (int i = 0; i < KEYS; i++)
		json_object_set(object, keys[i].id, keys[i].object);
	return object;
}

void set_role(const char *name, json_t *role)
{
	set(json_object_get(root, "roles"), name, role);
}

void list_role(const char *file, json_int_t version)
{
	set(json_object_get(snapshot, "meta"), file, json_pack("{s:I}", "version", version));
}

void list_target(json_t *object, const char *path, unsigned length)
{
	set(json_object_get(object, "targets"), path,
		json_pack("{s:i, s:{s:s}}", "length", length, "hashes", "sha256",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

json_t *targets_body(void)
{
	json_t *object = body("targets");

	set(object, "targets", json_object());
	ASSERT_EQ(json_array_append_new(bodies, object), 0);
	return object;
}

/* Lets `delegator` trust `name` for one pattern. */
json_t *delegate(json_t *delegator, const char *name, json_t *role, const char *pattern)
{
	json_t *delegations = json_object_get(delegator, "delegations");

	if (!delegations) {
		delegations = json_pack("{s:o, s:[]}", "keys", all_keys(), "roles");
		set(delegator, "delegations", delegations);
	}
	set(role, "name", json_string(name));
	set(role, "paths", json_pack("[s]", pattern));
	set(role, "terminating", json_false());
	json_array_append_new(json_object_get(delegations, "roles"), role);
	return role;
}

json_t *delegate_dir(const char *name, int key)
{
	delegate(targets, name, role_of(1, key, -1), "dir/*");
	return targets_body();
}

void serve_root(void)
{
	char name[64];

	snprintf(name, sizeof(name), "%lld.root.json",
		(long long)json_integer_value(json_object_get(root, "version")));
	serve(name, sign(root, 0, 1, -1));
}

void serve_versioned(const char *role, const json_t *object, int key)
{
	char name[300];

	snprintf(name, sizeof(name), "%lld.%s.json",
		(long long)json_integer_value(json_object_get(object, "version")), role);
	serve(name, sign(object, key, -1));
}

void serve_timestamp(void)
{
	serve("timestamp.json", sign(timestamp, KEY_TIMESTAMP, -1));
}

/* Targets, snapshot and timestamp as they are now. */
void serve_all(void)
{
	serve_versioned("targets", targets, KEY_TARGETS);
	serve_versioned("snapshot", snapshot, KEY_SNAPSHOT);
	serve_timestamp();
}

/* Counts snapshot and timestamp up and serves them. */
void serve_next_snapshot(void)
{
	json_int_t version = json_integer_value(json_object_get(snapshot, "version")) + 1;

	set_version(snapshot, version);
	set_version(timestamp, json_integer_value(json_object_get(timestamp, "version")) + 1);
	set(timestamp, "meta", json_pack("{s:{s:I}}", "snapshot.json", "version", version));
	serve_versioned("snapshot", snapshot, KEY_SNAPSHOT);
	serve_timestamp();
}

void serve_delegated(const char *role, const json_t *object, int key)
{
	char name[300];

	snprintf(name, sizeof(name), "%s.json", role);
	list_role(name, json_integer_value(json_object_get(object, "version")));
	serve_versioned(role, object, key);
}

void trust_root_now(void)
{
	_cleanup_buffer_ Buffer bytes = {};
	_cleanup_json_ json_t *envelope = sign(root, 0, 1, -1);

	ASSERT_OK(document_write(envelope, &bytes));
	free(trusted_root);
	trusted_root_size = bytes.size;
	trusted_root = TAKE_PTR(bytes.data);
}

/* A good repository of version 1 everywhere, and a client that never saw it. */
void begin(void)
{
	make_keys();
	client_now = NOW;
	failing = NULL;
	forget(&served);
	forget(&kept);
	json_decref(root);
	json_decref(timestamp);
	json_decref(snapshot);
	json_decref(bodies);
	bodies = json_array();
	root = body("root");
	set(root, "consistent_snapshot", json_true());
	set(root, "keys", all_keys());
	set(root, "roles", json_object());
	set_role("root", role_of(2, 0, 1, 2, -1));
	set_role("targets", role_of(1, KEY_TARGETS, -1));
	set_role("snapshot", role_of(1, KEY_SNAPSHOT, -1));
	set_role("timestamp", role_of(1, KEY_TIMESTAMP, -1));
	targets = targets_body();
	list_target(targets, "dir/file", 4);
	snapshot = body("snapshot");
	set(snapshot, "meta", json_object());
	list_role("targets.json", 1);
	timestamp = body("timestamp");
	set(timestamp, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 1));
	trust_root_now();
	serve_all();
}

static int open_trust(void)
{
	trust_free(trust);
	trust = NULL;
	requests[0] = '\0';
	reason = (Reason){};
	return trust_new(trusted_root, trusted_root_size, client_now, &trust, &reason);
}

int refresh(void)
{
	int r = open_trust();

	return r < 0 ? r : trust_refresh(trust, &repository, &reason);
}

int find(const char *path, uint64_t *ret_length)
{
	TrustFile file = {};
	int r = refresh();

	if (r == 0)
		r = trust_find(trust, &repository, path, &file, &reason);
	*ret_length = file.length;
	return r;
}

void refuse(int error, const char *word)
{
	ASSERT_EQ(refresh(), error);
	if (!strstr(reason.text, word))
		test_fail(__FILE__, __LINE__, "\"%s\" is without \"%s\"", reason.text, word);
}

void refuse_find(int error, const char *path, const char *word)
{
	uint64_t length;

	ASSERT_EQ(find(path, &length), error);
	if (!strstr(reason.text, word))
		test_fail(__FILE__, __LINE__, "\"%s\" is without \"%s\"", reason.text, word);
}

void check_length(const char *path, uint64_t expected)
{
	uint64_t length;
	int r = find(path, &length);

	if (r < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", path, reason.text);
	ASSERT_EQ(length, expected);
}
