/* SPDX-License-Identifier: Apache-2.0 */
#include "device/unit/owner.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/text.h"

const char *const owner_kind_names[] = {
	"none", "service", "scope", "session", "user-service", "container", "manager", NULL};

static int decode_path(sd_bus_message *reply, char **ret_unit)
{
	const char *path;
	int r = sd_bus_message_read_basic(reply, 'o', &path);

	if (r >= 0)
		r = sd_bus_path_decode(path, BUS_UNIT_PATH, ret_unit);
	return r == 0 ? -EBADMSG : r; /* 0: the path is no unit's */
}

int owner_unit_of(sd_bus *bus, pid_t pid, char **ret_unit, Reason *reterr_reason)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = bus_call(bus, "GetUnitByPID", &reply, reterr_reason, "u", (uint32_t)pid);

	if (r == -ENOENT || r == -ESRCH)
		return 1; /* NoUnitForPID and NoSuchProcess, as sd-bus translates them */
	if (r < 0)
		return r;
	r = decode_path(reply, ret_unit);
	return r < 0 ? bus_bad_reply(r, "a process's unit", reterr_reason) : 0;
}

OwnerKind owner_kind_of(const char *unit, const char *slice)
{
	if (slice && (strcmp(slice, "machine.slice") == 0 || text_starts_with(slice, "machine-")))
		return OWNER_CONTAINER;
	if (strcmp(unit, "init.scope") == 0)
		return OWNER_MANAGER;
	if (text_starts_with(unit, "user@") && unit_is_service(unit))
		return OWNER_USER_SERVICE;
	if (unit_is_service(unit))
		return OWNER_SERVICE;
	if (!text_ends_with(unit, ".scope"))
		return OWNER_NONE; /* "-.slice": the root of all groups */
	return text_starts_with(unit, "session-") ? OWNER_SESSION : OWNER_SCOPE;
}

uid_t owner_uid_of(const char *slice)
{
	static const char before[] = "user-", behind[] = ".slice";
	_cleanup_free_ char *digits = NULL;
	uint64_t uid;

	if (!slice || !text_starts_with(slice, before) || !text_ends_with(slice, behind) ||
		strlen(slice) < strlen(before) + strlen(behind))
		return OWNER_NO_UID;
	digits = memory_string_n(
		slice + strlen(before), strlen(slice) - strlen(before) - strlen(behind));
	return digits && text_to_u64(digits, OWNER_NO_UID - 1, &uid) == 0 ? (uid_t)uid
									  : OWNER_NO_UID;
}

int owner_user_unit_of(pid_t pid, char **ret_unit)
{
	int r = sd_pid_get_user_unit(pid, ret_unit);

	return r == -ENOMEM ? r : r < 0;
}
