/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Buffer: bytes that grow. Zero-initialise it; buffer_done() frees. After a failed append the
 * buffer is as before. The data is always followed by a NUL that size does not count, so that text
 * built here can be used as a C string.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct Buffer {
	uint8_t *data; /* NULL while nothing was appended */
	size_t size;
	size_t capacity;
} Buffer;

void buffer_done(Buffer *buffer);
int buffer_append(Buffer *buffer, const void *data, size_t size); /* 0 or -ENOMEM */
int buffer_text(Buffer *buffer, const char *text);
int buffer_printf(Buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define _cleanup_buffer_ _cleanup_(buffer_done)
