/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bytes somewhere in memory, not owned. */
#include <stddef.h>
#include <stdint.h>

typedef struct DeltaBytes {
	const uint8_t *data; /* NULL is allowed where size is 0 */
	size_t size;
} DeltaBytes;
