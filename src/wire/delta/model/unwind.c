/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/unwind.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/little.h"

#define RELATIVE_32     0x1b /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
#define INDIRECT        0x80
#define AUGMENTATION_AT 9  /* behind length, id and version */
#define TEXT_MAX        8  /* "zPLR" and the like */
#define HEAD_SIZE       12 /* of .eh_frame_hdr before its table */
#define PIECE           4096
#define CIE_MAX         256 /* bytes of a CIE that are looked at: it has about 24 */

size_t unwind_record_size(const uint8_t *record, size_t left)
{
	uint32_t length;

	if (left < 4)
		return 0;
	length = little_u32(record);
	if (length == UINT32_MAX || length > left - 4)
		return 0;
	return 4 + (size_t)length;
}

/* Skips a LEB128 number. */
static size_t skip_number(const uint8_t *bytes, size_t at, size_t size)
{
	while (at < size && bytes[at] & 0x80)
		at++;
	return at + 1;
}

static size_t pointer_size(uint8_t encoding)
{
	static const uint8_t sizes[16] = {
		[0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8};

	return sizes[encoding & 15];
}

void unwind_read_cie(const uint8_t *cie, size_t size, UnwindEncoding *ret)
{
	char text[TEXT_MAX + 1] = {0};
	size_t at = AUGMENTATION_AT;

	*ret = (UnwindEncoding){.relative = false};
	size = size < CIE_MAX ? size : CIE_MAX;
	for (size_t i = 0; at < size && i < TEXT_MAX && cie[at] != 0; i++)
		text[i] = (char)cie[at++];
	if (text[0] != 'z' || at >= size || cie[at] != 0)
		return;
	for (unsigned numbers = 0; numbers < 4; numbers++) /* behind the text's NUL */
		at = numbers == 0 ? at + 1 : skip_number(cie, at, size);
	at = skip_number(cie, at, size);
	for (const char *letter = text + 1; *letter != 0 && at < size; letter++) {
		uint8_t encoding = cie[at++];

		if (*letter == 'R')
			ret->relative = encoding == RELATIVE_32;
		else if (*letter == 'L')
			ret->lsda = encoding == RELATIVE_32;
		else if (*letter == 'P') {
			if ((encoding & ~INDIRECT) == RELATIVE_32 && at + 4 <= size)
				ret->personality = at;
			at += pointer_size(encoding);
		} else {
			return;
		}
	}
}

/* A function's start and its record, both relative to .eh_frame_hdr. */
typedef struct Entry {
	int32_t start, record;
} Entry;

static int by_start(const void *a, const void *b)
{
	const Entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

static int32_t to_signed(uint64_t number)
{
	uint32_t low = (uint32_t)number;

	return low > INT32_MAX ? -(int32_t)(UINT32_MAX - low) - 1 : (int32_t)low;
}

/* A window over the new file that moves forward. */
typedef struct Window {
	UnwindRead read;
	void *userdata;
	uint64_t start;
	size_t size;
	uint8_t bytes[PIECE];
} Window;

static int look(Window *window, uint64_t at, uint64_t end, const uint8_t **ret)
{
	if (at < window->start || at + HEAD_SIZE > window->start + window->size) {
		int r;

		window->start = at;
		window->size = end - at < PIECE ? (size_t)(end - at) : PIECE;
		r = window->read(window->userdata, at, window->size, window->bytes);
		if (r < 0)
			return r;
	}
	*ret = window->bytes + (at - window->start);
	return 0;
}

static int collect(const ElfSection *frames, const ElfSection *header, Window *window,
	Entry *entries, size_t room, size_t *ret_count)
{
	uint64_t at = frames->offset, end = frames->offset + frames->size;
	size_t count = 0;

	while (end - at >= HEAD_SIZE) {
		const uint8_t *record;
		uint64_t place = frames->address + (at - frames->offset);
		size_t size;
		int r = look(window, at, end, &record);

		if (r < 0)
			return r;
		size = unwind_record_size(record, (size_t)(end - at));
		if (size == 0)
			break;
		if (size >= HEAD_SIZE && little_u32(record + 4) != 0) {
			if (count == room)
				return 1;
			entries[count++] = (Entry){
				to_signed(place + 8 + little_s32(record + 8) - header->address),
				to_signed(place - header->address)};
		}
		at += size;
	}
	*ret_count = count;
	return 0;
}

int unwind_make_header(const ElfSection *frames, const ElfSection *header, UnwindRead read,
	void *userdata, uint8_t *out)
{
	static const uint8_t encodings[] = {1, RELATIVE_32, 0x03, 0x3b};
	_cleanup_free_ Entry *entries = NULL;
	_cleanup_free_ Window *window = memory_new(sizeof(*window));
	size_t count = 0, room;
	int r;

	if (header->size < HEAD_SIZE || (header->size - HEAD_SIZE) % sizeof(Entry) != 0)
		return 1;
	room = (size_t)(header->size - HEAD_SIZE) / sizeof(Entry);
	entries = memory_new_array(room, sizeof(Entry));
	if (!entries || !window)
		return -ENOMEM;
	window->read = read;
	window->userdata = userdata;
	r = collect(frames, header, window, entries, room, &count);
	if (r != 0 || count != room)
		return r < 0 ? r : 1;
	qsort(entries, count, sizeof(Entry), by_start);
	memcpy(out, encodings, sizeof(encodings));
	little_write(out + 4, 4, frames->address - header->address - 4);
	little_write(out + 8, 4, count);
	for (size_t i = 0; i < count; i++) {
		little_write(out + HEAD_SIZE + 8 * i, 4, (uint32_t)entries[i].start);
		little_write(out + HEAD_SIZE + 8 * i + 4, 4, (uint32_t)entries[i].record);
	}
	return 0;
}
