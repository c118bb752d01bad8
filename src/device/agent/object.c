/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/object.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/authority.h"
#include "device/agent/inhibitor.h"
#include "device/agent/spool.h"
#include "wire/json/document.h"

#define FLAG_RESTART       UINT64_C(1)
#define FLAG_METERED       UINT64_C(2)
#define FLAG_BATTERY       UINT64_C(4)
#define LOOK_TEXT_SIZE_MAX 64  /* an advisory's id, a CVE, a label */
#define WISH_SIZE_MAX      256 /* who inhibits, and why: it goes into the journal */

/* Positive once an error was replied, so that 0 can mean: go on. */
static int reply_error(sd_bus_message *message, const char *name, const char *text)
{
	int r = sd_bus_reply_method_errorf(message, name, "%s", text);

	return r < 0 ? r : 1;
}

static int refuse(sd_bus_message *message, const char *what)
{
	return reply_error(message, SD_BUS_ERROR_INVALID_ARGS, what);
}

/* How a call that failed here, and not in a job, is told. */
static int reply_failure(sd_bus_message *message, int error, const Reason *reason)
{
	const char *name = error == -EBUSY ? AGENT_ERROR("Busy")
		: error == -EPERM          ? AGENT_ERROR("Managed")
		: error == -ENOSPC         ? AGENT_ERROR("NoSpace")
		: error == -ENOENT         ? AGENT_ERROR("NotFound")
					   : AGENT_ERROR("Failed");

	return reply_error(message, name, reason->text[0] ? reason->text : strerror(-error));
}

static int reply_job(Agent *agent, sd_bus_message *message, const JobRequest *request)
{
	Reason reason = {};
	Job *job;
	int r = jobs_add(agent, request, &job, &reason);

	return r < 0 ? reply_failure(message, r, &reason)
		     : sd_bus_reply_method_return(message, "to", job->id, job->path);
}

/* Flags that there are not are a mistake: what they will mean once must not be ignored today. */
static int read_flags(sd_bus_message *message, uint64_t allowed, uint64_t *ret_flags)
{
	uint64_t flags;
	int r = sd_bus_message_read(message, "t", &flags);

	if (r < 0)
		return r;
	if (flags & ~allowed)
		return refuse(message, "There is no such flag.");
	*ret_flags = flags;
	return 0;
}

static int on_describe(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	Agent *agent = userdata;

	agent_touch(agent);
	view_refresh_if_old(agent);
	if (!agent->view.text)
		return reply_error(message, AGENT_ERROR("Failed"), agent->view.problem.text);
	return sd_bus_reply_method_return(message, "s", agent->view.text);
}

static int check(Agent *agent, sd_bus_message *message)
{
	return reply_job(agent, message, &(JobRequest){.kind = JOB_CHECK});
}

static int on_check(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	uint64_t flags = 0;
	int r = read_flags(message, 0, &flags);

	return r != 0 ? r : authority_ask(userdata, message, AUTHORITY_CHECK, check);
}

static WaitSet overridden(uint64_t flags)
{
	return (flags & FLAG_METERED ? WAIT_BIT(WAIT_METERED) : 0) |
		(flags & FLAG_BATTERY ? WAIT_BIT(WAIT_BATTERY_LOW) : 0);
}

/* What the machine forbids an owner too: 0 when nothing. */
static int reply_refusal(Agent *agent, sd_bus_message *message, WaitStep step, uint64_t flags)
{
	Reason reason = {};
	const char *name = rounds_refusal(agent, step, overridden(flags), &reason);

	return name ? reply_error(message, name, reason.text) : 0;
}

static int acquire(Agent *agent, sd_bus_message *message)
{
	uint64_t flags;
	int r = sd_bus_message_read(message, "t", &flags);

	if (r >= 0)
		r = reply_refusal(agent, message, STEP_DOWNLOAD, flags);
	return r != 0 ? r : reply_job(agent, message, &(JobRequest){.kind = JOB_ACQUIRE});
}

/* To pass over what holds others up takes a right of its own, asked for first. */
static int ask_with_flags(Agent *agent, sd_bus_message *message, uint64_t flags, const char *action,
	AuthorityYes next, AuthorityYes after_override)
{
	return flags & FLAG_BATTERY
		? authority_ask(agent, message, AUTHORITY_OVERRIDE, after_override)
		: authority_ask(agent, message, action, next);
}

static int acquire_after_override(Agent *agent, sd_bus_message *message)
{
	return authority_ask(agent, message, AUTHORITY_ACQUIRE, acquire);
}

static int on_acquire(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	uint64_t flags = 0;
	int r = read_flags(message, FLAG_METERED | FLAG_BATTERY, &flags);

	return r != 0 ? r
		      : ask_with_flags(userdata, message, flags, AUTHORITY_ACQUIRE, acquire,
				acquire_after_override);
}

