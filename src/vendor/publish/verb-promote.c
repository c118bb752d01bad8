/* SPDX-License-Identifier: Apache-2.0 */
/* promote: the same bytes, seals and letter, signed into another channel. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/memory.h"
#include "vendor/publish/cumulative.h"
#include "vendor/publish/edit.h"
#include "vendor/publish/publish.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/index-schema.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

static int check_source(const Letter *letter, const Improvement *improvement, Reason *reason)
{
	const Withdrawal *withdrawal = channels_withdrawal(letter->channels, letter->sequence);

	if (withdrawal)
		return reason_set(reason, -EINVAL, "%s for base %s is withdrawn: %s", letter->shown,
			letter->base->name, withdrawal->reason);
	if (improvement->rollout && improvement->rollout->hold)
		return reason_set(reason, -EBUSY,
			"%s for base %s is on hold in channel %s; if that is over, resume it first",
			letter->shown, letter->base->name, arguments.from);
	return publish_check_rehearsal(improvement, arguments.to, arguments.force, reason);
}

/* A channel goes on with what it has: never back, and without losing a fix. */
static int check_target(
	const Letter *letter, const Channel *target, const Improvement *improvement, Reason *reason)
{
	const Improvement *present =
		target->index.improvements.count > 0 ? &target->index.improvements.items[0] : NULL;
	char label[LABEL_TEXT_SIZE];

	if (index_find(&target->index, letter->sequence))
		return reason_set(reason, EDIT_DONE, "channel %s of base %s has %s already",
			arguments.to, letter->base->name, letter->shown);
	if (present && present->sequence > letter->sequence) {
		label_shown(letter->base->version, present->sequence, label);
		return reason_set(reason, -EINVAL,
			"channel %s of base %s has %s already, which is newer than %s; publish the "
			"fix again under a new letter",
			arguments.to, letter->base->name, label, letter->shown);
	}
	return cumulative_check(letter->base, channels_predecessor(letter->channels, arguments.to),
		improvement, reason);
}

/* Published anew, for others. */
static int renew(const Letter *letter, const Improvement *from, Improvement *copy, Reason *reason)
{
	const RampWish wish = {arguments.ramp, arguments.start};
	int r = index_copy_improvement(from, copy);

	copy->published = letter->now;
	return r < 0 ? r
		     : ramp_choose(letter->channels->repository->workspace, &wish, arguments.to,
			       letter->now, copy, reason);
}

static int sign_into(
	const Letter *letter, const Improvement *from, const Rollout **ret_rollout, Reason *reason)
{
	Improvement copy = {};
	Channel *target;
	int r = renew(letter, from, &copy, reason);

	if (r == 0)
		r = channels_open(letter->channels, arguments.to, &target, reason);
	if (r == 0)
		r = check_target(letter, target, &copy, reason);
	if (r == 0)
		r = publish_check_blame(letter->base, target, &copy, arguments.force, reason);
	if (r == 0)
		r = index_add_improvement(&target->index, &copy);
	index_improvement_clear(&copy);
	if (r != 0)
		return r;
	target->changed = true;
	*ret_rollout = target->index.improvements.items[0].rollout;
	return 0;
}

static int promote(const Letter *letter, json_t *entry, Reason *reason)
{
	Improvement *improvement;
	const Rollout *rollout;
	Channel *source;
	int r = desk_check_channel(arguments.to, reason);

	if (r == 0)
		r = edit_find(letter, arguments.from, &source, &improvement, reason);
	if (r == 0)
		r = check_source(letter, improvement, reason);
	if (r == 0)
		r = sign_into(letter, improvement, &rollout, reason);
	if (r != 0)
		return r;
	r |= json_object_set_new(entry, "from", json_string(arguments.from));
	r |= json_object_set_new(entry, "to", json_string(arguments.to));
	r |= json_object_set_new(entry, "rollout", ramp_describe(rollout, letter->now));
	return r < 0 ? -ENOMEM : 0;
}

static void print(const json_t *entry)
{
	printf("Promoted %s for base %s from %s to %s: ", document_text(entry, "label"),
		document_text(entry, "base"), document_text(entry, "from"),
		document_text(entry, "to"));
	ramp_print(json_object_get(entry, "rollout"));
	printf("\n");
}

int verb_promote(int count, char **operands)
{
	if (strcmp(arguments.from, arguments.to) == 0) {
		log_error("--from and --to are the same channel, %s", arguments.to);
		return EXIT_USAGE;
	}
	return edit_run(&(Edit){"promote", promote, print}, count, operands);
}
