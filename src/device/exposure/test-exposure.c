/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/exposure.h"
#include "test.h"

static const struct {
	const char *cgroup;
	const char *unit; /* NULL: none */
} units[] = {
	{"0::/system.slice/nginx.service\n", "nginx.service"},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope\n", "app-x.scope"},
	{"12:cpu:/system.slice/old.service\n0::/system.slice/new.service/sub\n", "new.service"},
	{"0::/init.scope\n", "init.scope"},
	{"0::/\n", NULL},
	{"0::/system.slice\n", NULL},
	{"1:name=systemd:/system.slice/v1.service\n", NULL},
	{"", NULL},
};

TEST(units_of_control_groups)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		_cleanup_free_ char *unit = NULL;

		ASSERT_EQ(exposure_unit_of(units[i].cgroup, &unit), units[i].unit ? 0 : -ENOENT);
		if (units[i].unit)
			ASSERT_STREQ(unit, units[i].unit);
	}
}

TEST(units_survive_a_lack_of_memory)
{
	char *unit = NULL;

	TEST_EACH_ALLOCATION(exposure_unit_of("0::/a.service\n", &unit), (void)0);
	free(unit);
}

static int want(ExposureFiles *files)
{
	return exposure_want(files, "usr/lib/x", NULL, "tls", "CVE-1");
}

TEST(wanted_files_survive_a_lack_of_memory)
{
	ExposureFiles files = {};

	TEST_EACH_ALLOCATION((exposure_files_done(&files), want(&files)), (void)0);
	ASSERT(files.items[0].removed);
	exposure_files_done(&files);
}
