/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/symbols.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/little.h"

#define BATCH         128
#define PLT_SEC_ENTRY 16

/* In which steps the code goes that jumps through slots. */
typedef struct Plt {
	uint64_t head, entry;
	uint64_t lazy; /* where in an entry a slot points before its first call; 0: to the head */
} Plt;
static const Plt plt_x86_64 = {.head = 16, .entry = 16, .lazy = 6};
static const Plt plt_aarch64 = {.head = 32, .entry = 16};
static const Plt plt_aarch64_guarded = {.head = 32, .entry = 24};
#define BR_X17 UINT32_C(0xd61f0220) /* the last instruction of an entry that is not guarded */

typedef struct Name {
	uint64_t hash;
	uint32_t number;
	uint64_t value; /* 0: not defined */
} Name;

static int by_hash(const void *a, const void *b)
{
	const Name *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static uint64_t hash_name(const uint8_t *names, size_t size, uint32_t at)
{
	uint64_t hash = ELF_HASH_START;

	for (; at < size && names[at] != 0; at++)
		hash = elf_hash(hash, names[at]);
	return hash;
}

/* The names of a table of symbols, by hash. */
static int list_names(const ElfSection *symbols, const uint8_t *names, size_t names_size,
	SymbolsRead read, void *userdata, Name **ret)
{
	size_t count = (size_t)symbols->size / ELF_SYMBOL_SIZE, done = 0;
	uint8_t batch[BATCH * ELF_SYMBOL_SIZE];
	_cleanup_free_ Name *list = memory_new_array(count, sizeof(Name));

	if (!list)
		return -ENOMEM;
	while (done < count) {
		size_t n = count - done < BATCH ? count - done : BATCH;
		int r = read(userdata, symbols->offset + done * ELF_SYMBOL_SIZE,
			n * ELF_SYMBOL_SIZE, batch);

		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++) {
			const uint8_t *symbol = batch + i * ELF_SYMBOL_SIZE;

			list[done + i] = (Name){hash_name(names, names_size, little_u32(symbol)),
				(uint32_t)(done + i),
				little_u16(symbol + 6) != 0 ? little_u64(symbol + 8) : 0};
		}
		done += n;
	}
	if (count > 0)
		qsort(list, count, sizeof(Name), by_hash);
	*ret = TAKE_PTR(list);
	return 0;
}

static int read_old(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	const ElfImage *image = userdata;

	memcpy(out, image->bytes.data + offset, size);
	return 0;
}

static int add_override(Symbols *symbols, uint64_t old, uint64_t target)
{
	int r = memory_grow(&symbols->overrides, symbols->override_count, sizeof(Override));

	if (r == 0)
		symbols->overrides[symbols->override_count++] = (Override){old, target};
	return r;
}

/* Names that occur several times (with versions) are matched in their order. */
static int join(Symbols *symbols, const Name *old, const Name *new, size_t n_new)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < symbols->count && r == 0; i++) {
		while (at < n_new && new[at].hash < old[i].hash)
			at++;
		if (at == n_new || new[at].hash != old[i].hash)
			continue;
		symbols->same[old[i].number] = new[at].number;
		if (old[i].value != 0 && new[at].value != 0)
			r = add_override(symbols, old[i].value, new[at].value);
		at++;
	}
	return r;
}

static bool is_small(const ElfSection *symbols, const ElfSection *names)
{
	return symbols && names && symbols->size / ELF_SYMBOL_SIZE <= SYMBOLS_MAX &&
		names->size <= SYMBOLS_NAMES_MAX;
}

int symbols_match(Symbols *symbols, const Layout *layout, SymbolsRead read, void *userdata)
{
	const ElfImage *old = layout->old;
	const ElfSection *symbols_old = old->roles[ELF_DYNSYM];
	const ElfSection *names_old = old->roles[ELF_DYNSTR];
	const ElfSection *symbols_new = layout_role(layout, ELF_DYNSYM);
	const ElfSection *names_new = layout_role(layout, ELF_DYNSTR);
	_cleanup_free_ Name *a = NULL, *b = NULL;
	_cleanup_free_ uint8_t *names = NULL;
	int r;

	*symbols = (Symbols){};
	if (!is_small(symbols_old, names_old) || !is_small(symbols_new, names_new))
		return 0;
	symbols->count = (size_t)symbols_old->size / ELF_SYMBOL_SIZE;
	symbols->same = memory_new_array(symbols->count, sizeof(*symbols->same));
	names = memory_new((size_t)names_new->size);
	if (!symbols->same || !names)
		return -ENOMEM;
	r = read(userdata, names_new->offset, (size_t)names_new->size, names);
	if (r == 0)
		r = list_names(symbols_new, names, (size_t)names_new->size, read, userdata, &b);
	if (r == 0)
		r = list_names(symbols_old, old->bytes.data + names_old->offset,
			(size_t)names_old->size, read_old, (void *)old, &a);
	if (r < 0)
		return r;
	return join(symbols, a, b, (size_t)symbols_new->size / ELF_SYMBOL_SIZE);
}

