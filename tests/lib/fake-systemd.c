/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-systemd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANAGER     "/org/freedesktop/systemd1"
#define LOOK_US     20000
#define UNIT_PREFIX MANAGER "/unit"

typedef struct Fake {
	const FakeWorld *world;
	sd_bus *bus;
	unsigned jobs;
	size_t told; /* of the world's "ended" */
	bool hang_up;
} Fake;

/* In D-Bus' types, for the properties of which a test may care. */
static const struct {
	const char *name, *type;
	const char *plain; /* of a service that runs well; lists and InvocationID are empty */
} properties[] = {
	{"Id", "s", NULL}, {"FragmentPath", "s", ""}, {"Slice", "s", "system.slice"},
	{"Names", "as", ""}, {"DropInPaths", "as", ""}, {"After", "as", ""},
	{"TriggeredBy", "as", ""}, {"Job", "(uo)", "0"}, {"LoadState", "s", "loaded"},
	{"ActiveState", "s", "active"}, {"SubState", "s", "running"}, {"InvocationID", "ay", ""},
	{"CanReload", "b", "0"}, {"RefuseManualStart", "b", "0"}, {"RefuseManualStop", "b", "0"},
	{"Transient", "b", "0"}, {"InactiveExitTimestampMonotonic", "t", "1"},
	{"ActiveEnterTimestampMonotonic", "t", "1"}, {"StartLimitBurst", "u", "5"},
	{"StartLimitIntervalUSec", "t", "10000000"}, {"Type", "s", "simple"},
	{"Restart", "s", "no"}, {"Result", "s", "success"}, {"ExecMainCode", "i", "0"},
	{"ExecMainStatus", "i", "0"}, {"NRestarts", "u", "0"},
	{"FreezerState", "s", "running"}, /* one that nobody asked for */
};

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "fake-systemd: %s: %s\n", what, strerror(-r));
	exit(1);
}

static json_t *unit_of(const json_t *world, const char *name)
{
	return json_object_get(json_object_get(world, "units"), name);
}

static void append_list(sd_bus_message *reply, const json_t *value)
{
	must(sd_bus_message_open_container(reply, 'a', "s"), "list");
	for (size_t i = 0; i < json_array_size(value); i++)
		must(sd_bus_message_append(reply, "s", json_string_value(json_array_get(value, i))),
			"list");
	must(sd_bus_message_close_container(reply), "list");
}

/* A text is repeated up to the length of an id. */
static void append_bytes(sd_bus_message *reply, const char *text)
{
	char bytes[16];
	size_t length = strlen(text);

	for (size_t i = 0; i < sizeof(bytes) && length > 0; i++)
		bytes[i] = text[i % length];
	must(sd_bus_message_append_array(reply, 'y', bytes, length > 0 ? sizeof(bytes) : 0),
		"bytes");
}

static void append_value(
	sd_bus_message *reply, const char *type, const json_t *value, const char *plain)
{
	const char *text = json_is_string(value) ? json_string_value(value) : plain;
	uint64_t number = json_is_boolean(value) ? (uint64_t)json_is_true(value)
		: json_is_integer(value)         ? (uint64_t)json_integer_value(value)
						 : strtoull(plain, NULL, 10);

	if (strcmp(type, "as") == 0)
		append_list(reply, value);
	else if (strcmp(type, "ay") == 0)
		append_bytes(reply, text);
	else if (strcmp(type, "s") == 0)
		must(sd_bus_message_append(reply, "s", text), "text");
	else if (strcmp(type, "(uo)") == 0)
		must(sd_bus_message_append(reply, type, (uint32_t)number, MANAGER "/job/x"), "job");
	else if (strcmp(type, "t") == 0)
		must(sd_bus_message_append(reply, "t", number), "number");
	else
		must(sd_bus_message_append(reply, type, (uint32_t)number), "number");
}

static const char *plain_value(const char *name, const char *plain, const char *unit, bool exists)
{
	if (strcmp(name, "Id") == 0)
		return unit;
	if (!exists && strcmp(name, "LoadState") == 0)
		return "not-found";
	return !exists && strcmp(name, "ActiveState") == 0 ? "inactive" : plain;
}

