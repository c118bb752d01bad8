/* SPDX-License-Identifier: Apache-2.0 */
/* References in A64 code: each form, pairs of instructions, any window, any bytes. */
#include <fcntl.h>

#include "base/file.h"
#include "test.h"
#include "wire/delta/model/aarch64.h"
#include "wire/delta/model/little.h"

#define VECTORS     TEST_SOURCE_ROOT "/tests/vectors/delta/"
#define ADDRESS     UINT64_C(0x20000) /* of the code */
#define HIGH        UINT64_C(0x200000)
#define NOP         UINT32_C(0xd503201f)
#define ADRP_X1     UINT32_C(0x90000001) /* adrp x1, this page */
#define ADD_X0_X1   UINT32_C(0x91004020) /* add x0, x1, #16 */
#define ADD_X1_X1   UINT32_C(0x91004021)
#define LDR_X2_X1   UINT32_C(0xf9400822) /* ldr x2, [x1, #16] */
#define ADRP_X20    UINT32_C(0x90000014)
#define ADD_X0_X20  UINT32_C(0x91004280)
#define MOV_X1_X2   UINT32_C(0xaa0203e1)
#define LDP_X2_X1   UINT32_C(0xa9400402) /* ldp x2, x1, [x0] */
#define BL          UINT32_C(0x94000001)
#define BLR_X3      UINT32_C(0xd63f0060)
#define RET         UINT32_C(0xd65f03c0)
#define NO_KIND     _REFERENCE_KIND_MAX
#define SEEN_MAX    64
#define WORDS_MAX   4096
#define REACH_WORDS (AARCH64_REACH / 4)

/* Code alone, as an image of one section. */
typedef struct Code {
	uint8_t bytes[4 * WORDS_MAX];
	ElfSection section;
	ElfImage image;
	Finder finder;
	size_t count;
	Reference seen[SEEN_MAX];
	uint64_t hash, end;
} Code;

static void see(void *userdata, const Reference *reference)
{
	Code *code = userdata;

	ASSERT(reference->offset >= code->end);
	code->end = reference->offset + reference_size(reference->kind);
	if (code->count < SEEN_MAX)
		code->seen[code->count] = *reference;
	code->count++;
	code->hash = code->hash * 31 + reference->offset + reference->kind * 7 +
		reference->base * 3 + reference->target;
}

static void look(Code *code, size_t size, uint64_t from, uint64_t to)
{
	code->section = (ElfSection){.address = ADDRESS,
		.size = size,
		.align = 4,
		.role = ELF_CODE,
		.loaded = true,
		.executable = true};
	code->image = (ElfImage){.bytes = {code->bytes, size},
		.machine = ELF_AARCH64,
		.sections = &code->section,
		.count = 1,
		.low = 0x1c8,
		.high = HIGH};
	code->finder = (Finder){.image = &code->image};
	finder_visit(&code->finder, &code->section, from, to, see, code);
}

/* All references of these words, into code->seen. */
static Code *read_words(const uint32_t *words, size_t count)
{
	Code *code = memory_new(sizeof(*code));

	ASSERT(code != NULL && count <= WORDS_MAX);
	for (size_t i = 0; i < count; i++)
		little_write(code->bytes + 4 * i, 4, words[i]);
	look(code, 4 * count, 0, 4 * count);
	return code;
}

