/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/files.h"

#include <errno.h>
#include <stdio.h>

#include "wire/seal/seal.h"

#define SCHEMA 1

/* The seal is only asked for the component's name here; what is mounted was proved before. */
static void add_image(json_t *list, const GenerationImage *image)
{
	char digest[DIGEST_TEXT_SIZE];
	Seal seal = {};

	(void)seal_parse(image->seal, image->seal_size, &seal, NULL);
	for (size_t i = 0; i < image->file_count; i++) {
		const GenerationFile *file = &image->files[i];

		digest_to_text(&file->digest, digest);
		json_array_append_new(list,
			json_pack("{s:s+, s:s, s:s, s:s}", "path", "/", file->path, "sha256",
				digest, "component", seal.component, "kind",
				file_kind_names[file->kind]));
	}
}

static int read_mounted(Manager *manager, Generation **ret_generation, Reason *reason)
{
	Mounted mounted;
	int r = worker_mounted(manager->root, &mounted, reason);

	if (r < 0)
		return r;
	if (mounted.mixed)
		return reason_set(reason, -EBUSY,
			"directories of different generations are mounted: 'suture install' or "
			"'suture remove' ends that");
	if (mounted.generation == 0)
		return reason_set(reason, -ENODATA, "nothing is grafted");
	return store_read_generation(manager->store, mounted.generation, ret_generation, reason);
}

json_t *files_describe(Manager *manager, int *ret_error, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	json_t *list;

	*ret_error = read_mounted(manager, &generation, reterr_reason);
	if (*ret_error < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < generation->image_count; i++)
		add_image(list, &generation->images[i]);
	return json_pack("{s:i, s:I, s:o}", "schema", SCHEMA, "sequence",
		(json_int_t)generation->sequence, "files", list);
}

static void print(const json_t *files, bool digests)
{
	const json_t *list = json_object_get(files, "files");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *file = json_array_get(list, i);

		if (digests)
			printf("%s  ", json_string_value(json_object_get(file, "sha256")));
		printf("%s\n", json_string_value(json_object_get(file, "path")));
	}
}

void files_print(const json_t *files)
{
	print(files, false);
}

void files_print_digests(const json_t *files)
{
	print(files, true);
}
