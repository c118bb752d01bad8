/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/pause.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define PAUSE_TEXT_MAX 16 /* nine digits */

bool pause_is_on(const Store *store)
{
	return file_exists(store->root, PAUSE_PATH);
}

int pause_load(const Store *store, uint32_t *ret_shown)
{
	_cleanup_free_ uint8_t *text = NULL;
	uint64_t shown = 0;
	size_t size;

	if (!pause_is_on(store))
		return 1;
	if (file_read(store->root, PAUSE_PATH, PAUSE_TEXT_MAX, &text, &size) == 0 &&
		text_to_u64((char *)text, STORE_NUMBER_MAX, &shown) < 0)
		shown = 0;
	*ret_shown = (uint32_t)shown;
	return 0;
}

int pause_store(Store *store, uint32_t shown, Reason *reterr_reason)
{
	char text[PAUSE_TEXT_MAX];
	int r;

	snprintf(text, sizeof(text), "%u", shown);
	r = file_write_atomic(store->root, PAUSE_PATH, text, strlen(text), 0644);
	return r == 0 ? 0 : reason_errno(reterr_reason, r, "%s/" PAUSE_PATH, store->path);
}

void pause_clear(Store *store)
{
	file_remove(store->root, PAUSE_PATH);
}
