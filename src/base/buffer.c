/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <errno.h>
#include <string.h>

#define BUFFER_FIRST_CAPACITY 256

void buffer_done(Buffer *buffer)
{
	memory_free(buffer->data);
	*buffer = (Buffer){};
}

static int buffer_reserve(Buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_CAPACITY;
	uint8_t *data;

	if (more >= SIZE_MAX / 2 - buffer->size)
		return -ENOMEM;
	while (capacity < buffer->size + more + 1)
		capacity *= 2;
	if (capacity == buffer->capacity)
		return 0;
	data = memory_raw(capacity);
	if (!data)
		return -ENOMEM;
	if (buffer->size > 0)
		memcpy(data, buffer->data, buffer->size);
	memory_free(buffer->data);
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(Buffer *buffer, const void *data, size_t size)
{
	int r = buffer_reserve(buffer, size);

	if (r < 0)
		return r;
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
	return 0;
}

int buffer_text(Buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

int buffer_printf(Buffer *buffer, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	text = memory_vprintf(format, args);
	va_end(args);
	return text ? buffer_text(buffer, text) : -ENOMEM;
}
