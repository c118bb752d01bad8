/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/edit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/memory.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

/* The channels of the bases, in the order of the workspace; loaded when a label needs them. */
typedef struct Editing {
	const Edit *edit;
	Desk *desk;
	Channels *channels;
	json_t *told;
} Editing;

static void editing_done(Editing *editing)
{
	for (size_t i = 0; editing->channels && i < editing->desk->workspace.list.bases.count; i++)
		channels_done(&editing->channels[i]);
	free(editing->channels);
	json_decref(editing->told);
}

int edit_parse_label(
	const char *label, char **ret_version, uint64_t *ret_sequence, Reason *reterr_reason)
{
	const char *dash = strrchr(label, '-');

	if (!dash || dash == label || label_parse(dash + 1, ret_sequence) < 0)
		return reason_set(reterr_reason, -EINVAL,
			"%s is no label: one like 26.3.1-a is expected", label);
	*ret_version = memory_string_n(label, (size_t)(dash - label));
	return *ret_version ? 0 : -ENOMEM;
}

int edit_find(const Letter *letter, const char *name, Channel **ret_channel,
	Improvement **ret_improvement, Reason *reterr_reason)
{
	Channel *channel = channels_find(letter->channels, name);
	const Improvement *found = channel ? index_find(&channel->index, letter->sequence) : NULL;

	if (!found)
		return reason_set(reterr_reason, EDIT_ABSENT, "channel %s of base %s lists no %s",
			name, letter->base->name, letter->shown);
	*ret_channel = channel;
	*ret_improvement =
		&channel->index.improvements.items[found - channel->index.improvements.items];
	return 0;
}

static bool is_asked_for(const Base *base)
{
	for (size_t i = 0; i < arguments.bases.count; i++)
		if (strcmp(arguments.bases.items[i], base->name) == 0)
			return true;
	return arguments.bases.count == 0;
}

static int check_bases(const Workspace *workspace, const char *version, Reason *reason)
{
	for (size_t i = 0; i < arguments.bases.count; i++) {
		const Base *base;
		int r = workspace_find_base(workspace, arguments.bases.items[i], &base, reason);

		if (r < 0)
			return r;
		if (strcmp(base->version, version) != 0)
			return reason_set(reason, -ENOENT, "base %s is %s, not %s", base->name,
				base->version, version);
	}
	return 0;
}

static int describe(const Editing *editing, const Letter *letter, json_t **ret_entry)
{
	char machine[LABEL_TEXT_SIZE];

	label_machine(letter->base->version, letter->sequence, machine);
	*ret_entry = json_pack("{s:s, s:s, s:I, s:s, s:s}", "base", letter->base->name, "base_key",
		letter->base->key, "sequence", (json_int_t)letter->sequence, "label", letter->shown,
		"machine_label", machine);
	return *ret_entry ? 0 : -ENOMEM;
}

static int change_one(Editing *editing, size_t n, uint64_t sequence, Reason *reason)
{
	Desk *desk = editing->desk;
	Channels *channels = &editing->channels[n];
	Letter letter = {
		channels, &desk->workspace.list.bases.items[n], sequence, desk->repository.now, ""};
	_cleanup_json_ json_t *entry = NULL;
	int r = label_shown(letter.base->version, sequence, letter.shown);

	if (r == 0 && !channels->repository)
		r = channels_load(&desk->repository, letter.base, channels, reason);
	if (r == 0)
		r = describe(editing, &letter, &entry);
	if (r == 0)
		r = editing->edit->change(&letter, entry, reason);
	if (r == 0 && json_array_append(editing->told, entry) < 0)
		r = -ENOMEM;
	return r;
}

/* A base that was named must have it; of the others, one at least. */
static int is_passed_over(int r)
{
	return r == EDIT_DONE || (r == EDIT_ABSENT && arguments.bases.count == 0);
}

static int change_label(Editing *editing, const char *label)
{
	Desk *desk = editing->desk;
	_cleanup_free_ char *version = NULL;
	uint64_t sequence;
	size_t changed = 0;
	int before = EDIT_ABSENT, r = edit_parse_label(label, &version, &sequence, &desk->reason);

	if (r == 0)
		r = check_bases(&desk->workspace, version, &desk->reason);
	if (r < 0)
		return r;
	reason_set(&desk->reason, 0, "no registered base has the version %s", version);
	for (size_t i = 0; i < desk->workspace.list.bases.count; i++) {
		const Base *base = &desk->workspace.list.bases.items[i];
		Reason reason = {};

		if (strcmp(base->version, version) != 0 || !is_asked_for(base))
			continue;
		r = change_one(editing, i, sequence, &reason);
		changed += r == 0;
		if (r != 0 && (r >= before || !is_passed_over(r)))
			desk->reason = reason;
		if (r != 0 && !is_passed_over(r))
			return r < 0 ? r : -ENOENT;
		before = r > before ? r : before;
	}
	if (changed > 0)
		return 0;
	return before == EDIT_DONE ? -ENODATA : -ENOENT;
}

static int open_editing(Editing *editing, Desk *desk)
{
	int r = desk_open_for_change(desk);

	if (r < 0)
		return r;
	editing->told = json_array();
	editing->channels =
		memory_new_array(desk->workspace.list.bases.count, sizeof(*editing->channels));
	return editing->told && editing->channels ? 0 : -ENOMEM;
}

/* "hold 26.3.1-a 26.3.2-a" */
static char *words_of(const char *verb, int count, char **labels)
{
	_cleanup_buffer_ Buffer words = {};
	int r = buffer_text(&words, verb);

	for (int i = 0; r == 0 && i < count; i++)
		r = buffer_printf(&words, " %s", labels[i]);
	return r == 0 ? (char *)TAKE_PTR(words.data) : NULL;
}

static int commit(Editing *editing, int count, char **labels)
{
	Desk *desk = editing->desk;
	_cleanup_free_ char *words = words_of(editing->edit->verb, count, labels);
	int r = words ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < desk->workspace.list.bases.count; i++)
		r = channels_write(&editing->channels[i], &desk->reason);
	return r < 0 ? r : desk_commit(desk, words, false);
}

static int tell(const Editing *editing)
{
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:O}", "schema", 1, "verb",
			editing->edit->verb, "improvements", editing->told));
	for (size_t i = 0; i < json_array_size(editing->told); i++)
		editing->edit->print(json_array_get(editing->told, i));
	return EXIT_OK;
}

int edit_run(const Edit *edit, int count, char **labels)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_(editing_done) Editing editing = {.edit = edit, .desk = &desk};
	int r = open_editing(&editing, &desk);

	for (int i = 0; r == 0 && i < count; i++)
		r = change_label(&editing, labels[i]);
	if (r == 0)
		r = commit(&editing, count, labels);
	return r != 0 ? desk_fail(&desk, r) : tell(&editing);
}
