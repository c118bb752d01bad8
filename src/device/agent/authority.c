/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/authority.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "device/agent/agent.h"

#define POLKIT           "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define MAY_ASK          1 /* AllowUserInteraction */

/* As long as somebody looks for a password; polkit itself gives up when its agent does. */
#define ANSWER_US (5 * 60 * UINT64_C(1000000))

struct Question {
	Agent *agent;
	struct Question *next;
	uid_t user;
	sd_bus_message *message;
	AuthorityYes yes;
};

static Question *question_free(Question *question)
{
	Question **link;

	if (!question)
		return NULL;
	link = &question->agent->questions;
	while (*link != question)
		link = &(*link)->next;
	*link = question->next;
	agent_touch(question->agent);
	sd_bus_message_unref(question->message);
	memory_free(question);
	return NULL;
}
DEFINE_CLEANUP(Question *, question_free)

static int deny(sd_bus_message *message)
{
	return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
		"You are not allowed to do this; an administrator of this machine is.");
}

static int answer(const Question *question, bool yes, bool password_helps)
{
	if (yes) {
		int r = sd_bus_message_rewind(question->message, true);

		if (r >= 0)
			r = question->yes(question->agent, question->message);
		return r < 0 ? sd_bus_reply_method_errno(question->message, r, NULL) : r;
	}
	if (password_helps &&
		!sd_bus_message_get_allow_interactive_authorization(question->message))
		return sd_bus_reply_method_errorf(question->message,
			SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			"This takes authentication, and the program that asks does not allow it.");
	return deny(question->message);
}

static bool is_without_polkit(const sd_bus_error *error)
{
	static const char *const names[] = {SD_BUS_ERROR_SERVICE_UNKNOWN,
		SD_BUS_ERROR_NAME_HAS_NO_OWNER, "org.freedesktop.systemd1.NoSuchUnit",
		"org.freedesktop.DBus.Error.Spawn.ServiceNotFound"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sd_bus_error_has_name(error, names[i]))
			return true;
	return false;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error)
{
	_cleanup_(question_freep) Question *question = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int yes = 0, password_helps = 0, r = 0;

	if (error && is_without_polkit(error))
		return deny(question->message);
	if (error)
		return sd_bus_reply_method_errorf(question->message, SD_BUS_ERROR_ACCESS_DENIED,
			"polkit does not answer: %s", error->message);
	r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(reply, "bb", &yes, &password_helps);
	return r < 0 ? deny(question->message) : answer(question, yes, password_helps);
}

static int ask(Question *question, const char *action)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	sd_bus *bus = question->agent->bus;
	int may_ask = sd_bus_message_get_allow_interactive_authorization(question->message);
	int r = sd_bus_message_new_method_call(
		bus, &call, POLKIT, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");

	if (r >= 0)
		r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
			"s", sd_bus_message_get_sender(question->message), action, 0,
			may_ask > 0 ? MAY_ASK : 0, "");
	return r < 0 ? r : sd_bus_call_async(bus, NULL, call, on_answer, question, ANSWER_US);
}

int authority_find_user(sd_bus_message *message, uid_t *ret_user)
{
	_cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
	int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);

	return r < 0 ? r : sd_bus_creds_get_euid(creds, ret_user);
}

static bool asks_too_much(const Agent *agent, uid_t user)
{
	size_t count = 0, of_user = 0;

	for (const Question *question = agent->questions; question; question = question->next) {
		count++;
		of_user += question->user == user;
	}
	return count >= AGENT_LOCKS_MAX || of_user >= AGENT_LOCKS_OF_USER_MAX;
}

int authority_ask(Agent *agent, sd_bus_message *message, const char *action, AuthorityYes yes)
{
	_cleanup_(question_freep) Question *question = NULL;
	uid_t user;
	int r = authority_find_user(message, &user);

	if (r < 0)
		return r;
	agent_touch(agent);
	if (agent->is_leaving)
		return sd_bus_reply_method_errorf(message, AGENT_ERROR("Busy"),
			"The agent is just ending, since nobody needed it; ask again.");
	if (user == 0) {
		r = sd_bus_message_rewind(message, true);
		return r < 0 ? r : yes(agent, message);
	}
	if (asks_too_much(agent, user))
		return sd_bus_reply_method_errorf(message, AGENT_ERROR("Busy"),
			"Too many questions wait for an answer; try again later.");
	question = memory_new(sizeof(*question));
	if (!question)
		return -ENOMEM;
	*question = (Question){agent, agent->questions, user, sd_bus_message_ref(message), yes};
	agent->questions = question;
	r = ask(question, action);
	if (r < 0)
		return r;
	TAKE_PTR(question);
	return 1;
}

const char *authority_of(JobKind kind)
{
	static const char *const actions[] = {
		[JOB_CHECK] = AUTHORITY_CHECK,
		[JOB_ACQUIRE] = AUTHORITY_ACQUIRE,
		[JOB_INSTALL] = AUTHORITY_INSTALL,
		[JOB_INSTALL_FILE] = AUTHORITY_FILE,
		[JOB_REMOVE] = AUTHORITY_REMOVE,
		[JOB_PREVIEW_INSTALL] = AUTHORITY_ACQUIRE,
		[JOB_PREVIEW_REMOVE] = AUTHORITY_ACQUIRE,
		[JOB_MAINTAIN] = AUTHORITY_INSTALL,
		[JOB_RESTART] = AUTHORITY_INSTALL,
	};

	return actions[kind];
}
