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
#include "vendor/repository/metadata.h"
#include "vendor/repository/online.h"
#include "vendor/publish/verbs.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

static json_t *describe_published(const Published *published)
{
	char shown[LABEL_TEXT_SIZE], machine[LABEL_TEXT_SIZE];

	label_shown(published->base->version, published->sequence, shown);
	label_machine(published->base->version, published->sequence, machine);
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:O, s:O}", "base", published->base->name,
		"base_key", published->base->key, "sequence", (json_int_t)published->sequence,
		"label", shown, "machine_label", machine, "channel", arguments.channel, "rollout",
		published->rollout, "unfixed", published->unfixed);
}

static void print_published(const Published *published)
{
	char shown[LABEL_TEXT_SIZE];

	label_shown(published->base->version, published->sequence, shown);
	printf("Published %s for base %s (%s): ", shown, published->base->name,
		published->base->key);
	ramp_print(published->rollout);
	printf("\n");
}

/* Nothing that the vendor may have overlooked is told in JSON alone. */
static void warn_unfixed(const Published *published)
{
	char shown[LABEL_TEXT_SIZE];

	label_shown(published->base->version, published->sequence, shown);
	for (size_t i = 0; i < json_array_size(published->unfixed); i++)
		log_info("%s for base %s does not fix %s, which what was withdrawn did", shown,
			published->base->name,
			json_string_value(json_array_get(published->unfixed, i)));
}

static int tell_published(const PublishedList *list)
{
	_cleanup_json_ json_t *told = json_array();

	for (size_t i = 0; i < list->count; i++) {
		if (!arguments.json)
			print_published(&list->items[i]);
		warn_unfixed(&list->items[i]);
		json_array_append_new(told, describe_published(&list->items[i]));
	}
	return arguments.json
		? desk_print_json(json_pack("{s:i, s:O}", "schema", 1, "published", told))
		: EXIT_OK;
}

static int check_bases(const Workspace *workspace, Reason *reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < arguments.bases.count; i++) {
		const Base *base;

		r = workspace_find_base(workspace, arguments.bases.items[i], &base, reason);
	}
	return r;
}

/* The time that signatures take would pass on the ramp. */
static void warn_waiting(const PublishedList *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const json_t *rollout = list->items[i].rollout;

		if (json_array_size(json_object_get(rollout, "ramp")) == 0)
			continue;
		log_info("the roll-out counts from %s, whenever the signatures come; where that is "
			 "later, 'suture-publish abandon' and publish with --start",
			document_text(rollout, "start"));
		return;
	}
}

int verb_publish(int count, char **operands)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_(published_list_done) PublishedList list = {};
	const PublishTerms terms = {
		.channel = arguments.channel,
		.ramp = {arguments.ramp, arguments.start},
		.is_rehearsal = arguments.rehearsal,
		.bases = arguments.bases.items,
		.base_count = arguments.bases.count,
		.force = arguments.force,
	};
	int r;

	if (arguments.bases.count > 0 && !arguments.rehearsal) {
		log_error("all drafts are published together; --base is for --rehearsal");
		return EXIT_USAGE;
	}
	r = desk_open_for_change(&desk);
	if (r == 0)
		r = check_bases(&desk.workspace, &desk.reason);
	if (r == 0)
		r = publish_prepare(&desk.workspace, &desk.repository, &terms, &list, &desk.reason);
	if (r == 0)
		r = desk_commit(&desk, "publish", !arguments.rehearsal);
	if (r == CEREMONY_WAITS)
		warn_waiting(&list);
	return r != 0 ? desk_fail(&desk, r) : tell_published(&list);
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
