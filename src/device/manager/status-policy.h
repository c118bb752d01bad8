/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Status of the policy: parts of the object of status.h. */
#include <jansson.h>

#include "device/manager/manager.h"

/* Who decides, what the owner may do, until when things are postponed, what has to be on by when,
 * and all mistakes. */
json_t *status_policy(const Manager *manager, const Offer *offer);

/* Sentences with file and line. */
json_t *status_mistakes(const Policy *policy);
