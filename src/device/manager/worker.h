/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Worker: running the helper programs that have the powers which the manager does without. Each
 * reports in its own way; here all become a struct and a reason.
 */
#include "device/manager/report.h"
#include "device/policy/config.h"

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
} StageRun;

/* suture-stage with its suture-fetch. -EINTR: stop_fd said so; -EBUSY: the urgent lock did. What
 * was downloaded is kept. */
int worker_stage(const StageRun *run, StageResult *ret_result, Reason *reterr_reason);

/* suture-activate switch N: at once. *ret_microseconds: how long the mounts took to move. */
int worker_switch(
	const char *root, uint32_t generation, uint64_t *ret_microseconds, Reason *reterr_reason);

/* suture-activate select N: at the next boot. */
int worker_select(const char *root, uint32_t generation, Reason *reterr_reason);

/* What is really mounted, whatever `current` says. */
typedef struct Mounted {
	uint32_t generation;             /* 0: the base, or mixed */
	bool mixed;                      /* directories of different generations */
	bool paused;                     /* somebody changes the base, and wants no graft */
	bool stale;                      /* one was made over what lies below it no more */
	char cover[REPORT_WORD_MAX + 1]; /* what covers one, such as "overlay:sysext"; or "" */
} Mounted;

int worker_mounted(const char *root, Mounted *ret_mounted, Reason *reterr_reason);

/* What `suture-activate status` prints; the caller frees. */
int worker_status(const char *root, char **ret_text, Reason *reterr_reason);
