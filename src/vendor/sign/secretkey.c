/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/secretkey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define KEY_FILE_SIZE_MAX 4096 /* an ed25519 PEM has 119 bytes */
#define KEY_NAME_MAX      200

struct SecretKey {
	EVP_PKEY *pkey;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

bool secretkey_name_is_valid(const char *name)
{
	return strlen(name) <= KEY_NAME_MAX && name[0] != '.' &&
		text_consists_of(name, TEXT_LOWER TEXT_DIGITS "._+-");
}

static char *key_path(const char *folder, const char *name)
{
	return memory_printf("%s/%s.pem", folder, name);
}

static int write_pem(const char *path, EVP_PKEY *pkey)
{
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new(BIO_s_secmem());
	char *pem;
	long size;

	if (!memory || PEM_write_bio_PKCS8PrivateKey(memory, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return -ENOMEM;
	size = BIO_get_mem_data(memory, &pem);
	return file_write_atomic(AT_FDCWD, path, pem, (size_t)size, 0600);
}

static int check_name(const char *name, Reason *reason)
{
	if (secretkey_name_is_valid(name))
		return 0;
	return reason_set(reason, -EINVAL,
		"%s is no name for a key: use lower-case letters, digits and ._+-", name);
}

int secretkey_create(const char *folder, const char *name, Reason *reterr_reason)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
	_cleanup_free_ char *path = key_path(folder, name);
	int r;

	if (!path)
		return -ENOMEM;
	r = check_name(name, reterr_reason);
	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, path))
		return reason_set(reterr_reason, -EEXIST, "there is a key %s already", path);
	r = path_make_directories(AT_FDCWD, folder, 0700);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make %s", folder);
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey)
		return reason_set(reterr_reason, -EIO, "no key could be generated");
	r = write_pem(path, pkey);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}

/* Into the caller's buffer, because the heap keeps what was freed on it. */
static int read_private(
	const char *path, uint8_t data[static KEY_FILE_SIZE_MAX], size_t *ret_size, Reason *reason)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return reason_errno(reason, -errno, "cannot open the key %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > KEY_FILE_SIZE_MAX)
		return reason_set(reason, -EBADMSG, "%s is not an ed25519 key in PEM", path);
	if (st.st_mode & 077)
		return reason_set(reason, -EACCES,
			"%s may be read by others: run 'chmod 600' on it, or replace the key",
			path);
	*ret_size = (size_t)st.st_size;
	r = fd_read_full(fd, data, *ret_size);
	return r < 0 ? reason_errno(reason, r, "cannot read the key %s", path) : 0;
}

static EVP_PKEY *parse_pem(const void *data, size_t size)
{
	static char no_passphrase[] = ""; /* never asks a terminal */
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new_mem_buf(data, (int)size);
	EVP_PKEY *pkey = memory ? PEM_read_bio_PrivateKey(memory, NULL, NULL, no_passphrase) : NULL;

	if (pkey && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

int secretkey_open(const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = memory_new(sizeof(*key));
	_cleanup_free_ char *path = key_path(folder, name);
	uint8_t data[KEY_FILE_SIZE_MAX];
	size_t size = 0;
	int r = check_name(name, reterr_reason);

	if (r < 0)
		return r;
	if (!key || !path)
		return -ENOMEM;
	r = read_private(path, data, &size, reterr_reason);
	if (r == 0)
		key->pkey = parse_pem(data, size);
	OPENSSL_cleanse(data, sizeof(data));
	if (r < 0)
		return r;
	if (!key->pkey)
		return reason_set(reterr_reason, -EBADMSG, "%s is not an ed25519 key in PEM", path);
	*ret_key = TAKE_PTR(key);
	return 0;
}

SecretKey *secretkey_free(SecretKey *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);
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
