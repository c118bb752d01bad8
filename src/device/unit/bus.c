/* SPDX-License-Identifier: Apache-2.0 */
#include "device/unit/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MANAGER_NAME      "org.freedesktop.systemd1"
#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"

/* A manager that does not answer is not waited for longer than a reload of all units takes. */
#define CALL_TIMEOUT_US (30 * UINT64_C(1000000))

static bool is_nobody(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

int bus_open(const char *address, sd_bus **ret, Reason *reterr_reason)
{
	_cleanup_bus_ sd_bus *bus = NULL;
	int r;

	if (!address)
		address = BUS_ADDRESS_MANAGER;
	if (strcmp(address, BUS_NONE) == 0)
		return reason_set(reterr_reason, 1, "no service manager is asked here");
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_US);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (is_nobody(r))
		return reason_set(reterr_reason, 1, "no service manager answers at %s", address);
	if (r < 0)
		return reason_errno(
			reterr_reason, r, "cannot reach the service manager at %s", address);
	*ret = TAKE_PTR(bus);
	return 0;
}

int bus_new_call(sd_bus *bus, const char *method, sd_bus_message **ret_call)
{
	return sd_bus_message_new_method_call(
		bus, ret_call, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, method);
}

int bus_send(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply, Reason *reterr_reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, call, 0, &error, ret_reply);

	if (r >= 0)
		return 0;
	return error.message
		? reason_set(reterr_reason, r, "the service manager: %s", error.message)
		: reason_errno(reterr_reason, r, "the service manager");
}

int bus_call(sd_bus *bus, const char *method, sd_bus_message **ret_reply, Reason *reterr_reason,
	const char *types, ...)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	va_list arguments;
	int r = bus_new_call(bus, method, &call);

	if (r >= 0) {
		va_start(arguments, types);
		r = sd_bus_message_appendv(call, types, arguments);
		va_end(arguments);
	}
	return r < 0 ? reason_errno(reterr_reason, r, "asking the service manager")
		     : bus_send(bus, call, ret_reply, reterr_reason);
}

bool bus_is_lost(sd_bus *bus, int error)
{
	return sd_bus_is_open(bus) <= 0 || error == -ETIMEDOUT;
}

int bus_bad_reply(int error, const char *what, Reason *reterr_reason)
{
	if (error == -ENXIO || error == -EBADMSG)
		return reason_set(reterr_reason, -EBADMSG,
			"the service manager's answer about %s is not understood", what);
	return reason_errno(reterr_reason, error, "the service manager's answer about %s", what);
}

int bus_system_state(sd_bus *bus, char ret_state[static BUS_WORD_SIZE], Reason *reterr_reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state =
		NULL; /* sd-bus allocates with malloc(3), as memory_free() frees */
	int r = sd_bus_get_property_string(
		bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, "SystemState", &error, &state);

	if (r < 0)
		return bus_bad_reply(r, "the system's state", reterr_reason);
	snprintf(ret_state, BUS_WORD_SIZE, "%s", state);
	return 0;
}
