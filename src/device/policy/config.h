/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Config: what counts on this machine, of all that suture.conf(5) can say, as values that a program
 * can use. Policy (policy.h) makes it from the files, and knows for each value where it is from.
 *
 * Zero is what an absent key means for everything that forbids or restricts, so that `Config x =
 * {}` restricts nothing. Durations are seconds, sizes bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/policy/enforcement.h"
#include "device/policy/window.h"
#include "wire/terms/terms.h"

#define CONFIG_VALUE_MAX    1024
#define CONFIG_DAY          86400
#define CONFIG_INTERVAL_MAX (7 * CONFIG_DAY)
#define CONFIG_TIMEOUT_MAX                                                                         \
	600 /* seconds: of the slowest satellite; four tries of it are an hour                     \
	     */
#define CONFIG_BANDWIDTH_MIN    8192 /* as suture-fetch has it */
#define CONFIG_MIRRORS_MAX      8
#define CONFIG_PROTECT_MAX      32
#define CONFIG_WINDOW_MAX       CONFIG_DAY        /* of a trial (device/store/trial.h) */
#define CONFIG_WINDOWS_MAX      16                /* one or two for each day of the week */
#define CONFIG_DELAY_MAX        (90 * CONFIG_DAY) /* as the longest deferral of other systems */
#define CONFIG_POSTPONE_MAX     (90 * CONFIG_DAY)
#define CONFIG_ENFORCEMENTS_MAX 16
#define CONFIG_WARNINGS_MAX     8
#define CONFIG_WARNING_MAX      (30 * CONFIG_DAY)
#define CONFIG_COUNTDOWN_MAX    3600
#define CONFIG_NAME_MAX         128       /* of an organisation: one line of a screen */
#define CONFIG_BYTES_MAX        (1 << 30) /* above that a limit limits nothing */

typedef enum Automatic { AUTOMATIC_INSTALL, AUTOMATIC_DOWNLOAD, AUTOMATIC_OFF } Automatic;
typedef enum Restarts { RESTARTS_SERVICES, RESTARTS_MACHINE, RESTARTS_OFF } Restarts;
typedef enum MeteredRule { METERED_GOES, METERED_SMALL, METERED_WAITS } MeteredRule;
typedef enum NotifyLevel { NOTIFY_ALL, NOTIFY_DEADLINE_ONLY, NOTIFY_NONE } NotifyLevel;

/* Their words, in the order of the enums; NULL-terminated. */
extern const char *const config_automatic_words[],
	*const config_restarts_words[], *const config_metered_words[], *const config_notify_words[];

/* `delay_unless`: no urgency is enough. Smaller ones are an Urgency. */
#define CONFIG_DELAY_ALL (URGENCY_CRITICAL + 1)

typedef struct Config {
	/* [repository] */
	char url[CONFIG_VALUE_MAX + 1]; /* ends in a slash; empty: not configured */
	char mirrors[CONFIG_MIRRORS_MAX][CONFIG_VALUE_MAX + 1]; /* asked in this order after url */
	size_t mirror_count;
	char channel[CONFIG_VALUE_MAX + 1];
	char proxy[CONFIG_VALUE_MAX + 1];   /* empty: what the environment says */
	char ca_file[CONFIG_VALUE_MAX + 1]; /* empty: the system's */
	bool any_redirect;
	int timeout;   /* seconds after which a silent server is given up */
	int bandwidth; /* bytes a second; 0: no limit */

	int interval; /* [check]: seconds between two checks of `sutured` in its loop */

	/* [install] */
	Automatic automatic;
	bool forbids_install; /* by hand; what is enforced is installed all the same */
	bool forbids_removal; /* by the owner; never the machine's revert or a withdrawal */
	Window windows[CONFIG_WINDOWS_MAX]; /* for what restarts something; none: at any time */
	size_t window_count;
	MeteredRule metered;
	int metered_max;     /* bytes that METERED_SMALL still downloads */
	bool battery_waits;  /* nothing happens by itself on battery */
	int battery_floor;   /* percent, below which nothing happens on battery */
	bool waits_for_idle; /* what restarts something */
	int idle_load;       /* percent of all processors, above which a machine is not idle */
	int delay;           /* seconds after publication */
	int delay_unless;    /* an Urgency that does not wait so long, or CONFIG_DELAY_ALL */
	int postpone_limit;  /* seconds in all; 0: the owner cannot postpone */

	/* [restart] */
	Restarts restarts;                                   /* what is restarted by itself */
	char protect[CONFIG_PROTECT_MAX][UNIT_NAME_MAX + 1]; /* units that are not; may end in * */
	size_t protect_count;

	/* [trial] */
	int window;      /* seconds of a trial after a live switch */
	int boot_window; /* and after a start of the system */

	/* [enforce] */
	Enforcement enforcements[CONFIG_ENFORCEMENTS_MAX];
	size_t enforcement_count;
	int warnings[CONFIG_WARNINGS_MAX]; /* seconds before a deadline */
	size_t warning_count;
	int countdown; /* seconds that a person sees running down before an enforced restart */
	char details_url[CONFIG_VALUE_MAX + 1]; /* why, for a person; empty: none */

	NotifyLevel notify;                     /* [notify] */
	char organisation[CONFIG_NAME_MAX + 1]; /* [manage]: "managed by"; empty: no name */
} Config;

/* Whether a person is to be told, of something enforced in so many seconds, or of anything else. */
#define CONFIG_NO_DEADLINE (-1)
bool config_notifies(const Config *config, int64_t seconds_left);
