/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/property.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "suture-version.h"
#include "wire/json/document.h"
#include "wire/terms/terms.h"

#define USEC_PER_SECOND INT64_C(1000000)

static const json_t *part(const Agent *agent, const char *name)
{
	return name ? json_object_get(agent->view.status, name) : agent->view.status;
}

static json_t *number(int64_t value)
{
	return json_integer(value);
}

/* "(a)" of "26.3.1 (a)"; "" of the base's. */
static json_t *label_of(const json_t *object, const char *member)
{
	const char *open = strstr(document_text(object, member), " (");

	return json_string(open ? open + 1 : "");
}

static json_t *usec_of(const json_t *object, const char *member)
{
	return number(document_time(object, member) * USEC_PER_SECOND);
}

static json_t *text_of(const Agent *agent, const char *object, const char *member)
{
	return json_string(document_text(part(agent, object), member));
}

/* A machine that nobody manages, or whose policy could not be read, forbids its owner nothing. */
static json_t *flag_of(const Agent *agent, const char *member, bool otherwise)
{
	const json_t *value = json_object_get(part(agent, "policy"), member);

	return json_boolean(json_is_boolean(value) ? json_is_true(value) : otherwise);
}

static json_t *state(const Agent *agent)
{
	return agent->view.status ? text_of(agent, NULL, "state") : json_string("failed");
}

static json_t *version(const Agent *agent)
{
	return json_string(SUTURE_VERSION);
}

static json_t *product(const Agent *agent)
{
	return text_of(agent, NULL, "product");
}

static json_t *base_version(const Agent *agent)
{
	return text_of(agent, NULL, "version");
}

static json_t *display_version(const Agent *agent)
{
	return text_of(agent, NULL, "label");
}

static json_t *sequence(const Agent *agent)
{
	return number(document_number(agent->view.status, "sequence"));
}

static json_t *label(const Agent *agent)
{
	return label_of(agent->view.status, "label");
}

static json_t *available_sequence(const Agent *agent)
{
	return number(document_number(part(agent, "offer"), "sequence"));
}

static json_t *available_label(const Agent *agent)
{
	return label_of(part(agent, "offer"), "label");
}

static json_t *available_state(const Agent *agent)
{
	return text_of(agent, "offer", "state");
}

/* What is selected and not mounted because something is in its way waits for no restart. */
static bool is_pending(const Agent *agent)
{
	const char *scope = document_text(agent->view.status, "restart_needed");

	return scope[0] && strcmp(scope, restart_scope_names[RESTART_NONE]) != 0;
}

static json_t *pending_sequence(const Agent *agent)
{
	return number(is_pending(agent) ? document_number(agent->view.status, "selected") : 0);
}

static json_t *pending_label(const Agent *agent)
{
	return is_pending(agent) ? label_of(agent->view.status, "selected_label") : json_string("");
}

static json_t *restart_needed(const Agent *agent)
{
	const char *scope = document_text(agent->view.status, "restart_needed");

	return json_string(scope[0] ? scope : restart_scope_names[RESTART_NONE]);
}

static json_t *restart_at(const Agent *agent)
{
	return number((int64_t)agent->rounds.restart_at_us);
}

static json_t *automatic(const Agent *agent)
{
	return text_of(agent, NULL, "automatic");
}

static json_t *automatic_managed(const Agent *agent)
{
	return flag_of(agent, "automatic_managed", false);
}

static json_t *install_allowed(const Agent *agent)
{
	return flag_of(agent, "install_allowed", true);
}

static json_t *removal_allowed(const Agent *agent)
{
	return flag_of(agent, "removal_allowed", true);
}

static json_t *managed_by(const Agent *agent)
{
	return text_of(agent, "policy", "organisation");
}

static json_t *postponed_until(const Agent *agent)
{
	return usec_of(part(agent, "policy"), "postponed_until");
}

static json_t *deadline(const Agent *agent)
{
	return usec_of(json_object_get(part(agent, "policy"), "enforcement"), "deadline");
}

