/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files: which files are grafted, for lists of what may run (`suture files`). */
#include <jansson.h>

#include "device/manager/manager.h"

/* Of the generation that is really mounted. NULL with *ret_error: -ENODATA when none is. */
json_t *files_describe(Manager *manager, int *ret_error, Reason *reterr_reason);

void files_print(const json_t *files);         /* one path on each line */
void files_print_digests(const json_t *files); /* as sha256sum(1) writes and checks them */
