/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/generation.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "base/lines.h"
#include "base/path.h"
#include "base/text.h"

#define GENERATION_MAGIC   "suture-generation "
#define GENERATION_VERSION 1
#define DIGEST_LINE_SIZE   (strlen("digest ") + 2 * DIGEST_SIZE + 1)
#define ID_CHARACTERS      TEXT_LOWER TEXT_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._:-"

static void free_files(GenerationFile *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(files[i].path);
		free(files[i].build_id);
	}
	free(files);
}

static void image_done(GenerationImage *image)
{
	for (size_t i = 0; i < image->host_count; i++)
		free(image->hosts[i]);
	for (size_t i = 0; i < image->removed_count; i++)
		free(image->removed[i]);
	for (size_t i = 0; i < image->id_count; i++)
		free(image->ids[i]);
	free_files(image->files, image->file_count);
	free_files(image->bases, image->base_count);
	free(image->hosts);
	free(image->removed);
	free(image->ids);
	free(image->seal);
}

Generation *generation_free(Generation *generation)
{
	if (!generation)
		return NULL;
	for (size_t i = 0; i < generation->image_count; i++)
		image_done(&generation->images[i]);
	free(generation->images);
	free(generation);
	return NULL;
}

static int take_checked(Lines *lines, const char *key, bool (*is_valid)(const char *), char *ret)
{
	char *value;
	int r = lines_take(lines, key, &value);

	if (r < 0)
		return r;
	if (!is_valid(value))
		return lines_bad(lines, "not a valid name");
	memcpy(ret, value, strlen(value) + 1); /* is_valid() bounds it */
	return 0;
}

static bool version_is_valid(const char *text)
{
	return strlen(text) <= SEAL_NAME_MAX && text_is_printable(text);
}

static int take_head(Lines *lines, Generation *generation)
{
	uint64_t sequence;
	char *value;
	int r = take_checked(lines, "product", seal_name_is_valid, generation->product);

	if (r == 0)
		r = take_checked(lines, "base", seal_base_is_valid, generation->base);
	if (r == 0)
		r = take_checked(lines, "version", version_is_valid, generation->version);
	if (r == 0)
		r = lines_take(lines, "sequence", &value);
	if (r < 0)
		return r;
	if (text_to_u64(value, SEAL_SEQUENCE_MAX, &sequence) < 0 || sequence == 0)
		return lines_bad(lines, "a number from 1 is expected here");
	generation->sequence = (uint32_t)sequence;
	return 0;
}

/* The lines between the markers, joined again. */
static int take_seal(Lines *lines, GenerationImage *image)
{
	_cleanup_buffer_ Buffer text = {};
	char *value;
	int r = lines_take(lines, "signature", &value);

	if (r < 0)
		return r;
	if (hex_decode(value, image->signature, ED25519_SIGNATURE_SIZE) < 0)
		return lines_bad(lines, "an ed25519 signature in hex is expected here");
	r = lines_take_word(lines, "begin-seal");
	while (r == 0 && !lines_next_is(lines, "end-seal")) {
		value = lines_any(lines);
		if (!value || text.size + strlen(value) + 1 > SEAL_TEXT_MAX)
			return lines_bad(lines, "the seal does not end");
		r = buffer_text(&text, value);
		if (r == 0)
			r = buffer_text(&text, "\n");
	}
	if (r == 0)
		r = lines_take_word(lines, "end-seal");
	if (r < 0)
		return r;
	if (text.size == 0)
		return lines_bad(lines, "the seal is empty");
	image->seal_size = text.size;
	image->seal = (char *)TAKE_PTR(text.data);
	return 0;
}

static int take_word_of(Lines *lines, const char *key, const char *const *names, int *ret)
{
	char *value;
	int r = lines_take(lines, key, &value);

	if (r < 0)
		return r;
	*ret = text_index(names, value);
	return *ret >= 0 ? 0 : lines_bad(lines, "unknown word");
}