static json_t *deferred(const Agent *agent)
{
	const json_t *list = part(agent, "deferred");
	json_t *words = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_append_new(
			words, json_string(document_text(json_array_get(list, i), "reason")));
	return words;
}

static json_t *last_check(const Agent *agent)
{
	return usec_of(agent->view.status, "last_check");
}

static json_t *next_check(const Agent *agent)
{
	return number(agent->rounds.next_check * USEC_PER_SECOND);
}

/* Whether somebody asked with success since, be it at a terminal. */
static bool is_mended(const Agent *agent)
{
	int64_t checked = 0;

	(void)time_parse(document_text(agent->view.status, "last_check"), &checked);
	return checked > agent->jobs.failed;
}

/* What went wrong last: asking the repository, or else the job that the agent did. */
static json_t *last_error(const Agent *agent)
{
	const char *problem = document_text(part(agent, "checks"), "problem");

	if (!agent->view.status)
		return json_pack("[s, s]", "Failed", agent->view.problem.text);
	if (agent->jobs.error[0] && !is_mended(agent))
		return json_pack("[s, s]", agent->jobs.error, agent->jobs.problem.text);
	return json_pack("[s, s]", problem[0] ? "Failed" : "", problem);
}

static const struct {
	const char *name, *type;
	json_t *(*make)(const Agent *agent);
} properties[] = {
	{"DaemonVersion", "s", version},
	{"State", "s", state},
	{"Product", "s", product},
	{"BaseVersion", "s", base_version},
	{"Sequence", "t", sequence},
	{"Label", "s", label},
	{"DisplayVersion", "s", display_version},
	{"AvailableSequence", "t", available_sequence},
	{"AvailableLabel", "s", available_label},
	{"AvailableState", "s", available_state},
	{"PendingSequence", "t", pending_sequence},
	{"PendingLabel", "s", pending_label},
	{"RestartNeeded", "s", restart_needed},
	{"RestartAtUSec", "t", restart_at},
	{"AutomaticMode", "s", automatic},
	{"AutomaticModeManaged", "b", automatic_managed},
	{"ManualInstallAllowed", "b", install_allowed},
	{"RemovalAllowed", "b", removal_allowed},
	{"ManagedBy", "s", managed_by},
	{"DeferredReasons", "as", deferred},
	{"PostponedUntilUSec", "t", postponed_until},
	{"DeadlineUSec", "t", deadline},
	{"LastCheckUSec", "t", last_check},
	{"NextCheckUSec", "t", next_check},
	{"LastError", "(ss)", last_error},
};

json_t *property_all(const Agent *agent)
{
	json_t *all = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (json_object_set_new(all, properties[i].name, properties[i].make(agent)) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

size_t property_differences(const json_t *before, const json_t *now,
	const char *ret_names[static PROPERTY_COUNT_MAX + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (!json_equal(json_object_get(before, properties[i].name),
			    json_object_get(now, properties[i].name)))
			ret_names[count++] = properties[i].name;
	ret_names[count] = NULL;
	return count;
}

static int append_list(const json_t *list, sd_bus_message *message)
{
	int r = sd_bus_message_open_container(message, 'a', "s");

	for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
		r = sd_bus_message_append(message, "s", json_string_value(json_array_get(list, i)));
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int property_append(const char *name, const json_t *value, sd_bus_message *message)
{
	const char *type = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			type = properties[i].type;
	if (!type)
		return -EINVAL;
	if (strcmp(type, "as") == 0)
		return append_list(value, message);
	if (strcmp(type, "(ss)") == 0)
		return sd_bus_message_append(message, "(ss)",
			json_string_value(json_array_get(value, 0)),
			json_string_value(json_array_get(value, 1)));
	if (type[0] == 't')
		return sd_bus_message_append(message, "t", (uint64_t)json_integer_value(value));
	if (type[0] == 'b')
		return sd_bus_message_append(message, "b", (int)json_is_true(value));
	return sd_bus_message_append(message, "s", value ? json_string_value(value) : "");
}
