/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Config: suture.conf(5), what the owner decides. Read from etc/suture/suture.conf below the root,
 * or, where that is missing, from the vendor's usr/lib/suture/suture.conf.
 *
 *     [repository]
 *     url = https://updates.example.org/suture/
 *     channel = public
 *     mirror = https://mirror.example.net/suture/   # the same files; may be repeated
 *
 *     [install]
 *     automatic = install            # or: download, off
 *
 * An unknown section or key, a value that is not allowed, or a key given twice: -EINVAL, and the
 * reason names file and line. (Not -EBADMSG: that is for documents that fail to prove something.)
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "wire/terms/terms.h"

#define CONFIG_PATH         "etc/suture/suture.conf"
#define CONFIG_VENDOR_PATH  "usr/lib/suture/suture.conf"
#define CONFIG_SIZE_MAX     65536
#define CONFIG_VALUE_MAX    1024
#define CONFIG_INTERVAL_MAX (7 * 24 * 3600)
#define CONFIG_TIMEOUT_MAX                                                                         \
	600 /* seconds: of the slowest satellite; four tries of it are an hour                     \
	     */
#define CONFIG_MIRRORS_MAX 8
#define CONFIG_PROTECT_MAX 32
#define CONFIG_WINDOW_MAX  86400 /* of a trial (device/store/trial.h) */

typedef enum Automatic { AUTOMATIC_INSTALL, AUTOMATIC_DOWNLOAD, AUTOMATIC_OFF } Automatic;
extern const char *const config_automatic_words[];

typedef struct Config {
	char url[CONFIG_VALUE_MAX + 1]; /* ends in a slash; empty: not configured */
	char mirrors[CONFIG_MIRRORS_MAX][CONFIG_VALUE_MAX + 1]; /* asked in this order after url */
	size_t mirror_count;
	char channel[CONFIG_VALUE_MAX + 1];
	char proxy[CONFIG_VALUE_MAX + 1];   /* empty: what the environment says */
	char ca_file[CONFIG_VALUE_MAX + 1]; /* empty: the system's */
	bool any_redirect;
	int timeout; /* seconds after which a silent server is given up */
	Automatic automatic;
	int interval;        /* seconds between two checks of `sutured` in its loop */
	bool keeps_services; /* no service is restarted */
	char protect[CONFIG_PROTECT_MAX][UNIT_NAME_MAX + 1]; /* units that are not; may end in * */
	size_t protect_count;
	int window;      /* seconds of a trial after a live switch */
	int boot_window; /* and after a start of the system */
} Config;

/* Pure. `name` is what the reasons call the text. */
int config_parse(
	const char *name, const void *text, size_t size, Config *ret_config, Reason *reterr_reason);

/* -ENOENT with a reason when neither file exists. */
int config_load(const char *root, Config *ret_config, Reason *reterr_reason);
