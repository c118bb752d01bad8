/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a program of somebody else's uses libsuture-delta. It makes the patch between two files, says
 * what is in it, makes the new file again, and tells how much memory each took:
 *
 *     cc -o embed embed.c $(pkg-config --cflags --libs suture-delta)
 *     ./embed OLD NEW PATCH OUT
 *
 * C11 and C++. Its output is read by a test, which makes things go wrong by --cancel N,
 * --fail-allocation N, --fail-write N (the N-th call of each), --expect SIZE, --options-size SIZE.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <suture/delta.h>

/* An allocator that knows how much it gave out. Each block is preceded by its size. */
typedef struct Memory {
	size_t now, peak, calls;
	size_t fail_at;        /* the call that fails, from 1; 0: none */
	size_t steps, stop_at; /* likewise of progress */
} Memory;

typedef union Header {
	size_t size;
	max_align_t aligned; /* what follows must be as aligned as malloc()'s memory */
} Header;

static void *allocate(void *userdata, size_t size)
{
	Memory *memory = (Memory *)userdata;
	Header *block;

	if (++memory->calls == memory->fail_at)
		return NULL;
	block = (Header *)malloc(sizeof(Header) + size);
	if (!block)
		return NULL;
	block->size = size;
	memory->now += size;
	if (memory->now > memory->peak)
		memory->peak = memory->now;
	return block + 1;
}

static void release(void *userdata, void *data)
{
	Memory *memory = (Memory *)userdata;
	Header *block = (Header *)data - 1;

	memory->now -= block->size;
	free(block);
}

/* Other than 0 cancels the call. */
static int progress(void *userdata, uint64_t done, uint64_t total)
{
	Memory *memory = (Memory *)userdata;

	fprintf(stderr, "\r%3d %%", total > 0 ? (int)(done * 100 / total) : 100);
	return ++memory->steps == memory->stop_at;
}

/* Where the library's output goes. */
typedef struct Output {
	FILE *file;
	size_t pieces, fail_at;
} Output;

static int write_piece(void *userdata, const void *data, size_t size)
{
	Output *output = (Output *)userdata;

	if (++output->pieces == output->fail_at)
		return -ENOSPC;
	return fwrite(data, 1, size, output->file) == size ? 0 : -EIO;
}

/* Files are mapped, so they may be larger than memory. */
static suture_delta_bytes map(const char *path)
{
	suture_delta_bytes bytes = {NULL, 0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(1);
	}
	bytes.size = (size_t)st.st_size;
	if (bytes.size > 0)
		bytes.data = mmap(NULL, bytes.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (bytes.data == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	return bytes;
}

static void open_output(Output *output, const char *path)
{
	output->file = fopen(path, "wb");
	if (!output->file) {
		perror(path);
		exit(1);
	}
}

static int close_output(Output *output, int result)
{
	return fclose(output->file) == 0 || result < 0 ? result : -EIO;
}

/* What is asked for on the command line. */
typedef struct Task {
	const char *old_path, *new_path, *patch_path, *out_path;
	Memory memory;
	Output output;
	uint64_t expected; /* bytes of the new file */
	suture_delta_options options;
	char error[SUTURE_DELTA_ERROR_SIZE];
} Task;

static void tell_memory(Task *task, const char *what)
{
	printf("%s: peak %zu, calls %zu, left %zu\n", what, task->memory.peak, task->memory.calls,
		task->memory.now);
	task->memory.peak = task->memory.now;
}

static int make_patch(Task *task)
{
	suture_delta_bytes old_bytes = map(task->old_path), new_bytes = map(task->new_path);
	int r;

	open_output(&task->output, task->patch_path);
	r = suture_delta_create(
		&old_bytes, 1, new_bytes, NULL, 0, write_piece, &task->output, &task->options);
	tell_memory(task, "create");
	if (task->expected == 0)
		task->expected = new_bytes.size;
	return close_output(&task->output, r);
}

/* A real program compares these with what it has and wants before it applies. */
static int look_into(const suture_delta_patch *patch)
{
	suture_delta_info info;
	int r;

	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	r = suture_delta_patch_info(patch, &info);
	if (r < 0)
		return r;
	printf("patch: sources %zu, segments %zu, target %llu\n", info.source_count,
		info.segment_count, (unsigned long long)info.target.size);
	for (int codec = 0; suture_delta_codec_name(codec) || codec == 0; codec++)
		if (info.codecs & UINT32_C(1) << codec)
			printf("codec: %s\n", suture_delta_codec_name(codec));
	return 0;
}

static int apply_patch(Task *task, const suture_delta_patch *patch)
{
	suture_delta_bytes old_bytes = map(task->old_path);
	int r = look_into(patch);

	if (r < 0)
		return r;
	open_output(&task->output, task->out_path);
	r = suture_delta_apply(
		patch, &old_bytes, 1, task->expected, write_piece, &task->output, &task->options);
	tell_memory(task, "apply");
	return close_output(&task->output, r);
}

static int make_new_file(Task *task)
{
	suture_delta_bytes bytes = map(task->patch_path);
	suture_delta_patch *patch = NULL;
	int r = suture_delta_patch_open(bytes.data, bytes.size, &task->options, &patch);

	if (r == 0)
		r = apply_patch(task, patch);
	suture_delta_patch_free(patch);
	return r;
}

static int read_option(Task *task, const char *name, size_t value)
{
	if (strcmp(name, "--cancel") == 0)
		task->memory.stop_at = value;
	else if (strcmp(name, "--fail-allocation") == 0)
		task->memory.fail_at = value;
	else if (strcmp(name, "--fail-write") == 0)
		task->output.fail_at = value;
	else if (strcmp(name, "--expect") == 0)
		task->expected = value;
	else if (strcmp(name, "--options-size") == 0)
		task->options.size = value;
	else
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	static Task task;
	int r = 0;

	task.options.size = sizeof(task.options);
	task.options.allocate = allocate;
	task.options.release = release;
	task.options.progress = progress;
	task.options.userdata = &task.memory;
	task.options.error = task.error;
	task.options.error_size = sizeof(task.error);
	for (; argc > 5 && r == 0; argc -= 2, argv += 2)
		r = read_option(&task, argv[1], (size_t)strtoull(argv[2], NULL, 10));
	if (r < 0 || argc != 5) {
		fprintf(stderr, "usage: embed OLD NEW PATCH OUT\n");
		return 64;
	}
	task.old_path = argv[1];
	task.new_path = argv[2];
	task.patch_path = argv[3];
	task.out_path = argv[4];
	printf("libsuture-delta %s\n", suture_delta_version());
	r = make_patch(&task);
	if (r == 0)
		r = make_new_file(&task);
	printf("end: left %zu\n", task.memory.now);
	if (r < 0)
		printf("error: %d %s\nerror: %s\n", r, suture_delta_error_text(r), task.error);
	return r < 0;
}
