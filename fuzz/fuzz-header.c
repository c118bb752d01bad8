/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields of a hostile server, line by line. */
#include <stdlib.h>
#include <string.h>

#include "device/fetch/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	Headers headers = {};

	while (size > 0) {
		const char *end = memchr(line, '\n', size);
		size_t length = end ? (size_t)(end - line) + 1 : size;

		if (headers_take(&headers, line, length) < 0)
			break;
		line += length;
		size -= length;
	}
	if (headers.bytes > HEADERS_BYTES_MAX || strlen(headers.etag) > FETCH_ETAG_MAX ||
		(headers.has_range && headers.range_first > headers.range_last))
		abort();
	return 0;
}
