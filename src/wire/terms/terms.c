/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/terms/terms.h"

#include <stddef.h>
#include <string.h>

const char *const file_kind_names[] = {"mapped", "read-once", "kernel", "data", NULL};
const char *const restart_scope_names[] = {
	"none", "services", "session", "soft-reboot", "reboot", NULL};
const char *const urgency_names[] = {"low", "medium", "high", "critical", NULL};
const char *const mix_names[] = {"tolerated", "forbidden", NULL};
const char *const after_names[] = {"daemon-reload", "daemon-reexec", "udev-reload", "dbus-reload",
	"apparmor-reload", "sysctl", "tmpfiles", "audit-reload", NULL};

bool build_id_is_valid(const char *text)
{
	return strlen(text) <= BUILD_ID_TEXT_MAX && strlen(text) % 2 == 0 &&
		text_consists_of(text, TEXT_DIGITS "abcdef");
}

bool unit_name_is_valid(const char *text)
{
	return strlen(text) <= UNIT_NAME_MAX && text_consists_of(text, UNIT_NAME_CHARACTERS);
}
