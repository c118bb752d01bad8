/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of executables: lengths of instructions, sections, references, the map. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"
#include "wire/delta/model/finder.h"
#include "wire/delta/model/instruction.h"
#include "wire/delta/model/little.h"
#include "wire/delta/model/map.h"
#include "wire/delta/model/unwind.h"

#define VECTORS TEST_SOURCE_ROOT "/tests/vectors/delta/"

typedef struct Content {
	uint8_t *data;
	size_t size;
} Content;

static void content_done(Content *content)
{
	memory_free(content->data);
}
#define _cleanup_content_ _cleanup_(content_done)

static void read_vector(const char *path, Content *ret)
{
	ASSERT_OK(file_read(AT_FDCWD, path, (size_t)1 << 30, &ret->data, &ret->size));
}

TEST(instructions_that_are_tricky_have_their_length)
{
	static const struct {
		const char *bytes;
		uint8_t size, length, field;
	} cases[] = {
		{"\xc3", 1, 1, 0},                               /* ret */
		{"\xe8\1\0\0\0", 5, 5, 1},                       /* call */
		{"\x66\x66\x48\xe8\1\0\0\0", 8, 8, 4},           /* call of TLS code */
		{"\x66\xe9\1\0", 4, 4, 0},                       /* jmp rel16 */
		{"\xf2\x0f\x84\1\0\0\0", 7, 7, 3},               /* bnd je */
		{"\x48\x8d\x05\1\0\0\0", 7, 7, 3},               /* lea rip */
		{"\x48\xc7\x05\1\0\0\0\2\0\0\0", 11, 11, 3},     /* movq imm32, rip */
		{"\x66\xc7\x05\1\0\0\0\2\0", 9, 9, 3},           /* movw imm16, rip */
		{"\xf6\x05\1\0\0\0\2", 7, 7, 2},                 /* testb imm8, rip */
		{"\xf6\x15\1\0\0\0", 6, 6, 2},                   /* notb rip: no immediate */
		{"\x66\xf7\xc1\1\0", 5, 5, 0},                   /* test imm16 */
		{"\x48\xb8\1\2\3\4\5\6\7\x8", 10, 10, 0},        /* movabs */
		{"\x66\xb8\1\2", 4, 4, 0},                       /* mov imm16 */
		{"\x67\xa1\1\2\3\4", 6, 6, 0},                   /* mov moffs32 */
		{"\xa1\1\2\3\4\5\6\7\x8", 9, 9, 0},              /* mov moffs64 */
		{"\xc8\1\0\2", 4, 4, 0},                         /* enter */
		{"\x8b\x04\x25\1\0\0\0", 7, 7, 0},               /* mov disp32 by SIB */
		{"\x8b\x44\x24\x08", 4, 4, 0},                   /* disp8 with SIB */
		{"\x8b\x84\x24\1\0\0\0", 7, 7, 0},               /* disp32 with SIB */
		{"\x8b\x44\x25\x08", 4, 4, 0},                   /* base 5 with disp8: no disp32 */
		{"\xf3\x0f\x1e\xfa", 4, 4, 0},                   /* endbr64 */
		{"\x0f\x1f\x84\0\0\0\0\0", 8, 8, 0},             /* long nop */
		{"\x66\x0f\x3a\x0f\xc1\x08", 6, 6, 0},           /* palignr */
		{"\x66\x0f\x38\0\x05\1\0\0\0", 9, 9, 5},         /* pshufb rip */
		{"\xc5\xf8\x77", 3, 3, 0},                       /* vzeroupper */
		{"\xc5\xf9\x6f\x05\1\0\0\0", 8, 8, 4},           /* vmovdqa rip */
		{"\xc4\xe3\x75\x0f\xc2\1", 6, 6, 0},             /* vpalignr */
		{"\xc4\xe2\x7d\x58\x05\1\0\0\0", 9, 9, 5},       /* vpbroadcastd rip */
		{"\x62\xf1\x7c\x48\x10\x05\1\0\0\0", 10, 10, 6}, /* vmovups zmm, rip */
		{"\x62\xf3\x7d\x48\x3a\xc1\1", 7, 7, 0},         /* vinserti32x8 */
		{"\xe8\1\0\0", 4, 1, 0},                         /* cut short */
		{"\x06", 1, 1, 0},                               /* none in 64 bits */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Instruction instruction;

		instruction_read((const uint8_t *)cases[i].bytes, cases[i].size, &instruction);
		ASSERT_EQ(instruction.length, cases[i].length);
		ASSERT_EQ(instruction.field, cases[i].field);
	}
}

