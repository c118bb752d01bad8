/* SPDX-License-Identifier: Apache-2.0 */
/* suture-activate: puts a generation's images over their directories, and takes them off. Linked
 * statically: it must work when what it grafts is broken. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/start.h"
#include "device/activate/base-run.h"
#include "device/activate/status.h"

static const char *arg_root = "/";
static OptionList arg_without;

/* All features but those that were named with --without; 0 when a name is unknown. */
static unsigned wanted_features(void)
{
	unsigned features = FEATURE_FILE_BACKED | FEATURE_BENEATH | FEATURE_LOWERDIR_PLUS;

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
	r = activation_open(arg_root, features, look, &activation, &reason);
	if (r == 0)
		r = act(activation, &result, &reason);
	if (r < 0)
		return failed(r, &reason);
	return done ? print_result(done, &result) : EXIT_OK;
}

static uint32_t arg_generation;

static int act_switch(Activation *activation, ActivationResult *result, Reason *reason)
{
	return activation_switch(activation, arg_generation, result, reason);
}

static int act_select(Activation *activation, ActivationResult *result, Reason *reason)
{
	return activation_select(activation, arg_generation, result, reason);
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

static int verb_apply(int count, char **operands)
{
	return run("applied", false, activation_apply);
}

static int verb_pause(int count, char **operands)
{
	return run("paused", false, activation_pause);
}

static int verb_resume(int count, char **operands)
{
	return run("resumed", false, activation_resume);
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
	{"without", "FEATURE", "go the way of older kernels: file-backed, beneath, lowerdir-plus",
		OPTION_LIST, &arg_without},
	{}};

static const Verb verbs[] = {
	{"switch", "N", "prove generation N and graft it; 0 is the base", 1, 1, verb_switch},
	{"select", "N", "prove generation N and graft it at the next boot", 1, 1, verb_select},
	{"apply", "", "make the mounts what the store says (at boot)", 0, 0, verb_apply},
	{"status", "", "show what is grafted, and how it is proved", 0, 0, verb_status},
	{"pause", "", "take everything off while the base is changed", 0, 0, verb_pause},
	{"resume", "", "put on again what was on before the pause", 0, 0, verb_resume},
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
