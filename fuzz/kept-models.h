/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* KeptModels: the models of the codec for executables, as new at every call. Making them takes ten
 * times as long as a short input; they are put back from copies instead, as each is one piece of
 * memory. They live as long as the process. */
#include <malloc.h>
#include <string.h>

#include "wire/delta/model/executable.h"

typedef struct KeptModels {
	ExecutableModels *models;
	struct {
		void *model, *copy;
		size_t size;
	} parts[4];
} KeptModels;

static inline void keep_models(KeptModels *kept)
{
	GenericModels *generic = generic_models_new();
	ExecutableModels *models = executable_models_new(generic);
	void *parts[] = {models, models->blocks, models->residual, models->literals};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		kept->parts[i].model = parts[i];
		kept->parts[i].size = malloc_usable_size(parts[i]);
		kept->parts[i].copy = memory_copy(parts[i], kept->parts[i].size);
		if (!kept->parts[i].copy)
			abort();
	}
	kept->models = models;
}

static inline ExecutableModels *kept_models(KeptModels *kept)
{
	if (!kept->models)
		keep_models(kept);
	for (size_t i = 0; i < ARRAY_SIZE(kept->parts); i++)
		memcpy(kept->parts[i].model, kept->parts[i].copy, kept->parts[i].size);
	return kept->models;
}