static int install(Agent *agent, sd_bus_message *message)
{
	uint64_t sequence, flags;
	int r = sd_bus_message_read(message, "tt", &sequence, &flags);

	if (r >= 0)
		r = reply_refusal(agent, message, STEP_INSTALL, flags);
	if (r != 0)
		return r;
	return reply_job(agent, message,
		&(JobRequest){.kind = JOB_INSTALL,
			.sequence = sequence,
			.restarts = flags & FLAG_RESTART});
}

static int install_if_may_restart(Agent *agent, sd_bus_message *message)
{
	uint64_t sequence, flags;
	int r = sd_bus_message_read(message, "tt", &sequence, &flags);

	if (r >= 0 && flags & FLAG_RESTART)
		return authority_ask(agent, message, AUTHORITY_REBOOT, install);
	if (r >= 0)
		r = sd_bus_message_rewind(message, true);
	return r < 0 ? r : install(agent, message);
}

static int install_after_override(Agent *agent, sd_bus_message *message)
{
	return authority_ask(agent, message, AUTHORITY_INSTALL, install_if_may_restart);
}

static int on_install(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	uint64_t sequence, flags = 0;
	int r = sd_bus_message_read(message, "t", &sequence);

	if (r < 0)
		return r;
	if (sequence > INT32_MAX)
		return refuse(message, "There is no such sequence.");
	r = read_flags(message, FLAG_RESTART | FLAG_METERED | FLAG_BATTERY, &flags);
	return r != 0 ? r
		      : ask_with_flags(userdata, message, flags, AUTHORITY_INSTALL,
				install_if_may_restart, install_after_override);
}

static int install_file(Agent *agent, sd_bus_message *message)
{
	JobRequest request = {.kind = JOB_INSTALL_FILE};
	Reason reason = {};
	int fd, r = sd_bus_message_read(message, "h", &fd);

	if (r >= 0)
		r = reply_refusal(agent, message, STEP_INSTALL, 0);
	if (r != 0)
		return r;
	r = spool_take(agent->root, fd, &request.file, &reason);
	if (r < 0)
		return reply_failure(message, r, &reason);
	return reply_job(agent, message, &request);
}

static int on_install_file(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	int fd, r = sd_bus_message_read(message, "h", &fd);

	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	if (sd_bus_message_at_end(message, false) == 0)
		return refuse(message, "There is no such option.");
	return authority_ask(userdata, message, AUTHORITY_FILE, install_file);
}

static int remove_all(Agent *agent, sd_bus_message *message)
{
	return reply_job(agent, message, &(JobRequest){.kind = JOB_REMOVE});
}

static int on_remove(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	uint64_t flags = 0;
	int r = read_flags(message, 0, &flags);

	return r != 0 ? r : authority_ask(userdata, message, AUTHORITY_REMOVE, remove_all);
}

static int preview(Agent *agent, sd_bus_message *message)
{
	const char *verb;
	int r = sd_bus_message_read(message, "s", &verb);

	if (r < 0)
		return r;
	if (strcmp(verb, "remove") == 0)
		return reply_job(agent, message, &(JobRequest){.kind = JOB_PREVIEW_REMOVE});
	/* it downloads, and so is held up as Acquire is by whoever may pass over no battery */
	r = reply_refusal(agent, message, STEP_DOWNLOAD, FLAG_METERED);
	return r != 0 ? r : reply_job(agent, message, &(JobRequest){.kind = JOB_PREVIEW_INSTALL});
}

static int on_preview(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	const char *verb;
	int r = sd_bus_message_read(message, "s", &verb);

	if (r < 0)
		return r;
	if (strcmp(verb, "install") != 0 && strcmp(verb, "remove") != 0)
		return refuse(message, "The verb is install or remove.");
	return authority_ask(userdata, message, AUTHORITY_ACQUIRE, preview);
}

/* What `suture` says at once: the error of its JSON as one of the bus, else nothing and 0. */
static int reply_error_of(sd_bus_message *message, const json_t *json)
{
	const json_t *error = json_object_get(json, "error");
	const char *name = AGENT_ERROR("Failed");

	if (!error)
		return 0;
	if (strcmp(document_text(error, "word"), "not-authorised") == 0)
		name = AGENT_ERROR("Managed");
	else if (strcmp(document_text(error, "word"), "not-found") == 0)
		name = AGENT_ERROR("NotFound");
	return reply_error(message, name, document_text(error, "text"));
}

