/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Manager: what can be done with a machine's improvements, for `suture` and `sutured` alike. It
 * decides and records; fetching, staging and grafting are done by the helper programs.
 *
 *     manager_open("/", &manager, &reason);
 *     manager_load(&manager);                       what is known without asking
 *     manager_lock(&manager, &reason);              before anything that changes something
 *     manager_put_right(&manager, tell, &outcome, &reason);    before what may be new
 *     manager_install(&manager, &request, &outcome, &reason);    or remove, or obey a withdrawal
 *     manager_look_after_services(&manager, &outcome);
 *
 * Results: -EBUSY another Suture program is at work, or it has to wait; -ENODATA there is nothing
 * to do; -EINTR asked to stop; -EPERM the policy forbids it to the owner; else what the helpers
 * gave. Reasons are one line for a person.
 */
#include "device/exposure/exposure.h"
#include "device/manager/checked.h"
#include "device/manager/worker.h"
#include "device/policy/policy.h"
#include "device/store/store.h"
#include "wire/improvement/offer.h"

typedef struct Manager {
	const char *root;
	Store *store;
	BaseIdentity identity;
	char base_key[IDENTITY_KEY_MAX + 1];
	Policy *policy; /* what the files say, and where */
	Config config;  /* of it, and of the command line: what counts in this run */
	bool has_index; /* the kept index was read */
	Index index;
	Checked checked; /* how the last checks went, and the clock */
	int lock, urgent;
	WorkerProgress progress; /* for the helpers; may be NULL */
	void *context;
	int progress_fd;
	int stop_fd;     /* readable: end what is being downloaded; -1: none */
	bool background; /* the helpers leave processor and disk to others */
	const char *bus; /* of a service manager that is not the machine's own; else NULL */
} Manager;

/* A mistake in suture.conf is no failure (device/policy/policy.h). */
int manager_open(const char *root, Manager *ret_manager, Reason *reterr_reason);
void manager_done(Manager *manager);
#define _cleanup_manager_ _cleanup_(manager_done)

/* Reads the index that is kept, and how the last checks went, without asking the repository. 0 or
 * -ENOMEM: none is no error. */
int manager_load(Manager *manager);

/* 0, or why there is no repository to ask. All that asks it does this by itself: the way back, and
 * looking, must not depend on where improvements come from. */
int manager_need_config(const Manager *manager, Reason *reterr_reason);

/* From now on asks the repository, or the bundle, at this path of a file system and nothing else:
 * for machines that no network reaches. Where there is no configuration, its defaults count. */
int manager_ask_path(Manager *manager, const char *path, Reason *reterr_reason);

int manager_lock(Manager *manager, Reason *reterr_reason);

/* The same, for what must not wait for a slow server: a download that holds the lock is asked to
 * end, and what it has is kept. -EBUSY only when 10 seconds were not enough. */
int manager_lock_urgently(Manager *manager, Reason *reterr_reason);

/* Tells who follows the progress that one of the phases behind the download begins: "activate" when
 * mounts are about to change, "restart" when services are. */
void manager_tell_phase(const Manager *manager, const char *phase);

/* Brings the index up to date. How it went is kept, a failure too. */
int manager_check(Manager *manager, StageResult *ret_result, Reason *reterr_reason);

/* Has an improvement of the index downloaded, verified and staged; 0: only the index. */
int manager_stage(
	Manager *manager, uint64_t sequence, StageResult *ret_result, Reason *reterr_reason);

/* Trusts the vendor whose root metadata has this SHA-256, on a machine whose base brought none:
 * writes etc/suture/root.json. -EEXIST when a vendor is trusted already. */
int manager_enroll(Manager *manager, const char *digest, Reason *reterr_reason);

/* The current generation and its sequence; 0 and 0: the base, 0 and a sequence: an improvement
 * without images. A generation of another base, or whose record cannot be read, has sequence 0: it
 * is never grafted. */
int manager_installed(const Manager *manager, uint32_t *ret_generation, uint64_t *ret_sequence,
	Reason *reterr_reason);

/* Whether a record was made for the base that runs. */
bool manager_is_of_base(const Manager *manager, const Generation *generation);

/* What the kept index offers. The pointers live as long as the manager's index. */
int manager_offer(const Manager *manager, bool by_hand, Offer *ret_offer, Reason *reterr_reason);

/* One sentence on why there is nothing to install now; 0 when there is. */
int manager_explain_offer(const Manager *manager, const Offer *offer, Reason *ret_reason);

/* The improvement of the index with this sequence, if it can still be had: -ENOENT when the
 * repository has it no more or the vendor withdrew it, -EBUSY when it failed on this machine. */
int manager_find(const Manager *manager, uint64_t sequence, const Improvement **ret_improvement,
	Reason *reterr_reason);

/* Appends to the history. `text` NULL: the label. */
int manager_record(Manager *manager, const char *event, uint32_t generation, uint64_t sequence,
	const char *text, Reason *reterr_reason);

/* What the vendor says of the base itself, in one sentence: until when it gets improvements, and
 * which system comes next. 0 when it says nothing; SUPPORT_GOES_ON; or SUPPORT_ENDED where it gets
 * no more, or is superseded: only an update of the system helps. */
#define SUPPORT_GOES_ON 1
#define SUPPORT_ENDED   2
int manager_support(const Manager *manager, Reason *ret_text);