static int take_manners(Lines *lines, GenerationImage *image)
{
	int word, r = take_word_of(lines, "restart", restart_scope_names, &word);

	if (r < 0)
		return r;
	image->restart = (RestartScope)word;
	r = take_word_of(lines, "mix", mix_names, &word);
	if (r < 0)
		return r;
	image->mix_forbidden = word == 1;
	while (lines_next_is(lines, "after")) {
		r = take_word_of(lines, "after", after_names, &word);
		if (r < 0)
			return r;
		if (image->after >> word)
			return lines_bad(lines, "not in order, or twice");
		image->after |= 1U << word;
	}
	return 0;
}

static int check_order(const Lines *lines, const char *path, const char *previous)
{
	if (previous && strcmp(previous, path) >= 0)
		return lines_bad(lines, "paths are not in order");
	return 0;
}

static int check_path(const Lines *lines, const char *path, const char *previous)
{
	Reason why;

	if (graft_file_check(path, &why) < 0)
		return lines_bad(lines, why.text);
	return check_order(lines, path, previous);
}

static int add_string(char ***list, size_t *count, const char *text)
{
	int r = memory_grow(list, *count, sizeof(**list));

	if (r < 0)
		return r;
	(*list)[*count] = memory_string(text);
	if (!(*list)[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

/* Appends a file whose path has to come behind that of the one before. */
static int add_file(
	Lines *lines, GenerationFile **list, size_t *count, GenerationFile file, const char *path)
{
	int r = check_path(lines, path, *count > 0 ? (*list)[*count - 1].path : NULL);

	if (r == 0)
		r = memory_grow(list, *count, sizeof(file));
	if (r < 0)
		return r;
	file.path = memory_string(path);
	if (!file.path)
		return -ENOMEM;
	(*list)[(*count)++] = file;
	return 0;
}

static int take_host(Lines *lines, GenerationImage *image)
{
	const char *previous = image->host_count > 0 ? image->hosts[image->host_count - 1] : NULL;
	char *path;
	int r = lines_take(lines, "host", &path);

	if (r < 0)
		return r;
	if (!path_is_normal(path))
		return lines_bad(lines, "a path relative to the root is expected here");
	if (image->host_count == HOSTS_MAX)
		return lines_bad(lines, "too many hosts");
	r = check_order(lines, path, previous);
	return r < 0 ? r : add_string(&image->hosts, &image->host_count, path);
}

/* Of the file before it. */
static int take_build_id(Lines *lines, GenerationFile *file)
{
	char *id;
	int r = lines_take(lines, "build-id", &id);

	if (r < 0)
		return r;
	if (file->kind != FILE_KERNEL || !build_id_is_valid(id))
		return lines_bad(lines, "not a build-id of a kernel module");
	file->build_id = memory_string(id);
	return file->build_id ? 0 : -ENOMEM;
}

/* "<sha256> <kind> <path>" */
static int take_file(Lines *lines, GenerationImage *image)
{
	GenerationFile file = {};
	char *value, *kind, *path;
	int word, r = lines_take(lines, "file", &value);

	if (r < 0)
		return r;
	kind = strchr(value, ' ');
	path = kind ? strchr(kind + 1, ' ') : NULL;
	if (!path)
		return lines_bad(lines, "'file SHA256 KIND PATH' is expected here");
	*kind++ = *path++ = '\0';
	word = text_index(file_kind_names, kind);
	if (word < 0 || digest_from_text(value, &file.digest) < 0)
		return lines_bad(lines, "'file SHA256 KIND PATH' is expected here");
	file.kind = (FileKind)word;
	return add_file(lines, &image->files, &image->file_count, file, path);
}

/* "<sha256> <path>" */
static int take_base(Lines *lines, GenerationImage *image)
{
	GenerationFile file = {};
	char *value, *path;
	int r = lines_take(lines, "base", &value);

	if (r < 0)
		return r;
	path = strchr(value, ' ');
	if (path)
		*path++ = '\0';
	if (!path || digest_from_text(value, &file.digest) < 0)
		return lines_bad(lines, "'base SHA256 PATH' is expected here");
	return add_file(lines, &image->bases, &image->base_count, file, path);
}

static int take_removed(Lines *lines, GenerationImage *image)
{
	const char *previous =
		image->removed_count > 0 ? image->removed[image->removed_count - 1] : NULL;
	char *path;
	int r = lines_take(lines, "removed", &path);

	if (r == 0)
		r = check_path(lines, path, previous);
	return r < 0 ? r : add_string(&image->removed, &image->removed_count, path);
}

static int take_id(Lines *lines, GenerationImage *image)
{
	char *id;
	int r = lines_take(lines, "cve", &id);

	if (r < 0)
		return r;
	if (strlen(id) > GENERATION_ID_MAX || !text_consists_of(id, ID_CHARACTERS))
		return lines_bad(lines, "not an identifier");
	return add_string(&image->ids, &image->id_count, id);
}

static int take_image(Lines *lines, GenerationImage *image)
{
	int r = take_seal(lines, image);

	if (r == 0)
		r = take_manners(lines, image);
	while (r == 0 && lines_next_is(lines, "host"))
		r = take_host(lines, image);
	while (r == 0 && lines_next_is(lines, "file")) {
		r = take_file(lines, image);
		if (r == 0 && lines_next_is(lines, "build-id"))
			r = take_build_id(lines, &image->files[image->file_count - 1]);
	}
	while (r == 0 && lines_next_is(lines, "removed"))
		r = take_removed(lines, image);
	while (r == 0 && lines_next_is(lines, "cve"))
		r = take_id(lines, image);
	while (r == 0 && lines_next_is(lines, "base"))
		r = take_base(lines, image);
	return r;
}

static int take_images(Lines *lines, Generation *generation)
{
	int r;

	do {
		if (generation->image_count == GENERATION_IMAGES_MAX)
			return lines_bad(lines, "too many images");
		r = memory_grow(
			&generation->images, generation->image_count, sizeof(*generation->images));
		if (r < 0)
			return r;
		r = take_image(lines, &generation->images[generation->image_count++]);
	} while (r == 0 && lines_next_is(lines, "signature"));
	return r < 0 ? r : lines_end(lines);
}

/* The first line decides whether the rest can be understood at all. */
static int check_version(Lines *lines)
{
	uint64_t version;
	const char *line = lines_any(lines);

	if (!line || !text_starts_with(line, GENERATION_MAGIC) ||
		text_to_u64(line + strlen(GENERATION_MAGIC), UINT32_MAX, &version) < 0 ||
		version == 0)
		return lines_bad(lines, "this is no generation record");
	if (version > GENERATION_VERSION)
		return reason_set(lines->reason, -EOPNOTSUPP,
			"the generation was made by a newer Suture (format %llu, this one knows "
			"%d): "
			"update Suture, or remove the generation",
			(unsigned long long)version, GENERATION_VERSION);
	return 0;
}

/* Compares and cuts off the last line. */
static int check_digest(char *text, size_t size, Digest *ret, Reason *reterr_reason)
{
	char *line = text + size - DIGEST_LINE_SIZE;
	Digest said;
	int r;

	if (size <= DIGEST_LINE_SIZE || line[-1] != '\n' || text[size - 1] != '\n' ||
		!text_starts_with(line, "digest "))
		return reason_set(
			reterr_reason, -EBADMSG, "generation: it does not end in a digest");
	r = digest_of(text, size - DIGEST_LINE_SIZE, ret);
	if (r < 0)
		return r;
	text[size - 1] = '\0';
	if (digest_from_text(line + strlen("digest "), &said) < 0 || !digest_equal(&said, ret))
		return reason_set(reterr_reason, -EBADMSG, "generation: its digest does not match");
	line[0] = '\0';
	return 0;
}

int generation_parse(const void *text, size_t size, Generation **ret, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_free_ char *copy = NULL;
	Lines lines = {.what = "generation", .reason = reterr_reason};
	int r;

	if (size > GENERATION_TEXT_MAX || (size > 0 && memchr(text, '\0', size)))
		return reason_set(reterr_reason, -EBADMSG, "generation: too long, or not text");
	generation = memory_new(sizeof(*generation));
	copy = memory_string_n(text, size);
	if (!generation || !copy)
		return -ENOMEM;
	lines.next = copy;
	r = check_version(&lines);
	if (r < 0)
		return r;
	lines.next[-1] = '\n'; /* give back the newline that lines_any() made a NUL */
	r = check_digest(copy, size, &generation->digest, reterr_reason);
	if (r == 0)
		r = take_head(&lines, generation);
	if (r == 0)
		r = take_images(&lines, generation);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(generation);
	return 0;
}

static int print_files(const GenerationImage *image, Buffer *buffer)
{
	char digest[DIGEST_TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->file_count; i++) {
		const GenerationFile *file = &image->files[i];

		digest_to_text(&file->digest, digest);
		r = buffer_printf(
			buffer, "file %s %s %s\n", digest, file_kind_names[file->kind], file->path);
		if (r == 0 && file->build_id)
			r = buffer_printf(buffer, "build-id %s\n", file->build_id);
	}
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		r = buffer_printf(buffer, "removed %s\n", image->removed[i]);
	for (size_t i = 0; r == 0 && i < image->id_count; i++)
		r = buffer_printf(buffer, "cve %s\n", image->ids[i]);
	for (size_t i = 0; r == 0 && i < image->base_count; i++) {
		digest_to_text(&image->bases[i].digest, digest);
		r = buffer_printf(buffer, "base %s %s\n", digest, image->bases[i].path);
	}
	return r;
}

static int print_image(const GenerationImage *image, Buffer *buffer)
{
	char signature[2 * ED25519_SIGNATURE_SIZE + 1];
	int r;

	hex_encode(image->signature, ED25519_SIGNATURE_SIZE, signature);
	r = buffer_printf(buffer, "signature %s\nbegin-seal\n", signature);
	if (r == 0)
		r = buffer_append(buffer, image->seal, image->seal_size);
	if (r == 0)
		r = buffer_printf(buffer, "end-seal\nrestart %s\nmix %s\n",
			restart_scope_names[image->restart], mix_names[image->mix_forbidden]);
	for (int i = 0; r == 0 && after_names[i]; i++)
		if (image->after >> i & 1)
			r = buffer_printf(buffer, "after %s\n", after_names[i]);
	for (size_t i = 0; r == 0 && i < image->host_count; i++)
		r = buffer_printf(buffer, "host %s\n", image->hosts[i]);
	return r < 0 ? r : print_files(image, buffer);
}

static int print_digest(Buffer *buffer)
{
	char text[DIGEST_TEXT_SIZE];
	Digest digest;
	int r = digest_of(buffer->data, buffer->size, &digest);

	if (r < 0)
		return r;
	digest_to_text(&digest, text);
	return buffer_printf(buffer, "digest %s\n", text);
}

int generation_write(const Generation *generation, Buffer *buffer, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *again = NULL;
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_printf(&text,
		GENERATION_MAGIC "%d\nproduct %s\nbase %s\nversion %s\nsequence %u\n",
		GENERATION_VERSION, generation->product, generation->base, generation->version,
		generation->sequence);

	for (size_t i = 0; r == 0 && i < generation->image_count; i++)
		r = print_image(&generation->images[i], &text);
	if (r == 0)
		r = print_digest(&text);
	if (r < 0)
		return r;
	r = generation_parse(text.data, text.size, &again, reterr_reason);
	if (r < 0)
		return r == -EBADMSG ? -EINVAL : r;
	return buffer_append(buffer, text.data, text.size);
}

bool generation_has_image(const Generation *generation, const Digest *image)
{
	for (size_t i = 0; generation && i < generation->image_count; i++) {
		const GenerationImage *other = &generation->images[i];
		Seal seal;

		if (seal_parse(other->seal, other->seal_size, &seal, NULL) == 0 &&
			digest_equal(&seal.image, image))
			return true;
	}
	return false;
}
