/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: the service manager. */
#include <glob.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "device/doctor/doctor.h"

#define SOFT_REBOOT 254 /* the first systemd with `systemctl soft-reboot` */

/* "…/libsystemd-shared-252.so", cut in place; some put "252.39-1" there. */
static int version_in(char *path)
{
	char *number = strrchr(path, '/');
	uint64_t version;

	number += strcspn(number, TEXT_DIGITS);
	number[strspn(number, TEXT_DIGITS)] = '\0';
	return text_to_u64(number, INT16_MAX, &version) == 0 ? (int)version : 0;
}

/* Its private library carries the version: .../systemd/libsystemd-shared-252.so. 0: none is there.
 */
static int systemd_version(const char *root)
{
	static const char *const places[] = {"usr/lib/systemd", "usr/lib64/systemd",
		"usr/lib/*-linux-gnu*/systemd", "lib/systemd"};
	int version = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *pattern =
			memory_printf("%s/%s/libsystemd-shared-*.so", root, places[i]);
		glob_t found = {};

		if (pattern && glob(pattern, 0, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++) {
				int is = version_in(found.gl_pathv[k]);

				version = is > version ? is : version;
			}
		globfree(&found);
	}
	return version;
}

int doctor_services(Doctor *doctor)
{
	int version = systemd_version(doctor->store->path);

	if (version == 0 || version >= SOFT_REBOOT)
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "systemd",
		memory_printf("systemd %d has no soft-reboot: an improvement that needs one waits "
			      "for a whole restart.",
			version),
		memory_printf("Use systemd %d or newer.", SOFT_REBOOT));
}
