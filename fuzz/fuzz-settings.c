/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the downloader: what is read comes out again to the byte. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/fetch/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[FETCH_SETTINGS_SIZE], again[FETCH_SETTINGS_SIZE];
	FetchSettings settings;
	int n;

	if (size >= sizeof(text) || memchr(data, '\0', size))
		return 0; /* the packet's reader refuses these */
	memcpy(text, data, size);
	text[size] = '\0';
	if (fetch_settings_parse(text, &settings) < 0)
		return 0;
	n = fetch_settings_write(&settings, again);
	if (n != (int)size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
