/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/memo.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#define FIRST_SIZE 1024 /* a small server's files */
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

void memo_done(Memo *memo)
{
	for (size_t i = 0; i < memo->size; i++)
		free(memo->slots[i].name);
	free(memo->slots);
	*memo = (Memo){};
}

static uint64_t hash_of(const MemoEntry *key)
{
	uint64_t hash = FNV_OFFSET ^ key->world.namespace;

	hash = (hash ^ key->world.root_inode) * FNV_PRIME;
	hash = (hash ^ key->device) * FNV_PRIME;
	hash = (hash ^ key->inode) * FNV_PRIME;
	for (const char *c = key->name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * FNV_PRIME;
	return hash ^ hash >> 32;
}

static bool is_same(const MemoEntry *a, const MemoEntry *b)
{
	return a->inode == b->inode && a->device == b->device &&
		a->world.namespace == b->world.namespace &&
		a->world.root_inode == b->world.root_inode &&
		a->world.root_device == b->world.root_device && strcmp(a->name, b->name) == 0;
}

/* Its slot, or the free one where it belongs. */
static MemoEntry *slot_of(const Memo *memo, const MemoEntry *key)
{
	size_t mask = memo->size - 1, i = hash_of(key) & mask;

	while (memo->slots[i].name && !is_same(&memo->slots[i], key))
		i = (i + 1) & mask;
	return &memo->slots[i];
}

static int make_room(Memo *memo)
{
	Memo bigger = {.size = memo->size ? memo->size * 2 : FIRST_SIZE, .used = memo->used};

	if (memo->used * 2 < memo->size)
		return 0;
	bigger.slots = memory_new_array(bigger.size, sizeof(MemoEntry));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < memo->size; i++)
		if (memo->slots[i].name)
			*slot_of(&bigger, &memo->slots[i]) = memo->slots[i];
	free(memo->slots);
	*memo = bigger;
	return 0;
}

int memo_find(Memo *memo, const World *world, const Mapping *mapping, MemoEntry **ret)
{
	MemoEntry key = {.world = *world,
		.device = makedev(mapping->major, mapping->minor),
		.inode = mapping->inode,
		.name = (char *)mapping->path};
	MemoEntry *slot;
	int r = make_room(memo);

	if (r < 0)
		return r;
	slot = slot_of(memo, &key);
	if (!slot->name) {
		key.name = memory_string(mapping->path);
		if (!key.name)
			return -ENOMEM;
		*slot = key;
		memo->used++;
	}
	*ret = slot;
	return slot->filled;
}
