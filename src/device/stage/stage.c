/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stage/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "wire/improvement/image-seal.h"
#include "base/time.h"
#include "wire/json/document.h"

int stage_open(const char *root, int socket, const char *const *urls, size_t url_count,
	const char *channel, Stage *ret_stage, Reason *reterr_reason)
{
	Stage stage = {
		.fetcher = {.urls = urls,
			.url_count = url_count,
			.setting = "url in suture.conf",
			.ask = fetcher_ask_socket,
			.asked = fetcher_socket(socket)},
		.root_path = root,
		.channel = channel,
		.now = time_now(),
		.progress_fd = -1,
	};
	int r = store_open(root, &stage.store, reterr_reason);

	if (r == 0)
		r = store_read_identity(stage.store, &stage.identity, reterr_reason);
	if (r == 0)
		r = identity_base_key(&stage.identity, stage.base_key, reterr_reason);
	if (r < 0) {
		store_free(stage.store);
		return r;
	}
	*ret_stage = stage;
	return 0;
}

void stage_done(Stage *stage)
{
	store_free(stage->store);
	trust_free(stage->trust);
	free(stage->pinned);
	index_clear(&stage->index);
	*stage = (Stage){.progress_fd = -1};
}

void stage_report(
	const Stage *stage, const char *phase, const char *component, uint64_t done, uint64_t total)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_buffer_ Buffer line = {};

	if (stage->progress_fd < 0)
		return;
	json = json_pack("{s:s, s:s, s:I, s:I}", "phase", phase, "component", component, "done",
		(json_int_t)done, "total", (json_int_t)total);
	/* Progress is a courtesy: a reader that went away must not stop a security fix. */
	if (json && document_write(json, &line) == 0)
		(void)fd_write_full(stage->progress_fd, line.data, line.size);
}

/* The same improvement staged twice has the same record: it keeps its number. */
static int find_same(const Store *store, const Generation *generation, uint32_t *ret_number)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	_cleanup_buffer_ Buffer wanted = {};
	size_t count;
	int r = generation_write(generation, &wanted, NULL);

	if (r == 0)
		r = store_list_generations(store, &numbers, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_(generation_freep) Generation *kept = NULL;
		_cleanup_buffer_ Buffer text = {};

		if (store_read_generation(store, numbers[i], &kept, NULL) < 0 ||
			generation_write(kept, &text, NULL) < 0)
			continue;
		if (text.size == wanted.size && memcmp(text.data, wanted.data, text.size) == 0) {
			*ret_number = numbers[i];
			return 1;
		}
	}
	return r;
}

static int prepare_verity(Stage *stage, const Improvement *improvement, Reason *reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		Seal seal;

		r = image_seal(&stage->index, improvement, i, &seal, reason);
		if (r == 0)
			r = store_prepare_verity(stage->store, &seal, reason);
	}
	return r;
}

static int commit(
	Stage *stage, const Improvement *improvement, uint32_t *ret_generation, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	int r = prepare_verity(stage, improvement, reason);

	*ret_generation = 0;
	if (improvement->images.count == 0)
		return r;
	if (r == 0)
		r = stage_build_record(stage, improvement, &generation, reason);
	if (r == 0)
		r = find_same(stage->store, generation, ret_generation);
	if (r != 0)
		return r < 0 ? r : 0;
	return store_commit_generation(stage->store, generation, ret_generation, reason);
}

static int check_eligible(
	const Stage *stage, const Improvement *improvement, uint64_t sequence, Reason *reason)
{
	const Withdrawal *objection =
		improvement ? index_objection(&stage->index, improvement) : NULL;
	const char *unmet;

	if (!improvement)
		return reason_set(reason, -ENOENT,
			"the repository lists no improvement with sequence %" PRIu64, sequence);
	if (objection)
		return reason_set(reason, -ENOENT, "the vendor withdrew it: %s", objection->reason);
	unmet = index_unmet_requirement(improvement);
	if (unmet)
		return reason_set(reason, -EOPNOTSUPP,
			"it requires %s, which comes with a newer system", unmet);
	return 0;
}

static bool is_part_of(const Improvement *improvement, const char *name)
{
	char text[DIGEST_TEXT_SIZE];

	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		digest_to_text(&image->sha256, text);
		if (text_starts_with(name, text))
			return true;
		for (size_t j = 0; j < image->payloads.count; j++) {
			digest_to_text(&image->payloads.items[j].sha256, text);
			if (text_starts_with(name, text))
				return true;
		}
	}
	return false;
}

/* Where downloads break off again and again, the parts of each improvement that a newer one
 * replaced would fill the disk. What cannot be removed does no harm but that. */
static void drop_other_parts(const Stage *stage, const Improvement *improvement)
{
	int fd = openat(stage->store->dir, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		fd_close(fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.' && !is_part_of(improvement, entry->d_name))
			(void)file_remove(dirfd(stream), entry->d_name);
	closedir(stream);
}

int stage_improvement(
	Stage *stage, uint64_t sequence, uint32_t *ret_generation, Reason *reterr_reason)
{
	const Improvement *improvement = index_find(&stage->index, sequence);
	int r = check_eligible(stage, improvement, sequence, reterr_reason);

	if (r == 0)
		drop_other_parts(stage, improvement);
	for (size_t i = 0; r == 0 && i < improvement->images.count; i++)
		r = stage_obtain_image(stage, &improvement->images.items[i], reterr_reason);
	if (r == 0)
		r = commit(stage, improvement, ret_generation, reterr_reason);
	/* Parts of what will not be wanted any more */
	return r < 0 ? r : path_remove_tree(stage->store->dir, "partial");
}
