/* SPDX-License-Identifier: Apache-2.0 */
/* publish, resign: what a vendor does with the repository every day. */
#include "vendor/publish/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/metadata.h"
#include "vendor/publish/online.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/label.h"
#include "wire/json/document.h"

static json_t *describe_published(const Published *published)
{
	char shown[LABEL_TEXT_SIZE], machine[LABEL_TEXT_SIZE];

	label_shown(published->base->version, published->sequence, shown);
	label_machine(published->base->version, published->sequence, machine);
	return json_pack("{s:s, s:s, s:I, s:s, s:s}", "base", published->base->name, "base_key",
		published->base->key, "sequence", (json_int_t)published->sequence, "label", shown,
		"machine_label", machine);
}

static int tell_published(const Published *list, size_t count)
{
	_cleanup_json_ json_t *told = json_array();

	for (size_t i = 0; i < count; i++) {
		char shown[LABEL_TEXT_SIZE];

		label_shown(list[i].base->version, list[i].sequence, shown);
		if (!arguments.json)
			printf("Published %s for base %s (%s)\n", shown, list[i].base->name,
				list[i].base->key);
		json_array_append_new(told, describe_published(&list[i]));
	}
	return arguments.json
		? desk_print_json(json_pack("{s:i, s:O}", "schema", 1, "published", told))
		: EXIT_OK;
}

int verb_publish(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_free_ Published *list = NULL;
	size_t published = 0;
	int r = desk_open_for_change(&desk);

	if (r == 0) {
		list = memory_new_array(desk.workspace.list.bases.count, sizeof(*list));
		r = list ? publish_drafts(&desk.workspace, &desk.repository, arguments.channel,
				   list, &published, &desk.reason)
			 : -ENOMEM;
	}
	if (r == 0)
		r = desk_commit(&desk, "publish", true);
	return r != 0 ? desk_fail(&desk, r) : tell_published(list, published);
}

static json_t *describe_signed(const char *role, const json_t *envelope)
{
	const json_t *body = json_object_get(envelope, "signed");
	int64_t version = metadata_version(body);
	const char *expires = metadata_expires(body);

	if (!arguments.json)
		printf("Signed %s %" PRId64 ", good until %s\n", role, version, expires);
	return json_pack("{s:s, s:I, s:s}", "role", role, "version", (json_int_t)version, "expires",
		expires);
}

/* A change that only waited for the online keys: here they are. It renews them as well. */
static int settle_waiting(Desk *desk)
{
	int r = ceremony_settle(&desk->ceremony, &desk->reason);

	if (r == 0 && !arguments.json)
		printf("Published what waited: %s\n", desk->ceremony.note.change);
	return r;
}

static int renew_online(Desk *desk, json_t *told)
{
	_cleanup_online_ Online online = {};
	int r = online_renew(&desk->repository, &online, &desk->reason);

	if (r == 0 && online.snapshot)
		json_array_append_new(told, describe_signed("snapshot", online.snapshot));
	if (r == 0)
		json_array_append_new(told, describe_signed("timestamp", online.timestamp));
	return r;
}

/* What waits and cannot be read is told when the rest is done: it must not let the repository
 * expire. What was signed is read again with the clock of a device: a role that expired, which this
 * verb cannot renew, must not go unnoticed in a timer. */
static int resign(Desk *desk, json_t *told, json_t **ret_warnings)
{
	Reason unreadable;
	int loaded, r = desk_open(desk, 0);

	if (r < 0)
		return r;
	loaded = desk_load_waiting(desk);
	unreadable = desk->reason;
	r = loaded == 0 ? settle_waiting(desk) : CEREMONY_WAITS;
	if (r == CEREMONY_WAITS)
		r = renew_online(desk, told);
	if (r < 0)
		return r;
	desk_done(desk);
	r = desk_open(desk, time_of_source());
	if (r == 0)
		r = desk_warn_expiry(desk, ret_warnings);
	if (r < 0 || loaded == 0 || loaded == -ENODATA)
		return r;
	desk->reason = unreadable;
	return loaded;
}

int verb_resign(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_json_ json_t *told = json_array(), *warnings = NULL;
	int r = resign(&desk, told, &warnings);

	if (r != 0)
		return desk_fail(&desk, r);
	return arguments.json ? desk_print_json(json_pack("{s:i, s:O, s:O}", "schema", 1, "signed",
					told, "expiring", warnings))
			      : EXIT_OK;
}
