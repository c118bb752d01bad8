/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/remedy.h"

#include <string.h>

bool remedy_is_first_of_base(const Advisory *advisory, size_t release, const char *cve)
{
	const AdvisoryRelease *items = advisory->releases.items;

	for (size_t i = 0; i < release; i++)
		if (advisory_same_base(&items[i], &items[release]) &&
			advisory_release_has_cve(&items[i], cve))
			return false;
	return advisory_release_has_cve(&items[release], cve);
}

/* A base that contains what the one of `of` got, this fix included; or NULL. */
static const AdvisoryInclusion *newer_base(
	const Advisory *advisory, const AdvisoryRelease *of, const char *cve)
{
	for (size_t i = 0; i < advisory->includes.count; i++) {
		const AdvisoryInclusion *inclusion = &advisory->includes.items[i];

		if (strcmp(inclusion->product, of->product) == 0 &&
			strcmp(inclusion->from, of->base) == 0 &&
			advisory_includes_cve(advisory, inclusion, cve))
			return inclusion;
	}
	return NULL;
}

bool remedy_exists(const Advisory *advisory, const AdvisoryRelease *of, const char *cve)
{
	return advisory_remedy(advisory, of, cve, NULL) || newer_base(advisory, of, cve);
}

/* The last one that was withdrawn, when all of them are. */
static char *withdrawn_text(const Advisory *advisory, const AdvisoryRelease *of, const char *cve)
{
	const AdvisoryRelease *last = of;
	char label[LABEL_TEXT_SIZE];

	for (size_t i = 0; i < advisory->releases.count; i++)
		if (advisory_same_base(&advisory->releases.items[i], of) &&
			advisory_release_has_cve(&advisory->releases.items[i], cve))
			last = &advisory->releases.items[i];
	label_machine(last->version, last->sequence, label);
	return memory_printf("There is no fix at present: %s was withdrawn (%s).", label,
		last->withdrawal ? last->withdrawal->reason : "");
}

char *remedy_text(const Advisory *advisory, const AdvisoryRelease *of, const char *cve)
{
	const AdvisoryRelease *release = advisory_remedy(advisory, of, cve, NULL);
	const AdvisoryInclusion *newer = newer_base(advisory, of, cve);
	char label[LABEL_TEXT_SIZE];

	if (!release && !newer)
		return withdrawn_text(advisory, of, cve);
	if (!release)
		return memory_printf(
			"Update the system to %s, which contains the fix.", newer->version);
	label_machine(release->version, release->sequence, label);
	if (!newer)
		return memory_printf("Install background security improvement %s.", label);
	return memory_printf("Install background security improvement %s, or update the system "
			     "to %s, which contains the fix.",
		label, newer->version);
}
