/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/seal/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/lines.h"
#include "base/path.h"
#include "base/text.h"

#define SEAL_FIRST_LINE "suture-seal 1"

/* Great folders with mounts, sockets or other owners below them. One that is not listed here but
 * lies above Suture's own folders (usr, usr/lib, usr/share, usr/libexec) is refused by those. */
static const char *const too_wide[] = {"usr/lib32", "usr/lib64", "usr/libx32", "usr/lib/modules"};
static const char *const own_folders[] = {
	"usr/lib/suture", "usr/libexec/suture", "usr/share/suture"};
static const char *const own_prefixes[] = {
	"usr/bin/suture", "usr/sbin/suture", "usr/lib/systemd/system/suture"};

static bool is_name(const char *name, size_t max, const char *allowed)
{
	return strlen(name) <= max && text_consists_of(name, allowed);
}

bool seal_name_is_valid(const char *name)
{
	return is_name(name, SEAL_NAME_MAX, TEXT_LOWER TEXT_DIGITS "._-");
}

bool seal_base_is_valid(const char *base)
{
	return is_name(base, SEAL_BASE_MAX, TEXT_LOWER TEXT_DIGITS "._-+");
}

int graft_directory_check(const char *directory, Reason *reterr_reason)
{
	if (!path_is_normal(directory))
		return reason_set(reterr_reason, -EINVAL,
			"'%s' is no plain path relative to the root", directory);
	if (!text_starts_with(directory, "usr/") && !text_starts_with(directory, "opt/"))
		return reason_set(reterr_reason, -EINVAL,
			"'%s' cannot be grafted: only directories below usr and opt can",
			directory);
	if (path_is_below(directory, "usr/local"))
		return reason_set(reterr_reason, -EINVAL,
			"'%s' cannot be grafted: usr/local belongs to the administrator",
			directory);
	for (size_t i = 0; i < ARRAY_SIZE(too_wide); i++)
		if (strcmp(directory, too_wide[i]) == 0)
			return reason_set(reterr_reason, -EINVAL,
				"'%s' is too wide to be grafted: name the directories in it",
				directory);
	for (size_t i = 0; i < ARRAY_SIZE(own_folders); i++)
		if (path_is_below(directory, own_folders[i]) ||
			path_is_below(own_folders[i], directory))
			return reason_set(reterr_reason, -EINVAL,
				"'%s' cannot be grafted: it holds %s", directory, own_folders[i]);
	return 0;
}

int graft_file_check(const char *path, Reason *reterr_reason)
{
	bool own = false;

	if (!path_is_normal(path))
		return reason_set(
			reterr_reason, -EINVAL, "'%s' is no plain path relative to the root", path);
	for (size_t i = 0; i < ARRAY_SIZE(own_folders); i++)
		own |= path_is_below(path, own_folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(own_prefixes); i++)
		own |= text_starts_with(path, own_prefixes[i]);
	if (own)
		return reason_set(reterr_reason, -EINVAL,
			"'%s' is Suture's own and cannot be grafted: ship a full update", path);
	if (strcmp(path, "usr/lib/os-release") == 0)
		return reason_set(
			reterr_reason, -EINVAL, "'%s' names the base and cannot be grafted", path);
	return 0;
}

const char *seal_directory(const Seal *seal, size_t index)
{
	return seal->directory_text + seal->directory_at[index];
}

static size_t directory_end(const Seal *seal)
{
	size_t last = seal->directory_count;

	return last == 0
		? 0
		: seal->directory_at[last - 1] + strlen(seal_directory(seal, last - 1)) + 1;
}

int seal_add_directory(Seal *seal, const char *directory, Reason *reterr_reason)
{
	size_t length = strlen(directory), end = directory_end(seal);
	int r = graft_directory_check(directory, reterr_reason);

	if (r < 0)
		return r;
	for (size_t i = 0; i < seal->directory_count; i++) {
		const char *other = seal_directory(seal, i);

		if (path_is_below(directory, other) || path_is_below(other, directory))
			return reason_set(reterr_reason, -EINVAL,
				"directories '%s' and '%s' lie in each other", other, directory);
		if (strcmp(other, directory) > 0)
			return reason_set(reterr_reason, -EINVAL, "directory '%s' is not in order",
				directory);
	}
	if (seal->directory_count == SEAL_DIRECTORIES_MAX || end + length + 1 > SEAL_TEXT_MAX)
		return reason_set(reterr_reason, -E2BIG, "too many directories for one seal");
	memcpy(seal->directory_text + end, directory, length + 1);
	seal->directory_at[seal->directory_count++] = (uint16_t)end;
	return 0;
}

