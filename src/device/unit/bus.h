/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bus: the connection to the system's service manager.
 *
 * The way is systemd's own socket, which systemctl(1) takes too when root asks: it needs no D-Bus
 * daemon, so that a daemon which is restarted, or broken by what was grafted, cuts nobody off. Any
 * other D-Bus address (a test's) leads to something that answers as org.freedesktop.systemd1.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/memory.h"
#include "base/reason.h"

#define BUS_ADDRESS_MANAGER "unix:path=/run/systemd/private"
#define BUS_NONE            ""
#define BUS_UNIT_PATH       "/org/freedesktop/systemd1/unit" /* below it each unit has an object */
#define BUS_WORD_SIZE       32 /* states, results and versions are shorter words of systemd */

/* NULL: the machine's own manager; BUS_NONE: nobody's, as for a root that is not the machine's own.
 * Positive: nobody manages services there. */
int bus_open(const char *address, sd_bus **ret, Reason *reterr_reason);

static inline void bus_closep(sd_bus **bus)
{
	sd_bus_flush_close_unref(*bus);
}
#define _cleanup_bus_     _cleanup_(bus_closep)
#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)

/* Calls a method of the manager. The message's reason is what systemd said. */
int bus_call(sd_bus *bus, const char *method, sd_bus_message **ret_reply, Reason *reterr_reason,
	const char *types, ...);

/* The same for arguments that bus_call() cannot spell: a call to fill, and sending it. */
int bus_new_call(sd_bus *bus, const char *method, sd_bus_message **ret_call);
int bus_send(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply, Reason *reterr_reason);

/* Whether a call failed because nobody answers any more, and not because of what was asked. */
bool bus_is_lost(sd_bus *bus, int error);

/* What a reply or a signal holds is not what systemd's interface says: -EBADMSG with a reason; an
 * error of another kind is forwarded. */
int bus_bad_reply(int error, const char *what, Reason *reterr_reason);

/* "starting", "running", "degraded", "stopping"…: org.freedesktop.systemd1(5), SystemState. */
int bus_system_state(sd_bus *bus, char ret_state[static BUS_WORD_SIZE], Reason *reterr_reason);
