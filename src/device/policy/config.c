/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/config.h"

#define DEADLINE_IS_NEAR 3600 /* seconds: time to finish what one is doing */

const char *const config_automatic_words[] = {"install", "download", "off", NULL};
const char *const config_restarts_words[] = {"services", "machine", "off", NULL};
const char *const config_metered_words[] = {"go", "small", "wait", NULL};
const char *const config_notify_words[] = {"all", "deadline-only", "none", NULL};

bool config_notifies(const Config *config, int64_t seconds_left)
{
	switch (config->notify) {
	case NOTIFY_ALL: return true;
	case NOTIFY_DEADLINE_ONLY:
		return seconds_left != CONFIG_NO_DEADLINE && seconds_left <= DEADLINE_IS_NEAR;
	default: return false;
	}
}