static void answer_properties(Fake *fake, sd_bus_message *call, const json_t *world)
{
	sd_bus_message *reply;
	const json_t *unit;
	char *name;

	must(sd_bus_path_decode(sd_bus_message_get_path(call), UNIT_PREFIX, &name), "path");
	unit = unit_of(world, name);
	if (json_is_true(json_object_get(unit, "unreadable"))) {
		must(sd_bus_reply_method_errorf(
			     call, "org.freedesktop.DBus.Error.UnknownObject", "No %s.", name),
			"reply");
		free(name);
		return;
	}
	must(sd_bus_message_new_method_return(call, &reply), "reply");
	must(sd_bus_message_open_container(reply, 'a', "{sv}"), "reply");
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		const char *type = properties[i].type;
		const json_t *value =
			json_object_get(json_object_get(unit, "properties"), properties[i].name);

		must(sd_bus_message_open_container(reply, 'e', "sv"), "entry");
		must(sd_bus_message_append(reply, "s", properties[i].name), "name");
		must(sd_bus_message_open_container(reply, 'v', type), "variant");
		append_value(reply, type, value,
			plain_value(properties[i].name, properties[i].plain, name, unit));
		must(sd_bus_message_close_container(reply), "variant");
		must(sd_bus_message_close_container(reply), "entry");
	}
	must(sd_bus_message_close_container(reply), "reply");
	must(sd_bus_send(fake->bus, reply, NULL), "reply");
	sd_bus_message_unref(reply);
	free(name);
}

static void answer_owner(sd_bus_message *call, const json_t *world)
{
	const char *unit;
	char key[16], *path;
	uint32_t pid;

	must(sd_bus_message_read(call, "u", &pid), "pid");
	snprintf(key, sizeof(key), "%u", pid);
	unit = json_string_value(json_object_get(json_object_get(world, "pids"), key));
	if (!unit) {
		must(sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoUnitForPID",
			     "PID %u does not belong to any loaded unit.", pid),
			"reply");
		return;
	}
	must(sd_bus_path_encode(UNIT_PREFIX, unit, &path), "path");
	must(sd_bus_reply_method_return(call, "o", path), "reply");
	free(path);
}

static void log_job(const Fake *fake, const char *method, const char *unit)
{
	FILE *file = fake->world->log ? fopen(fake->world->log, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s %s\n", method, unit);
	fclose(file);
}

static void answer_job(Fake *fake, sd_bus_message *call, const json_t *world)
{
	const char *unit, *mode, *result, *command;
	const json_t *job;
	char path[64];

	must(sd_bus_message_read(call, "ss", &unit, &mode), "job");
	log_job(fake, sd_bus_message_get_member(call), unit);
	job = json_object_get(unit_of(world, unit), "job");
	result = json_string_value(json_object_get(job, "result"));
	result = result ? result : "done";
	command = json_string_value(json_object_get(job, "run"));
	if (!unit_of(world, unit) || strcmp(result, "refused") == 0) {
		must(sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit",
			     "Unit %s not found.", unit),
			"reply");
		return;
	}
	fake->hang_up = strcmp(result, "hang-up") == 0;
	snprintf(path, sizeof(path), MANAGER "/job/%u", ++fake->jobs);
	must(sd_bus_reply_method_return(call, "o", path), "reply");
	if (strcmp(result, "never") == 0 || fake->hang_up)
		return;
	if (command && system(command) != 0)
		fprintf(stderr, "fake-systemd: '%s' failed\n", command);
	/* whoever asked may have gone */
	(void)sd_bus_emit_signal(fake->bus, MANAGER, "org.freedesktop.systemd1.Manager",
		"JobRemoved", "uoss", fake->jobs, path, unit, result);
}

/* Only where the world has the unit, and it is not loaded: as if it had come into being then. */
static void answer_transient(Fake *fake, sd_bus_message *call, const json_t *world)
{
	const char *unit, *mode;

	must(sd_bus_message_read(call, "ss", &unit, &mode), "unit");
	if (!unit_of(world, unit)) {
		must(sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "No %s.", unit),
			"reply");
		return;
	}
	log_job(fake, "StartTransientUnit", unit);
	must(sd_bus_message_skip(call, "a(sv)a(sa(sv))"), "properties");
	must(sd_bus_reply_method_return(call, "o", MANAGER "/job/1"), "reply");
}

static void tell_state(Fake *fake, const char *name, const char *state)
{
	char *path;

	must(sd_bus_path_encode(UNIT_PREFIX, name, &path), "path");
	(void)sd_bus_emit_signal(fake->bus, path, "org.freedesktop.DBus.Properties",
		"PropertiesChanged", "sa{sv}as", "org.freedesktop.systemd1.Unit", 2, "ActiveState",
		"s", state, "FreezerState", "s", "running", 0);
	free(path);
}

