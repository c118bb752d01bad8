/* SPDX-License-Identifier: Apache-2.0 */
/* make-generation: what vendor and stager do together, for tests of the device: seals images, signs
 * the seals, and commits images and record into a store. Prints the generation's number. With
 * --key-of SEED it prints the public key instead. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/verity.h"
#include "device/store/base-file.h"

static const char *arg_root = "/", *arg_product, *arg_base, *arg_version = "1", *arg_key;
static int arg_sequence = 1;
static OptionList arg_images, arg_ids, arg_hosts;
static bool arg_any_base;
static const char *arg_build_id;
static bool arg_mix_forbidden;

static GenerationImage *walked; /* nftw() passes no context */
static const char *walked_tree;
static int walk_error;

static void fail(int error, const Reason *reason)
{
	exit(exit_code_of(log_reason(error, reason)));
}

static void check(int r, const char *what)
{
	Reason reason = {};

	if (r < 0) {
		reason_errno(&reason, r, "%s", what);
		fail(r, &reason);
	}
}

static FileKind kind_of(const char *name)
{
	if (text_ends_with(name, ".ko"))
		return FILE_KERNEL;
	return text_ends_with(name, ".py") ? FILE_READ_ONCE : FILE_MAPPED;
}

static int add_file(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	GenerationFile *file;

	r = memory_grow(&walked->files, walked->file_count, sizeof(*file));
	if (r < 0 || fd < 0)
		return r < 0 ? r : -errno;
	file = &walked->files[walked->file_count++];
	file->kind = kind_of(name);
	file->path = memory_string(name);
	if (file->kind == FILE_KERNEL && arg_build_id)
		file->build_id = memory_string(arg_build_id);
	r = digest_of_fd(fd, &file->digest, NULL);
	fd_close(fd);
	return r;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + strlen(walked_tree) + 1;

	if (type == FTW_F && S_ISREG(st->st_mode))
		walk_error = add_file(path, name);
	/* a whiteout of the overlay file system */
	if (type == FTW_F && S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0)) {
		walk_error = memory_grow(&walked->removed, walked->removed_count, sizeof(char *));
		if (walk_error == 0)
			walked->removed[walked->removed_count++] = memory_string(name);
	}
	return walk_error;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const GenerationFile *)a)->path, ((const GenerationFile *)b)->path);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_files(GenerationImage *image, const char *tree)
{
	walked = image;
	walked_tree = tree;
	nftw(tree, visit, 16, FTW_PHYS);
	check(walk_error, tree);
	if (image->file_count > 0)
		qsort(image->files, image->file_count, sizeof(*image->files), compare_files);
	if (image->removed_count > 0)
		qsort(image->removed, image->removed_count, sizeof(char *), compare_names);
}