/* What a change means for the programs that run (services.h). */
typedef struct Impact {
	bool is_known;      /* false: this is not the machine's own root, or nothing was switched */
	RestartScope scope; /* what it asks for */
	size_t exposed;     /* processes that run what is not wanted any more */
	size_t left;        /* and after the restarts, if there were any */
	json_t *report;     /* of suture-restart */
} Impact;
void impact_done(Impact *impact);

typedef struct InstallRequest {
	bool by_hand;      /* the owner asks, so what was removed may come back, where the
			      owner may install at all */
	uint64_t sequence; /* this one, which may be older than what is installed; 0: what is
			      offered */
} InstallRequest;

/* What a run changed: an installation, a removal, a repair, or several of these one after the
 * other. The caller gives it empty, each call notes in it what it did, and outcome_done() ends it.
 * A call that fails leaves what others noted. */
typedef struct Outcome {
	uint64_t sequence; /* that is on, or staged; 0: the base */
	StageResult stage;
	uint64_t switch_us; /* microseconds */
	bool grafted;       /* false: staged, and taken at the next restart */
	RestartScope scope;
	unsigned trial_seconds; /* 0: no trial, as below another root */
	size_t trial_units;     /* that are watched */
	bool switched;          /* mounts have changed, once or more */
	Generation *before;     /* what was mounted before that; NULL: nothing, or not known */
	uint64_t switched_us;   /* when, of CLOCK_BOOTTIME */
	Impact impact;
	Reason problem; /* after the switch; empty: none */
} Outcome;
void outcome_done(Outcome *outcome);

/* 1 when the mounts are not what `current` says, else 0. While somebody changes the base and has
 * taken the grafts off for it, that is as it should be. */
int manager_differs(const Manager *manager, Reason *reterr_reason);

/* Where the mounts are not what `current` says, since a switch was interrupted or another program
 * unmounted or covered a graft: makes them so, unless the difference is meant to last until the
 * next restart, or the vendor withdrew it. Positive: it did, and the reason tells what. */
int manager_repair(Manager *manager, Outcome *outcome, Reason *reterr_reason);

/* After an update of the system, once its boot has completed: what is selected belongs to the base
 * before, is never grafted here, and falls away with its space. Whether the new base contains it is
 * what its index says. manager_check() does this by itself. Positive: it did. */
int manager_leave_base(Manager *manager, Reason *reterr_reason);

/* A trial that this boot began needs somebody who watches it: whoever made the switch may have been
 * ended before it came to that. Does nothing where one is there, or nothing is on trial. */
int manager_watch_trial(const Manager *manager, Reason *reterr_reason);

/* Makes right what is not: takes off what is damaged in the store, obtains it again, and repairs.
 * What is damaged is obtained by its sequence, whatever suture.conf says of installing, since the
 * owner has it and wants it; where it cannot be had any more that is told, and it is given up.
 * `tell` gets a sentence for each thing that was done. Positive: one was; negative: the first that
 * failed, which keeps the others from nothing. */
int manager_put_right(
	Manager *manager, void (*tell)(const char *text), Outcome *outcome, Reason *reterr_reason);

/* Check, stage and graft what is requested. An older sequence keeps the newer ones off, as removing
 * them would. -ENOENT: there is no such sequence, or it was withdrawn. Once it is on, whatever goes
 * wrong is a problem of the outcome, and no error: with this call and all that switch. */
int manager_install(
	Manager *manager, const InstallRequest *request, Outcome *outcome, Reason *reterr_reason);

/* After any switch, and all else that needs the lock: gives the lock back, since a removal must not
 * wait for services; restarts what runs code that is not wanted any more, be it replaced or taken
 * off, and has a trial watched. */
void manager_look_after_services(Manager *manager, Outcome *outcome);

/* Check and stage, and tell what an installation would mean. Nothing is grafted or restarted. */
int manager_preview(
	Manager *manager, const InstallRequest *request, Outcome *outcome, Reason *reterr_reason);

/* Restarts the machine, as far as what is selected and not mounted needs it. *ret_way:
 * "soft-reboot" or "reboot"; the caller frees. -ENODATA: nothing waits for that. */
int manager_restart_machine(Manager *manager, char **ret_way, Reason *reterr_reason);

/* The same without grafting: for `automatic = download`. -ENODATA when it was done before. */
int manager_download(Manager *manager, const InstallRequest *request, uint64_t *ret_sequence,
	Reason *reterr_reason);

/* Back to the base, from whatever is selected or mounted. What was there stays off until there is a
 * newer sequence. */
int manager_remove(Manager *manager, Outcome *outcome, Reason *reterr_reason);

/* Only tells what a removal would mean: outcome->sequence is what would go. */
int manager_preview_removal(const Manager *manager, Outcome *outcome, Reason *reterr_reason);

/* Selects what is mounted, so that what only waits for the next restart does not come; where the
 * mounts do not tell, the generation below, or the base. Positive: it did. */
int manager_keep_off(Manager *manager, Reason *reterr_reason);

/* If the vendor withdrew what is installed: takes it off (revert), or keeps what is only staged
 * from becoming active (stop). Positive: it did, and the reason tells the owner. */
int manager_obey_withdrawal(Manager *manager, Outcome *outcome, Reason *reterr_reason);

/* Which processes run code that the newest known improvement replaces. `files` must outlive `list`;
 * both are the caller's to free. *ret_sequence: of that improvement, 0 when none is known. */
int manager_exposure(Manager *manager, ExposureFiles *files, ExposureList *list,
	uint64_t *ret_sequence, Reason *reterr_reason);
