/* SPDX-License-Identifier: Apache-2.0 */
#include "face/notify/told.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define FILE_NAME  "suture/told"
#define RECORD_MAX 256 /* bytes: four lines */

bool told_equal(const Told *a, const Told *b)
{
	return a->applied == b->applied && a->pending == b->pending && a->restart == b->restart &&
		a->warned == b->warned;
}

char *told_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *folder = NULL;

	if (state && state[0] == '/')
		return path_join(state, FILE_NAME);
	if (!home || home[0] != '/')
		return NULL;
	folder = path_join(home, ".local/state");
	return folder ? path_join(folder, FILE_NAME) : NULL;
}

static int take(Lines *lines, const char *key, uint64_t *ret_number)
{
	char *value;
	int r = lines_take(lines, key, &value);

	return r < 0 ? r : text_to_u64(value, UINT64_MAX, ret_number);
}

int told_read(const char *path, Told *ret_told)
{
	_cleanup_free_ uint8_t *text = NULL;
	Lines lines = {.what = "told"};
	Told told = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, RECORD_MAX, &text, &size);

	if (r == -ENOENT)
		return TOLD_NOTHING;
	if (r < 0)
		return r;
	lines.next = (char *)text;
	if (strlen((char *)text) != size || take(&lines, "applied", &told.applied) < 0 ||
		take(&lines, "pending", &told.pending) < 0 ||
		take(&lines, "restart", &told.restart) < 0 ||
		take(&lines, "warned", &told.warned) < 0 || lines_end(&lines) < 0)
		return TOLD_NOTHING;
	*ret_told = told;
	return 0;
}

int told_write(const char *path, const Told *told, Reason *reterr_reason)
{
	_cleanup_free_ char *text = memory_printf("applied %" PRIu64 "\npending %" PRIu64
						  "\nrestart %" PRIu64 "\nwarned %" PRIu64 "\n",
		told->applied, told->pending, told->restart, told->warned);
	int r = text ? path_make_parent(AT_FDCWD, path, 0700) : -ENOMEM;

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}
