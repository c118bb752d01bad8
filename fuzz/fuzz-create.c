/* SPDX-License-Identifier: Apache-2.0 */
/* Creating patches: what is made from any two files brings the new one back. An input is the size
 * of the old file (u16), the old file and the new one. */
#include <string.h>

#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"
#include "wire/delta/model/little.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare(void *userdata, const uint8_t *data, size_t size)
{
	DeltaBytes *rest = userdata;

	if (size > rest->size || memcmp(rest->data, data, size) != 0)
		abort();
	rest->data += size;
	rest->size -= size;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	_cleanup_buffer_ Buffer bytes = {};
	DeltaBytes old = {data + 2}, new = {data + 2};
	DeltaSink sink = {compare, NULL, &new};

	if (size < 2)
		return 0;
	old.size = little_u16(data) < size - 2 ? little_u16(data) : size - 2;
	new.data += old.size;
	new.size = size - 2 - old.size;
	if (delta_create(&old, 1, new.data, new.size, NULL, 0, &bytes, NULL) < 0 ||
		delta_patch_read(bytes.data, bytes.size, &patch, NULL) < 0 ||
		delta_apply_bytes(&patch, &old, 1, &sink, NULL) < 0 || new.size != 0)
		abort();
	return 0;
}
