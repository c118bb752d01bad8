/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "device/activate/guard.h"
#include "device/activate/holder.h"
#include "device/activate/pause.h"
#include "device/store/history.h"

/* Everything that is looked at, once, so that the lines agree with each other. */
typedef struct View {
	uint32_t current;
	Plan *plan; /* an empty one when the current generation cannot be proved */
	MountTable *table;
	HeldList held;
	Reason problem;
} View;

static void view_done(View *view)
{
	plan_free(view->plan);
	mount_table_free(view->table);
	held_list_done(&view->held);
}

static int look(const Activation *activation, View *view, Reason *reterr_reason)
{
	const Store *store = activation->store;
	int r = store_current(store, &view->current, &view->problem);

	if (r == 0)
		r = plan_make(
			activation->runtime, view->current, false, &view->plan, &view->problem);
	if (r < 0 && r != -ENOMEM)
		r = plan_make(activation->runtime, 0, false, &view->plan, NULL);
	if (r == 0)
		r = plan_inspect(view->plan, activation->runtime, reterr_reason);
	if (r == 0)
		r = mount_table_read("/proc/self/mountinfo", &view->table, reterr_reason);
	if (r == 0)
		r = runtime_held(activation->runtime, view->table, &view->held);
	return r;
}

static bool current_is_shown(const View *view)
{
	for (size_t i = 0; i < view->plan->graft_count; i++)
		if (view->current > 0 && view->plan->grafts[i].generation == view->current)
			return true;
	return false;
}

/* A directory of a generation that waits for the next boot shows the base, and is no part of what
 * is mounted now. One of a generation of which something is shown is missing in truth. */
static bool is_waiting(const Graft *graft)
{
	return graft->state == GRAFT_MISSING || graft->state == GRAFT_FOREIGN;
}

/* Of what is not there whole, some files are the base's. */
static uint32_t shown_of(const Graft *graft)
{
	return graft->state == GRAFT_MISSING ? 0 : graft->generation;
}

/* Whether directories of what is shown until the next restart do not show it. Their record is
 * another one than the view's. */
static int find_torn(const Activation *activation, uint32_t number, bool *ret_torn)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = plan_make(activation->runtime, number, false, &plan, NULL);

	if (r == 0)
		r = plan_inspect(plan, activation->runtime, NULL);
	*ret_torn = r == 0 && plan_changes(plan) > 0;
	return r == -ENOMEM ? r : 0;
}

static int print_mounted(const View *view, const Activation *activation, Buffer *buffer)
{
	bool shown = current_is_shown(view), any = false, mixed = false;
	uint32_t mounted = 0;
	int r = 0;

	for (size_t i = 0; i < view->plan->graft_count; i++) {
		const Graft *graft = &view->plan->grafts[i];

		if (!shown && is_waiting(graft))
			continue;
		mixed = mixed || (any && shown_of(graft) != mounted);
		mounted = shown_of(graft);
		any = true;
	}
	if (!shown && !mixed && mounted > 0)
		r = find_torn(activation, mounted, &mixed);
	if (r < 0)
		return r;
	if (mixed)
		return buffer_text(buffer, "mounted mixed\n");
	return buffer_printf(buffer, "mounted %u\n", mounted);
}

static int print_seal(const Store *store, Buffer *buffer)
{
	SealPolicy policy;
	int r = store_read_policy(store, &policy, NULL);

	if (r == -ENOMEM)
		return r;
	return buffer_printf(buffer, "seal %s\n",
		r < 0                     ? "unreadable"
			: policy.required ? "required"
					  : "digest-only");
}

static int print_directories(const View *view, Buffer *buffer)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < view->plan->graft_count; i++) {
		const Graft *graft = &view->plan->grafts[i];

		r = buffer_printf(buffer, "directory state=%s graft=%s generation=%u path=%s\n",
			graft_state_names[graft->state], graft->by_file ? "files" : "overlay",
			shown_of(graft), graft->directory);
		if (r == 0 && graft->cover)
			r = buffer_printf(
				buffer, "cover by=%s path=%s\n", graft->cover, graft->directory);
	}
	return r;
}

/* The mount of an image below /run/suture; NULL when it is not mounted. */
static const MountEntry *image_mount(const View *view, const Runtime *runtime, const char *digest)
{
	size_t length = strlen(runtime->path);

	for (size_t i = 0; i < view->table->count; i++) {
		const MountEntry *entry = &view->table->entries[i];

		if (strncmp(entry->point, runtime->path, length) == 0 &&
			text_starts_with(entry->point + length, "/image/") &&
			strcmp(entry->point + length + strlen("/image/"), digest) == 0)
			return entry;
	}
	return NULL;
}

