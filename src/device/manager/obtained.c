/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/obtained.h"

#include <errno.h>

#include "device/manager/packages.h"
#include "device/manager/services.h"

void obtained_done(Obtained *obtained)
{
	generation_free(obtained->generation);
}

int obtained_get(Manager *manager, const Improvement *improvement, bool to_install,
	Obtained *ret_obtained, Reason *reterr_reason)
{
	Obtained obtained = {.sequence = improvement->sequence};
	int r = to_install ? packages_check(manager->store, improvement, reterr_reason) : 0;

	if (r == 0)
		r = manager_stage(manager, improvement->sequence, &obtained.stage, reterr_reason);
	if (r == -EKEYREJECTED && reterr_reason)
		(void)manager_record(
			manager, "refused", 0, improvement->sequence, reterr_reason->text, NULL);
	if (r == 0 && obtained.stage.generation > 0)
		r = store_read_generation(manager->store, obtained.stage.generation,
			&obtained.generation, reterr_reason);
	if (r == 0)
		*ret_obtained = obtained;
	return r;
}

void obtained_note(const Obtained *obtained, Outcome *outcome)
{
	outcome->sequence = obtained->sequence;
	outcome->stage = obtained->stage;
	outcome->scope = services_scope(obtained->generation);
}

int obtained_show(
	Manager *manager, const Obtained *obtained, Outcome *outcome, Reason *reterr_reason)
{
	uint32_t number = obtained->stage.generation;
	int r = services_scope(obtained->generation) <= RESTART_SERVICES
		? services_switch(manager, number, outcome, reterr_reason)
		: services_select(manager, number, outcome, reterr_reason);

	if (r < 0)
		return r;
	obtained_note(obtained, outcome);
	if (!obtained->generation)
		outcome->grafted = true; /* all of nothing is there */
	return 0;
}

/* What brings no images has no record: it is installed by a note. */
static int note_rehearsal(Manager *manager, const Obtained *obtained, Reason *reason)
{
	return obtained->generation ? store_clear_rehearsed(manager->store, reason)
				    : store_set_rehearsed(manager->store, manager->base_key,
					      (uint32_t)obtained->sequence, reason);
}

void obtained_finish(Manager *manager, const Obtained *obtained, const char *event,
	const char *text, Outcome *outcome)
{
	Reason why = {};
	int r = note_rehearsal(manager, obtained, &why);

	outcome_add_problem(outcome, r, "that it brings nothing is not noted", &why);
	why = (Reason){};
	r = manager_record(
		manager, event, obtained->stage.generation, obtained->sequence, text, &why);
	outcome_add_problem(outcome, r, "it is not in the history", &why);
	if (outcome->grafted)
		outcome_run_after(outcome, manager->root, obtained->generation);
	why = (Reason){};
	r = store_clear_lost(manager->store, &why);
	outcome_add_problem(outcome, r, "what was damaged before is not forgotten", &why);
	why = (Reason){};
	r = store_remove_unused(manager->store, &why);
	outcome_add_problem(outcome, r, "the store was not tidied up", &why);
}
