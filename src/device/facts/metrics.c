/* SPDX-License-Identifier: Apache-2.0 */
#include "device/facts/metrics.h"

#include <errno.h>
#include <string.h>

#include "device/facts/restart.h"
#include "wire/improvement/offer.h"
#include "wire/json/document.h"

static const char *state_of(const json_t *status)
{
	if (json_is_string(json_object_get(json_object_get(status, "activation"), "mounted")))
		return "mixed";
	if (restart_wanted(status) != NULL)
		return "staged";
	if (json_is_object(json_object_get(status, "trial")))
		return "trial";
	return document_number(status, "sequence") > 0 ? "applied" : "base";
}

static json_int_t available_sequence(const json_t *status)
{
	const json_t *offer = json_object_get(status, "offer");

	return strcmp(document_text(offer, "state"), offer_states[OFFER_AVAILABLE]) == 0
		? document_number(offer, "sequence")
		: 0;
}

static bool has(const json_t *list, const json_t *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), text))
			return true;
	return false;
}

/* Those of a list that neither the applied improvement nor another list fixes. */
static json_int_t count_open(const json_t *list, const json_t *fixed, const json_t *counted)
{
	json_int_t count = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		count += !has(fixed, json_array_get(list, i)) &&
			!has(counted, json_array_get(list, i));
	return count;
}

/* What is offered counts whatever it waits for: that is when the machine is exposed. */
static json_int_t open_cves(const json_t *status)
{
	const json_t *staged = json_object_get(status, "selected_fixes"),
		     *fixed = json_object_get(status, "fixes");

	return count_open(staged, fixed, NULL) +
		count_open(
			json_object_get(json_object_get(status, "offer"), "cves"), fixed, staged);
}

/* In the value of a label a backslash, a quote and a line feed are escaped. */
static int add_label(Buffer *text, const char *name, const char *value)
{
	int r = buffer_printf(text, "%s=\"", name);

	for (; r == 0 && *value; value++) {
		if (*value == '\n')
			r = buffer_text(text, "\\n");
		else if (*value == '"' || *value == '\\')
			r = buffer_printf(text, "\\%c", *value);
		else
			r = buffer_append(text, value, 1);
	}
	return r < 0 ? r : buffer_text(text, "\"");
}

static int add_head(Buffer *text, const char *name, const char *help)
{
	return buffer_printf(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static int add_info(Buffer *text, const json_t *status)
{
	int r = add_head(text, "suture_info", "What is applied over the base, and its state.");

	if (r == 0)
		r = buffer_text(text, "suture_info{");
	if (r == 0)
		r = add_label(text, "base", document_text(status, "base"));
	if (r == 0)
		r = add_label(text, ",label", document_text(status, "label"));
	if (r == 0)
		r = add_label(text, ",state", state_of(status));
	return r < 0 ? r : buffer_text(text, "} 1\n");
}

int metrics_write(const json_t *status, Buffer *text)
{
	const json_t *checks = json_object_get(status, "checks");
	const struct {
		const char *name, *help;
		json_int_t value;
	} gauges[] = {
		{"suture_sequence", "Sequence of the applied improvement; 0: the base.",
			document_number(status, "sequence")},
		{"suture_available_sequence",
			"Sequence of the improvement that can be installed now; 0: none.",
			available_sequence(status)},
		{"suture_restart_required",
			"Whether a staged improvement waits for a restart of the system.",
			restart_wanted(status) != NULL},
		{"suture_last_check_timestamp_seconds",
			"When the repository was asked last with success; 0: never.",
			document_time(status, "last_check")},
		{"suture_check_failures", "Failed checks since the last good one.",
			document_number(checks, "failures")},
		{"suture_trial", "Whether an improvement has to prove itself.",
			json_is_object(json_object_get(status, "trial"))},
		{"suture_open_cves",
			"CVEs that an offered or staged improvement fixes, and the applied one "
			"does not.",
			open_cves(status)},
	};
	int r = add_info(text, status);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(gauges); i++) {
		r = add_head(text, gauges[i].name, gauges[i].help);
		if (r == 0)
			r = buffer_printf(
				text, "%s %lld\n", gauges[i].name, (long long)gauges[i].value);
	}
	return r;
}