TEST(each_form_has_its_target)
{
	static const struct {
		uint32_t word;
		ReferenceKind kind;
		uint64_t distance;
	} cases[] = {
		{0x14000002, REFERENCE_JUMP, 8},                     /* b */
		{0x97ffffff, REFERENCE_JUMP, (uint64_t)-4},          /* bl */
		{0x15ffffff, NO_KIND, 0},                            /* b out of the image */
		{0x54000041, REFERENCE_CONDITION, 8},                /* b.ne */
		{0xb4ffffe0, REFERENCE_CONDITION, (uint64_t)-4},     /* cbz */
		{0x35000040, REFERENCE_CONDITION, 8},                /* cbnz */
		{0x54040001, NO_KIND, 0},                            /* b.ne too far: 32768 */
		{0x5403ffe1, REFERENCE_CONDITION, 32764},            /* the farthest */
		{0x54fc0001, REFERENCE_CONDITION, (uint64_t)-32768}, /* and back */
		{0x54fbffe1, NO_KIND, 0},
		{0x58000041, REFERENCE_CONDITION, 8},            /* ldr x1, literal */
		{0x9c000041, REFERENCE_CONDITION, 8},            /* ldr q1, literal */
		{0x36000040, REFERENCE_TEST, 8},                 /* tbz */
		{0xb7ffffe0, REFERENCE_TEST, (uint64_t)-4},      /* tbnz */
		{0x30000040, REFERENCE_NEAR, 9},                 /* adr */
		{0x70ffffe0, REFERENCE_NEAR, (uint64_t)-1},      /* adr, back */
		{0xb0000000, REFERENCE_PAGE, 0x1000},            /* adrp */
		{0xf0ffffe0, REFERENCE_PAGE, (uint64_t)-0x1000}, /* adrp, back */
		{0xd0ffff00, REFERENCE_PAGE, (uint64_t)-0x1e000},
		{0xb0fffee0, NO_KIND, 0},                         /* adrp before the image */
		{0x90fffF00, REFERENCE_PAGE, (uint64_t)-0x20000}, /* adrp of its first page */
		{0x52800021, REFERENCE_NUMBER, 0},                /* movz w1, #1 */
		{0xd2a00021, REFERENCE_NUMBER, 0},                /* movz x1, #1, lsl 16 */
		{0x12800001, NO_KIND, 0},                         /* movn */
		{0x72800021, NO_KIND, 0},                         /* movk */
		{ADD_X0_X1, NO_KIND, 0},                          /* no page is known */
		{LDR_X2_X1, NO_KIND, 0},
		{NOP, NO_KIND, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ Code *code = read_words(&cases[i].word, 1);
		uint64_t target = ADDRESS + cases[i].distance;

		ASSERT_EQ(code->count, cases[i].kind != NO_KIND);
		if (code->count == 0)
			continue;
		ASSERT_EQ(code->seen[0].kind, cases[i].kind);
		if (cases[i].kind != REFERENCE_NUMBER)
			ASSERT_EQ(code->seen[0].target, target);
		ASSERT_EQ(aarch64_point(cases[i].kind, cases[i].word, ADDRESS, target),
			cases[i].word);
	}
}

TEST(instructions_are_made_to_point_elsewhere)
{
	ASSERT_EQ(aarch64_point(REFERENCE_JUMP, 0x94000002, 0x1000, 0xffc), 0x97ffffff);
	ASSERT_EQ(aarch64_point(REFERENCE_CONDITION, 0x54000041, 0x1000, 0xffc), 0x54ffffe1);
	ASSERT_EQ(aarch64_point(REFERENCE_TEST, 0xb7000041, 0x1000, 0xffc), 0xb707ffe1);
	ASSERT_EQ(aarch64_point(REFERENCE_NEAR, 0x10000003, 0x1000, 0xfff), 0x70ffffe3);
	ASSERT_EQ(aarch64_point(REFERENCE_PAGE, 0x90000003, 0x1ffc, 0x5001), 0x90000023);
	ASSERT_EQ(aarch64_point(REFERENCE_LOW, 0x91000020, 0, 0x12345), 0x910d1420);
	ASSERT_EQ(aarch64_point(REFERENCE_LOW, 0x39000020, 0, 0x12345), 0x390d1420); /* strb */
	ASSERT_EQ(aarch64_point(REFERENCE_LOW, 0xf9400020, 0, 0x12348), 0xf941a420); /* ldr x */
	ASSERT_EQ(aarch64_point(REFERENCE_LOW, 0x3dc00020, 0, 0x12340), 0x3dc0d020); /* ldr q */
	ASSERT_EQ(aarch64_point(REFERENCE_LOW, 0x3d400020, 0, 0x12345), 0x3d4d1420); /* ldr b */
	ASSERT_EQ(aarch64_point(REFERENCE_NUMBER, 0x52800021, 0, 0x12345), 0x52800021);
}

TEST(an_address_of_two_instructions)
{
	static const struct {
		uint32_t words[4];
		uint64_t page; /* what adrp points at, from its page */
		size_t lows;
	} cases[] = {
		{{ADRP_X1, ADD_X0_X1, LDR_X2_X1, NOP}, 16, 2},
		{{ADRP_X1, NOP, NOP, ADD_X0_X1}, 16, 1},
		{{ADRP_X1, ADD_X1_X1, LDR_X2_X1, NOP}, 16, 1}, /* x1 is no page any more */
		{{ADRP_X1, MOV_X1_X2, ADD_X0_X1, NOP}, 0, 0},
		{{ADRP_X1, LDP_X2_X1, ADD_X0_X1, NOP}, 0, 0}, {{ADRP_X1, BL, ADD_X0_X1, NOP}, 0, 0},
		{{ADRP_X1, BLR_X3, ADD_X0_X1, NOP}, 0, 0}, {{ADRP_X1, RET, ADD_X0_X1, NOP}, 0, 0},
		{{ADRP_X20, BL, ADD_X0_X20, NOP}, 16, 1}, /* a call keeps it */
		{{ADRP_X20, RET, ADD_X0_X20, NOP}, 16, 1},
		{{ADRP_X1, 0x91404020, NOP, NOP}, 0, 0},              /* a shifted number */
		{{ADRP_X1, 0x14000002, MOV_X1_X2, ADD_X0_X1}, 16, 0}, /* b over the mov */
		{{ADRP_X1, 0x15000002, NOP, ADD_X0_X1}, 0, 1},        /* b out of the section */
		{{ADRP_X1, 0x17ffffff, NOP, ADD_X0_X1}, 0, 1},        /* b to the adrp */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ Code *code = read_words(cases[i].words, 4);
		size_t lows = 0;

		ASSERT_EQ(code->seen[0].kind, REFERENCE_PAGE);
		ASSERT_EQ(code->seen[0].target, ADDRESS + cases[i].page);
		for (size_t j = 1; j < code->count; j++) {
			if (code->seen[j].kind != REFERENCE_LOW)
				continue;
			ASSERT_EQ(code->seen[j].target, ADDRESS + 16);
			lows++;
		}
		ASSERT_EQ(lows, cases[i].lows);
	}
}

TEST(a_page_is_known_for_a_while)
{
	for (size_t distance = REACH_WORDS - 1; distance <= REACH_WORDS + 1; distance++) {
		_cleanup_free_ uint32_t *words = memory_new_array(WORDS_MAX, sizeof(*words));
		_cleanup_free_ Code *code = NULL;

		for (size_t i = 0; i < WORDS_MAX; i++)
			words[i] = NOP;
		words[5] = ADRP_X20;
		words[5 + distance] = ADD_X0_X20;
		code = read_words(words, WORDS_MAX);
		ASSERT_EQ(code->count, distance <= REACH_WORDS ? 2 : 1);
		ASSERT_EQ(code->seen[0].target, ADDRESS); /* its use is too far to be seen */
	}
}

static uint32_t random_word(uint64_t *state)
{
	static const uint32_t words[] = {ADRP_X1, ADD_X0_X1, LDR_X2_X1, ADRP_X20, ADD_X0_X20,
		0x14000010, 0x54000041, BL, MOV_X1_X2, NOP, NOP, NOP};
	uint32_t random;

	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	random = (uint32_t)(*state >> 32);
	return random % 3 == 0 ? random : words[random / 3 % ARRAY_SIZE(words)];
}

TEST(code_has_the_same_references_in_every_window)
{
	_cleanup_free_ uint32_t *words = memory_new_array(WORDS_MAX, sizeof(*words));
	_cleanup_free_ Code *whole = NULL, *parts = NULL;
	uint64_t state = 1, size = 4 * WORDS_MAX - 2; /* the last is cut */

	for (size_t i = 0; i < WORDS_MAX; i++)
		words[i] = random_word(&state);
	for (size_t i = 500; i < 2500; i++) /* a stretch where pages are known for long */
		words[i] = i % 7 == 0 ? ADD_X0_X20 : NOP;
	words[500] = ADRP_X20;
	whole = read_words(words, WORDS_MAX);
	whole->count = whole->hash = whole->end = 0;
	look(whole, size, 0, size);
	ASSERT(whole->count > 700);
	for (uint64_t step = 1; step < 6000; step = step * 3 + 1) {
		parts = read_words(words, WORDS_MAX);
		parts->count = parts->hash = parts->end = 0;
		for (uint64_t at = 0; at < size; at += step)
			look(parts, size, at, at + step < size ? at + step : size);
		ASSERT_EQ(parts->count, whole->count);
		ASSERT_EQ(parts->hash, whole->hash);
		free(TAKE_PTR(parts));
	}
}

static void count_kind(void *userdata, const Reference *reference)
{
	size_t *kinds = userdata;

	kinds[reference->kind]++;
}

static int count_all(const uint8_t *data, size_t size, size_t *kinds)
{
	_cleanup_(elf_done) ElfImage image = {};
	_cleanup_(finder_done) Finder finder = {};
	int r = elf_read((DeltaBytes){data, size}, &image);

	if (r == 0)
		r = finder_init(&finder, &image);
	for (size_t i = 0; r == 0 && i < image.count; i++)
		if (elf_stored(&image.sections[i]) > 0)
			finder_visit(&finder, &image.sections[i], image.sections[i].offset,
				image.sections[i].offset + image.sections[i].size, count_kind,
				kinds);
	return r;
}

TEST(a_library_and_its_ruins)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size, kinds[_REFERENCE_KIND_MAX] = {0};

	ASSERT_OK(file_read(AT_FDCWD, VECTORS "aarch64-old.elf", (size_t)1 << 20, &data, &size));
	ASSERT_OK(count_all(data, size, kinds));
	ASSERT(kinds[REFERENCE_JUMP] > 10 && kinds[REFERENCE_CONDITION] > 5);
	ASSERT(kinds[REFERENCE_PAGE] > 10 && kinds[REFERENCE_LOW] > kinds[REFERENCE_PAGE]);
	ASSERT(kinds[REFERENCE_NUMBER] > 3 && kinds[REFERENCE_ADDEND] > 2);
	ASSERT_EQ(kinds[REFERENCE_BRANCH] + kinds[REFERENCE_DATA] + kinds[REFERENCE_SLOT], 0);
	for (size_t i = 0; i < size; i++) {
		uint8_t kept = data[i];

		data[i] ^= (uint8_t)(1 << i % 8);
		ASSERT_OK(count_all(data, size, kinds));
		data[i] = 0xff;
		ASSERT_OK(count_all(data, size, kinds));
		data[i] = kept;
	}
	for (size_t cut = 0; cut < size; cut += 97)
		ASSERT_OK(count_all(data, cut, kinds));
}
