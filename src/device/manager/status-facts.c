/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/status-facts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "device/manager/activity.h"
#include "device/manager/notes.h"
#include "device/manager/services.h"
#include "device/manager/state.h"
#include "device/manager/status.h"
#include "device/policy/waiting.h"
#include "device/store/history.h"
#include "wire/json/document.h"
#include "wire/seal/seal.h"

#define NOTES_LOOKED_AT 64 /* as many as are kept (device/store/notes-file.h) */

/* After which nothing is on that was on before. */
static const char *const endings[] = {"deactivated", "removed", "reverted", NULL};
static const char *const beginnings[] = {"activated", "installed", NULL};

/* A boot records nothing, so the first word of it since the last end is when it was installed. */
static json_t *find_since(const Manager *manager, const Generation *mounted, uint32_t number)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	const char *since = NULL;
	size_t count = 0;

	if (mounted)
		(void)history_read(manager->store, &entries, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		const HistoryEntry *entry = &entries[i];

		if (text_index(endings, entry->event) >= 0 ||
			(strcmp(entry->event, "activated") == 0 && entry->generation != number))
			since = NULL;
		else if (!since && entry->generation == number &&
			text_index(beginnings, entry->event) >= 0)
			since = entry->time;
	}
	return since ? json_string(since) : json_null();
}

/* The seals of a record that is mounted were proved by the activator. */
static bool read_seal(const Generation *mounted, size_t i, Seal *ret_seal)
{
	const GenerationImage *image = &mounted->images[i];

	return seal_parse(image->seal, image->seal_size, ret_seal, NULL) == 0;
}

static json_t *list_components(const Generation *mounted)
{
	json_t *list = json_array();
	Seal seal;

	for (size_t i = 0; mounted && i < mounted->image_count; i++)
		if (read_seal(mounted, i, &seal))
			json_array_append_new(list, json_string(seal.component));
	return list;
}

static json_int_t size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (json_int_t)st.st_size : 0;
}

/* Images with their hash trees. */
static json_int_t bytes_of(const Manager *manager, const Generation *mounted)
{
	json_int_t bytes = 0;
	Seal seal;

	for (size_t i = 0; mounted && i < mounted->image_count; i++) {
		_cleanup_fd_ int image = -1, tree = -1;

		if (!read_seal(mounted, i, &seal))
			continue;
		(void)store_open_image(manager->store, &seal.image, &image, NULL);
		(void)store_open_tree(manager->store, &seal.image, &tree, NULL);
		bytes += size_of(image) + size_of(tree);
	}
	return bytes;
}

/* Whether a graft is neither on, nor only waits for the next restart. */
static bool is_disturbed(const json_t *activation)
{
	static const char *const fine[] = {"on", "leftover", "missing", NULL};
	const json_t *directories = json_object_get(activation, "directory");

	for (size_t i = 0; i < json_array_size(directories); i++)
		if (text_index(fine, document_text(json_array_get(directories, i), "state")) < 0)
			return true;
	return json_array_size(json_object_get(activation, "cover")) > 0 ||
		!json_is_integer(json_object_get(activation, "mounted"));
}

static bool is_whole(const json_t *activation)
{
	const json_t *directories = json_object_get(activation, "directory");

	for (size_t i = 0; i < json_array_size(directories); i++)
		if (strcmp(document_text(json_array_get(directories, i), "state"), "on") != 0)
			return false;
	return !is_disturbed(activation);
}

static bool is_running_trial(const json_t *status)
{
	return strcmp(document_text(json_object_get(status, "trial"), "state"), "running") == 0;
}

/* What only waits for the next restart does not count, nor what somebody has taken off for now. */
static const char *health_of(const json_t *status, RestartScope restart)
{
	const json_t *activation = json_object_get(status, "activation");
	bool is_applied = document_number(status, "sequence") > 0;

	if (json_object_get(activation, "paused") ||
		(!is_applied && document_number(status, "selected") == 0))
		return NULL;
	if (is_disturbed(activation) || (restart == RESTART_NONE && !is_whole(activation)))
		return "impaired";
	return !is_applied ? NULL : is_running_trial(status) ? "trial" : "healthy";
}

/* What is selected and not mounted, though nothing is in its way, takes a restart of the system,
 * whatever it says of services: what could be grafted while it runs is not staged. */
