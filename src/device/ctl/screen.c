/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "device/store/history.h"
#include "wire/json/document.h"

#define SCHEMA 1

json_t *screen_history(const Manager *manager, Reason *reterr_reason)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	json_t *list;
	size_t count;

	if (history_read(manager->store, &entries, &count, reterr_reason) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:s}", "time", entries[i].time, "event",
				entries[i].event, "generation", (json_int_t)entries[i].generation,
				"sequence", (json_int_t)entries[i].sequence, "text",
				entries[i].text));
	return json_pack("{s:i, s:o}", "schema", SCHEMA, "history", list);
}

json_t *screen_error(int error, const Reason *reason)
{
	ExitCode code = exit_code_of(error);

	return json_pack("{s:i, s:{s:i, s:s, s:s}}", "schema", SCHEMA, "error", "code", (int)code,
		"word", exit_word(code), "text", reason->text[0] ? reason->text : strerror(-error));
}

int screen_print_json(const json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};
	int r = json ? document_write(json, &buffer) : -ENOMEM;

	return r < 0 ? r : fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
}
