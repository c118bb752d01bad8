/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Progress: what `--progress`, `--progress-fd`, `--json` and `-q` mean together. */
#include "base/bar.h"
#include "device/manager/manager.h"

#define PROGRESS_CHOICES "auto|plain|json|none"

typedef struct ProgressWish {
	const char *how; /* one of the choices; NULL: auto */
	int fd;          /* gets JSON lines in any case; -1: none was named */
	bool is_json;    /* standard output is for one JSON object */
	bool is_quiet;
} ProgressWish;

/* Has the manager tell its progress: by the bar, as JSON lines (on standard error, where no
 * descriptor was named), or not at all. The bar is the caller's to end. -EINVAL with the reason:
 * two of the wishes contradict each other. */
int progress_start(const ProgressWish *wish, Manager *manager, Bar *bar, Reason *reterr_reason);