void symbols_done(Symbols *symbols)
{
	memory_free(symbols->same);
	memory_free(symbols->slots);
	memory_free(symbols->overrides);
	*symbols = (Symbols){};
}

/* Where a new symbol's slot is: its place, and its number in the table. */
typedef struct Slot {
	uint64_t place;
	uint32_t number; /* plus 1 */
} Slot;

typedef struct SlotList {
	const ElfRelocations *types;
	Slot *items; /* by symbol */
	size_t count;
} SlotList;

static void note_slot(SlotList *list, const uint8_t *entry, size_t number)
{
	uint32_t type = little_u32(entry + 8), symbol = little_u32(entry + 12);

	if ((type == list->types->glob_dat || type == list->types->jump_slot) && symbol != 0 &&
		symbol < list->count && list->items[symbol].number == 0)
		list->items[symbol] = (Slot){little_u64(entry), (uint32_t)number + 1};
}

static int list_slots(SlotList *list, const ElfSection *section, SymbolsRead read, void *userdata)
{
	size_t count = (size_t)section->size / ELF_RELA_SIZE, done = 0;
	uint8_t batch[BATCH * ELF_RELA_SIZE];

	memset(list->items, 0, list->count * sizeof(Slot));
	while (done < count) {
		size_t n = count - done < BATCH ? count - done : BATCH;
		int r = read(
			userdata, section->offset + done * ELF_RELA_SIZE, n * ELF_RELA_SIZE, batch);

		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			note_slot(list, batch + i * ELF_RELA_SIZE, done + i);
		done += n;
	}
	return 0;
}

static const Plt *plt_of(const ElfImage *image, const ElfSection *section)
{
	if (image->machine == ELF_X86_64)
		return &plt_x86_64;
	return section->size >= 48 && little_u32(image->bytes.data + section->offset + 44) != BR_X17
		? &plt_aarch64_guarded
		: &plt_aarch64;
}

/* The code that jumps through a slot. */
static int add_plt(Symbols *symbols, const Layout *layout, size_t old, size_t new)
{
	const ElfSection *from = layout->old->roles[ELF_PLT], *to = layout_role(layout, ELF_PLT);
	const ElfSection *second = layout->old->roles[ELF_PLT_SEC];
	int r = 0;

	if (from) {
		const Plt *plt = plt_of(layout->old, from);
		uint64_t start = from->address + plt->head + plt->entry * old;
		uint64_t target = to->address + plt->head + plt->entry * new;

		r = add_override(symbols, start, target);
		if (r == 0 && plt->lazy > 0)
			r = add_override(symbols, start + plt->lazy, target + plt->lazy);
	}
	if (second && r == 0)
		r = add_override(symbols, second->address + PLT_SEC_ENTRY * old,
			layout_role(layout, ELF_PLT_SEC)->address + PLT_SEC_ENTRY * new);
	return r;
}

static int match_slots(
	Symbols *symbols, const Layout *layout, const ElfSection *section, const SlotList *list)
{
	const uint8_t *entry = layout->old->bytes.data + section->offset;
	size_t count = (size_t)section->size / ELF_RELA_SIZE;
	bool plt = section->role == ELF_RELA_PLT;

	for (size_t i = 0; i < count; i++, entry += ELF_RELA_SIZE) {
		uint32_t type = little_u32(entry + 8), symbol = little_u32(entry + 12), same;
		int r;

		if ((type != list->types->glob_dat && type != list->types->jump_slot) ||
			symbol == 0 || symbol >= symbols->count)
			continue;
		same = symbols->same[symbol];
		if (same >= list->count || list->items[same].number == 0)
			continue;
		r = add_override(symbols, little_u64(entry), list->items[same].place);
		if (r == 0 && plt) {
			symbols->slots[i] = list->items[same].number;
			r = add_plt(symbols, layout, i, list->items[same].number - 1);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int symbols_match_slots(Symbols *symbols, const Layout *layout, SymbolsRead read, void *userdata)
{
	static const ElfRole roles[] = {ELF_RELA, ELF_RELA_PLT};
	_cleanup_free_ Slot *items = NULL;
	SlotList list = {.types = &layout->old->relocations};
	const ElfSection *table = layout->old->roles[ELF_RELA_PLT];

	if (symbols->count == 0)
		return 0;
	list.count = (size_t)layout_role(layout, ELF_DYNSYM)->size / ELF_SYMBOL_SIZE;
	list.items = items = memory_new_array(list.count, sizeof(Slot));
	symbols->slot_count = table ? (size_t)table->size / ELF_RELA_SIZE : 0;
	symbols->slots = memory_new_array(symbols->slot_count, sizeof(*symbols->slots));
	if (!items || !symbols->slots)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		const ElfSection *old = layout->old->roles[roles[i]];
		int r;

		if (!old)
			continue;
		r = list_slots(&list, layout_role(layout, roles[i]), read, userdata);
		if (r == 0)
			r = match_slots(symbols, layout, old, &list);
		if (r < 0)
			return r;
	}
	return 0;
}