/* A line of objdump: "  address:\tbytes in hex\ttext". The count of bytes, or 0. */
static size_t parse_line(const char *line, uint8_t *ret_bytes)
{
	const char *at = strchr(line, '\t');
	size_t count = 0;
	unsigned byte;

	if (!at || strstr(line, "(bad)") || strstr(line, ".byte"))
		return 0;
	for (at++; count < INSTRUCTION_MAX && sscanf(at, "%2x ", &byte) == 1; at += 3) {
		ret_bytes[count++] = (uint8_t)byte;
		if (at[2] != ' ' || at[3] == ' ' || at[3] == '\t')
			break;
	}
	return count;
}

TEST(instructions_are_as_long_as_objdump_says)
{
	char line[512], command[128];
	size_t checked = 0, wrong = 0;
	FILE *pipe;

	/* The shared C library of this machine, as there is none with more kinds of code. */
	snprintf(command, sizeof(command),
		"objdump -d -w -j .text $(ldconfig -p | sed -n 's/.*libcrypto.so.3.*=> //p;' | "
		"head -n 1) 2>/dev/null");
	pipe = popen(command, "r"); /* NOLINT: a test */
	if (!pipe)
		test_skip("no shell");
	while (fgets(line, sizeof(line), pipe)) {
		uint8_t bytes[INSTRUCTION_MAX];
		size_t count = parse_line(line, bytes);
		Instruction instruction;

		if (count == 0)
			continue;
		instruction_read(bytes, count, &instruction);
		wrong += instruction.length != count;
		checked++;
	}
	pclose(pipe);
	if (checked == 0)
		test_skip("objdump or a library to read is not installed");
	printf("# %zu instructions, %zu of another length\n", checked, wrong);
	/* Data within the code is read in more than one way. */
	ASSERT(wrong * 2000 < checked);
}

typedef struct Seen {
	size_t kinds[_REFERENCE_KIND_MAX];
	uint64_t hash, end;
} Seen;

static void see(void *userdata, const Reference *reference)
{
	Seen *seen = userdata;

	ASSERT(reference->offset >= seen->end);
	seen->end = reference->offset + reference_size(reference->kind);
	seen->kinds[reference->kind]++;
	seen->hash = seen->hash * 31 + reference->offset + reference->kind * 7 +
		reference->base * 3 + reference->target;
}

static void see_all(const Finder *finder, uint64_t step, Seen *seen)
{
	const ElfImage *image = finder->image;

	*seen = (Seen){.hash = 1};
	for (size_t i = 0; i < image->count; i++) {
		const ElfSection *section = &image->sections[i];
		uint64_t at = section->offset, end = at + elf_stored(section);

		for (; at < end; at += step)
			finder_visit(
				finder, section, at, at + step < end ? at + step : end, see, seen);
	}
}

TEST(references_are_the_same_from_every_start)
{
	_cleanup_content_ Content file = {};
	_cleanup_(elf_done) ElfImage image = {};
	_cleanup_(finder_done) Finder finder = {};
	Seen whole, parts;

	read_vector(VECTORS "executable-old.elf", &file);
	ASSERT_OK(elf_read((DeltaBytes){file.data, file.size}, &image));
	ASSERT(image.count > 10);
	ASSERT_OK(finder_init(&finder, &image));
	see_all(&finder, file.size, &whole);
	for (uint64_t step = 1; step < 600; step = step * 3 + 1) {
		see_all(&finder, step, &parts);
		ASSERT_EQ(parts.hash, whole.hash);
	}
	ASSERT(whole.kinds[REFERENCE_BRANCH] > 10 && whole.kinds[REFERENCE_DATA] > 10);
	ASSERT_EQ(whole.kinds[REFERENCE_TABLE] >= 8, true);
	ASSERT(whole.kinds[REFERENCE_LENGTH] > 3 && whole.kinds[REFERENCE_SYMBOL] > 5);
	ASSERT(whole.kinds[REFERENCE_ADDEND] > 4 && whole.kinds[REFERENCE_SLOT] >= 2);
}

