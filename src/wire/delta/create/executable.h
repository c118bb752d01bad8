/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Encoding a segment under the codec "executable". */
#include "base/buffer.h"
#include "wire/delta/model/executable.h"

/* Where the parts of a new executable come from: found once, encoded any number of times. */
typedef struct ExecutablePlan ExecutablePlan;

/* 0, 1 when one of the files is no executable that the codec knows, or -ENOMEM. The bytes must
 * outlive the plan. */
int executable_plan_new(DeltaBytes old, DeltaBytes target, ExecutablePlan **ret);
ExecutablePlan *executable_plan_free(ExecutablePlan *plan);
DEFINE_CLEANUP(ExecutablePlan *, executable_plan_free)

/* Appends the payload. 0, 1 when the files are outside the codec's limits, or -ENOMEM. */
int encode_executable(ExecutableModels *models, ExecutablePlan *plan, Buffer *out);

/* Whether fresh models bring the target back from a payload that fresh models encoded. 0, 1 when
 * they do not, or -ENOMEM. */
int verify_executable(const ExecutablePlan *plan, const Buffer *payload);
