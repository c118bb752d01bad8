/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ImageSeal: the seal's text that belongs to an image of an index. The publisher signs it, the
 * stager writes it into the generation's record, the activator verifies it there. */
#include "wire/improvement/index.h"
#include "wire/seal/seal.h"

/* The seal of images.items[part] of an improvement. 0 or -EINVAL with a reason. */
int image_seal(const Index *index, const Improvement *improvement, size_t part, Seal *ret_seal,
	Reason *reterr_reason);
