/* SPDX-License-Identifier: Apache-2.0 */
/* suture-activate: puts a generation's images over their directories, and takes them off. Linked
 * statically: it must work when what it grafts is broken. */
#include <errno.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/start.h"
#include "device/activate/base-run.h"
#include "device/activate/boot.h"
#include "device/activate/guard.h"
#include "device/activate/status.h"

#define DEFAULT_BOOT_WINDOW 180 /* seconds: a slow board comes up in two minutes */

static const char *arg_root = "/", *arg_run, *arg_placement;
static OptionList arg_without, arg_units;
static int arg_trial = -1, arg_boot_window = DEFAULT_BOOT_WINDOW, arg_ready_fd = -1;
static bool arg_at_boot;

/* All features but those that were named with --without; 0 when a name is unknown. */
static unsigned wanted_features(void)
{
	unsigned features = FEATURES_ALL;

	for (size_t i = 0; i < arg_without.count; i++) {
		int feature = text_index(feature_names, arg_without.items[i]);

		if (feature < 0) {
			log_error("unknown feature %s", arg_without.items[i]);
			return 0;
		}
		features &= ~(1U << feature);
	}
	return features | 1U << 31; /* so that none left is not "unknown" */
}

static int print_result(const char *verb, const ActivationResult *result)
{
	printf("%s generation=%u directories=%zu microseconds=%llu\n", verb, result->generation,
		result->directories, (unsigned long long)result->microseconds);
	return EXIT_OK;
}

static int failed(int error, const Reason *reason)
{
	return exit_code_of(log_reason(error, reason));
}

/* One verb, from the lock to the line that it prints. */
static int run(const char *done, bool look,
	int (*act)(Activation *activation, ActivationResult *result, Reason *reason))
{
	_cleanup_(activation_freep) Activation *activation = NULL;
	unsigned features = wanted_features();
	ActivationResult result = {};
	Reason reason = {};
	int r;

	if (features == 0)
		return EXIT_USAGE;
	if (geteuid() != 0) {
		log_error("this needs root: mounts are read and changed");
		return EXIT_NOT_AUTHORISED;
	}
	r = activation_open(arg_root, arg_run, features, look, &activation, &reason);
	if (r == 0)
		r = act(activation, &result, &reason);
	if (r < 0)
		return failed(r, &reason);
	return done ? print_result(done, &result) : EXIT_OK;
}

static uint32_t arg_generation;

/* What --trial, --boot-window and --unit ask for; NULL without --trial. */
static const ActivationTerms *wanted_terms(ActivationTerms *terms)
{
	if (arg_trial < 0)
		return NULL;
	*terms = (ActivationTerms){.window = (unsigned)arg_trial,
		.boot_window = (unsigned)arg_boot_window,
		.units = arg_units.items,
		.unit_count = arg_units.count};
	return terms;
}

static int act_switch(Activation *activation, ActivationResult *result, Reason *reason)
{
	ActivationTerms terms;

	return activation_switch(activation, arg_generation, wanted_terms(&terms), result, reason);
}

static int act_select(Activation *activation, ActivationResult *result, Reason *reason)
{
	ActivationTerms terms;

	return activation_select(activation, arg_generation, wanted_terms(&terms), result, reason);
}

static bool take_generation(const char *operand)
{
	uint64_t number;

	if (text_to_u64(operand, STORE_NUMBER_MAX, &number) < 0) {
		log_error("'%s' is not the number of a generation", operand);
		return false;
	}
	arg_generation = (uint32_t)number;
	return true;
}

static int verb_switch(int count, char **operands)
{
	return take_generation(operands[0]) ? run("switched", false, act_switch) : EXIT_USAGE;
}

static int verb_select(int count, char **operands)
{
	return take_generation(operands[0]) ? run("selected", false, act_select) : EXIT_USAGE;
}

static int act_apply(Activation *activation, ActivationResult *result, Reason *reason)
{
	int r = activation_apply(activation, arg_placement, result, reason);

	if (r == 0 && result->generation == 0 && reason->text[0])
		log_info("the base is shown: %s", reason->text);
	return r;
}

static int verb_apply(int count, char **operands)
{
	if (arg_placement && text_index(activation_placements, arg_placement) < 0) {
		log_error("--placement is initrd or late, not %s", arg_placement);
		return EXIT_USAGE;
	}
	return run("applied", false, act_apply);
}

/* What the verdict is of; 0: of whatever is on trial. */
static int arg_of;

static int act_settle(Activation *activation, ActivationResult *result, Reason *reason)
{
	return activation_settle(activation, (uint32_t)arg_of, result, reason);
}

static int verb_settle(int count, char **operands)
{
	return run("settled", false, act_settle);
}

static const char *arg_why;

static int act_revert(Activation *activation, ActivationResult *result, Reason *reason)
{
	return activation_revert(activation, (uint32_t)arg_of, arg_why, true, result, reason);
}

