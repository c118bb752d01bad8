/* SPDX-License-Identifier: Apache-2.0 */
/* From an improvement of the index to the generation's record. */
#include "device/stage/stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "device/store/base-file.h"
#include "wire/improvement/image-seal.h"

static int add_seal(const Stage *stage, const Improvement *improvement, size_t part,
	GenerationImage *target, Reason *reason)
{
	_cleanup_buffer_ Buffer text = {};
	Seal seal;
	int r = image_seal(&stage->index, improvement, part, &seal, reason);

	if (r == 0)
		r = seal_write(&seal, &text, reason);
	if (r == 0)
		r = hex_decode(improvement->images.items[part].seal, target->signature,
			sizeof(target->signature));
	if (r < 0)
		return r;
	target->seal_size = text.size;
	target->seal = (char *)TAKE_PTR(text.data);
	return 0;
}

static int add_files(const IndexImage *image, GenerationImage *target)
{
	target->files = memory_new_array(image->files.count, sizeof(*target->files));
	if (!target->files)
		return -ENOMEM;
	for (size_t i = 0; i < image->files.count; i++) {
		const ImageFile *file = &image->files.items[i];

		target->files[i].digest = file->sha256;
		target->files[i].kind = (FileKind)file->kind;
		target->files[i].path = memory_string(file->path);
		if (file->build_id)
			target->files[i].build_id = memory_string(file->build_id);
		target->file_count++;
		if (!target->files[i].path || (file->build_id && !target->files[i].build_id))
			return -ENOMEM;
	}
	return 0;
}

static int add_text(char ***list, size_t *count, const char *text)
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

static int add_texts(
	const IndexImage *image, const Improvement *improvement, GenerationImage *target)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->removed.count; i++)
		r = add_text(&target->removed, &target->removed_count, image->removed.items[i]);
	for (size_t i = 0; r == 0 && i < image->hosts.count; i++)
		r = add_text(&target->hosts, &target->host_count, image->hosts.items[i]);
	for (size_t i = 0; r == 0 && i < improvement->fixes.count; i++)
		if (strcmp(improvement->fixes.items[i].component, image->component) == 0)
			r = add_text(
				&target->ids, &target->id_count, improvement->fixes.items[i].cve);
	return r;
}

static int add_image(const Stage *stage, const Improvement *improvement, size_t part,
	GenerationImage *target, Reason *reason)
{
	const IndexImage *image = &improvement->images.items[part];
	int r = add_seal(stage, improvement, part, target, reason);

	if (r == 0)
		r = add_files(image, target);
	if (r == 0)
		r = add_texts(image, improvement, target);
	if (r == 0)
		r = base_file_record(stage->store, target, reason);
	target->restart = (RestartScope)image->restart;
	target->mix_forbidden = image->mix == MIX_FORBIDDEN;
	for (size_t i = 0; i < image->after.count; i++)
		target->after |= 1u << image->after.items[i];
	return r;
}

int stage_build_record(const Stage *stage, const Improvement *improvement,
	Generation **ret_generation, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = memory_new(sizeof(*generation));
	size_t count = improvement->images.count;

	if (!generation)
		return -ENOMEM;
	snprintf(generation->product, sizeof(generation->product), "%s", stage->index.product);
	snprintf(generation->base, sizeof(generation->base), "%s", stage->index.base);
	snprintf(generation->version, sizeof(generation->version), "%s", stage->index.base_version);
	generation->sequence = (uint32_t)improvement->sequence;
	generation->images = memory_new_array(count, sizeof(*generation->images));
	if (!generation->images)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int r;

		generation->image_count++;
		r = add_image(stage, improvement, i, &generation->images[i], reterr_reason);
		if (r < 0)
			return r;
	}
	*ret_generation = TAKE_PTR(generation);
	return 0;
}
