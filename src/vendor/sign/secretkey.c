/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/secretkey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "vendor/sign/pkcs8.h"

struct SecretKey {
	char *path;
	Secret text; /* of the file; empty for a new key */
	Secret seed; /* empty while locked */
	EVP_PKEY *pkey;
};

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

static SecretKey *new_key(const char *folder, const char *name)
{
	_cleanup_(secretkey_freep) SecretKey *key = memory_new(sizeof(*key));

	if (!key)
		return NULL;
	key->path = memory_printf("%s/%s.pem", folder, name);
	return key->path ? TAKE_PTR(key) : NULL;
}

static int use_seed(SecretKey *key)
{
	key->pkey = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, key->seed.data, key->seed.size);
	return key->pkey ? 0 : -ENOMEM;
}

int secretkey_new(const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = new_key(folder, name);
	int r = key ? secret_new(PKCS8_SEED_SIZE, &key->seed) : -ENOMEM;

	if (r < 0)
		return r;
	if (RAND_priv_bytes(key->seed.data, PKCS8_SEED_SIZE) != 1)
		return reason_set(reterr_reason, -EIO, "no key could be generated");
	key->seed.size = PKCS8_SEED_SIZE;
	r = use_seed(key);
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}

int secretkey_store(const SecretKey *key, const Secret *passphrase, Reason *reterr_reason)
{
	_cleanup_secret_ Secret text = {};
	_cleanup_free_ char *folder = path_parent(key->path);
	int r = folder ? path_make_directories(AT_FDCWD, folder, 0700) : -ENOMEM;

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make %s", folder ? folder : "keys");
	r = pkcs8_write(&key->seed, passphrase, &text);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, key->path, text.data, text.size, 0600);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", key->path) : 0;
}

static int not_a_key(const SecretKey *key, Reason *reason)
{
	return reason_set(reason, -EBADMSG, "%s is not an ed25519 key in PEM", key->path);
}

static int read_private(SecretKey *key, Reason *reason)
{
	_cleanup_fd_ int fd =
		open(key->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return reason_errno(reason, -errno, "cannot open the key %s", key->path);
	if (!S_ISREG(st.st_mode) || st.st_size > PKCS8_TEXT_MAX)
		return not_a_key(key, reason);
	if (st.st_mode & 077)
		return reason_set(reason, -EACCES,
			"%s may be read by others: run 'chmod 600' on it, or replace the key",
			key->path);
	r = secret_new(PKCS8_TEXT_MAX, &key->text);
	if (r < 0)
		return r;
	key->text.size = (size_t)st.st_size;
	r = fd_read_full(fd, key->text.data, key->text.size);
	return r < 0 ? reason_errno(reason, r, "cannot read the key %s", key->path) : 0;
}

int secretkey_load(const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = new_key(folder, name);
	int r = key ? read_private(key, reterr_reason) : -ENOMEM;

	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}

bool secretkey_is_encrypted(const SecretKey *key)
{
	return pkcs8_is_encrypted(&key->text);
}

int secretkey_unlock(SecretKey *key, const Secret *passphrase, Reason *reterr_reason)
{
	int r = pkcs8_read(&key->text, passphrase, &key->seed);

	if (r == -EACCES)
		return reason_set(reterr_reason, r, "this is not the passphrase of %s", key->path);
	if (r == -EBADMSG)
		return not_a_key(key, reterr_reason);
	return r < 0 ? r : use_seed(key);
}

SecretKey *secretkey_free(SecretKey *key)
{
	if (!key)
		return NULL;
	secret_done(&key->text);
	secret_done(&key->seed);
	EVP_PKEY_free(key->pkey);
	free(key->path);
	free(key);
	return NULL;
}

int secretkey_public(const SecretKey *key, uint8_t ret_public[static ED25519_KEY_SIZE])
{
	size_t size = ED25519_KEY_SIZE;

	return EVP_PKEY_get_raw_public_key(key->pkey, ret_public, &size) == 1 ? 0 : -EIO;
}

int secretkey_sign(const SecretKey *key, const void *message, size_t size,
	uint8_t ret_signature[static ED25519_SIGNATURE_SIZE])
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = ED25519_SIGNATURE_SIZE;

	if (!context)
		return -ENOMEM;
	if (EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) != 1 ||
		EVP_DigestSign(context, ret_signature, &length, message, size) != 1)
		return -EIO;
	return 0;
}
