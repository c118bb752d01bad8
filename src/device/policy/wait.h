/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Wait: why nothing happens by itself just now. All reasons are given, not the first: silence is
 * the top complaint about systems that update in the background.
 *
 *     WaitSet set = policy_decide(config, &conditions, &work, STEP_INSTALL, time_now());
 *     if (by_hand)
 *             set &= ~WAITS_OF_THE_OWNER;
 *     if (deadline_has_passed)
 *             set &= ~WAITS_BEFORE_A_DEADLINE;
 *     if (set == 0)
 *             …
 *     wait_words(set, text)
 *
 * Pure: the machine's sensors are somebody else's, who fills Conditions. What a sensor does not
 * tell holds nothing up.
 */
#include "device/policy/config.h"

typedef enum WaitReason {
	WAIT_AUTOMATIC,   /* the owner installs, or downloads, by hand */
	WAIT_MANAGED_OFF, /* the organisation forbids installing by hand as well */
	WAIT_METERED,
	WAIT_ON_BATTERY,
	WAIT_BATTERY_LOW,
	WAIT_INHIBITED, /* a program asked for no change just now */
	WAIT_HELD,      /* the vendor stopped the roll-out */
	WAIT_ROLLOUT,   /* this machine's turn has not come */
	WAIT_DELAY,     /* published too recently */
	WAIT_POSTPONED, /* by the owner */
	WAIT_NOT_IDLE,
	WAIT_WINDOW, /* no maintenance window is open */
	WAIT_DISK_FULL,
	WAIT_CLOCK,   /* the time is not known, and a window or a delay counts */
	WAIT_RESTART, /* the owner restarts: [restart] automatic leaves it to the owner */
	WAIT_REASONS,
} WaitReason;
extern const char *const wait_words[]; /* "metered", …; NULL-terminated */

typedef uint32_t WaitSet; /* bit n: WaitReason n */
#define WAIT_BIT(reason) ((WaitSet)1 << (reason))

/* What an owner who asks for it passes over. */
#define WAITS_OF_THE_OWNER                                                                         \
	(WAIT_BIT(WAIT_AUTOMATIC) | WAIT_BIT(WAIT_METERED) | WAIT_BIT(WAIT_ON_BATTERY) |           \
		WAIT_BIT(WAIT_DELAY) | WAIT_BIT(WAIT_POSTPONED) | WAIT_BIT(WAIT_NOT_IDLE) |        \
		WAIT_BIT(WAIT_WINDOW) | WAIT_BIT(WAIT_CLOCK) | WAIT_BIT(WAIT_RESTART))

/* And what an enforcement passes over whose deadline is over: all but what the vendor says and what
 * would do harm. While the clock is known to be wrong no deadline is over. */
#define WAITS_BEFORE_A_DEADLINE                                                                    \
	(WAITS_OF_THE_OWNER | WAIT_BIT(WAIT_MANAGED_OFF) | WAIT_BIT(WAIT_INHIBITED))

typedef enum WaitStep {
	STEP_DOWNLOAD,
	STEP_INSTALL, /* grafting, and restarts of services that come with it */
	STEP_RESTART, /* of the machine */
} WaitStep;

/* What the machine's sensors say. Zero is "not known" but where it is said. */
typedef struct Conditions {
	bool is_metered;
	bool on_battery;
	bool has_battery;          /* and its charge is known: */
	int battery;               /* percent */
	bool is_inhibited;         /* somebody asked for no installation */
	bool restart_is_inhibited; /* somebody asked for no restart of the machine */
	bool is_used;              /* a person works at it: a session is not idle */
	int load;                  /* percent of all processors, of the last minutes */
	bool has_free;             /* and how much the disk has is known: */
	uint64_t free;             /* bytes */
	bool clock_is_wrong;       /* the time is known to be wrong */
} Conditions;

/* What there is to do. */
typedef struct Work {
	uint64_t download; /* bytes */
	uint64_t space;    /* bytes that it takes on the disk */
	Urgency urgency;
	int64_t published; /* seconds since 1970; 0: not known */
	bool is_held, waits_for_rollout;
	RestartScope scope;      /* what it restarts */
	int64_t postponed_until; /* 0: not postponed */
} Work;

WaitSet policy_decide(const Config *config, const Conditions *conditions, const Work *work,
	WaitStep step, int64_t now);

/* The words with ", " between; empty for none. */
#define WAIT_TEXT_SIZE 256 /* all of them */
void wait_describe(WaitSet set, char ret_text[static WAIT_TEXT_SIZE]);