/* A job's end behind the state that the unit had then, as systemd does. */
static void tell_ended(Fake *fake, const json_t *job)
{
	const char *unit = json_string_value(json_array_get(job, 0));

	tell_state(fake, unit, json_string_value(json_array_get(job, 2)));
	(void)sd_bus_emit_signal(fake->bus, MANAGER, "org.freedesktop.systemd1.Manager",
		"JobRemoved", "uoss", 0, MANAGER "/job/0", unit,
		json_string_value(json_array_get(job, 1)));
}

static void tell_changes(Fake *fake)
{
	json_t *world = fake->world->read(fake->world->context), *unit;
	const json_t *ended = json_object_get(world, "ended");
	const char *name;

	while (fake->told < json_array_size(ended))
		tell_ended(fake, json_array_get(ended, fake->told++));
	json_object_foreach(json_object_get(world, "units"), name, unit)
	{
		const json_t *state =
			json_object_get(json_object_get(unit, "properties"), "ActiveState");

		tell_state(fake, name, json_string_value(state) ?: "active");
	}
	json_decref(world);
}

static void look_for_changes(Fake *fake)
{
	if (fake->world->has_changed && fake->world->has_changed(fake->world->context))
		tell_changes(fake);
}

static const char *state_of(const json_t *world)
{
	return json_string_value(json_object_get(world, "state")) ?: "running";
}

static int take_call(sd_bus_message *call, void *context, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(call);
	Fake *fake = context;
	json_t *world;

	if (!sd_bus_message_is_method_call(call, NULL, NULL))
		return 0;
	look_for_changes(fake); /* what happened before is told before, as systemd does */
	world = fake->world->read(fake->world->context);
	if (strcmp(state_of(world), "hang-up") == 0)
		fake->hang_up = true;
	else if (strcmp(member, "GetAll") == 0)
		answer_properties(fake, call, world);
	else if (strcmp(member, "Get") == 0)
		must(sd_bus_reply_method_return(call, "v", "s", state_of(world)), "reply");
	else if (strcmp(member, "GetUnitByPID") == 0)
		answer_owner(call, world);
	else if (strcmp(member, "StartTransientUnit") == 0)
		answer_transient(fake, call, world);
	else if (strcmp(member, "ResetFailedUnit") == 0)
		must(sd_bus_reply_method_return(call, ""), "reply");
	else if (strcmp(member, "Reexecute") == 0)
		fake->hang_up = true;
	else
		answer_job(fake, call, world);
	json_decref(world);
	return 1;
}

/* Nobody hears of what was before he came. */
static size_t count_ended(const FakeWorld *source)
{
	json_t *world = source->read(source->context);
	size_t count = json_array_size(json_object_get(world, "ended"));

	json_decref(world);
	return count;
}

void fake_systemd_serve(int fd, const FakeWorld *world)
{
	Fake fake = {.world = world};
	sd_id128_t id;
	int r;

	must(sd_id128_randomize(&id), "id");
	must(sd_bus_new(&fake.bus), "bus");
	must(sd_bus_set_fd(fake.bus, fd, fd), "descriptor");
	must(sd_bus_set_server(fake.bus, 1, id), "server");
	must(sd_bus_add_filter(fake.bus, NULL, take_call, &fake), "filter");
	must(sd_bus_start(fake.bus), "start");
	fake.told = count_ended(world);
	do {
		r = sd_bus_process(fake.bus, NULL);
		if (r == 0)
			r = sd_bus_wait(fake.bus, world->has_changed ? LOOK_US : UINT64_MAX);
		look_for_changes(&fake);
	} while ((r >= 0 || r == -EINTR) && !fake.hang_up);
	sd_bus_flush_close_unref(fake.bus);
}

static json_t *parse_world(void *context)
{
	return json_loads(context, 0, NULL);
}

sd_bus *fake_systemd_connect(const char *text)
{
	FakeWorld world = {.read = parse_world, .context = (void *)text};
	sd_bus *bus;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0, "sockets");
	if (fork() == 0) {
		close(ends[0]);
		fake_systemd_serve(ends[1], &world);
		_exit(0);
	}
	close(ends[1]);
	must(sd_bus_new(&bus), "bus");
	must(sd_bus_set_fd(bus, ends[0], ends[0]), "descriptor");
	must(sd_bus_start(bus), "start");
	return bus;
}
