/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Hints: how variables without bytes in the file (.bss) moved. No copy says it; the references to
 * them do.
 */
#include "wire/delta/model/predictor.h"

/* Finds hints from where the references in the predictor's copies point in the target, whose
 * sections are `image`. 0 or -ENOMEM. */
int hints_find(
	const Predictor *predictor, const ElfImage *image, MapPoint **ret, size_t *ret_count);
