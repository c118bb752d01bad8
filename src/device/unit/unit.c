/* SPDX-License-Identifier: Apache-2.0 */
#include "device/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/hex.h"
#include "base/text.h"

#define PROPERTIES          "org.freedesktop.DBus.Properties"
#define UNIT_FILE_SIZE_MAX  ((size_t)1 << 20) /* as long as systemd takes a line of one to be */
#define INVOCATION_ID_BYTES 16
#define RELOAD_KEY          "X-Suture-Reload"

typedef struct Property {
	const char *name;
	const char *type; /* D-Bus signature */
	size_t offset;    /* in Unit */
} Property;

#define PROPERTY(name, type, member)                                                               \
	{                                                                                          \
		name, type, offsetof(Unit, member)                                                 \
	}
#define TYPE_WORD "w" /* a string that goes into an array of BUS_WORD_SIZE */
#define TYPE_JOB  "(uo)"

static const Property properties[] = {
	PROPERTY("Id", "s", id),
	PROPERTY("FragmentPath", "s", fragment),
	PROPERTY("Slice", "s", slice),
	PROPERTY("Names", "as", names),
	PROPERTY("DropInPaths", "as", drop_ins),
	PROPERTY("After", "as", after),
	PROPERTY("TriggeredBy", "as", triggered_by),
	PROPERTY("LoadState", TYPE_WORD, load_state),
	PROPERTY("ActiveState", TYPE_WORD, active_state),
	PROPERTY("SubState", TYPE_WORD, sub_state),
	PROPERTY("InvocationID", "ay", invocation),
	PROPERTY("Job", TYPE_JOB, job),
	PROPERTY("CanReload", "b", can_reload),
	PROPERTY("RefuseManualStart", "b", refuses_start),
	PROPERTY("RefuseManualStop", "b", refuses_stop),
	PROPERTY("Transient", "b", transient),
	PROPERTY("InactiveExitTimestampMonotonic", "t", inactive_exit_us),
	PROPERTY("ActiveEnterTimestampMonotonic", "t", active_enter_us),
	PROPERTY("StartLimitBurst", "u", start_burst),
	PROPERTY("StartLimitIntervalUSec", "t", start_interval_us),
	PROPERTY("Type", TYPE_WORD, type),
	PROPERTY("BusName", TYPE_WORD, bus_name),
	PROPERTY("Restart", TYPE_WORD, restart_policy),
	PROPERTY("Result", TYPE_WORD, result),
	PROPERTY("ExecMainCode", "i", main_code),
	PROPERTY("ExecMainStatus", "i", main_status),
	PROPERTY("NRestarts", "u", restarts),
};