static int verb_revert(int count, char **operands)
{
	if (!operands[0][0] || !text_is_printable(operands[0])) {
		log_error("the reason is one line of text");
		return EXIT_USAGE;
	}
	arg_why = operands[0];
	return run("reverted", false, act_revert);
}

static int verb_guard(int count, char **operands)
{
	GuardDuty duty = {.root = arg_root,
		.run = arg_run ? arg_run : "/run",
		.features = wanted_features(),
		.at_boot = arg_at_boot,
		.ready_fd = arg_ready_fd};
	bool restart = false;
	Reason reason = {};
	int r;

	if (duty.features == 0)
		return EXIT_USAGE;
	r = guard_run(&duty, &restart, &reason);
	if (r > 0)
		log_info("%s", reason.text);
	if (restart) {
		log_info("the boot did not complete: restarting the machine");
		sync();
		reboot(RB_AUTOBOOT);
	}
	return r < 0 ? failed(r, &reason) : EXIT_OK;
}

static int act_blessed(Activation *activation, ActivationResult *result, Reason *reason)
{
	return boot_bless(activation->runtime, reason);
}

static int verb_blessed(int count, char **operands)
{
	return run(NULL, true, act_blessed);
}

static int verb_pause(int count, char **operands)
{
	return run("paused", false, activation_pause);
}

static int verb_resume(int count, char **operands)
{
	return run("resumed", false, activation_resume);
}

static int verb_mend(int count, char **operands)
{
	return run("mended", false, activation_mend);
}

static int verb_detach(int count, char **operands)
{
	return run("detached", false, activation_detach);
}

static int act_status(Activation *activation, ActivationResult *result, Reason *reason)
{
	_cleanup_buffer_ Buffer text = {};
	int r = status_print(activation, &text, reason);

	if (r == 0)
		fputs((const char *)text.data, stdout);
	return r;
}

static int verb_status(int count, char **operands)
{
	return run(NULL, true, act_status);
}

/* The exit code is the command's: it takes this process's place. */
static int verb_base_run(int count, char **operands)
{
	unsigned features = wanted_features();
	Reason reason = {};
	int r;

	if (features == 0)
		return EXIT_USAGE;
	r = base_run_enter(arg_root, features, &reason);
	if (r == 0) {
		execvp(operands[0], operands);
		r = reason_errno(&reason, -errno, "cannot run %s", operands[0]);
	}
	return failed(r, &reason);
}

static const Option options[] = {
	{"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root},
	{"run", "DIR", "where mounts are kept, if not in run below the root (in an initrd: /run)",
		OPTION_TEXT, &arg_run},
	{"placement", "WHERE", "apply: where in the boot this is, initrd or late", OPTION_TEXT,
		&arg_placement},
	{"trial", "SECONDS", "switch, select: on trial for so long, under a guard", OPTION_NUMBER,
		&arg_trial},
	{"boot-window", "SECONDS", "the same for the trial of a boot", OPTION_NUMBER,
		&arg_boot_window},
	{"unit", "UNIT", "uses the component now, and is watched on trial", OPTION_LIST,
		&arg_units},
	{"of", "N", "settle, revert: only if generation N is on trial", OPTION_NUMBER, &arg_of},
	{"at-boot", NULL, "guard: of a boot's trial", OPTION_FLAG, &arg_at_boot},
	{"ready-fd", "N", "guard: tell descriptor N when it is ready", OPTION_NUMBER,
		&arg_ready_fd},
	{"without", "FEATURE",
		"go the way of other kernels: file-backed, beneath, lowerdir-plus, fs-verity, "
		"dm-verity",
		OPTION_LIST, &arg_without},
	{}};

static const Verb verbs[] = {
	{"switch", "N", "prove generation N and graft it; 0 is the base", 1, 1, verb_switch},
	{"select", "N", "prove generation N and graft it at the next boot", 1, 1, verb_select},
	{"apply", "", "make the mounts what the store says (at boot)", 0, 0, verb_apply},
	{"settle", "", "the trial ended well", 0, 0, verb_settle},
	{"revert", "WHY", "the trial ended badly: go back to what settled before", 1, 1,
		verb_revert},
	{"guard", "", "own the deadline of the trial (started by switch and apply)", 0, 0,
		verb_guard},
	{"blessed", "", "remember that this boot has completed", 0, 0, verb_blessed},
	{"status", "", "show what is grafted, and how it is proved", 0, 0, verb_status},
	{"pause", "", "take everything off while the base is changed", 0, 0, verb_pause},
	{"resume", "", "put on again what was on before the pause", 0, 0, verb_resume},
	{"mend", "", "make whole what is shown in part until the next boot", 0, 0, verb_mend},
	{"detach", "", "take everything off; the store stays as it is", 0, 0, verb_detach},
	{"base-run", "COMMAND...", "run a command that sees the base, without grafts", 1,
		COMMAND_WORDS_MAX, verb_base_run, .runs_command = true},
	{}};

int main(int argc, char **argv)
{
	static const Command command = {"suture-activate",
		"graft the images of a generation over their directories", options, verbs, NULL};

	crypto_start_alone();
	return command_main(&command, argc, argv);
}
