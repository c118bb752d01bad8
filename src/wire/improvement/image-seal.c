/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/image-seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int put(char *target, size_t size, const char *text, Reason *reason)
{
	if (snprintf(target, size, "%s", text) >= (int)size)
		return reason_set(reason, -EINVAL, "%s is too long for a seal", text);
	return 0;
}

int image_seal(const Index *index, const Improvement *improvement, size_t part, Seal *ret_seal,
	Reason *reterr_reason)
{
	const IndexImage *image = &improvement->images.items[part];
	Seal seal = {
		.sequence = (uint32_t)improvement->sequence,
		.part = (unsigned)part + 1,
		.parts = (unsigned)improvement->images.count,
		.image = image->sha256,
		.size = image->size,
		.verity_root = image->verity->root,
	};
	int r = put(seal.product, sizeof(seal.product), index->product, reterr_reason);

	if (r == 0)
		r = put(seal.base, sizeof(seal.base), index->base, reterr_reason);
	if (r == 0)
		r = put(seal.component, sizeof(seal.component), image->component, reterr_reason);
	for (size_t i = 0; r == 0 && i < image->directories.count; i++)
		r = seal_add_directory(&seal, image->directories.items[i], reterr_reason);
	if (r < 0)
		return r;
	memcpy(seal.verity_salt, image->verity->salt.bytes, VERITY_SALT_SIZE);
	*ret_seal = seal;
	return 0;
}
