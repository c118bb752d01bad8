/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/config.h"

const char *const config_automatic_words[] = {"install", "download", "off", NULL};
const char *const config_restarts_words[] = {"services", "machine", "off", NULL};
const char *const config_metered_words[] = {"go", "small", "wait", NULL};
const char *const config_notify_words[] = {"all", "deadline-only", "none", NULL};
