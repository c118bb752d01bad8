/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Want: what an improvement of the index wants to be in use, in the terms of exposure. */
#include "device/exposure/exposure.h"
#include "wire/improvement/index.h"

int want_improvement(ExposureFiles *files, const Improvement *improvement);
