/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fake systemd: something that answers as org.freedesktop.systemd1 on one end of a socket, for
 * tests of what speaks to systemd. Its world is a JSON text, which it asks for anew at each
 * question, so that a test can change the world under a running program:
 *
 *     {"state": "running",                            SystemState; "hang-up" at each question
 *      "pids": {"17": "a.service"},                   GetUnitByPID
 *      "units": {"a.service": {
 *              "properties": {"ActiveState": "active"},   what differs from a plain unit
 *              "unreadable": true,                        an error, and no properties
 *              "job": {"result": "done", "run": "…"}}},   what becomes of a job; a command first
 *      "ended": [["a.service", "done", "inactive"]]}      jobs of others, told as they are added,
 *                                                         and the state of the unit then
 *
 * A job's result may also be "refused", "never" and "hang-up" (the connection ends). Units that are
 * not there are not-found, as systemd has it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef struct FakeWorld {
	json_t *(*read)(void *context); /* the fake takes the reference */
	bool (*has_changed)(
		void *context); /* since it was asked last: told as signals; may be NULL */
	void *context;
	const char *log; /* a file that gets a line "Method unit" per job; NULL: none */
} FakeWorld;

/* Serves until the other end closes. */
void fake_systemd_serve(int fd, const FakeWorld *world);

/* For unit tests: a world that does not change, served by a child which ends with the connection.
 */
sd_bus *fake_systemd_connect(const char *world);
