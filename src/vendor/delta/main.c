/* SPDX-License-Identifier: Apache-2.0 */
/* suture-delta: makes, applies and describes the delta of one file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "suture/delta.h"

static bool arg_json;

typedef struct Content {
	uint8_t *data;
	size_t size;
} Content;

static void content_done(Content *content)
{
	free(content->data);
}
#define _cleanup_content_ _cleanup_(content_done)

static void patch_freep(suture_delta_patch **patch)
{
	suture_delta_patch_free(*patch);
}
#define _cleanup_patch_ _cleanup_(patch_freep)

/* So that what the library says becomes the reason. */
static suture_delta_options options_of(Reason *reason)
{
	return (suture_delta_options){.size = sizeof(suture_delta_options),
		.error = reason->text,
		.error_size = sizeof(reason->text)};
}

static int fail(int error, const Reason *reason)
{
	return exit_code_of(log_reason(error, reason));
}

/* Opens what the user named, through symbolic links, as commands do. */
static int open_input(const char *path, Reason *reason)
{
	struct stat st;
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return reason_errno(reason, -errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return reason_errno(reason, -errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return reason_set(reason, -EINVAL, "%s is not a regular file", path);
	return TAKE_FD(fd);
}

static int read_input(const char *path, size_t max, Content *ret, Reason *reason)
{
	_cleanup_fd_ int fd = open_input(path, reason);
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_all(fd, max, &ret->data, &ret->size);
	if (r == -EFBIG)
		return reason_set(reason, r, "%s is larger than %zu bytes, the limit", path, max);
	return r < 0 ? reason_errno(reason, r, "cannot read %s", path) : 0;
}

/* Puts the name of the file before what a library said of it. */
static int about(const char *path, int error, Reason *reason)
{
	Reason inner = *reason;

	if (inner.text[0])
		return reason_set(reason, error, "%s: %s", path, inner.text);
	return reason_errno(reason, error, "%s", path);
}

static int append(void *userdata, const void *data, size_t size)
{
	return buffer_append(userdata, data, size);
}

static int compare_target(void *userdata, const void *data, size_t size)
{
	Content *rest = userdata;

	if (size > rest->size || memcmp(rest->data, data, size) != 0)
		return -EKEYREJECTED;
	rest->data += size;
	rest->size -= size;
	return 0;
}

/* Applies a patch to what it was made from: a patch that does not bring the target back is a defect
 * of this program and must not leave it. */
static int prove(const Buffer *bytes, const suture_delta_bytes *old, const Content *target,
	const suture_delta_options *options)
{
	_cleanup_patch_ suture_delta_patch *patch = NULL;
	Content rest = *target;
	int r = suture_delta_patch_open(bytes->data, bytes->size, options, &patch);

	return r < 0
		? r
		: suture_delta_apply(patch, old, 1, target->size, compare_target, &rest, options);
}

static int write_patch(const char *path, const Buffer *patch, Reason *reason)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(AT_FDCWD, path, 0644, &draft);

	if (r == 0)
		r = fd_write_full(draft.fd, patch->data, patch->size);
	if (r == 0)
		r = file_draft_finish(&draft);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

static int create(
	const char *old_path, const char *new_path, const char *patch_path, Reason *reason)
{
	const suture_delta_options options = options_of(reason);
	_cleanup_content_ Content old = {}, target = {};
	_cleanup_buffer_ Buffer patch = {};
	suture_delta_bytes source;
	int r = read_input(old_path, SUTURE_DELTA_CREATE_MAX, &old, reason);

	if (r == 0)
		r = read_input(new_path, SUTURE_DELTA_CREATE_MAX, &target, reason);
	if (r < 0)
		return r;
	source = (suture_delta_bytes){old.data, old.size};
	r = suture_delta_create(&source, 1, (suture_delta_bytes){target.data, target.size}, NULL, 0,
		append, &patch, &options);
	if (r == 0)
		r = prove(&patch, &source, &target, &options);
	if (r < 0)
		return about(new_path, r, reason);
	return write_patch(patch_path, &patch, reason);
}

static int verb_create(int count, char **operands)
{
	Reason reason = {};
	int r = create(operands[0], operands[1], operands[2], &reason);

	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

/* A patch and what it says of itself. */
typedef struct Patch {
	Content bytes;
	suture_delta_patch *opened;
	suture_delta_info info;
} Patch;

static void patch_done(Patch *patch)
{
	suture_delta_patch_free(patch->opened);
	content_done(&patch->bytes);
}

static int read_patch(const char *path, Patch *ret, Reason *reason)
{
	const suture_delta_options options = options_of(reason);
	int r = read_input(path, SUTURE_DELTA_PATCH_MAX, &ret->bytes, reason);

	if (r < 0)
		return r;
	r = suture_delta_patch_open(ret->bytes.data, ret->bytes.size, &options, &ret->opened);
	if (r < 0)
		return about(path, r, reason);
	ret->info.size = sizeof(ret->info);
	r = suture_delta_patch_info(ret->opened, &ret->info);
	return r < 0 ? reason_set(reason, r, "%s: %s", path, suture_delta_error_text(r)) : 0;
}

/* An old file may be larger than memory. */
static void unmap(suture_delta_bytes *bytes)
{
	if (bytes->size > 0)
		munmap((void *)bytes->data, bytes->size);
}

static int map_old(const char *path, suture_delta_bytes *ret, Reason *reason)
{
	_cleanup_fd_ int fd = open_input(path, reason);
	uint64_t size = 0;
	void *data;
	int r = fd < 0 ? fd : fd_size(fd, &size);

	if (fd < 0 || size == 0)
		return r;
	if (size > SIZE_MAX)
		return reason_errno(reason, -EFBIG, "cannot map %s", path);
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return reason_errno(reason, -errno, "cannot map %s", path);
	*ret = (suture_delta_bytes){data, (size_t)size};
	return 0;
}

static int write_to(void *userdata, const void *data, size_t size)
{
	return fd_write_full(*(const int *)userdata, data, size);
}

/* What was at `path` stays until the target is complete. */
static int apply_to(
	const Patch *patch, const suture_delta_bytes *old, const char *path, Reason *reason)
{
	const suture_delta_options options = options_of(reason);
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(AT_FDCWD, path, 0644, &draft);

	if (r < 0)
		return reason_errno(reason, r, "cannot write %s", path);
	r = suture_delta_apply(
		patch->opened, old, 1, patch->info.target.size, write_to, &draft.fd, &options);
	if (r < 0)
		return r;
	r = file_draft_finish(&draft);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

static int apply(const char *old_path, const char *patch_path, const char *out, Reason *reason)
{
	_cleanup_(patch_done) Patch patch = {};
	_cleanup_(unmap) suture_delta_bytes old = {};
	int r = read_patch(patch_path, &patch, reason);

	if (r == 0)
		r = map_old(old_path, &old, reason);
	if (r < 0)
		return r;
	if (patch.info.source_count > 1)
		return reason_set(reason, -EINVAL,
			"%s needs %zu old files: it belongs to an image and is applied by "
			"suture-stage",
			patch_path, patch.info.source_count);
	r = apply_to(&patch, &old, out, reason);
	return r == -ESTALE ? about(old_path, r, reason) : r < 0 ? about(patch_path, r, reason) : 0;
}

static int verb_apply(int count, char **operands)
{
	Reason reason = {};
	int r = apply(operands[0], operands[1], operands[2], &reason);

	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

static void digest_text(
	const suture_delta_file *file, char ret_text[static 2 * sizeof(file->sha256) + 1])
{
	hex_encode(file->sha256, file->sha256_size, ret_text);
}

static void print_file_json(const char *before, const suture_delta_file *file)
{
	char text[2 * sizeof(file->sha256) + 1];

	digest_text(file, text);
	printf("%s{\"size\": %" PRIu64 ", \"sha256_start\": \"%s\"}", before, file->size, text);
}

static void print_json(const Patch *patch)
{
	const suture_delta_info *info = &patch->info;
	suture_delta_segment segment;
	suture_delta_file source;

	printf("{\"format\": %u, \"size\": %zu,\n \"sources\": [", info->format, patch->bytes.size);
	for (size_t i = 0; suture_delta_patch_source(patch->opened, i, &source) == 0; i++)
		print_file_json(i > 0 ? ", " : "", &source);
	print_file_json("],\n \"target\": ", &info->target);
	printf(",\n \"segments\": [");
	for (size_t i = 0; suture_delta_patch_segment(patch->opened, i, &segment) == 0; i++) {
		printf("%s{\"size\": %" PRIu64 ", \"codec\": \"%s\", \"payload\": %" PRIu64,
			i > 0 ? ",\n  " : "", segment.size, suture_delta_codec_name(segment.codec),
			segment.payload);
		if (segment.source != SIZE_MAX)
			printf(", \"source\": %zu", segment.source);
		printf("}");
	}
	printf("],\n \"bytes\": {\"header\": %" PRIu64 ", \"control\": %" PRIu64
	       ", \"literals\": %" PRIu64 ", \"differences\": %" PRIu64 "}}\n",
		info->header, info->control, info->literals, info->differences);
}

static void print_file(const char *what, const suture_delta_file *file)
{
	char text[2 * sizeof(file->sha256) + 1];

	digest_text(file, text);
	printf("%-12s %12" PRIu64 "  %s\n", what, file->size, text);
}

static void print_size(const char *what, uint64_t size)
{
	printf("%-12s %12" PRIu64 "\n", what, size);
}

static void print_table(const Patch *patch)
{
	const suture_delta_info *info = &patch->info;
	suture_delta_segment segment;
	suture_delta_file source;

	print_size("patch", patch->bytes.size);
	for (size_t i = 0; suture_delta_patch_source(patch->opened, i, &source) == 0; i++)
		print_file("source", &source);
	print_file("target", &info->target);
	for (size_t i = 0; suture_delta_patch_segment(patch->opened, i, &segment) == 0; i++) {
		printf("%-12s %12" PRIu64 "  %s, %" PRIu64 " bytes", "segment", segment.size,
			suture_delta_codec_name(segment.codec), segment.payload);
		if (segment.source != SIZE_MAX)
			printf(", source %zu", segment.source);
		printf("\n");
	}
	print_size("header", info->header);
	print_size("control", info->control);
	print_size("literals", info->literals);
	print_size("differences", info->differences);
}

static int verb_info(int count, char **operands)
{
	_cleanup_(patch_done) Patch patch = {};
	Reason reason = {};
	int r = read_patch(operands[0], &patch, &reason);

	if (r < 0)
		return fail(r, &reason);
	if (arg_json)
		print_json(&patch);
	else
		print_table(&patch);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	static const Option options[] = {
		{"json", NULL, "info: print JSON", OPTION_FLAG, &arg_json}, {}};
	static const Verb verbs[] = {
		{"create", "OLD NEW PATCH", "make the patch that turns OLD into NEW", 3, 3,
			verb_create},
		{"apply", "OLD PATCH OUT", "make OUT from OLD by the patch", 3, 3, verb_apply},
		{"info", "PATCH", "say what a patch needs, makes and consists of", 1, 1, verb_info},
		{}};
	static const Command command = {
		"suture-delta", "make and apply small differences of files", options, verbs, NULL};

	return command_main(&command, argc, argv);
}
