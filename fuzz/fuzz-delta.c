/* SPDX-License-Identifier: Apache-2.0 */
/* Applying a patch of hostile bytes to known old files. */
#include <fcntl.h>

#include "base/file.h"
#include "sample.h"
#include "wire/delta/apply/apply.h"

#define TARGET_MAX                                                                                 \
	((uint64_t)1 << 16) /* keeps a run short; the caller of apply has a limit too              \
			     */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int discard(void *userdata, const uint8_t *data, size_t size)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const DeltaSink sink = {discard, NULL, NULL};
	static Sample sample;
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	static uint8_t *executable;
	static size_t executable_size;
	DeltaBytes sources[] = {{sample.old, 8000}, {sample.old, 200}};

	if (sample.old_size == 0) {
		sample_make(&sample, 2, 8000);
		if (file_read(AT_FDCWD, TEST_SOURCE_ROOT "/tests/vectors/delta/executable-old.elf",
			    TARGET_MAX, &executable, &executable_size) < 0)
			abort();
	}
	if (delta_patch_read(data, size, &patch, NULL) < 0)
		return 0;
	if (patch.target_size > TARGET_MAX || patch.source_count > ARRAY_SIZE(sources))
		return 0;
	if (patch.segment_count > 0 && patch.segments[0].codec == DELTA_CODEC_EXECUTABLE)
		sources[0] = (DeltaBytes){executable, executable_size};
	/* A digest cannot be guessed: take any, so that the codecs are reached. */
	for (size_t i = 0; i < patch.source_count; i++) {
		patch.sources[i].size = sources[i].size;
		delta_digest(sources[i].data, sources[i].size, patch.sources[i].digest,
			DELTA_SOURCE_DIGEST);
	}
	(void)delta_apply_bytes(&patch, sources, patch.source_count, &sink, NULL);
	return 0;
}