static int take_name(Lines *lines, const char *key, bool (*is_valid)(const char *), char *ret)
{
	char *value;
	int r = lines_take(lines, key, &value);

	if (r < 0)
		return r;
	if (!is_valid(value))
		return lines_bad(lines, "a name of [a-z0-9._-] is expected here");
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

static int take_number(Lines *lines, const char *key, uint64_t max, uint64_t *ret)
{
	char *value;
	int r = lines_take(lines, key, &value);

	if (r < 0)
		return r;
	if (text_to_u64(value, max, ret) < 0 || *ret == 0)
		return lines_bad(lines, "a number from 1 is expected here");
	return 0;
}

static int take_part(Lines *lines, Seal *seal)
{
	uint64_t part, parts;
	char *value, *slash;
	int r = lines_take(lines, "part", &value);

	if (r < 0)
		return r;
	slash = strchr(value, '/');
	if (!slash)
		return lines_bad(lines, "'part I/N' is expected here");
	*slash = '\0';
	if (text_to_u64(value, SEAL_PARTS_MAX, &part) < 0 ||
		text_to_u64(slash + 1, SEAL_PARTS_MAX, &parts) < 0 || part == 0 || part > parts)
		return lines_bad(lines, "this is no part of a whole");
	seal->part = (unsigned)part;
	seal->parts = (unsigned)parts;
	return 0;
}

static int take_image(Lines *lines, Seal *seal)
{
	char *value;
	int r = lines_take(lines, "image", &value);

	if (r < 0)
		return r;
	if (digest_from_text(value, &seal->image) < 0)
		return lines_bad(lines, "a SHA-256 in lower-case hex is expected here");
	r = take_number(lines, "size", INT64_MAX, &seal->size);
	if (r < 0)
		return r;
	r = lines_take(lines, "verity", &value);
	if (r < 0)
		return r;
	if (strlen(value) != 4 * DIGEST_SIZE + 1 || value[2 * DIGEST_SIZE] != ' ')
		return lines_bad(lines, "a root hash and a salt are expected here");
	value[2 * DIGEST_SIZE] = '\0';
	if (digest_from_text(value, &seal->verity_root) < 0 ||
		hex_decode(value + 2 * DIGEST_SIZE + 1, seal->verity_salt, VERITY_SALT_SIZE) < 0)
		return lines_bad(lines, "a root hash and a salt are expected here");
	return 0;
}

static int take_directories(Lines *lines, Seal *seal)
{
	Reason why = {};
	char *value;
	int r;

	do {
		r = lines_take(lines, "directory", &value);
		if (r < 0)
			return r;
		if (seal_add_directory(seal, value, &why) < 0)
			return lines_bad(lines, why.text);
	} while (lines_next_is(lines, "directory"));
	return lines_end(lines);
}

static int take_names(Lines *lines, Seal *seal)
{
	uint64_t sequence;
	int r = lines_take_word(lines, SEAL_FIRST_LINE);

	if (r == 0)
		r = take_name(lines, "product", seal_name_is_valid, seal->product);
	if (r == 0)
		r = take_name(lines, "base", seal_base_is_valid, seal->base);
	if (r == 0)
		r = take_number(lines, "sequence", SEAL_SEQUENCE_MAX, &sequence);
	if (r == 0) {
		seal->sequence = (uint32_t)sequence;
		r = take_name(lines, "component", seal_name_is_valid, seal->component);
	}
	return r;
}

int seal_parse(const void *text, size_t size, Seal *ret, Reason *reterr_reason)
{
	char copy[SEAL_TEXT_MAX + 1];
	Lines lines = {.next = copy, .what = "seal", .reason = reterr_reason};
	Seal seal = {};
	int r;

	if (size > SEAL_TEXT_MAX)
		return reason_set(
			reterr_reason, -EBADMSG, "seal: more than %d bytes", SEAL_TEXT_MAX);
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (strlen(copy) != size)
		return reason_set(reterr_reason, -EBADMSG, "seal: a NUL byte is in it");
	r = take_names(&lines, &seal);
	if (r == 0)
		r = take_part(&lines, &seal);
	if (r == 0)
		r = take_image(&lines, &seal);
	if (r == 0)
		r = take_directories(&lines, &seal);
	if (r == 0)
		*ret = seal;
	return r;
}

static int seal_print(const Seal *seal, Buffer *buffer)
{
	char image[DIGEST_TEXT_SIZE], root[DIGEST_TEXT_SIZE], salt[2 * VERITY_SALT_SIZE + 1];
	int r;

	digest_to_text(&seal->image, image);
	digest_to_text(&seal->verity_root, root);
	hex_encode(seal->verity_salt, VERITY_SALT_SIZE, salt);
	r = buffer_printf(buffer,
		SEAL_FIRST_LINE "\nproduct %s\nbase %s\nsequence %u\ncomponent %s\npart %u/%u\n"
				"image %s\nsize %llu\nverity %s %s\n",
		seal->product, seal->base, seal->sequence, seal->component, seal->part, seal->parts,
		image, (unsigned long long)seal->size, root, salt);
	for (size_t i = 0; r == 0 && i < seal->directory_count; i++)
		r = buffer_printf(buffer, "directory %s\n", seal_directory(seal, i));
	return r;
}

int seal_write(const Seal *seal, Buffer *buffer, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	Seal again;
	int r = seal_print(seal, &text);

	if (r < 0)
		return r;
	if (seal_parse(text.data, text.size, &again, reterr_reason) < 0)
		return -EINVAL;
	return buffer_append(buffer, text.data, text.size);
}

int seal_verify(const void *text, size_t size,
	const uint8_t signature[static ED25519_SIGNATURE_SIZE],
	const uint8_t key[static ED25519_KEY_SIZE])
{
	return ed25519_verify(key, signature, text, size);
}
