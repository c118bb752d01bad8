/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/gpt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define SIGNATURE      "EFI PART"
#define HEADER_SIZE    92
#define ENTRY_SIZE_MIN 128
#define ENTRY_SIZE_MAX 4096
#define LABEL_OFFSET   56 /* in an entry: UTF-16 */
#define CRC_POLYNOMIAL 0xedb88320u
#define LIST_SIZE      256

/* Root types, by architecture; a GUID's first three parts are stored with their low byte first. */
static const struct {
	const char *architecture;
	uint8_t type[GPT_TYPE_SIZE];
} roots[] = {
	/* 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 */
	{"x86_64",
		{0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84,
			0xb7, 0x09}},
	/* 44479540-f297-41b2-9af7-d131d5f0458a */
	{"i686",
		{0x40, 0x95, 0x47, 0x44, 0x97, 0xf2, 0xb2, 0x41, 0x9a, 0xf7, 0xd1, 0x31, 0xd5, 0xf0,
			0x45, 0x8a}},
	/* b921b045-1df0-41c3-af44-4c6f280d3fae */
	{"aarch64",
		{0x45, 0xb0, 0x21, 0xb9, 0xf0, 0x1d, 0xc3, 0x41, 0xaf, 0x44, 0x4c, 0x6f, 0x28, 0x0d,
			0x3f, 0xae}},
	/* 69dad710-2ce4-4e3c-b16c-21a1d49abed3 */
	{"armv7l",
		{0x10, 0xd7, 0xda, 0x69, 0xe4, 0x2c, 0x3c, 0x4e, 0xb1, 0x6c, 0x21, 0xa1, 0xd4, 0x9a,
			0xbe, 0xd3}},
	/* 72ec70a6-cf74-40e6-bd49-4bda08e8f224 */
	{"riscv64",
		{0xa6, 0x70, 0xec, 0x72, 0x74, 0xcf, 0xe6, 0x40, 0xbd, 0x49, 0x4b, 0xda, 0x08, 0xe8,
			0xf2, 0x24}},
};

static uint64_t little(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = size; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

/* CRC-32 as in IEEE 802.3. `hole`: four bytes that count as zero, where the header has its own. */
static uint32_t checksum(const uint8_t *data, size_t size, size_t hole)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= i >= hole && i - hole < 4 ? 0 : data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
	}
	return ~crc;
}

/* The size of a sector follows from where the header is. 0: there is none. */
static size_t find_header(const uint8_t *head, size_t size)
{
	static const size_t sectors[] = {512, 4096};

	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++)
		if (size >= sectors[i] + HEADER_SIZE &&
			memcmp(head + sectors[i], SIGNATURE, strlen(SIGNATURE)) == 0)
			return sectors[i];
	return 0;
}

static int read_entry(
	Gpt *gpt, const uint8_t *entry, unsigned number, uint64_t sector, Reason *reason)
{
	static const uint8_t unused[GPT_TYPE_SIZE];
	GptPartition *partition = &gpt->items[gpt->count];
	uint64_t first = little(entry + 32, 8), last = little(entry + 40, 8);

	if (memcmp(entry, unused, GPT_TYPE_SIZE) == 0)
		return 0;
	if (first == 0 || last < first || last >= INT64_MAX / sector)
		return reason_set(
			reason, -EBADMSG, "its partition %u has no possible place", number);
	*partition = (GptPartition){
		.number = number, .offset = first * sector, .size = (last - first + 1) * sector};
	memcpy(partition->type, entry, GPT_TYPE_SIZE);
	for (size_t i = 0; i + 1 < GPT_LABEL_SIZE; i++) {
		uint64_t unit = little(entry + LABEL_OFFSET + 2 * i, 2);

		if (unit == 0)
			break;
		partition->label[i] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
	}
	gpt->count++;
	return 0;
}

static int read_entries(const uint8_t *head, size_t size, size_t sector, const uint8_t *header,
	Gpt *gpt, Reason *reason)
{
	uint64_t place = little(header + 72, 8);
	uint64_t count = little(header + 80, 4), entry_size = little(header + 84, 4);
	const uint8_t *entries;

	if (count > GPT_PARTITIONS_MAX || entry_size < ENTRY_SIZE_MIN ||
		entry_size > ENTRY_SIZE_MAX || place < 2 || place > size / sector ||
		count * entry_size > size - place * sector)
		return reason_set(reason, -EBADMSG,
			"its partition table is damaged, or larger than is read here");
	entries = head + place * sector;
	if (checksum(entries, count * entry_size, SIZE_MAX) != little(header + 88, 4))
		return reason_set(reason, -EBADMSG, "its partition table is damaged");
	for (size_t i = 0; i < count; i++) {
		int r = read_entry(gpt, entries + i * entry_size, (unsigned)i + 1, sector, reason);

		if (r < 0)
			return r;
	}
	return 1;
}

int gpt_read(const void *head, size_t size, Gpt *ret_gpt, Reason *reterr_reason)
{
	const uint8_t *bytes = head, *header;
	size_t sector = find_header(bytes, size);
	uint64_t header_size;

	*ret_gpt = (Gpt){};
	if (sector == 0)
		return 0;
	header = bytes + sector;
	header_size = little(header + 12, 4);
	if (header_size < HEADER_SIZE || header_size > sector || header_size > size - sector ||
		checksum(header, header_size, 16) != little(header + 16, 4))
		return reason_set(
			reterr_reason, -EBADMSG, "the header of its partition table is damaged");
	return read_entries(bytes, size, sector, header, ret_gpt, reterr_reason);
}

static const uint8_t *root_type(const char *architecture)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (strcmp(roots[i].architecture, architecture) == 0)
			return roots[i].type;
	return NULL;
}

static bool is_named(const GptPartition *partition, const char *name)
{
	uint64_t number;

	return strcmp(partition->label, name) == 0 ||
		(text_to_u64(name, GPT_PARTITIONS_MAX, &number) == 0 &&
			number == partition->number);
}

static bool is_wanted(const GptPartition *partition, const char *name, const uint8_t *type)
{
	if (name)
		return is_named(partition, name);
	return type && memcmp(partition->type, type, GPT_TYPE_SIZE) == 0;
}

static int refuse(const Gpt *gpt, const char *what, const char *detail, Reason *reason)
{
	char list[LIST_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < gpt->count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%u (%s)",
			i > 0 ? ", " : "", gpt->items[i].number, gpt->items[i].label);
	return reason_set(reason, -ENOENT,
		"%s %s; say which one with --partition: the label or number of %s", what, detail,
		gpt->count > 0 ? list : "one, but there is none");
}

int gpt_choose(const Gpt *gpt, const char *name, const char *architecture,
	const GptPartition **ret_partition, Reason *reterr_reason)
{
	const uint8_t *type = root_type(architecture);
	const GptPartition *found = NULL;

	for (size_t i = 0; i < gpt->count; i++) {
		if (!is_wanted(&gpt->items[i], name, type))
			continue;
		if (found)
			return refuse(gpt,
				name ? "it has several partitions"
				     : "it has several root partitions for",
				name ? name : architecture, reterr_reason);
		found = &gpt->items[i];
	}
	if (!found)
		return refuse(gpt, name ? "it has no partition" : "it has no root partition for",
			name ? name : architecture, reterr_reason);
	*ret_partition = found;
	return 0;
}
