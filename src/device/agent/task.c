/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/task.h"

#include <string.h>

#include "base/text.h"
#include "wire/json/document.h"

static int read_word(const json_t *object, const char *member, const char *const *words)
{
	int index = text_index(words, document_text(object, member));

	return index < 0 ? 0 : index;
}

static void read_offer(const json_t *offer, Task *task)
{
	const char *state = document_text(offer, "state");

	task->work.is_held = strcmp(state, "held") == 0;
	task->work.waits_for_rollout = strcmp(state, "rollout") == 0;
	if (strcmp(state, "available") != 0 && !task->work.is_held && !task->work.waits_for_rollout)
		return;
	task->sequence = (uint64_t)document_number(offer, "sequence");
	task->is_downloaded = json_is_true(json_object_get(offer, "downloaded"));
	task->work.download =
		task->is_downloaded ? 0 : (uint64_t)document_number(offer, "download_bytes");
	task->work.space =
		task->is_downloaded ? 0 : (uint64_t)document_number(offer, "image_bytes");
	task->work.urgency = (Urgency)read_word(offer, "urgency", urgency_names);
	task->work.published = document_time(offer, "published");
	task->work.scope = (RestartScope)read_word(offer, "scope", restart_scope_names);
}

static void read_pending(const json_t *status, uint64_t selected, Task *task)
{
	task->is_pending = true;
	task->is_downloaded = true;
	task->sequence = selected;
	task->work.scope = (RestartScope)read_word(status, "restart_needed", restart_scope_names);
}

void task_read(const json_t *status, Task *ret_task)
{
	uint64_t selected = (uint64_t)document_number(status, "selected");
	Task task = {.version = document_text(status, "version"),
		.installed = (uint64_t)document_number(status, "sequence")};

	if (strcmp(document_text(status, "state"), "restart-required") == 0)
		read_pending(status, selected, &task);
	else
		read_offer(json_object_get(status, "offer"), &task);
	task.work.postponed_until =
		document_time(json_object_get(status, "policy"), "postponed_until");
	*ret_task = task;
}

int64_t task_deadline(const Policy *policy, const Task *task)
{
	EnforcementNext next;
	const Config *config = &policy->config;
	const EnforcementDevice device = {
		.version = task->version, .installed = task->installed, .offered = task->sequence};

	return enforcement_next(config->enforcements, config->enforcement_count, &device, &next) ==
			0
		? next.deadline
		: 0;
}
