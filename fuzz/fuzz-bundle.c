/* SPDX-License-Identifier: Apache-2.0 */
/* An archive from anybody's stick. Checksums cannot be guessed, so they are made good first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "device/fetch/bundle.h"

#define CHECKSUM_AT   148
#define CHECKSUM_SIZE 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend_checksum(uint8_t *block)
{
	char text[CHECKSUM_SIZE];
	unsigned sum = 0;

	memset(block + CHECKSUM_AT, ' ', CHECKSUM_SIZE);
	for (size_t i = 0; i < BUNDLE_BLOCK_SIZE; i++)
		sum += block[i];
	if (sum == ' ' * CHECKSUM_SIZE) { /* an empty one */
		memset(block + CHECKSUM_AT, 0, CHECKSUM_SIZE);
		return;
	}
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(block + CHECKSUM_AT, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *copy = memory_copy(data, size);
	_cleanup_fd_ int fd = -1;
	BundleMember member;

	for (size_t at = 0; size - at >= BUNDLE_BLOCK_SIZE; at += BUNDLE_BLOCK_SIZE)
		mend_checksum(copy + at);
	fd = fd_of_data("bundle", copy, size);
	if (fd < 0 || bundle_find(fd, "metadata/timestamp.json", &member, NULL) < 0)
		return 0;
	if (member.offset > size || member.size > size - member.offset)
		abort();
	return 0;
}
