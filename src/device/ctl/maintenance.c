/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/maintenance.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

const char *const maintenance_limits[] = {
	"install", "download", "check", "enforce", "restart", NULL};

static void tell_installed(const Manager *manager, const Outcome *outcome)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, outcome->sequence, label);
	if (outcome->grafted)
		log_info("installed %s: %" PRIu64 " bytes downloaded, switched in %" PRIu64
			 " microseconds",
			label, outcome->stage.payload_bytes, outcome->switch_us);
	else
		log_info("%s is staged and becomes active at the next restart", label);
}

static int install(Manager *manager, Outcome *outcome, Reason *reason)
{
	int r = manager_install(manager, &(InstallRequest){}, outcome, reason);

	if (r == 0)
		tell_installed(manager, outcome);
	return r;
}

static int download(Manager *manager, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	uint64_t sequence;
	int r = manager_download(manager, &(InstallRequest){}, &sequence, reason);

	if (r < 0)
		return r;
	label_shown(manager->identity.version_id, sequence, label);
	log_info("%s is downloaded; 'suture install' installs it", label);
	return 0;
}

/* No improvement will say so: there is none any more. */
static void tell_support(const Manager *manager)
{
	Reason text = {};

	if (manager_support(manager, &text) == SUPPORT_ENDED)
		log_info("%s", text.text);
}

/* The smaller of both: the limits are in the order of what is automatic, but for the last. */
static Automatic step_of(MaintenanceLimit most, Automatic automatic)
{
	if (most == MAINTENANCE_ENFORCE)
		return AUTOMATIC_INSTALL;
	return (Automatic)most > automatic ? (Automatic)most : automatic;
}

static int act(Manager *manager, MaintenanceLimit most, Outcome *outcome, Reason *reason)
{
	StageResult checked;
	int r = manager_need_config(manager, reason);

	if (r < 0)
		return r;
	switch (step_of(most, manager->config.automatic)) {
	case AUTOMATIC_INSTALL: return install(manager, outcome, reason);
	case AUTOMATIC_DOWNLOAD: return download(manager, reason);
	default: return manager_check(manager, &checked, reason);
	}
}

static void tell_mended(const char *text)
{
	log_info("%s", text);
}

/* First what is not right: what is offered depends on what is there. A failure of it must not keep
 * a newer improvement out, which may mend it. */
static int repair_and_act(Manager *manager, MaintenanceLimit most, Outcome *outcome, Reason *reason)
{
	Reason why = {};
	int repaired = manager_put_right(manager, tell_mended, outcome, &why);
	int r = act(manager, most, outcome, reason);

	tell_support(manager);
	if (r == 0 && repaired < 0)
		log_reason(repaired, &why);
	if (r != -ENODATA || repaired == 0)
		return r;
	if (repaired < 0)
		*reason = why;
	return repaired < 0 ? repaired : 0;
}

/* Whatever became of the rest: what the index that was just verified withdraws has to go. */
static int obey(Manager *manager, int r, Outcome *outcome, Reason *reason)
{
	Reason why = {};
	int obeyed = manager_obey_withdrawal(manager, outcome, &why);

	if (obeyed > 0)
		log_info("%s", why.text);
	if (obeyed > 0 && r == -ENODATA)
		return 0;
	if (obeyed >= 0)
		return r;
	if (r < 0 && r != -ENODATA && r != -EBUSY && strcmp(reason->text, why.text) != 0)
		log_reason(r, reason);
	*reason = why;
	return obeyed;
}

int maintenance_run(Manager *manager, MaintenanceLimit most, Outcome *outcome, char **ret_way,
	Reason *reterr_reason)
{
	int r;

	*ret_way = NULL;
	if (most == MAINTENANCE_RESTART)
		return manager_restart_machine(manager, ret_way, reterr_reason);
	r = repair_and_act(manager, most, outcome, reterr_reason);
	return r == -EINTR ? r : obey(manager, r, outcome, reterr_reason);
}

void maintenance_log_impact(const Outcome *outcome)
{
	const Impact *impact = &outcome->impact;
	const json_t *units = json_object_get(impact->report, "units");

	if (!impact->is_known)
		return;
	log_info("%zu processes ran %s, and %zu still do", impact->exposed,
		outcome->grafted ? "replaced code" : "what was taken off", impact->left);
	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit"),
			   *advice = document_text(unit, "advice");

		if (name[0] && advice[0] && !document_text(unit, "result")[0])
			log_info("%s still runs it: %s", name, advice);
	}
}
