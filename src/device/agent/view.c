/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/property.h"
#include "wire/json/document.h"

#define OWN_MOUNTS "/proc/self/mountinfo"
#define FILE_EVENTS                                                                                \
	(IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
		IN_ONLYDIR)

#define RUN "run"

/* Each may come later than the agent: the store with the first job, the others with a decision. */
static const char *const folders[VIEW_FOLDERS] = {"var/lib/suture", "etc/suture",
	"etc/suture/suture.conf.d", "etc/suture/policy.d", "run/suture.policy.d", RUN};

/* All of a system writes below /run; what counts for a status there is a pause, and decisions. */
static const char *const run_names[] = {"suture.paused", "suture.policy.d", NULL};

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

static void look_after(Agent *agent, uint64_t pause_us)
{
	View *view = &agent->view;
	uint64_t earliest = view->made_us + pause_us, now = time_boot_us();
	int r;

	if (view->timer)
		return;
	r = sd_event_add_time(agent->event, &view->timer, CLOCK_BOOTTIME,
		now < earliest ? earliest : now + 1000, 1000, on_pause_over, agent);
	if (r < 0)
		log_error("cannot look at what changed: %s", strerror(-r));
}

void view_note_change(Agent *agent)
{
	look_after(agent, VIEW_PAUSE_US);
}

static bool is_noise(size_t folder, const struct inotify_event *event)
{
	return strcmp(folders[folder], RUN) == 0 && !(event->mask & IN_IGNORED) &&
		(event->len == 0 || text_index(run_names, event->name) < 0);
}

/* A folder that was taken away is watched again when it is back. */
static int on_files(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	Agent *agent = userdata;
	size_t i = 0;

	while (i < VIEW_FOLDERS - 1 && agent->view.files[i] != source)
		i++;
	if (is_noise(i, event))
		return 0;
	if (event->mask & IN_IGNORED)
		agent->view.files[i] = sd_event_source_disable_unref(source);
	view_note_change(agent);
	return 0;
}

static void watch_folder(Agent *agent, size_t i)
{
	_cleanup_free_ char *path = path_join(agent->root, folders[i]);
	int r = agent->view.files[i] || !path
		? 0
		: sd_event_add_inotify(
			  agent->event, &agent->view.files[i], path, FILE_EVENTS, on_files, agent);

	if (r < 0 && r != -ENOENT)
		log_error("cannot watch %s: %s", path, strerror(-r));
}

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	look_after(userdata, VIEW_MOUNTS_PAUSE_US);
	return 0;
}

/* What is applied is what is really mounted, whoever mounts. */
static void watch_mounts(Agent *agent)
{
	_cleanup_fd_ int fd = agent->view.mounts ? -1 : open(OWN_MOUNTS, O_RDONLY | O_CLOEXEC);
	int r;

	if (agent->view.mounts)
		return;
	r = fd < 0 ? -errno
		   : sd_event_add_io(
			     agent->event, &agent->view.mounts, fd, EPOLLPRI, on_mounts, agent);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(agent->view.mounts, true);
	if (r < 0)
		log_error("cannot watch " OWN_MOUNTS ": %s", strerror(-r));
	else
		(void)TAKE_FD(fd);
}

void view_refresh(Agent *agent)
{
	View *view = &agent->view;

	for (size_t i = 0; i < VIEW_FOLDERS; i++)
		watch_folder(agent, i);
	watch_mounts(agent);
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

void view_refresh_if_old(Agent *agent)
{
	const View *view = &agent->view;

	if (view->timer || time_boot_us() >= view->made_us + VIEW_PAUSE_US)
		view_refresh(agent);
}

void view_done(View *view)
{
	for (size_t i = 0; i < VIEW_FOLDERS; i++)
		sd_event_source_disable_unref(view->files[i]);
	sd_event_source_disable_unref(view->mounts);
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
