/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/log.h"
#include "base/path.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/property.h"
#include "wire/json/document.h"

#define STORE "var/lib/suture"
#define STORE_EVENTS                                                                               \
	(IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
		IN_ONLYDIR)

static int look(const Agent *agent, char **ret_text, json_t **ret_status, Reason *reason)
{
	static const char *const words[] = {"status", "--json", NULL};
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *status = NULL;
	const json_t *error;
	int r = launch_ask(agent, words, &text, reason);

	if (r == 0)
		r = document_parse(text, strlen(text), &status, reason);
	if (r < 0)
		return r;
	error = json_object_get(status, "error");
	if (error)
		return reason_set(reason, -EIO, "%s", document_text(error, "text"));
	*ret_text = TAKE_PTR(text);
	*ret_status = TAKE_PTR(status);
	return 0;
}

void view_tell(Agent *agent)
{
	json_t *now = property_all(agent);
	const char *changed[PROPERTY_COUNT_MAX + 1];
	size_t count = 0;

	if (!now)
		return; /* memory is short; the next change tells */
	count = property_differences(agent->view.properties, now, changed);
	json_decref(agent->view.properties);
	agent->view.properties = now;
	if (count > 0 && agent->bus)
		(void)sd_bus_emit_properties_changed_strv(
			agent->bus, AGENT_PATH, AGENT_NAME, (char **)changed);
}

static int on_pause_over(sd_event_source *source, uint64_t when, void *userdata)
{
	Agent *agent = userdata;

	agent->view.timer = sd_event_source_unref(agent->view.timer);
	view_refresh(agent);
	rounds_consider(agent);
	return 0;
}

void view_note_change(Agent *agent)
{
	View *view = &agent->view;
	uint64_t earliest = view->made_us + VIEW_PAUSE_US, now = time_boot_us();
	int r;

	if (view->timer)
		return;
	r = sd_event_add_time(agent->event, &view->timer, CLOCK_BOOTTIME,
		now < earliest ? earliest : now + 1000, 1000, on_pause_over, agent);
	if (r < 0)
		log_error("cannot look at what changed: %s", strerror(-r));
}

static int on_files(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	view_note_change(userdata);
	return 0;
}

/* The folder may come later than the agent: with the first job. */
static void watch_store(Agent *agent)
{
	_cleanup_free_ char *path = path_join(agent->root, STORE);
	int r = agent->view.files || !path ? 0
					   : sd_event_add_inotify(agent->event, &agent->view.files,
						     path, STORE_EVENTS, on_files, agent);

	if (r < 0 && r != -ENOENT)
		log_error("cannot watch %s: %s", path, strerror(-r));
}

void view_refresh(Agent *agent)
{
	View *view = &agent->view;

	watch_store(agent);
	memory_free(view->text);
	json_decref(view->status);
	view->text = NULL;
	view->status = NULL;
	view->problem = (Reason){};
	if (look(agent, &view->text, &view->status, &view->problem) < 0 && !view->problem.text[0])
		reason_set(&view->problem, 0, "the machine could not be looked at");
	view->made_us = time_boot_us();
	view_tell(agent);
}

void view_done(View *view)
{
	sd_event_source_disable_unref(view->files);
	sd_event_source_disable_unref(view->timer);
	memory_free(view->text);
	json_decref(view->status);
	json_decref(view->properties);
}

int view_get(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error)
{
	const Agent *agent = userdata;

	return property_append(property, json_object_get(agent->view.properties, property), reply);
}
