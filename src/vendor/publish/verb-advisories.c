/* SPDX-License-Identifier: Apache-2.0 */
/* advisories: makes the published files that tell what was fixed, and corrects their text; no
 * signature is needed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"
#include "vendor/publish/advisories.h"
#include "vendor/publish/desk.h"
#include "vendor/publish/verbs.h"
#include "vendor/work/fixes.h"
#include "wire/improvement/index-schema.h"

#define CHANGE      "advisories"
#define DEFAULT_WHY "The text is corrected."

static int publish_files(Desk *desk)
{
	const OutboxNote note = {.schema = 1, .change = (char *)CHANGE};
	int r = outbox_close(&desk->workspace, &note, &desk->reason);

	return r < 0 ? r : outbox_publish(&desk->workspace, &desk->reason);
}

static int write_all(void)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	size_t changed = 0;
	int r = desk_open_for_change(&desk);

	if (r == 0)
		r = advisories_put(&desk.repository, ADVISORIES_ALL, &changed, &desk.reason);
	if (r == 0)
		r = publish_files(&desk);
	if (r < 0)
		return desk_fail(&desk, r);
	if (arguments.json)
		return desk_print_json(
			json_pack("{s:i, s:I}", "schema", 1, "changed_files", (json_int_t)changed));
	if (changed > 0)
		printf("Wrote %zu files of advisories\n", changed);
	else
		printf("All advisories are as they should be\n");
	return EXIT_OK;
}

static int check_why(const char *why, Reason *reason)
{
	if (strlen(why) > INDEX_SENTENCE_BYTES || !text_is_printable(why))
		return reason_set(reason, -EINVAL,
			"--reason has to be one line of at most %d bytes", INDEX_SENTENCE_BYTES);
	return 0;
}

static int tell_correction(const char *id, bool is_new, size_t changed)
{
	if (arguments.json)
		return desk_print_json(json_pack("{s:i, s:s, s:b, s:I}", "schema", 1, "advisory",
			id, "corrected", is_new, "changed_files", (json_int_t)changed));
	if (is_new)
		printf("Corrected %s: wrote %zu files of advisories\n", id, changed);
	else
		printf("%s has this text already\n", id);
	return EXIT_OK;
}

static int correct(const char *file)
{
	_cleanup_desk_ Desk desk = DESK_EMPTY;
	_cleanup_fixes_ Fixes fixes = {};
	AdvisoriesCorrection correction = {
		&fixes, arguments.reason ? arguments.reason : DEFAULT_WHY};
	size_t changed = 0;
	int r = check_why(correction.why, &desk.reason);

	if (r == 0)
		r = fixes_load(file, &fixes, &desk.reason);
	if (r == 0)
		r = desk_open_for_change(&desk);
	if (r == 0)
		r = advisories_correct(&desk.repository, &correction, &changed, &desk.reason);
	if (r == 0)
		r = publish_files(&desk);
	return r < 0 ? desk_fail(&desk, r) : tell_correction(fixes.id, correction.is_new, changed);
}

int verb_advisories(int count, char **operands)
{
	if (count == 0)
		return write_all();
	if (count == 2 && strcmp(operands[0], "correct") == 0)
		return correct(operands[1]);
	log_error("the form is: advisories, or: advisories correct FIXES");
	return EXIT_USAGE;
}
