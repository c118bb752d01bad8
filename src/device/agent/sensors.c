/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/sensors.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "device/agent/agent.h"
#include "device/agent/power.h"
#include "wire/json/document.h"

#define NETWORK        "org.freedesktop.NetworkManager"
#define NETWORK_PATH   "/org/freedesktop/NetworkManager"
#define NETWORK_YES    1 /* NMMetered */
#define NETWORK_GUESS  3
#define POWER          "org.freedesktop.UPower"
#define POWER_PATH     "/org/freedesktop/UPower"
#define BATTERY_PATH   POWER_PATH "/devices/DisplayDevice"
#define LOGIN          "org.freedesktop.login1"
#define LOGIN_PATH     "/org/freedesktop/login1"
#define STORE          "var/lib/suture"
#define LOAD_TEXT_SIZE 128

/* A property of a service that runs; false where there is none, or it says something else. */
static bool read_property(const Agent *agent, const char *service, const char *path,
	const char *interface, const char *property, const char *type, void *ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	if (!agent->bus)
		return false;
	r = sd_bus_message_new_method_call(
		agent->bus, &call, service, path, "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", interface, property);
	if (r >= 0)
		r = sd_bus_call(agent->bus, call, SENSORS_ANSWER_US, NULL, &reply);
	return r >= 0 && sd_bus_message_enter_container(reply, 'v', type) >= 0 &&
		sd_bus_message_read(reply, type, ret) > 0;
}

static void read_network(const Agent *agent, Conditions *conditions)
{
	uint32_t metered;

	conditions->is_metered =
		read_property(agent, NETWORK, NETWORK_PATH, NETWORK, "Metered", "u", &metered) &&
		(metered == NETWORK_YES || metered == NETWORK_GUESS);
}

static void read_power(const Agent *agent, Conditions *conditions)
{
	int on_battery = 0, is_present = 0;
	double percent;

	if (!read_property(agent, POWER, POWER_PATH, POWER, "OnBattery", "b", &on_battery)) {
		power_read(agent->root, conditions);
		return;
	}
	conditions->on_battery = on_battery;
	conditions->has_battery = read_property(agent, POWER, BATTERY_PATH, POWER ".Device",
					  "IsPresent", "b", &is_present) &&
		is_present &&
		read_property(
			agent, POWER, BATTERY_PATH, POWER ".Device", "Percentage", "d", &percent);
	if (conditions->has_battery)
		conditions->battery = (int)percent;
}

/* Whether somebody blocks restarts of the machine: a(ssssuu) of what, who, why, mode, uid, pid. */
static bool blocks_restart(sd_bus_message *reply)
{
	const char *what, *mode;

	if (sd_bus_message_enter_container(reply, 'a', "(ssssuu)") < 0)
		return false;
	while (sd_bus_message_read(reply, "(ssssuu)", &what, NULL, NULL, &mode, NULL, NULL) > 0)
		if (strstr(what, "shutdown") && strcmp(mode, "block") == 0)
			return true;
	return false;
}

static void read_inhibitors(const Agent *agent, Conditions *conditions)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

	conditions->is_inhibited = agent->inhibitors != NULL;
	if (agent->bus &&
		sd_bus_message_new_method_call(agent->bus, &call, LOGIN, LOGIN_PATH,
			LOGIN ".Manager", "ListInhibitors") >= 0 &&
		sd_bus_message_set_auto_start(call, false) >= 0 &&
		sd_bus_call(agent->bus, call, SENSORS_ANSWER_US, NULL, &reply) >= 0)
		conditions->restart_is_inhibited = blocks_restart(reply);
}

/* logind's hint is about sessions: true where there is none, or none was touched for a while. */
static void read_use(const Agent *agent, Conditions *conditions)
{
	int is_idle;

	conditions->is_used = read_property(agent, LOGIN, LOGIN_PATH, LOGIN ".Manager", "IdleHint",
				      "b", &is_idle) &&
		!is_idle;
}

static void read_load(const Agent *agent, Conditions *conditions)
{
	_cleanup_free_ char *path = path_join(agent->root, "proc/loadavg");
	_cleanup_free_ uint8_t *text = NULL;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t size;

	if (path && processors > 0 && file_read(AT_FDCWD, path, LOAD_TEXT_SIZE, &text, &size) == 0)
		conditions->load = (int)(strtod((char *)text, NULL) * 100 / (double)processors);
}

static void read_space(const Agent *agent, Conditions *conditions)
{
	_cleanup_free_ char *path = path_join(agent->root, STORE);
	struct statvfs status;

	conditions->has_free = path && statvfs(path, &status) == 0;
	if (conditions->has_free)
		conditions->free = (uint64_t)status.f_bavail * status.f_frsize;
}

void sensors_read(const Agent *agent, Conditions *ret_conditions)
{
	const json_t *checks = json_object_get(agent->view.status, "checks");
	Conditions conditions = {
		.clock_is_wrong = json_is_true(json_object_get(checks, "clock_is_behind"))};

	read_network(agent, &conditions);
	read_power(agent, &conditions);
	read_inhibitors(agent, &conditions);
	read_use(agent, &conditions);
	read_load(agent, &conditions);
	read_space(agent, &conditions);
	*ret_conditions = conditions;
}

static int on_change(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	rounds_consider_soon(userdata);
	return 0;
}

void sensors_open(Agent *agent)
{
	static const char *const services[][2] = {{NETWORK, NETWORK_PATH}, {POWER, POWER_PATH},
		{POWER, BATTERY_PATH}, {LOGIN, LOGIN_PATH}};

	for (size_t i = 0; agent->bus && i < ARRAY_SIZE(services); i++)
		(void)sd_bus_match_signal_async(agent->bus, NULL, services[i][0], services[i][1],
			"org.freedesktop.DBus.Properties", "PropertiesChanged", on_change, NULL,
			agent);
}