static EVP_PKEY *read_key(const char *text)
{
	uint8_t seed[32];

	check(hex_decode(text, seed, sizeof(seed)), "the key");
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void sign(GenerationImage *image)
{
	EVP_PKEY *key = arg_key ? read_key(arg_key) : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = ED25519_SIGNATURE_SIZE;

	if (key &&
		(EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
			EVP_DigestSign(context, image->signature, &size,
				(const uint8_t *)image->seal, image->seal_size) != 1))
		check(-EIO, "signing");
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

static void describe_file(Seal *seal, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	check(fd < 0 ? -errno : 0, path);
	check(digest_of_fd(fd, &seal->image, &seal->size), path);
	check(verity_root(fd, seal->verity_salt, &seal->verity_root), path);
	fd_close(fd);
}

static void commit_file(Store *store, const Seal *seal, const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to;
	Reason reason = {};
	int r = store_open_partial(store, seal->component, &to, &reason);

	if (r == 0) {
		check(fd_copy(from, to, seal->size), path);
		check(ftruncate(to, (off_t)seal->size), path);
		fd_close(to);
		fd_close(from);
		r = store_commit_image(store, seal->component, &seal->image, &reason);
	}
	if (r < 0)
		fail(r, &reason);
}

static bool has_read_once(const GenerationImage *image)
{
	for (size_t i = 0; i < image->file_count; i++)
		if (image->files[i].kind == FILE_READ_ONCE)
			return true;
	return false;
}

/* "COMPONENT=IMAGE=TREE=DIRECTORY[,DIRECTORY…]" */
static void add_image(Store *store, Generation *generation, char *spec)
{
	GenerationImage *image = &generation->images[generation->image_count++];
	Seal seal = {.sequence = generation->sequence,
		.part = (unsigned)generation->image_count,
		.parts = (unsigned)arg_images.count};
	const char *component = strtok(spec, "="), *path = strtok(NULL, "="),
		   *tree = strtok(NULL, "=");
	Buffer text = {};
	Reason reason = {};
	int r = 0;

	strcpy(seal.product, generation->product);
	strcpy(seal.base, generation->base);
	strcpy(seal.component, component);
	describe_file(&seal, path);
	for (char *d; r == 0 && (d = strtok(NULL, "=,"));)
		r = seal_add_directory(&seal, d, &reason);
	if (r == 0)
		r = seal_write(&seal, &text, &reason);
	if (r < 0)
		fail(r, &reason);
	image->seal = (char *)text.data;
	image->seal_size = text.size;
	image->restart = RESTART_SERVICES;
	image->mix_forbidden = arg_mix_forbidden;
	sign(image);
	collect_files(image, tree);
	image->ids = memory_new_array(arg_ids.count, sizeof(char *));
	for (size_t i = 0; i < arg_ids.count; i++)
		image->ids[image->id_count++] = memory_string(arg_ids.items[i]);
	if (!arg_any_base)
		check(base_file_record(store, image, NULL), "the base");
	image->hosts = memory_new_array(arg_hosts.count, sizeof(char *));
	for (size_t i = 0; has_read_once(image) && i < arg_hosts.count; i++)
		image->hosts[image->host_count++] = memory_string(arg_hosts.items[i]);
	commit_file(store, &seal, path);
}

static int print_key(const char *seed)
{
	uint8_t key[ED25519_KEY_SIZE];
	char text[2 * sizeof(key) + 1];
	size_t size = sizeof(key);
	EVP_PKEY *private = read_key(seed);

	if (EVP_PKEY_get_raw_public_key(private, key, &size) != 1)
		return EXIT_FAILED;
	EVP_PKEY_free(private);
	hex_encode(key, sizeof(key), text);
	puts(text);
	return EXIT_OK;
}

static int make(int count, char **operands)
{
	_cleanup_(generation_freep) Generation *generation = memory_new(sizeof(*generation));
	_cleanup_(store_freep) Store *store = NULL;
	Reason reason = {};
	uint32_t number;
	int r = store_open(arg_root, &store, &reason);

	if (r < 0)
		fail(r, &reason);
	strcpy(generation->product, arg_product);
	strcpy(generation->base, arg_base);
	strcpy(generation->version, arg_version);
	generation->sequence = (uint32_t)arg_sequence;
	generation->images = memory_new_array(arg_images.count, sizeof(GenerationImage));
	for (size_t i = 0; i < arg_images.count; i++) {
		_cleanup_free_ char *spec = memory_string(arg_images.items[i]);

		add_image(store, generation, spec);
	}
	r = store_commit_generation(store, generation, &number, &reason);
	if (r < 0)
		fail(r, &reason);
	printf("%u\n", number);
	return EXIT_OK;
}

static const char *arg_key_of;

static int run(int count, char **operands)
{
	return arg_key_of ? print_key(arg_key_of) : make(count, operands);
}

int main(int argc, char **argv)
{
	static const Option options[] = {
		{"root", "DIR", "the device's root", OPTION_TEXT, &arg_root},
		{"product", "NAME", "product", OPTION_TEXT, &arg_product},
		{"base", "KEY", "base key", OPTION_TEXT, &arg_base},
		{"version", "TEXT", "VERSION_ID", OPTION_TEXT, &arg_version},
		{"sequence", "N", "sequence", OPTION_NUMBER, &arg_sequence},
		{"key", "SEED", "private key in hex; none: unsigned", OPTION_TEXT, &arg_key},
		{"key-of", "SEED", "print the public key", OPTION_TEXT, &arg_key_of},
		{"image", "SPEC", "COMPONENT=IMAGE=TREE=DIRECTORY,…", OPTION_LIST, &arg_images},
		{"cve", "ID", "what all images fix", OPTION_LIST, &arg_ids},
		{"any-base", NULL, "do not record what the base has", OPTION_FLAG, &arg_any_base},
		{"host", "PATH", "what reads the files *.py", OPTION_LIST, &arg_hosts},
		{"build-id", "HEX", "of all files *.ko", OPTION_TEXT, &arg_build_id},
		{"mix-forbidden", NULL, "for all images", OPTION_FLAG, &arg_mix_forbidden}, {}};
	static const Verb verbs[] = {{"", "--image …", "", 0, 0, run}, {}};
	static const Command command = {
		"make-generation", "fills a store for tests", options, verbs, ""};

	return command_main(&command, argc, argv);
}
