/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/status-trial.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "device/store/history.h"
#include "device/store/trial.h"
#include "wire/terms/label.h"

/* Events that say nothing of what is shown. */
static const char *const silent[] = {"downloaded", "refused", "enrolled", NULL};

static json_t *label_of(const Manager *manager, uint32_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char text[LABEL_TEXT_SIZE];

	if (number > 0)
		(void)store_read_generation(manager->store, number, &generation, NULL);
	label_shown(manager->identity.version_id, generation ? generation->sequence : 0, text);
	return json_string(text);
}

/* Seconds until the verdict; a boot has taken the record's try before it grafted. */
static int64_t seconds_left(const Trial *trial)
{
	unsigned window = trial->tries == 0 ? trial->boot_window : trial->window;
	int64_t left = (int64_t)(trial->started + window) - (int64_t)time_boot_seconds();

	return left > 0 ? left : 0;
}

static json_t *describe(const Manager *manager, const Trial *trial, bool is_running)
{
	char until[TIME_TEXT_SIZE];
	json_t *object = json_pack("{s:I, s:o, s:o, s:s, s:I}", "generation",
		(json_int_t)trial->generation, "label", label_of(manager, trial->generation),
		"before", label_of(manager, trial->before), "state",
		is_running ? "running" : "waits", "units", (json_int_t)trial->unit_count);

	if (!object || !is_running)
		return object;
	time_format(time_now() + seconds_left(trial), until);
	json_object_set_new(object, "until", json_string(until));
	json_object_set_new(object, "seconds_left", json_integer((json_int_t)seconds_left(trial)));
	return object;
}

json_t *trial_json(const Manager *manager)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	char boot[TRIAL_BOOT_ID_LEN + 1];
	uint32_t current;

	if (trial_load(manager->store, &trial, NULL) != 0 ||
		store_current(manager->store, &current, NULL) < 0 || trial->generation != current ||
		trial_boot_id(boot, NULL) < 0)
		return json_null();
	return describe(manager, trial, strcmp(boot, trial->boot) == 0);
}

static bool is_of_this_base(const Manager *manager, uint32_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;

	return store_read_generation(manager->store, number, &generation, NULL) == 0 &&
		manager_is_of_base(manager, generation);
}

json_t *reverted_json(const Manager *manager)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	const HistoryEntry *last;
	size_t count;

	if (history_read(manager->store, &entries, &count, NULL) < 0)
		return json_null();
	while (count > 0 && text_index(silent, entries[count - 1].event) >= 0)
		count--;
	last = count > 0 ? &entries[count - 1] : NULL;
	if (!last || strcmp(last->event, "reverted") != 0 ||
		!is_of_this_base(manager, last->generation))
		return json_null();
	return json_pack("{s:I, s:o, s:s, s:s}", "generation", (json_int_t)last->generation,
		"label", label_of(manager, last->generation), "time", last->time, "why",
		last->text);
}
