/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Plan: what becomes of the units that own exposed processes. Pure: what systemd knows of them is
 * given (survey.h asks), and what is done with them is run.h's.
 *
 *     plan_add(&plan, pid, unit, NULL, facts)      for each process; facts with a unit's first one
 *     plan_decide(&plan, &policy)
 *
 * Each unit is there once, whatever it owns, with one action. Those that are restarted or reloaded
 * have a batch: a unit comes in a later batch than those of the plan that it is ordered After=. In
 * a cycle of these, the rest is one batch, and the order in it systemd's.
 */
#include "device/unit/owner.h"
#include "wire/terms/terms.h"

typedef enum PlanAction {
	PLAN_RESTART,
	PLAN_RELOAD,      /* the unit declares that this suffices (unit.h) */
	PLAN_REEXECUTE,   /* process 1, when all else is done */
	PLAN_WAITS,       /* for what the scope says */
	PLAN_PROTECTED,   /* by the owner, or because sessions or the whole system end with it */
	PLAN_OWN,         /* what runs this plan */
	PLAN_REFUSES,     /* RefuseManualStart= or RefuseManualStop= */
	PLAN_AT_LIMIT,    /* of its start rate */
	PLAN_TRANSIENT,   /* made by a program, which alone knows whether it may run twice */
	PLAN_ONESHOT,     /* does its work once and ends */
	PLAN_CONNECTION,  /* of a socket with Accept=yes: it ends with its peer */
	PLAN_LEFT_BEHIND, /* processes that outlived their unit */
	PLAN_SESSION,
	PLAN_USER_SERVICE,
	PLAN_SCOPE,
	PLAN_CONTAINER,
	PLAN_PROCESS, /* belongs to no unit */
} PlanAction;
extern const char *const plan_action_names[];

typedef struct PlanEntry {
	char *unit;      /* NULL: of no unit */
	char *user_unit; /* of the user's own manager, or NULL */
	Unit *facts;     /* NULL as unit is */
	bool declares_reload;
	OwnerKind kind;
	pid_t *pids;
	size_t pid_count;
	PlanAction action;
	unsigned batch;             /* from 0; of those to restart or to reload */
	char result[BUS_WORD_SIZE]; /* what run.h made of it; empty before, and for what is kept */
	uint64_t duration_us;
	Reason problem;
} PlanEntry;

typedef struct Plan {
	PlanEntry *items; /* in the order in which their processes came */
	size_t count;
	unsigned batches;
} Plan;

typedef struct PlanPolicy {
	RestartScope scope;
	const char *const *protect; /* names of units, exact or with a * at the end */
	size_t protect_count;
	const char *own; /* the unit of the caller; may be NULL */
	uint64_t now_us; /* CLOCK_MONOTONIC */
} PlanPolicy;

/* Takes `facts`, also when it fails; they may be NULL for a unit that is in the plan, or for none.
 */
int plan_add(Plan *plan, pid_t pid, const char *unit, const char *user_unit, Unit *facts);
PlanEntry *plan_find(const Plan *plan, const char *unit, const char *user_unit);
/* 0 or -ENOMEM. */
int plan_decide(Plan *plan, const PlanPolicy *policy);
void plan_done(Plan *plan);

/* One of the actions that are carried out in a batch. */
bool plan_is_job(const PlanEntry *entry);

/* What somebody can do about an entry that is not carried out, in one sentence. */
void plan_advise(const PlanEntry *entry, RestartScope scope, Reason *ret_advice);

bool plan_pattern_matches(const char *pattern, const char *unit);
