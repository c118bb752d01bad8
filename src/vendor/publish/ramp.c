/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/ramp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "vendor/repository/channels.h"
#include "vendor/files/document-file.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/rollout.h"
#include "wire/json/document.h"

#define LANES_FILE "rollout.json"
#define LANES_MAX  64

typedef struct Lane {
	char *channel; /* NULL: the public one */
	int urgency;
	SCHEMA_LIST(RolloutStep) ramp;
} Lane;

typedef struct Lanes {
	uint64_t schema; /* 1 */
	SCHEMA_LIST(Lane) lanes;
} Lanes;

static const SchemaField lane_fields[] = {
	SCHEMA_FIELD(Lane, channel, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name,
		.optional = true),
	SCHEMA_FIELD(Lane, urgency, WORD, .words = urgency_names),
	SCHEMA_FIELD(Lane, ramp, LIST, .max = INDEX_RAMP_STEPS_MAX,
		SCHEMA_OF(index_step_fields, RolloutStep)),
	{},
};

static const SchemaField lanes_fields[] = {
	SCHEMA_FIELD(Lanes, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Lanes, lanes, LIST, .max = LANES_MAX, SCHEMA_OF(lane_fields, Lane)),
	{},
};

static void lanes_done(Lanes *lanes)
{
	schema_clear(lanes_fields, lanes);
}

static int add_step(Rollout *rollout, RolloutStep step)
{
	int r = memory_grow(
		&rollout->ramp.items, rollout->ramp.count, sizeof(*rollout->ramp.items));

	if (r == 0)
		rollout->ramp.items[rollout->ramp.count++] = step;
	return r;
}

/* "24:10"; the text is cut at the colon. */
static bool parse_step(char *text, RolloutStep *ret_step)
{
	char *colon = strchr(text, ':');

	if (!colon)
		return false;
	*colon = '\0';
	return text_to_u64(text, INDEX_HOURS_MAX, &ret_step->hours) == 0 &&
		text_to_u64(colon + 1, 100, &ret_step->percent) == 0;
}

static int parse_ramp(const char *text, Rollout *rollout, Reason *reason)
{
	_cleanup_free_ char *copy = memory_string(text);
	char *cursor = copy, *word;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&cursor, ","))) {
		RolloutStep step;

		if (!parse_step(word, &step) || rollout->ramp.count == INDEX_RAMP_STEPS_MAX)
			return reason_set(reason, -EINVAL,
				"--ramp %s: up to %d steps like 0:1,24:10,72:100 are expected, "
				"hours after the start and percent of the devices",
				text, INDEX_RAMP_STEPS_MAX);
		if (add_step(rollout, step) < 0)
			return -ENOMEM;
	}
	return !rollout_wrong(rollout)
		? 0
		: reason_set(reason, -EINVAL,
			  "--ramp %s: hours must ascend, and percents must not go down", text);
}

static int parse_start(const char *text, int64_t now, int64_t *ret_start, Reason *reason)
{
	if (time_parse(text, ret_start) < 0)
		return reason_set(reason, -EINVAL,
			"--start %s: a time like 2026-11-22T06:00:00Z is expected", text);
	if (*ret_start < now)
		return reason_set(reason, -EINVAL,
			"--start %s is over: the first steps of the roll-out would be left out",
			text);
	return 0;
}

static const Lane *find_lane(const Lanes *lanes, const char *channel, int urgency)
{
	for (size_t i = 0; i < lanes->lanes.count; i++) {
		const Lane *lane = &lanes->lanes.items[i];

		if (lane->urgency == urgency &&
			strcmp(lane->channel ? lane->channel : CHANNEL_PUBLIC, channel) == 0)
			return lane;
	}
	return NULL;
}

/* A mistake in a lane that is not needed today would be found on the day of the fire. */
static int check_lanes(const Lanes *lanes, const char *path, Reason *reason)
{
	for (size_t i = 0; i < lanes->lanes.count; i++) {
		const Lane *lane = &lanes->lanes.items[i];
		const Rollout rollout = {.ramp = {lane->ramp.items, lane->ramp.count}};
		const char *channel = lane->channel ? lane->channel : CHANNEL_PUBLIC;
		const char *wrong = rollout_wrong(&rollout);

		if (find_lane(lanes, channel, lane->urgency) != lane)
			wrong = "lane stands there twice";
		if (wrong)
			return reason_set(reason, -EBADMSG, "%s: channel %s, urgency %s: the %s",
				path, channel, urgency_names[lane->urgency], wrong);
	}
	return 0;
}

/* Where the vendor chose none for this channel and urgency, all are let in at once. */
static int take_lane(const Workspace *workspace, const char *channel, int urgency, Rollout *rollout,
	Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, LANES_FILE);
	_cleanup_(lanes_done) Lanes lanes = {};
	const Lane *lane;
	int r;

	if (!path)
		return -ENOMEM;
	if (!file_exists(AT_FDCWD, path))
		return 0;
	r = document_file_load(path, lanes_fields, &lanes, reason);
	if (r == 0)
		r = check_lanes(&lanes, path, reason);
	lane = r == 0 ? find_lane(&lanes, channel, urgency) : NULL;
	for (size_t i = 0; r == 0 && lane && i < lane->ramp.count; i++)
		r = add_step(rollout, lane->ramp.items[i]);
	return r;
}

/* A ramp counts from when it can be seen: what was to be known earlier begins now. */
int ramp_choose(const Workspace *workspace, const RampWish *wish, const char *channel, int64_t now,
	Improvement *improvement, Reason *reterr_reason)
{
	Rollout *rollout = improvement->rollout;
	int r = 0;

	if (rollout)
		schema_clear(index_rollout_fields, rollout);
	else
		rollout = improvement->rollout = memory_new(sizeof(*rollout));
	if (!rollout)
		return -ENOMEM;
	if (wish->start)
		r = parse_start(wish->start, now, &rollout->start, reterr_reason);
	if (r == 0 && wish->ramp)
		r = parse_ramp(wish->ramp, rollout, reterr_reason);
	else if (r == 0)
		r = take_lane(workspace, channel, improvement->urgency, rollout, reterr_reason);
	if (!wish->start)
		rollout->start = rollout->ramp.count > 0 && improvement->published < now
			? now
			: improvement->published;
	return r;
}

json_t *ramp_describe(const Rollout *rollout, int64_t now)
{
	static const Rollout everybody;
	json_t *json = schema_write(index_rollout_fields, rollout ? rollout : &everybody);

	if (json_object_set_new(json, "hold", json_boolean(rollout && rollout->hold)) < 0 ||
		json_object_set_new(json, "percent", json_integer(rollout_percent(rollout, now))) <
			0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_int_t number_of(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

void ramp_print(const json_t *described)
{
	const json_t *ramp = json_object_get(described, "ramp");

	if (json_array_size(ramp) == 0)
		printf("100 %%");
	for (size_t i = 0; i < json_array_size(ramp); i++) {
		const json_t *step = json_array_get(ramp, i);

		printf("%s%lld %% after %lld hours", i > 0 ? ", " : "",
			(long long)number_of(step, "percent"), (long long)number_of(step, "hours"));
	}
	printf(" from %s", document_text(described, "start"));
}
