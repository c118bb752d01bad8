/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/coder.h"

void coder_start(Coder *coder, const uint8_t *data, size_t size)
{
	*coder = (Coder){.range = UINT32_MAX,
		.next = data,
		.end = size > 0 ? data + size : data,
		.padded = size > 0 && data[size - 1] == 0};
	for (int i = 0; i < 4; i++) {
		coder->code <<= 8;
		if (coder->next < coder->end)
			coder->code |= *coder->next++;
	}
}

bool coder_ended(const Coder *coder)
{
	return coder->next == coder->end && !coder->padded;
}