static RestartScope find_restart(const json_t *status, const Manager *manager, json_t **ret_fixes)
{
	const json_t *activation = json_object_get(status, "activation");
	_cleanup_(generation_freep) Generation *generation = NULL;
	RestartScope scope;
	uint64_t sequence;
	uint32_t number;

	if (manager_installed(manager, &number, &sequence, NULL) < 0 || sequence == 0 ||
		json_object_get(activation, "paused") || is_disturbed(activation) ||
		document_number(activation, "mounted") == number)
		return RESTART_NONE;
	(void)store_read_generation(manager->store, number, &generation, NULL);
	*ret_fixes = status_fixes(generation);
	scope = services_scope(generation);
	if (scope >= RESTART_SOFT_REBOOT)
		return scope;
	/* between the two steps of a switch: it is selected, and will be grafted at once */
	return activity_read(manager->store) == ACTIVITY_INSTALLING ? RESTART_NONE
								    : RESTART_SOFT_REBOOT;
}

static const char *find_state(const json_t *status, const Manager *manager, RestartScope restart)
{
	const json_t *offer = json_object_get(status, "offer");
	const StateFacts facts = {
		.activity = activity_words[activity_read(manager->store)],
		.is_on_trial = is_running_trial(status),
		.needs_restart = restart != RESTART_NONE,
		.is_offered =
			strcmp(document_text(offer, "state"), offer_states[OFFER_AVAILABLE]) == 0,
		.check_failed = json_is_string(
			json_object_get(json_object_get(status, "checks"), "problem")),
	};

	return state_word(&facts);
}

/* A countdown that nobody ended, of an agent that was, is over with its time. */
static json_t *describe_restart(const Waiting *waiting)
{
	char text[TIME_TEXT_SIZE];

	if (waiting->restart_at <= time_now())
		return json_null();
	time_format(waiting->restart_at, text);
	return json_string(text);
}

/* What the agent planned; where none runs, what the next one will: after a failure that is a matter
 * of minutes, and of chance. */
static json_t *find_next_check(const Manager *manager, const Waiting *waiting)
{
	int64_t next = manager->checked.succeeded + manager->config.interval;
	char text[TIME_TEXT_SIZE];

	if (manager_need_config(manager, NULL) < 0)
		return json_null();
	if (waiting->next_check > manager->checked.succeeded)
		next = waiting->next_check;
	else if (manager->checked.succeeded == 0 || manager->checked.problem)
		return json_null();
	time_format(next, text);
	return json_string(text);
}

/* Those of what restarts something; null where it may be at any time. */
static json_t *describe_window(const Config *config)
{
	int64_t now = time_now(), next;
	char text[TIME_TEXT_SIZE];

	if (config->window_count == 0)
		return json_null();
	if (window_next(config->windows, config->window_count, now, &next) < 0)
		return json_pack("{s:b, s:n}", "open", false, "opens");
	time_format(next, text);
	return json_pack("{s:b, s:s}", "open", next <= now, "opens", text);
}

static void defer(json_t *list, const char *reason, const char *text)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "reason", reason, "text", text));
}

static void defer_offer(json_t *list, const json_t *offer)
{
	static const char *const words[] = {
		[OFFER_WAITS_ROLLOUT] = "rollout",
		[OFFER_WAITS_HOLD] = "held",
		[OFFER_NEEDS_NEWER_BASE] = "newer-base",
		[OFFER_REMOVED_BY_OWNER] = "removed",
		[OFFER_FAILED_BEFORE] = "failed-before",
	};
	int state = text_index(offer_states, document_text(offer, "state"));
	const char *why = document_text(offer, "why");

	if (why[0] && state > OFFER_AVAILABLE && (size_t)state < ARRAY_SIZE(words))
		defer(list, words[state], why);
}

/* Whether that word is in the list already, with a better sentence. */
static bool is_deferred(const json_t *list, const char *word)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(document_text(json_array_get(list, i), "reason"), word) == 0)
			return true;
	return false;
}

/* What the agent found, of what is still offered or staged. */
static void defer_waits(json_t *list, const json_t *status, const Waiting *waiting)
{
	uint64_t offered = (uint64_t)document_number(json_object_get(status, "offer"), "sequence");
	uint64_t selected = (uint64_t)document_number(status, "selected");

	if (waiting->sequence == 0 ||
		(waiting->sequence != offered && waiting->sequence != selected))
		return;
	for (size_t i = 0; i < WAIT_REASONS; i++)
		if (waiting->waits & WAIT_BIT(i) && !is_deferred(list, wait_words[i]))
			defer(list, wait_words[i], waiting_text((WaitReason)i));
}

static void defer_automatic(json_t *list, const json_t *status)
{
	const char *mode = document_text(status, "automatic");
	const json_t *offer = json_object_get(status, "offer");

	if (strcmp(document_text(offer, "state"), offer_states[OFFER_AVAILABLE]) != 0 || !mode[0] ||
		strcmp(mode, config_automatic_words[AUTOMATIC_INSTALL]) == 0)
		return;
	defer(list, wait_words[WAIT_AUTOMATIC],
		strcmp(mode, config_automatic_words[AUTOMATIC_OFF]) == 0
			? "suture.conf has automatic = off: nothing is installed by itself"
			: "suture.conf has automatic = download: it is downloaded by itself, and "
			  "installed by hand");
}