static int print_image(const View *view, const Runtime *runtime, const Seal *seal, Buffer *buffer)
{
	const char *backing = "none", *source = "";
	const MountEntry *mount;
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(&seal->image, digest);
	mount = image_mount(view, runtime, digest);
	if (mount) {
		source = mount->source;
		backing = text_starts_with(source, "/dev/loop") ? "loop"
			: text_starts_with(source, "/dev/dm-")  ? "device"
								: "file";
	}
	return buffer_printf(buffer, "image digest=%s component=%s sealed=%s backing=%s\n", digest,
		seal->component, sealed_by_names[sealed_by(runtime->store, seal, source)], backing);
}

static int print_images(const View *view, const Runtime *runtime, Buffer *buffer)
{
	const Proof *proof = view->plan->proof;
	int r = 0;

	for (size_t i = 0; proof && r == 0 && i < proof->seal_count; i++)
		r = print_image(view, runtime, &proof->seals[i], buffer);
	return r;
}

static bool is_shown(const View *view, const Held *held)
{
	for (size_t i = 0; i < view->plan->graft_count; i++)
		if (view->plan->grafts[i].shown &&
			strcmp(view->plan->grafts[i].shown, held->point) == 0)
			return true;
	return false;
}

static int print_held(const View *view, Buffer *buffer)
{
	size_t count = view->held.count;
	_cleanup_free_ bool *old = memory_new_array(count, sizeof(*old));
	_cleanup_free_ pid_t *pids = memory_new_array(count, sizeof(*pids));
	int r;

	if (!old || !pids)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		old[i] = !is_shown(view, &view->held.items[i]);
	r = holder_find(&view->held, old, pids);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (old[i])
			r = buffer_printf(buffer, "held generation=%u pid=%d path=%s\n",
				view->held.items[i].generation, (int)pids[i],
				view->held.items[i].directory);
	return r;
}

static int print_trial(const Activation *activation, Buffer *buffer)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	int r = activation_trial(activation, &trial, NULL);

	if (r != 0)
		return r == -ENOMEM ? r : 0;
	return buffer_printf(buffer,
		"trial generation=%u before=%u tries=%u window=%u boot-window=%u guard=%s\n",
		trial->generation, trial->before, trial->tries, trial->window, trial->boot_window,
		guard_is_there(activation->runtime) ? "on" : "off");
}

/* Positive: there is none. */
static int print_note(
	const Activation *activation, const char *name, const char *word, Buffer *buffer)
{
	_cleanup_free_ char *text = NULL;

	if (runtime_note(activation->runtime, name, &text) != 0)
		return 1;
	return buffer_printf(buffer, "%s %s\n", word, text);
}

static bool is_of_showing(const char *event)
{
	static const char *const events[] = {
		"activated", "deactivated", "selected", "settled", "reverted", NULL};

	return text_index(events, event) >= 0;
}

/* What a revert left to tell goes with the machine's restart, which may be a part of it: until
 * something else is shown or settles, the history has it. */
static int print_last_revert(const Activation *activation, Buffer *buffer)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	size_t count = 0;
	int r = history_read(activation->store, &entries, &count, NULL);

	while (r == 0 && count > 0 && !is_of_showing(entries[count - 1].event))
		count--;
	if (r < 0 || count == 0 || strcmp(entries[count - 1].event, "reverted") != 0)
		return r == -ENOMEM ? r : 0;
	return buffer_printf(buffer, "reason " ACTIVATION_REVERTED "\n",
		entries[count - 1].generation, entries[count - 1].text);
}

static int print_reasons(const View *view, const Activation *activation, Buffer *buffer)
{
	int r = 0;

	if (pause_is_on(activation->store))
		r = buffer_text(buffer, "paused yes\n");
	if (r == 0 && view->problem.text[0])
		r = buffer_printf(buffer, "problem %s\n", view->problem.text);
	if (r == 0)
		r = print_note(activation, RUNTIME_NOTE_PLACEMENT, "placement", buffer);
	if (r >= 0)
		r = print_note(activation, RUNTIME_NOTE_BASE, "base-asked", buffer);
	if (r >= 0)
		r = print_note(activation, RUNTIME_NOTE_REASON, "reason", buffer);
	return r > 0 ? print_last_revert(activation, buffer) : r;
}

int status_print(const Activation *activation, Buffer *buffer, Reason *reterr_reason)
{
	_cleanup_(view_done) View view = {};
	int r = look(activation, &view, reterr_reason);

	if (r == 0)
		r = buffer_printf(buffer, "current %u\n", view.current);
	if (r == 0)
		r = print_mounted(&view, activation, buffer);
	if (r == 0)
		r = print_seal(activation->store, buffer);
	if (r == 0)
		r = print_directories(&view, buffer);
	if (r == 0)
		r = print_images(&view, activation->runtime, buffer);
	if (r == 0)
		r = print_held(&view, buffer);
	if (r == 0)
		r = print_trial(activation, buffer);
	if (r == 0)
		r = print_reasons(&view, activation, buffer);
	return r;
}
