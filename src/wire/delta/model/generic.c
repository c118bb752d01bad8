/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/generic.h"

#include <errno.h>

#include "wire/delta/model/varint.h"

GenericModels *generic_models_new(void)
{
	_cleanup_(generic_models_freep) GenericModels *models = memory_new(sizeof(*models));

	if (!models)
		return NULL;
	mixer_tables_init(&models->tables);
	control_init(&models->control, &models->tables);
	models->literals = literal_model_new(&models->tables);
	return models->literals ? TAKE_PTR(models) : NULL;
}

int generic_models_need_differences(GenericModels *models)
{
	if (!models->differences)
		models->differences = difference_model_new(&models->tables);
	return models->differences ? 0 : -ENOMEM;
}

GenericModels *generic_models_free(GenericModels *models)
{
	if (!models)
		return NULL;
	literal_model_free(models->literals);
	difference_model_free(models->differences);
	memory_free(models);
	return NULL;
}

void generic_restart(GenericModels *models)
{
	control_restart(&models->control);
	if (models->differences)
		difference_model_restart(models->differences);
}

int generic_streams_read(const uint8_t *payload, size_t size, GenericStreams *ret)
{
	const uint8_t *at = payload, *end = payload + size;
	uint64_t control, literals;

	if (size == 0) {
		*ret = (GenericStreams){};
		return 0;
	}
	if (varint_read(&at, end, size, &control) < 0 || varint_read(&at, end, size, &literals) < 0)
		return -EBADMSG;
	size = (size_t)(end - at);
	if (control > size || literals > size - control || size == 0)
		return -EBADMSG;
	ret->control = (DeltaBytes){at, (size_t)control};
	ret->literals = (DeltaBytes){at + control, (size_t)literals};
	ret->differences =
		(DeltaBytes){at + control + literals, size - (size_t)(control + literals)};
	return 0;
}

int generic_streams_write(const GenericStreams *streams, Buffer *out)
{
	int r;

	if (streams->control.size + streams->literals.size + streams->differences.size == 0)
		return 0;
	r = varint_append(out, streams->control.size);
	if (r == 0)
		r = varint_append(out, streams->literals.size);
	if (r == 0)
		r = buffer_append(out, streams->control.data, streams->control.size);
	if (r == 0)
		r = buffer_append(out, streams->literals.data, streams->literals.size);
	return r < 0 ? r : buffer_append(out, streams->differences.data, streams->differences.size);
}