/* Runs a verb that takes no time, and replies where it failed: then *ret_json is NULL. */
static int ask_now(Agent *agent, sd_bus_message *message, const char *const *words,
	json_t **ret_json, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	Reason reason = {};
	int r = launch_ask(agent, words, &text, &reason);

	*ret_json = NULL;
	if (r == 0)
		r = document_parse(text, strlen(text), &json, &reason);
	if (r < 0)
		return reply_failure(message, r, &reason);
	r = reply_error_of(message, json);
	if (r != 0)
		return r;
	*ret_json = TAKE_PTR(json);
	if (ret_text)
		*ret_text = TAKE_PTR(text);
	return 0;
}

static int set_automatic(Agent *agent, sd_bus_message *message)
{
	const char *words[] = {"automatic", "--json", NULL, NULL};
	_cleanup_json_ json_t *json = NULL;
	int r = sd_bus_message_read(message, "s", &words[2]);

	if (r >= 0)
		r = ask_now(agent, message, words, &json, NULL);
	if (r < 0 || !json)
		return r;
	view_refresh(agent);
	rounds_consider(agent);
	return sd_bus_reply_method_return(message, NULL);
}

static int on_set_automatic(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	static const char *const modes[] = {"install", "download", "off", NULL};
	const char *mode;
	int r = sd_bus_message_read(message, "s", &mode);

	if (r < 0)
		return r;
	if (text_index(modes, mode) < 0)
		return refuse(message, "The mode is install, download or off.");
	return authority_ask(userdata, message, AUTHORITY_AUTOMATIC, set_automatic);
}

/* The whole seconds that are still to come, and of these as many as any policy may let somebody
 * postpone; what is over means: no longer. */
static int postpone(Agent *agent, sd_bus_message *message)
{
	char seconds[24];
	const char *words[] = {"postpone", "--json", "--clear", NULL};
	_cleanup_json_ json_t *json = NULL;
	uint64_t until, wish, now = (uint64_t)time_now() * 1000000;
	int r = sd_bus_message_read(message, "t", &until);

	if (r < 0)
		return r;
	wish = until > now ? (until - now) / 1000000 : 0;
	if (wish > 0) {
		snprintf(seconds, sizeof(seconds), "%" PRIu64 "s",
			wish < CONFIG_POSTPONE_MAX ? wish : CONFIG_POSTPONE_MAX);
		words[2] = seconds;
	}
	r = ask_now(agent, message, words, &json, NULL);
	if (r < 0 || !json)
		return r;
	rounds_postponed(agent);
	return sd_bus_reply_method_return(
		message, "t", (uint64_t)document_time(json, "until") * 1000000);
}

static int on_postpone(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	uint64_t until;
	int r = sd_bus_message_read(message, "t", &until);

	if (r < 0)
		return r;
	if (until / 1000000 > (uint64_t)TIME_MAX)
		return refuse(message, "There is no such time.");
	return authority_ask(userdata, message, AUTHORITY_POSTPONE, postpone);
}

static int append_event(sd_bus_message *reply, const json_t *event)
{
	return sd_bus_message_append(reply, "a{sv}", 5, "Time", "t",
		(uint64_t)document_time(event, "time") * 1000000, "Event", "s",
		document_text(event, "event"), "Generation", "u",
		(uint32_t)document_number(event, "generation"), "Sequence", "t",
		(uint64_t)document_number(event, "sequence"), "Text", "s",
		document_text(event, "text"));
}

static int reply_history(sd_bus_message *message, const json_t *history, uint32_t limit)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	size_t count = json_array_size(history), left = limit > 0 && limit < count ? limit : count;
	int r = sd_bus_message_new_method_return(message, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = count; r >= 0 && left > 0; left--)
		r = append_event(reply, json_array_get(history, --i));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_get_history(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	static const char *const words[] = {"history", "--json", NULL};
	_cleanup_json_ json_t *json = NULL;
	uint32_t limit;
	int r = sd_bus_message_read(message, "u", &limit);

	agent_touch(userdata);
	if (r >= 0)
		r = ask_now(userdata, message, words, &json, NULL);
	return r < 0 || !json ? r : reply_history(message, json_object_get(json, "history"), limit);
}

/* An identifier goes onto a command line: no option may come of it. */
static bool is_identifier(const char *id)
{
	return strlen(id) <= LOOK_TEXT_SIZE_MAX && id[0] != '-' && text_is_printable(id);
}

static int reply_advisories(
	Agent *agent, sd_bus_message *message, const char *id, const char *format)
{
	const char *words[] = {"advisories", "--format", format, id[0] ? id : NULL, NULL};
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	Reason reason = {};
	int r = launch_ask(agent, words, &text, &reason);

	if (r < 0)
		return reply_failure(message, r, &reason);
	if (document_parse(text, strlen(text), &json, NULL) == 0) {
		r = reply_error_of(message, json);
		if (r != 0)
			return r;
	}
	return sd_bus_reply_method_return(message, "s", text);
}

