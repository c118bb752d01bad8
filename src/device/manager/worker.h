/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Worker: running the helper programs that have the powers which the manager does without. Each
 * reports in its own way; here all become a struct and a reason.
 */
#include <jansson.h>

#include "base/buffer.h"
#include "device/manager/report.h"
#include "device/policy/config.h"
#include "wire/terms/terms.h"

#define PROBATION_UNITS_MAX 256 /* as a trial's record takes (device/store/trial.h) */

/* One line of progress: phase "download" or "apply", bytes done and in all. */
typedef void (*WorkerProgress)(
	void *context, const char *phase, const char *component, uint64_t done, uint64_t total);

typedef struct StageRun {
	const char *root;
	const Config *config;    /* where the repository is, and the way there */
	uint64_t sequence;       /* 0: only refresh */
	const char *enroll;      /* or enroll, by this digest; NULL: no */
	WorkerProgress progress; /* may be NULL */
	void *context;
	int progress_fd; /* gets the lines as they are; -1: none */
	int lock;        /* the stager holds it too: nobody else starts before it has ended */
	int urgent;      /* a lock that somebody holds who cannot wait; -1: none */
	int stop_fd;     /* readable: end the stager at once; -1: none */
	bool background; /* leave processor and disk to others */
} StageRun;

/* suture-stage with its suture-fetch. -EINTR: stop_fd said so; -EBUSY: the urgent lock did. What
 * was downloaded is kept. */
int worker_stage(const StageRun *run, StageResult *ret_result, Reason *reterr_reason);

/* What a generation has to go through before it counts as settled. */
typedef struct Probation {
	unsigned seconds, boot_seconds;   /* of a live switch, and of a boot */
	char *units[PROBATION_UNITS_MAX]; /* that used the component before, and were well */
	size_t unit_count;
} Probation;
void probation_done(Probation *probation);

/* suture-activate switch N: at once. *ret_microseconds: how long the mounts took to move.
 * `probation` NULL: it counts as settled. */
int worker_switch(const char *root, uint32_t generation, const Probation *probation,
	uint64_t *ret_microseconds, Reason *reterr_reason);

/* suture-activate select N: at the next boot. */
int worker_select(
	const char *root, uint32_t generation, const Probation *probation, Reason *reterr_reason);

/* suture-activate mend: makes whole what is shown until the next boot. */
int worker_mend(const char *root, Reason *reterr_reason);

/* suture-restart: plan, or run. */
typedef struct RestartRun {
	const char *bus;      /* NULL: the machine's own service manager */
	const Config *config; /* what is protected */
	const char *verb;
	RestartScope scope;
	unsigned seconds; /* for the restarts; 0: as it does by itself */
} RestartRun;

/* `pids` are lines. *ret_report is its JSON (suture-restart(8)), in which units may have failed;
 * the caller's reference. */
int worker_restart(
	const RestartRun *run, const Buffer *pids, json_t **ret_report, Reason *reterr_reason);

/* suture-restart reboot. *ret_way: "soft-reboot" or "reboot"; the caller frees. */
int worker_reboot(const char *bus, RestartScope scope, char **ret_way, Reason *reterr_reason);

/* suture-trial, which goes on by itself. */
int worker_watch(const char *root, const char *bus, Reason *reterr_reason);

/* What is really mounted, whatever `current` says. */
typedef struct Mounted {
	uint32_t generation;             /* 0: the base, or mixed */
	bool mixed;                      /* directories of different generations */
	bool base_asked;                 /* at the boot loader: nothing is grafted by itself */
	bool paused;                     /* somebody changes the base, and wants no graft */
	bool stale;                      /* one was made over what lies below it no more */
	char cover[REPORT_WORD_MAX + 1]; /* what covers one, such as "overlay:sysext"; or "" */
} Mounted;

int worker_mounted(const char *root, Mounted *ret_mounted, Reason *reterr_reason);

/* What `suture-activate status` prints; the caller frees. */
int worker_status(const char *root, char **ret_text, Reason *reterr_reason);
