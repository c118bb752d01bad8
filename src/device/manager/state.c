/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/state.h"

#include "base/text.h"

enum { STATE_IDLE, STATE_AVAILABLE, STATE_RESTART_REQUIRED, STATE_TRIAL, STATE_FAILED };

const char *const state_words[] = {
	[STATE_IDLE] = "idle",
	[STATE_AVAILABLE] = "available",
	[STATE_RESTART_REQUIRED] = "restart-required",
	[STATE_TRIAL] = "trial",
	[STATE_FAILED] = "failed",
	"checking",
	"downloading",
	"staging",
	"installing",
	"removing",
	NULL,
};

const char *state_word(const StateFacts *facts)
{
	int activity = facts->activity ? text_index(state_words, facts->activity) : -1;

	if (activity > STATE_FAILED)
		return state_words[activity];
	if (facts->is_on_trial)
		return state_words[STATE_TRIAL];
	if (facts->needs_restart)
		return state_words[STATE_RESTART_REQUIRED];
	if (facts->is_offered)
		return state_words[STATE_AVAILABLE];
	return state_words[facts->check_failed ? STATE_FAILED : STATE_IDLE];
}