static int on_get_advisories(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	static const char *const formats[] = {"text", "json", "openvex", NULL};
	const char *id, *format;
	int r = sd_bus_message_read(message, "ss", &id, &format);

	if (r < 0)
		return r;
	if (text_index(formats, format) < 0)
		return refuse(message, "The format is text, json or openvex.");
	if (!is_identifier(id))
		return refuse(message, "That is no identifier.");
	agent_touch(userdata);
	return reply_advisories(userdata, message, id, format);
}

static int on_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const Agent *agent = userdata;
	int r = sd_bus_message_new_method_return(message, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(tsuo)");
	for (const Job *job = agent->jobs.first; r >= 0 && job; job = job->next)
		r = sd_bus_message_append(reply, "(tsuo)", job->id,
			jobs_kind_word(job->request.kind), job->percent, job->path);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int inhibit(Agent *agent, sd_bus_message *message)
{
	_cleanup_fd_ int fd = -1;
	const char *who, *why;
	Reason reason = {};
	uid_t user;
	int r = sd_bus_message_read(message, "ss", &who, &why);

	if (r >= 0)
		r = authority_find_user(message, &user);
	if (r >= 0)
		r = inhibitor_add(agent, user, who, why, &fd, &reason);
	return r < 0 ? reply_failure(message, r, &reason)
		     : sd_bus_reply_method_return(message, "h", fd);
}

static int on_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	const char *who, *why;
	int r = sd_bus_message_read(message, "ss", &who, &why);

	if (r < 0)
		return r;
	if (!who[0] || strlen(who) > WISH_SIZE_MAX || strlen(why) > WISH_SIZE_MAX ||
		!text_is_printable(who) || !text_is_printable(why))
		return refuse(message, "Who asks, and why, is one short line of text each.");
	return authority_ask(userdata, message, AUTHORITY_INHIBIT, inhibit);
}

#define METHOD(name, in, out, handler)                                                             \
	SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)
#define PROPERTY(name, type)                                                                       \
	SD_BUS_PROPERTY(name, type, view_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable table[] = {
	SD_BUS_VTABLE_START(0),
	METHOD("Describe", NULL, "s", on_describe),
	METHOD("Check", "t", "to", on_check),
	METHOD("Acquire", "t", "to", on_acquire),
	METHOD("Install", "tt", "to", on_install),
	METHOD("InstallFile", "ha{sv}", "to", on_install_file),
	METHOD("Remove", "t", "to", on_remove),
	METHOD("Preview", "s", "to", on_preview),
	METHOD("SetAutomaticMode", "s", NULL, on_set_automatic),
	METHOD("Postpone", "t", "t", on_postpone),
	METHOD("GetHistory", "u", "aa{sv}", on_get_history),
	METHOD("GetAdvisories", "ss", "s", on_get_advisories),
	METHOD("ListJobs", NULL, "a(tsuo)", on_list_jobs),
	METHOD("Inhibit", "ss", "h", on_inhibit),
	SD_BUS_PROPERTY("DaemonVersion", "s", view_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	PROPERTY("State", "s"),
	PROPERTY("Product", "s"),
	PROPERTY("BaseVersion", "s"),
	PROPERTY("Sequence", "t"),
	PROPERTY("Label", "s"),
	PROPERTY("DisplayVersion", "s"),
	PROPERTY("AvailableSequence", "t"),
	PROPERTY("AvailableLabel", "s"),
	PROPERTY("AvailableState", "s"),
	PROPERTY("PendingSequence", "t"),
	PROPERTY("PendingLabel", "s"),
	PROPERTY("RestartNeeded", "s"),
	PROPERTY("RestartAtUSec", "t"),
	PROPERTY("AutomaticMode", "s"),
	PROPERTY("AutomaticModeManaged", "b"),
	PROPERTY("ManualInstallAllowed", "b"),
	PROPERTY("RemovalAllowed", "b"),
	PROPERTY("ManagedBy", "s"),
	PROPERTY("DeferredReasons", "as"),
	PROPERTY("PostponedUntilUSec", "t"),
	PROPERTY("DeadlineUSec", "t"),
	PROPERTY("LastCheckUSec", "t"),
	PROPERTY("NextCheckUSec", "t"),
	PROPERTY("LastError", "(ss)"),
	SD_BUS_SIGNAL("JobNew", "to", 0),
	SD_BUS_SIGNAL("JobRemoved", "tossss", 0),
	SD_BUS_VTABLE_END,
};

int object_add(Agent *agent, Reason *reterr_reason)
{
	int r = sd_bus_add_object_vtable(agent->bus, NULL, AGENT_PATH, AGENT_NAME, table, agent);

	return r < 0 ? reason_errno(reterr_reason, r, "cannot be on the bus") : 0;
}
