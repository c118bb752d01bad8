/* SPDX-License-Identifier: Apache-2.0 */
/* hold, resume, complete: how far a published improvement reaches. */
#include <errno.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/time.h"
#include "vendor/publish/edit.h"
#include "vendor/publish/ramp.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/rollout.h"
#include "wire/json/document.h"

/* Below an improvement's `optional`, which devices pass over: when its hold began. */
#define HELD_MEMBER "held"

/* A roll-out that is there to be changed: one that everybody was let into may have none. */
static int find_rollout(const Letter *letter, Improvement **ret_improvement, Reason *reason)
{
	const Withdrawal *withdrawal = channels_withdrawal(letter->channels, letter->sequence);
	Improvement *improvement;
	Channel *channel;
	int r = edit_find(letter, arguments.channel, &channel, &improvement, reason);

	if (r != 0)
		return r;
	if (withdrawal)
		return reason_set(reason, -EINVAL,
			"%s for base %s is withdrawn, and let in nowhere: %s", letter->shown,
			letter->base->name, withdrawal->reason);
	if (!improvement->rollout)
		improvement->rollout = memory_new(sizeof(*improvement->rollout));
	if (!improvement->rollout)
		return -ENOMEM;
	if (improvement->rollout->start == 0)
		improvement->rollout->start = improvement->published;
	*ret_improvement = improvement;
	return 0;
}

/* The index says when it was signed last, which is not before the hold that is in it. */
static int64_t held_since(const Letter *letter, const Improvement *improvement)
{
	int64_t held;

	if (time_parse(document_text(improvement->optional, HELD_MEMBER), &held) < 0)
		held = channels_find(letter->channels, arguments.channel)->index.issued;
	return held;
}

static int note_hold(Improvement *improvement, int64_t now)
{
	char text[TIME_TEXT_SIZE];

	time_format(now, text);
	if (!improvement->optional)
		improvement->optional = json_object();
	return json_object_set_new(improvement->optional, HELD_MEMBER, json_string(text)) < 0
		? -ENOMEM
		: 0;
}

static void forget_hold(Improvement *improvement)
{
	if (!improvement->optional)
		return;
	(void)json_object_del(improvement->optional, HELD_MEMBER);
	if (json_object_size(improvement->optional) > 0)
		return;
	json_decref(improvement->optional);
	improvement->optional = NULL;
}

static int finish(const Letter *letter, const Rollout *rollout, json_t *entry)
{
	channels_find(letter->channels, arguments.channel)->changed = true;
	if (json_object_set_new(entry, "channel", json_string(arguments.channel)) < 0 ||
		json_object_set_new(entry, "rollout", ramp_describe(rollout, letter->now)) < 0)
		return -ENOMEM;
	return 0;
}

static int hold(const Letter *letter, json_t *entry, Reason *reason)
{
	Improvement *improvement;
	int r = find_rollout(letter, &improvement, reason);

	if (r != 0)
		return r;
	if (improvement->rollout->hold)
		return reason_set(reason, EDIT_DONE, "%s for base %s is on hold already",
			letter->shown, letter->base->name);
	improvement->rollout->hold = true;
	r = note_hold(improvement, letter->now);
	return r < 0 ? r : finish(letter, improvement->rollout, entry);
}

static int resume(const Letter *letter, json_t *entry, Reason *reason)
{
	Improvement *improvement;
	int r = find_rollout(letter, &improvement, reason);

	if (r != 0)
		return r;
	if (!improvement->rollout->hold)
		return reason_set(reason, EDIT_DONE, "%s for base %s is not on hold", letter->shown,
			letter->base->name);
	rollout_resume(improvement->rollout, held_since(letter, improvement), letter->now);
	forget_hold(improvement);
	return finish(letter, improvement->rollout, entry);
}

static int complete(const Letter *letter, json_t *entry, Reason *reason)
{
	Improvement *improvement;
	int r = find_rollout(letter, &improvement, reason);

	if (r != 0)
		return r;
	if (improvement->rollout->hold)
		return reason_set(reason, -EBUSY,
			"%s for base %s is on hold; if that is over, resume it first",
			letter->shown, letter->base->name);
	if (rollout_percent(improvement->rollout, letter->now) == 100)
		return reason_set(reason, EDIT_DONE, "%s for base %s is for everybody already",
			letter->shown, letter->base->name);
	rollout_complete(improvement->rollout, letter->now);
	return finish(letter, improvement->rollout, entry);
}

static void print(const json_t *entry, const char *what)
{
	printf("%s: %s for base %s", what, document_text(entry, "label"),
		document_text(entry, "base"));
}

static void print_hold(const json_t *entry)
{
	print(entry, "On hold");
	printf("; nobody more is let in\n");
}

static void print_resume(const json_t *entry)
{
	const json_t *rollout = json_object_get(entry, "rollout");

	print(entry, "Goes on");
	printf(" at %lld %%: ", (long long)json_integer_value(json_object_get(rollout, "percent")));
	ramp_print(rollout);
	printf("\n");
}

static void print_complete(const json_t *entry)
{
	print(entry, "Complete");
	printf(" is for everybody\n");
}

int verb_hold(int count, char **operands)
{
	return edit_run(&(Edit){"hold", hold, print_hold}, count, operands);
}

int verb_resume(int count, char **operands)
{
	return edit_run(&(Edit){"resume", resume, print_resume}, count, operands);
}

int verb_complete(int count, char **operands)
{
	return edit_run(&(Edit){"complete", complete, print_complete}, count, operands);
}
