/* SPDX-License-Identifier: Apache-2.0 */
/* The partition table of any disk image, and the choice of its root. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "vendor/files/gpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ Gpt *gpt = memory_new(sizeof(*gpt));
	const GptPartition *chosen;
	Reason reason = {};

	if (!gpt || gpt_read(data, size, gpt, &reason) <= 0)
		return 0;
	if (gpt->count > GPT_PARTITIONS_MAX)
		abort();
	for (size_t i = 0; i < gpt->count; i++) {
		const GptPartition *partition = &gpt->items[i];

		if (partition->size == 0 || partition->offset > INT64_MAX ||
			strlen(partition->label) >= GPT_LABEL_SIZE)
			abort();
	}
	if (gpt_choose(gpt, NULL, "x86_64", &chosen, &reason) == 0 &&
		(chosen < gpt->items || chosen >= gpt->items + gpt->count))
		abort();
	(void)gpt_choose(gpt, "1", "x86_64", &chosen, &reason);
	return 0;
}
