/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memo: what is known of a mapped file, so that it is looked at once and not for each of the
 * processes that share it. In one world, a name of /proc/PID/maps with its superblock and inode
 * means one file. Without the name and the world it would not: two containers of one btrfs, or two
 * layers of one overlay, have the same numbers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/maps.h"
#include "base/memory.h"

/* What gives names their meaning to a process. */
typedef struct World {
	ino_t namespace; /* of mounts */
	dev_t root_device;
	ino_t root_inode;
} World;

typedef struct MemoEntry {
	World world;
	dev_t device;
	uint64_t inode;
	char *name;          /* NULL: the slot is free */
	bool filled;         /* the caller's, as the next two: they are known */
	size_t first, count; /* hits of this file */
} MemoEntry;

typedef struct Memo {
	MemoEntry *slots; /* a hash table; a power of two */
	size_t size, used;
} Memo;

void memo_done(Memo *memo);

/* 1: it is filled; 0: it is the caller's to fill in before the next call; or -ENOMEM. */
int memo_find(Memo *memo, const World *world, const Mapping *mapping, MemoEntry **ret);