static int find_and_drop(const uint8_t *data, size_t size)
{
	_cleanup_(elf_done) ElfImage image = {};
	_cleanup_(finder_done) Finder finder = {};
	int r = elf_read((DeltaBytes){data, size}, &image);
	Seen seen;

	if (r == 0)
		r = finder_init(&finder, &image);
	if (r == 0)
		see_all(&finder, 64, &seen);
	return r;
}

/* Anything may be wrong in an old file: never a crash, never an error. */
TEST(damaged_executables_give_some_references)
{
	_cleanup_content_ Content file = {};

	read_vector(VECTORS "executable-old.elf", &file);
	for (size_t i = 0; i < file.size; i += i < 4096 ? 1 : 3) {
		uint8_t kept = file.data[i];

		file.data[i] ^= (uint8_t)(1 << i % 8);
		ASSERT_OK(find_and_drop(file.data, file.size));
		file.data[i] = 0xff;
		ASSERT_OK(find_and_drop(file.data, file.size));
		file.data[i] = kept;
	}
	for (size_t size = 0; size < file.size; size += 97)
		ASSERT_OK(find_and_drop(file.data, size));
	TEST_EACH_ALLOCATION(find_and_drop(file.data, file.size), );
}

static int read_bytes(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	memcpy(out, (const uint8_t *)userdata + offset, size);
	return 0;
}

TEST(the_unwind_header_follows_from_the_records)
{
	_cleanup_content_ Content file = {};
	_cleanup_(elf_done) ElfImage image = {};
	_cleanup_free_ uint8_t *header = NULL;
	const ElfSection *section;

	read_vector(VECTORS "executable-old.elf", &file);
	ASSERT_OK(elf_read((DeltaBytes){file.data, file.size}, &image));
	section = image.roles[ELF_EH_FRAME_HDR];
	header = memory_new((size_t)section->size);
	ASSERT_OK(unwind_make_header(
		image.roles[ELF_EH_FRAME], section, read_bytes, file.data, header));
	ASSERT_MEMEQ(header, file.data + section->offset, section->size);
}

TEST(the_map_follows_copies_and_names)
{
	_cleanup_content_ Content file = {};
	_cleanup_(elf_done) ElfImage image = {};
	_cleanup_(layout_done) Layout layout = {};
	_cleanup_(map_done) Map map = {}, named = {};
	const ElfSection *code;
	Block blocks[2];
	Override override;

	read_vector(VECTORS "executable-old.elf", &file);
	ASSERT_OK(elf_read((DeltaBytes){file.data, file.size}, &image));
	ASSERT_OK(layout_init(&layout, &image, file.size));
	code = image.roles[ELF_CODE];
	blocks[0] = (Block){code->offset, code->offset, 40, 0};
	blocks[1] = (Block){code->offset + 60, code->offset + 76, 40, 16};
	ASSERT_OK(map_init(&map, &layout, blocks, 2, NULL, 0));
	ASSERT_EQ(map_address(&map, code->address + 39), code->address + 39);
	ASSERT_EQ(map_address(&map, code->address + 45), code->address + 45);
	ASSERT_EQ(map_address(&map, code->address + 55), code->address + 71);
	ASSERT_EQ(map_address(&map, code->address + 60), code->address + 76);
	override = (Override){code->address + 60, code->address + 8};
	ASSERT_OK(map_override(&named, &map, &override, 1));
	ASSERT_EQ(map_address(&named, code->address + 60), code->address + 8);
	ASSERT_EQ(map_address(&named, code->address + 61), code->address + 77);
	ASSERT_EQ(map_address(&named, code->address + 59), code->address + 75);
}
