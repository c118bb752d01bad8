/* SPDX-License-Identifier: Apache-2.0 */
/* The codec for executables, there and back: what it can encode twice gives the same payload, and
 * what that makes once it makes by other models too. Faster than fuzz-create, which tries all
 * codecs. An input is the size of the old file (u16), the old file and the new one. */
#include "base/buffer.h"
#include "kept-models.h"
#include "wire/delta/create/executable.h"
#include "wire/delta/model/little.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool brings_back(DeltaBytes old, DeltaBytes new, const Buffer *payload)
{
	static KeptModels kept;
	static uint8_t out[UINT16_MAX];
	_cleanup_(predictor_done) Predictor predictor = {};

	if (executable_decode(kept_models(&kept), old, new.size, payload->data, payload->size,
		    &predictor) < 0)
		return false;
	predictor_render(&predictor, 0, new.size, out);
	return memcmp(out, new.data, new.size) == 0;
}

static void there_and_back(DeltaBytes old, DeltaBytes new)
{
	static KeptModels kept;
	_cleanup_(executable_plan_freep) ExecutablePlan *plan = NULL;
	_cleanup_buffer_ Buffer payload = {}, again = {};

	if (executable_plan_new(old, new, &plan) != 0 ||
		encode_executable(kept_models(&kept), plan, &payload) != 0)
		return;
	if (!brings_back(old, new, &payload)) /* then create takes the generic codec */
		return;
	if (encode_executable(kept_models(&kept), plan, &again) != 0 ||
		again.size != payload.size || memcmp(again.data, payload.data, payload.size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DeltaBytes old = {data + 2}, new;

	if (size < 2 || size > UINT16_MAX)
		return 0;
	old.size = little_u16(data) < size - 2 ? little_u16(data) : size - 2;
	new = (DeltaBytes){old.data + old.size, size - 2 - old.size};
	if (new.size > 0)
		there_and_back(old, new);
	return 0;
}
