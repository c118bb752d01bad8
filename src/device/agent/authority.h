/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Authority: whether whoever sent a message may do what it asks for. polkit decides; root may
 * everything, and where there is no polkit nobody else may anything.
 *
 *     static int on_check(sd_bus_message *message, void *userdata, sd_bus_error *error)
 *     {
 *             return authority_ask(userdata, message, AUTHORITY_CHECK, check);
 *     }
 *
 * Polkit may ask for a password, so the answer comes later: `yes` is called then, with the message
 * at its beginning, and replies. Everything else is replied here: AccessDenied, or
 * InteractiveAuthorizationRequired where a password would help and the sender did not allow to ask.
 */
#include <systemd/sd-bus.h>

#include "device/agent/jobs.h"

#define AUTHORITY_CHECK     "org.suture.manager1.check"
#define AUTHORITY_ACQUIRE   "org.suture.manager1.acquire"
#define AUTHORITY_INSTALL   "org.suture.manager1.install"
#define AUTHORITY_FILE      "org.suture.manager1.install-file"
#define AUTHORITY_REMOVE    "org.suture.manager1.remove"
#define AUTHORITY_AUTOMATIC "org.suture.manager1.set-automatic"
#define AUTHORITY_POSTPONE  "org.suture.manager1.postpone"
#define AUTHORITY_INHIBIT   "org.suture.manager1.inhibit"
#define AUTHORITY_OVERRIDE  "org.suture.manager1.override-conditions"
#define AUTHORITY_REBOOT    "org.freedesktop.login1.reboot" /* logind's own: no second right */

typedef int (*AuthorityYes)(Agent *agent, sd_bus_message *message);

/* Who called. A caller who is gone already is an error. */
int authority_find_user(sd_bus_message *message, uid_t *ret_user);

/* For a method handler to return. */
int authority_ask(Agent *agent, sd_bus_message *message, const char *action, AuthorityYes yes);

/* The action for a job of this kind. */
const char *authority_of(JobKind kind);
