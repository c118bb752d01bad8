/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <string.h>

#include "base/buffer.h"

/* What may not stand in the path of an address as it is (section 3.3), beside blanks. */
#define NOT_IN_PATHS "\"#%<>?[\\]^`{|}"

char *address_encode_path(const char *path)
{
	_cleanup_buffer_ Buffer encoded = {};
	int r = buffer_text(&encoded, "");

	for (; r == 0 && *path; path++) {
		unsigned char c = (unsigned char)*path;

		r = c <= ' ' || c >= 0x7f || strchr(NOT_IN_PATHS, c)
			? buffer_printf(&encoded, "%%%02X", (unsigned)c)
			: buffer_append(&encoded, path, 1);
	}
	return r < 0 ? NULL : (char *)TAKE_PTR(encoded.data);
}
