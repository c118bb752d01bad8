/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/postpone.h"

#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "device/policy/amount.h"
#include "device/policy/postponement.h"
#include "wire/json/document.h"

#define SCHEMA 1

static int read_current(const Manager *manager, Postponement *ret, Reason *reason)
{
	uint64_t installed;
	uint32_t number;
	int r = manager_installed(manager, &number, &installed, reason);

	return r < 0 ? r : postponement_read(manager->root, installed, ret);
}

static int refuse(const Manager *manager, Reason *reason)
{
	char limit[AMOUNT_TEXT_SIZE];

	amount_describe(manager->config.postpone_limit, limit);
	if (manager->config.postpone_limit == 0)
		return reason_set(reason, -EPERM,
			"%s does not allow to postpone (postpone-limit in suture.conf)",
			policy_organisation(manager->policy));
	return reason_set(reason, -EPERM,
		"all of the %s for which improvements can be postponed is used "
		"(postpone-limit in suture.conf)",
		limit);
}

int postpone_set(const Manager *manager, int64_t seconds, Reason *reterr_reason)
{
	Postponement postponement;
	int r = read_current(manager, &postponement, reterr_reason);

	if (r == 0)
		r = postponement_extend(
			&postponement, manager->config.postpone_limit, seconds, time_now());
	if (r == -EDQUOT)
		return refuse(manager, reterr_reason);
	return r < 0 ? r : postponement_write(manager->root, &postponement, reterr_reason);
}

json_t *postpone_json(const Manager *manager, Reason *reterr_reason)
{
	int64_t limit = manager->config.postpone_limit, now = time_now(), until;
	char text[TIME_TEXT_SIZE];
	Postponement postponement;

	if (read_current(manager, &postponement, reterr_reason) < 0)
		return NULL;
	until = postpone_until(&postponement, limit, now);
	time_format(until, text);
	return json_pack("{s:i, s:s?, s:I, s:I, s:I}", "schema", SCHEMA, "until",
		until > 0 ? text : NULL, "remaining_seconds",
		(json_int_t)(until > 0 ? until - now : 0), "left_seconds",
		(json_int_t)postponement_left(&postponement, limit, now), "limit_seconds",
		(json_int_t)limit);
}

static int64_t number_of(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

void postpone_print(const json_t *postpone)
{
	char remaining[AMOUNT_TEXT_SIZE], left[AMOUNT_TEXT_SIZE];
	const char *until = document_text(postpone, "until");
	char when[ROW_TIME_TEXT_SIZE];

	row_time(until, when);
	amount_describe(number_of(postpone, "remaining_seconds"), remaining);
	amount_describe(number_of(postpone, "left_seconds"), left);
	if (until[0])
		printf(_("Postponed until %s, for %s. At most %s from now is possible.\n"), when,
			remaining, left);
	else if (number_of(postpone, "limit_seconds") == 0)
		printf(_("Nothing is postponed, and nothing can be.\n"));
	else
		printf(_("Nothing is postponed. At most %s is possible.\n"), left);
}
