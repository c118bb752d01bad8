/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/journal.h"
#include "wire/terms/label.h"

/* An id is made once (systemd-id128 new), and never means anything else. */
const Event events[] = {
	{"enrolled", "c9fb307e9bef4ee4a6a2ec9bb91297c5", JOURNAL_NOTICE, "trusts a vendor"},
	{"downloaded", "9c04d3ec18914b13b6e046395d23d75b", JOURNAL_INFO, "was downloaded"},
	{"refused", "afdfe226520a465fa3cae6062fc4b0e6", JOURNAL_ERROR, "was refused"},
	{"installed", "aeea2da3d52e4334abcf2ffdc0077f9e", JOURNAL_NOTICE, "was installed"},
	{"staged", "584c76d190144f7da63cd450e1a8d4ea", JOURNAL_NOTICE,
		"is staged, and waits for a restart"},
	{"selected", "b96c6d55f9bf41c2a48f05ca006ff9f9", JOURNAL_INFO, "was selected"},
	{"activated", "0f76ae517fc54cc4b3d56244f8e394d2", JOURNAL_INFO, "was grafted"},
	{"deactivated", "a893a600bd894087b8c6fa294a70d228", JOURNAL_INFO, "is shown again"},
	{"settled", "35e6a3fa93244d9092df717c61fd64a1", JOURNAL_NOTICE, "has proved itself"},
	{"reverted", "844f1e5d7a9342d1859a69d5976dafd5", JOURNAL_ERROR, "was reverted"},
	{"removed", "1ac2d809f38649f9a774b937543182d7", JOURNAL_NOTICE, "was removed by the owner"},
	{"withdrawn", "07d977ecd04645ac91296da605490e8b", JOURNAL_WARNING,
		"was withdrawn by the vendor"},
	{"damaged", "a71f6f55987d45d49acb322eff9f8abb", JOURNAL_ERROR, "is damaged on the disk"},
	{"repaired", "418d38bd342947089a1101ce3785b0f6", JOURNAL_NOTICE, NULL},
	{"given-up", "658b02e42241405c8833d260f39f8c3a", JOURNAL_WARNING, NULL},
	{"subsumed", "67551d5fe4974cbfa76b6a8518fcd9ee", JOURNAL_NOTICE, NULL, true},
	{"outdated", "bb5f10894ee044f9b068cc4a570c26da", JOURNAL_WARNING, NULL, true},
	{"check-failed", "ef3e27ac11984e3bb4cdd749a09779a7", JOURNAL_WARNING,
		"could not be checked for improvements"},
	{"policy-mistake", "422e64193d67462eb7adfa09dc127463", JOURNAL_ERROR,
		"has a mistake in its configuration"},
	{},
};

const Event *event_find(const char *name)
{
	for (const Event *event = events; event->name; event++)
		if (strcmp(event->name, name) == 0)
			return event;
	return NULL;
}

/* Whom it happened to. A base that cannot be named keeps nobody from telling. */
static int find_subject(const Store *store, uint32_t sequence,
	char ret_label[static LABEL_TEXT_SIZE], char ret_base[static IDENTITY_KEY_MAX + 1])
{
	BaseIdentity identity;
	int r = store_read_identity(store, &identity, NULL);

	ret_base[0] = '\0';
	snprintf(ret_label, LABEL_TEXT_SIZE, "this system");
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	(void)label_shown(identity.version_id, sequence, ret_label);
	(void)identity_base_key(&identity, ret_base, NULL);
	return 0;
}

static int add_number(Buffer *message, const char *field, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return journal_add(message, field, text);
}

static int add_message(Buffer *message, const Event *event, const char *label, const char *text)
{
	bool more = text[0] && strcmp(text, label) != 0;
	_cleanup_free_ char *line = event->says
		? memory_printf("%s %s%s%s", label, event->says, more ? ": " : "", more ? text : "")
		: memory_string(text);

	return line ? journal_add(message, "MESSAGE", line) : -ENOMEM;
}

static int add_all(Buffer *message, const Store *store, const Event *event, uint32_t generation,
	uint32_t sequence, const char *text)
{
	char label[LABEL_TEXT_SIZE], base[IDENTITY_KEY_MAX + 1];
	int r = find_subject(store, sequence, label, base);

	if (r == 0)
		r = add_message(message, event, label, text);
	if (r == 0 && event->id)
		r = journal_add(message, "MESSAGE_ID", event->id);
	if (r == 0)
		r = add_number(message, "PRIORITY", (uint32_t)event->priority);
	if (r == 0)
		r = journal_add(message, "SYSLOG_IDENTIFIER", "suture");
	if (r == 0)
		r = journal_add(message, "SUTURE_EVENT", event->name);
	if (r == 0)
		r = add_number(message, "SUTURE_GENERATION", generation);
	if (r == 0)
		r = add_number(message, "SUTURE_SEQUENCE", sequence);
	if (r == 0 && base[0] && !event->of_other_base)
		r = journal_add(message, "SUTURE_LABEL", label);
	if (r == 0 && base[0])
		r = journal_add(message, "SUTURE_BASE", base);
	return r;
}

int event_tell(const Store *store, const char *name, uint32_t generation, uint32_t sequence,
	const char *text)
{
	const Event unknown = {.name = name, .priority = JOURNAL_INFO, .says = name};
	const Event *event = event_find(name);
	_cleanup_free_ char *run =
		store->run ? memory_string(store->run) : memory_printf("%s/run", store->path);
	_cleanup_buffer_ Buffer message = {};
	int r = run ? add_all(&message, store, event ? event : &unknown, generation, sequence, text)
		    : -ENOMEM;

	return r < 0 ? r : journal_send(run, &message);
}