static void free_list(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

Unit *unit_free(Unit *unit)
{
	if (!unit)
		return NULL;
	free_list(unit->names);
	free_list(unit->drop_ins);
	free_list(unit->after);
	free_list(unit->triggered_by);
	free(unit->id);
	free(unit->fragment);
	free(unit->slice);
	free(unit);
	return NULL;
}

static int take_text(sd_bus_message *message, bool is_word, void *target)
{
	char **text = target;
	const char *value;
	int r = sd_bus_message_read_basic(message, 's', &value);

	if (r < 0)
		return r;
	if (is_word) {
		snprintf(target, BUS_WORD_SIZE, "%s", value);
		return 0;
	}
	free(*text);
	*text = memory_string(value);
	return *text ? 0 : -ENOMEM;
}

static int take_flag(sd_bus_message *message, bool *target)
{
	int flag, r = sd_bus_message_read_basic(message, 'b', &flag);

	if (r >= 0)
		*target = flag;
	return r;
}

static int take_list(sd_bus_message *message, char ***target)
{
	free_list(*target);
	*target = NULL;
	return sd_bus_message_read_strv(message, target);
}

/* Nothing where the unit never started. */
static int take_invocation(sd_bus_message *message, char *target)
{
	const void *bytes;
	size_t size;
	int r = sd_bus_message_read_array(message, 'y', &bytes, &size);

	if (r >= 0 && size == INVOCATION_ID_BYTES)
		hex_encode(bytes, size, target);
	return r;
}

static int take_job(sd_bus_message *message, uint32_t *target)
{
	const char *path;

	return sd_bus_message_read(message, TYPE_JOB, target, &path);
}

static int take_value(sd_bus_message *message, const Property *property, Unit *unit)
{
	void *target = (char *)unit + property->offset;
	bool is_word = strcmp(property->type, TYPE_WORD) == 0;

	if (is_word || strcmp(property->type, "s") == 0)
		return take_text(message, is_word, target);
	if (strcmp(property->type, "as") == 0)
		return take_list(message, target);
	if (strcmp(property->type, "ay") == 0)
		return take_invocation(message, target);
	if (strcmp(property->type, "b") == 0)
		return take_flag(message, target);
	if (strcmp(property->type, TYPE_JOB) == 0)
		return take_job(message, target);
	return sd_bus_message_read_basic(message, property->type[0], target);
}

static const Property *find_property(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

static int take_property(sd_bus_message *message, Unit *unit)
{
	const Property *property;
	const char *name, *type;
	int r = sd_bus_message_read_basic(message, 's', &name);

	if (r < 0)
		return r;
	property = find_property(name);
	if (!property)
		return sd_bus_message_skip(message, "v");
	type = strcmp(property->type, TYPE_WORD) == 0 ? "s" : property->type;
	r = sd_bus_message_enter_container(message, 'v', type);
	if (r >= 0)
		r = take_value(message, property, unit);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int take_properties(sd_bus_message *message, Unit *unit)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0) {
		r = sd_bus_message_enter_container(message, 'e', "sv");
		if (r <= 0)
			break;
		r = take_property(message, unit);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r < 0 ? r : 0;
}

/* "" asks for the properties of all interfaces at once, as systemctl show does. */
static int ask_properties(sd_bus *bus, const char *name, sd_bus_message **ret, Reason *reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL;
	int r = sd_bus_path_encode(BUS_UNIT_PATH, name, &path);

	if (r >= 0)
		r = sd_bus_call_method(bus, "org.freedesktop.systemd1", path, PROPERTIES, "GetAll",
			&error, ret, "s", "");
	if (r >= 0)
		return 0;
	return error.message ? reason_set(reason, r, "%s: %s", name, error.message)
			     : reason_errno(reason, r, "asking the service manager about %s", name);
}

int unit_read(sd_bus *bus, const char *name, Unit **ret, Reason *reterr_reason)
{
	_cleanup_(unit_freep) Unit *unit = memory_new(sizeof(Unit));
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = unit ? ask_properties(bus, name, &reply, reterr_reason) : -ENOMEM;

	if (r < 0)
		return r;
	r = take_properties(reply, unit);
	if (r == 0 && (!unit->id || !unit->active_state[0] || !unit->load_state[0]))
		r = -EBADMSG;
	if (r < 0)
		return bus_bad_reply(r, name, reterr_reason);
	*ret = TAKE_PTR(unit);
	return 0;
}

int unit_read_change(sd_bus_message *message, Unit **ret)
{
	_cleanup_(unit_freep) Unit *unit = memory_new(sizeof(Unit));
	int r = unit ? sd_bus_message_skip(message, "s") : -ENOMEM;

	if (r >= 0)
		r = take_properties(message, unit);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(unit);
	return 0;
}

bool unit_is_active(const Unit *unit)
{
	return strcmp(unit->active_state, "active") == 0 ||
		strcmp(unit->active_state, "reloading") == 0 ||
		strcmp(unit->active_state, "refreshing") ==
		0; /* systemd 257: confexts of a service */
}

bool unit_has_ended(const Unit *unit)
{
	return strcmp(unit->active_state, "inactive") == 0 ||
		strcmp(unit->active_state, "deactivating") == 0 ||
		strcmp(unit->active_state, "failed") == 0;
}

bool unit_is_service(const char *id)
{
	return text_ends_with(id, ".service");
}

bool unit_is_at_start_limit(const Unit *unit, uint64_t now_us)
{
	if (unit->start_burst == 0 || unit->start_interval_us == 0 || unit->inactive_exit_us == 0)
		return false;
	return now_us - unit->inactive_exit_us < unit->start_interval_us &&
		(uint64_t)unit->restarts + 1 >= unit->start_burst;
}

/* The words of systemd.syntax(7) for a boolean. */
static bool read_boolean(const char *word, bool before)
{
	static const char *const words[] = {
		"1", "yes", "y", "true", "t", "on", "0", "no", "n", "false", "f", "off", NULL};
	int index;

	for (index = 0; words[index] && strcasecmp(words[index], word) != 0; index++)
		;
	if (!words[index])
		return word[0] ? before : false; /* an empty assignment takes back what was said */
	return index < 6;
}

bool unit_text_declares_reload(const char *text, bool before)
{
	_cleanup_free_ char *copy = memory_string(text);
	char *cursor = copy, *line;
	bool in_unit = false;

	while (copy && (line = text_next_line(&cursor))) {
		char *equals = strchr(line, '=');

		line = text_trim(line);
		if (line[0] == '[')
			in_unit = strcmp(line, "[Unit]") == 0;
		if (line[0] == '[' || line[0] == '#' || line[0] == ';' || !in_unit || !equals)
			continue;
		*equals = '\0';
		if (strcmp(text_trim(line), RELOAD_KEY) == 0)
			before = read_boolean(text_trim(equals + 1), before);
	}
	return before;
}

static bool file_declares_reload(const char *path, bool before)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;

	if (fd < 0 || fd_read_all(fd, UNIT_FILE_SIZE_MAX, &text, &size) < 0)
		return before;
	return unit_text_declares_reload((const char *)text, before);
}

bool unit_reload_suffices(const Unit *unit)
{
	bool suffices = unit->fragment && file_declares_reload(unit->fragment, false);

	for (char **path = unit->drop_ins; path && *path; path++)
		suffices = file_declares_reload(*path, suffices);
	return suffices;
}
