/* SPDX-License-Identifier: Apache-2.0 */
/* suture-delta: makes, applies and describes the delta of one file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"
#include "wire/delta/model/generic.h"

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

static int compare_target(void *userdata, const uint8_t *data, size_t size)
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
static int prove(const Buffer *bytes, const DeltaBytes *old, const Content *target, Reason *reason)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	Content rest = *target;
	DeltaSink sink = {compare_target, NULL, &rest};
	int r = delta_patch_read(bytes->data, bytes->size, &patch, reason);

	return r < 0 ? r : delta_apply_bytes(&patch, old, 1, &sink, reason);
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
	_cleanup_content_ Content old = {}, target = {};
	_cleanup_buffer_ Buffer patch = {};
	DeltaBytes source;
	int r = read_input(old_path, DELTA_CREATE_MAX, &old, reason);

	if (r == 0)
		r = read_input(new_path, DELTA_CREATE_MAX, &target, reason);
	if (r < 0)
		return r;
	source = (DeltaBytes){old.data, old.size};
	r = delta_create(&source, 1, target.data, target.size, NULL, 0, &patch, reason);
	if (r == 0)
		r = prove(&patch, &source, &target, reason);
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

/* What was at `path` stays until the target is complete. */
static int apply_to(const DeltaPatch *patch, int old, const char *path, Reason *reason)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(AT_FDCWD, path, 0644, &draft);

	if (r < 0)
		return reason_errno(reason, r, "cannot write %s", path);
	r = delta_apply(patch, &old, 1, draft.fd, NULL, NULL, reason);
	if (r < 0)
		return r;
	r = file_draft_finish(&draft);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

static int read_patch(const char *path, Content *ret_bytes, DeltaPatch *ret, Reason *reason)
{
	int r = read_input(path, DELTA_PATCH_MAX, ret_bytes, reason);

	if (r < 0)
		return r;
	r = delta_patch_read(ret_bytes->data, ret_bytes->size, ret, reason);
	return r < 0 ? about(path, r, reason) : 0;
}

static int apply(const char *old_path, const char *patch_path, const char *out, Reason *reason)
{
	_cleanup_content_ Content bytes = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	_cleanup_fd_ int old = -1;
	int r = read_patch(patch_path, &bytes, &patch, reason);

	if (r < 0)
		return r;
	old = open_input(old_path, reason);
	if (old < 0)
		return old;
	if (patch.source_count > 1)
		return reason_set(reason, -EINVAL,
			"%s needs %zu old files: it belongs to an image and is applied by "
			"suture-stage",
			patch_path, patch.source_count);
	r = apply_to(&patch, old, out, reason);
	return r == -ESTALE ? about(old_path, r, reason) : r < 0 ? about(patch_path, r, reason) : 0;
}

static int verb_apply(int count, char **operands)
{
	Reason reason = {};
	int r = apply(operands[0], operands[1], operands[2], &reason);

	return r < 0 ? fail(r, &reason) : EXIT_OK;
}

/* Where the bytes of a patch go. */
typedef struct Shares {
	size_t header, control, literals, differences;
} Shares;

static int add_share(const DeltaSegment *segment, Shares *shares)
{
	GenericStreams streams;

	if (segment->codec == DELTA_CODEC_LITERAL) {
		shares->literals += segment->payload_size;
		return 0;
	}
	if (generic_streams_read(segment->payload, segment->payload_size, &streams) < 0)
		return -EBADMSG;
	shares->control += streams.control.size;
	shares->literals += streams.literals.size;
	shares->differences += streams.differences.size;
	return 0;
}

static int share_out(const DeltaPatch *patch, size_t size, Shares *ret)
{
	Shares shares = {};

	for (size_t i = 0; i < patch->segment_count; i++)
		if (add_share(&patch->segments[i], &shares) < 0)
			return -EBADMSG;
	shares.header = size - shares.control - shares.literals - shares.differences;
	*ret = shares;
	return 0;
}

static void print_file_json(const char *before, uint64_t size, const Digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	printf("%s{\"size\": %" PRIu64 ", \"sha256\": \"%s\"}", before, size, text);
}

static void print_json(const DeltaPatch *patch, size_t size, const Shares *shares)
{
	printf("{\"format\": %d, \"size\": %zu,\n \"sources\": [", DELTA_VERSION, size);
	for (size_t i = 0; i < patch->source_count; i++)
		print_file_json(
			i > 0 ? ", " : "", patch->sources[i].size, &patch->sources[i].digest);
	print_file_json("],\n \"target\": ", patch->target_size, &patch->target);
	printf(",\n \"segments\": [");
	for (size_t i = 0; i < patch->segment_count; i++) {
		const DeltaSegment *segment = &patch->segments[i];

		printf("%s{\"size\": %" PRIu64 ", \"codec\": \"%s\", \"payload\": %zu",
			i > 0 ? ",\n  " : "", segment->size, delta_codec_name(segment->codec),
			segment->payload_size);
		if (delta_codec_has_source(segment->codec))
			printf(", \"source\": %zu", segment->source);
		printf("}");
	}
	printf("],\n \"bytes\": {\"header\": %zu, \"control\": %zu, \"literals\": %zu, "
	       "\"differences\": %zu}}\n",
		shares->header, shares->control, shares->literals, shares->differences);
}

static void print_file(const char *what, uint64_t size, const Digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	printf("%-12s %12" PRIu64 "  %s\n", what, size, text);
}

static void print_table(const DeltaPatch *patch, size_t size, const Shares *shares)
{
	printf("%-12s %12zu\n", "patch", size);
	for (size_t i = 0; i < patch->source_count; i++)
		print_file("source", patch->sources[i].size, &patch->sources[i].digest);
	print_file("target", patch->target_size, &patch->target);
	for (size_t i = 0; i < patch->segment_count; i++) {
		const DeltaSegment *segment = &patch->segments[i];

		printf("%-12s %12" PRIu64 "  %s, %zu bytes", "segment", segment->size,
			delta_codec_name(segment->codec), segment->payload_size);
		if (delta_codec_has_source(segment->codec))
			printf(", source %zu", segment->source);
		printf("\n");
	}
	printf("%-12s %12zu\n%-12s %12zu\n%-12s %12zu\n%-12s %12zu\n", "header", shares->header,
		"control", shares->control, "literals", shares->literals, "differences",
		shares->differences);
}

static int verb_info(int count, char **operands)
{
	_cleanup_content_ Content bytes = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	Reason reason = {};
	Shares shares = {};
	int r = read_patch(operands[0], &bytes, &patch, &reason);

	if (r == 0 && share_out(&patch, bytes.size, &shares) < 0)
		r = reason_set(&reason, -EBADMSG, "%s: the patch is damaged", operands[0]);
	if (r < 0)
		return fail(r, &reason);
	if (arg_json)
		print_json(&patch, bytes.size, &shares);
	else
		print_table(&patch, bytes.size, &shares);
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
