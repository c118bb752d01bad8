/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Progress: how far a long call is. A negative errno cancels it and is returned. */
#include <stdint.h>

typedef int (*DeltaProgress)(void *userdata, uint64_t done, uint64_t total);
