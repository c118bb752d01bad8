/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/after.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"

#define OUTPUT_SIZE_MAX ((size_t)1 << 20)

/* In the order of after_names. */
static const char *const commands[][6] = {
	{"/usr/bin/systemctl", "daemon-reload", NULL},
	{"/usr/bin/systemctl", "daemon-reexec", NULL},
	{"/usr/bin/udevadm", "control", "--reload", NULL},
	{"/usr/bin/systemctl", "reload", "dbus.service", NULL},
	{"/usr/bin/systemctl", "reload", "apparmor.service", NULL},
	{"/usr/lib/systemd/systemd-sysctl", NULL},
	{"/usr/bin/systemd-tmpfiles", "--create", NULL},
	{"/usr/sbin/augenrules", "--load", NULL},
};

unsigned after_of_generation(const Generation *generation)
{
	unsigned set = 0;

	for (size_t i = 0; i < generation->image_count; i++)
		set |= generation->images[i].after;
	return set;
}

static int run_command(const char *const *argv, Reason *reason)
{
	_cleanup_free_ uint8_t *output = NULL;
	Reason why = {};
	size_t size;
	int status, r;

	if (access(argv[0], X_OK) < 0)
		return 0;
	r = process_run(argv, NULL, 0, OUTPUT_SIZE_MAX, &output, &size, &status, &why);
	if (r == 0 && status != 0)
		r = -EIO;
	return r < 0 ? reason_set(reason, r, "'%s %s' failed: %s", argv[0], argv[1] ? argv[1] : "",
			       why.text)
		     : 0;
}

int after_run(const char *root, unsigned set, Reason *reterr_reason)
{
	int result = 0;

	if (strcmp(root, "/") != 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int r = set & 1u << i ? run_command(commands[i], reterr_reason) : 0;

		if (r < 0)
			result = r;
	}
	return result;
}