static json_t *list_deferred(const json_t *status, const Waiting *waiting)
{
	json_t *list = json_array();

	defer_offer(list, json_object_get(status, "offer"));
	defer_automatic(list, status);
	if (json_object_get(json_object_get(status, "activation"), "paused"))
		defer(list, "base-change",
			"somebody changes the base: grafts are off until 'suture-activate resume'");
	defer_waits(list, status, waiting);
	return list;
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static void add_exploited(json_t *list, const json_t *status, const FixesList *notes)
{
	const json_t *offered = json_object_get(json_object_get(status, "offer"), "cves");

	for (size_t i = 0; i < notes->notes.count; i++)
		for (size_t k = 0; k < notes->notes.items[i].fixes.count; k++) {
			const Fix *fix = &notes->notes.items[i].fixes.items[k];
			bool is_shown = has_text(json_object_get(status, "fixes"), fix->cve) ||
				has_text(json_object_get(status, "selected_fixes"), fix->cve) ||
				has_text(offered, fix->cve);

			if (fix->exploited && is_shown && !has_text(list, fix->cve))
				json_array_append_new(list, json_string(fix->cve));
		}
}

/* What is carried over is in the notes of older ones. Those that are not here say nothing. */
static json_t *list_exploited(const json_t *status, const Manager *manager)
{
	json_int_t offered = document_number(json_object_get(status, "offer"), "sequence");
	json_int_t newest = document_number(status, "selected"), oldest;
	json_t *list = json_array();

	if (document_number(status, "sequence") > newest)
		newest = document_number(status, "sequence");
	if (offered > newest)
		newest = offered;
	oldest = newest > NOTES_LOOKED_AT ? newest - NOTES_LOOKED_AT : 0;
	for (json_int_t sequence = newest; sequence > oldest; sequence--) {
		_cleanup_fixes_list_ FixesList notes = {};

		if (manager_notes(manager, (uint64_t)sequence, &notes, NULL) == 0)
			add_exploited(list, status, &notes);
	}
	return list;
}

static int set(json_t *status, const char *name, json_t *value)
{
	return json_object_set_new(status, name, value) < 0 ? -ENOMEM : 0;
}

static int add_applied(
	json_t *status, const Manager *manager, const Generation *mounted, RestartScope restart)
{
	const json_t *activation = json_object_get(status, "activation");
	uint64_t sequence = (uint64_t)document_number(status, "sequence");
	const Improvement *applied =
		sequence > 0 && manager->has_index ? index_find(&manager->index, sequence) : NULL;
	const char *health = health_of(status, restart);
	int r = set(status, "since",
		find_since(manager, mounted, (uint32_t)document_number(activation, "mounted")));

	if (r == 0)
		r = set(status, "health", health ? json_string(health) : json_null());
	if (r == 0)
		r = set(status, "components", list_components(mounted));
	if (r == 0)
		r = set(status, "bytes", json_integer(bytes_of(manager, mounted)));
	if (r == 0)
		r = set(status, "advisory",
			applied && applied->advisory ? json_string(applied->advisory)
						     : json_null());
	return r < 0
		? r
		: set(status, "urgency",
			  applied ? json_string(urgency_names[applied->urgency]) : json_null());
}

int status_facts_add(json_t *status, const Manager *manager, const Generation *mounted)
{
	json_t *fixes = NULL;
	RestartScope restart = find_restart(status, manager, &fixes);
	Waiting waiting = {};
	int r = add_applied(status, manager, mounted, restart);

	if (r == 0)
		r = waiting_read(manager->root, &waiting);
	if (!fixes)
		fixes = json_array();
	r = json_object_set_new(status, "selected_fixes", fixes) < 0 ? -ENOMEM : r;
	if (r == 0)
		r = set(status, "exploited", list_exploited(status, manager));
	if (r == 0)
		r = set(status, "restart_needed", json_string(restart_scope_names[restart]));
	if (r == 0)
		r = set(status, "state", json_string(find_state(status, manager, restart)));
	if (r == 0)
		r = set(status, "next_check", find_next_check(manager, &waiting));
	if (r == 0)
		r = set(status, "restart_at", describe_restart(&waiting));
	if (r == 0)
		r = set(status, "window", describe_window(&manager->config));
	return r < 0 ? r : set(status, "deferred", list_deferred(status, &waiting));
}
