/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unit: what systemd knows of one unit, by org.freedesktop.systemd1(5).
 *
 *     r = unit_read(bus, "nginx.service", &unit, &reason);
 *
 * A unit that does not exist can be read, too: its load state is "not-found". What only services
 * have is empty or 0 for other units.
 */
#include <stdbool.h>
#include <stdint.h>

#include "device/unit/bus.h"

#define UNIT_INVOCATION_SIZE 33 /* 16 bytes in hexadecimal, and a NUL */

typedef struct Unit {
	char *id; /* its first name: an alias asked for becomes it */
	char *fragment;
	char *slice;
	char **names;    /* the id and all aliases */
	char **drop_ins; /* these lists end with NULL, or are NULL when empty */
	char **after;
	char **triggered_by;
	char load_state[BUS_WORD_SIZE];
	char active_state[BUS_WORD_SIZE];
	char sub_state[BUS_WORD_SIZE];
	char invocation[UNIT_INVOCATION_SIZE]; /* of one start; empty before the first */
	uint32_t job;                          /* the number of a job that it has; 0: none */
	bool can_reload;                       /* now */
	bool refuses_start, refuses_stop;      /* by hand */
	bool transient;                        /* made by a program, not by a file */
	uint64_t inactive_exit_us;             /* CLOCK_MONOTONIC of the last start; 0: none */
	uint64_t active_enter_us;
	uint32_t start_burst; /* starts allowed in the interval; 0 or an interval of 0: any */
	uint64_t start_interval_us;
	char type[BUS_WORD_SIZE];           /* of a service, as what follows */
	char bus_name[BUS_WORD_SIZE];       /* that makes the bus start it; or "" */
	char restart_policy[BUS_WORD_SIZE]; /* Restart= */
	char result[BUS_WORD_SIZE];         /* of the last run: "success", "exit-code"… */
	int main_code;                      /* CLD_EXITED, CLD_KILLED…; 0: runs, or never did */
	int main_status;                    /* exit code or signal */
	uint32_t restarts;                  /* by Restart=, since somebody last started it */
} Unit;

int unit_read(sd_bus *bus, const char *name, Unit **ret, Reason *reterr_reason);

/* The same from a signal PropertiesChanged of a unit's object: what it does not tell of is empty or
 * 0. */
int unit_read_change(sd_bus_message *message, Unit **ret);

Unit *unit_free(Unit *unit);
DEFINE_CLEANUP(Unit *, unit_free)

/* Pure. */
bool unit_is_active(const Unit *unit); /* or is being reloaded */
bool unit_has_ended(const Unit *unit); /* or is about to: a restart would not start it again */
bool unit_is_service(const char *id);

/* Whether one more start within `now_us` (CLOCK_MONOTONIC) may be refused by the unit's start rate
 * limit. systemd does not tell how many starts it counts; the last one and those by Restart= are
 * known, and are all taken to lie in the interval: a restart which is refused half-way leaves the
 * service down. */
bool unit_is_at_start_limit(const Unit *unit, uint64_t now_us);

/*
 * Whether the unit declares that a reload is enough to leave the old code, since it executes itself
 * anew or has no code of its own loaded. Nothing in systemd says so: CanReload only means that
 * there is a command. So the unit's file or a drop-in does, in the way systemd.unit(5) gives other
 * programs (keys that begin with X- are theirs to read):
 *
 *     [Unit]
 *     X-Suture-Reload=yes
 *
 * The last assignment in the order of systemd's own reading counts. A file that cannot be read
 * declares nothing.
 */
bool unit_reload_suffices(const Unit *unit);

/* Pure: the same for one file's text; what it does not say leaves `before`. */
bool unit_text_declares_reload(const char *text, bool before);
