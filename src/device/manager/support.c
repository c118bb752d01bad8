/* SPDX-License-Identifier: Apache-2.0 */
/* What the vendor says of the base itself. */
#include "base/time.h"
#include "device/manager/manager.h"

int manager_support(const Manager *manager, Reason *ret_text)
{
	const char *version = manager->identity.version_id, *next = manager->index.superseded_by;
	int64_t until = manager->has_index ? manager->index.supported_until : 0;
	char day[TIME_TEXT_SIZE];

	if (!manager->has_index || (until == 0 && !next))
		return 0;
	if (until > 0)
		time_format(until, day);
	if (until > 0 && until <= checked_now(&manager->checked))
		return reason_set(ret_text, SUPPORT_ENDED,
			"%s gets no more improvements since %.10s; it needs an update of the "
			"system%s%s",
			version, day, next ? " to " : "", next ? next : "");
	if (next)
		return reason_set(ret_text, SUPPORT_ENDED, "%s is superseded; it needs %s%s%.10s",
			version, next, until > 0 ? ", and gets improvements until " : "",
			until > 0 ? day : "");
	return reason_set(
		ret_text, SUPPORT_GOES_ON, "%s gets improvements until %.10s", version, day);
}
