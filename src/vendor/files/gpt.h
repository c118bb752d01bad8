/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Gpt: the partition table of a disk image (UEFI 2.10, chapter 5), as far as the root is concerned.
 * Types are those of the Discoverable Partitions Specification (uapi-group.org).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define GPT_HEAD_SIZE      ((size_t)1 << 20) /* the table lies in here, as every tool writes it */
#define GPT_PARTITIONS_MAX 256
#define GPT_TYPE_SIZE      16
#define GPT_LABEL_SIZE     37 /* 36 characters and a NUL; those beyond ASCII are '?' */

typedef struct GptPartition {
	unsigned number; /* from 1, as the kernel counts */
	uint8_t type[GPT_TYPE_SIZE];
	char label[GPT_LABEL_SIZE];
	uint64_t offset, size; /* bytes */
} GptPartition;

typedef struct Gpt {
	GptPartition items[GPT_PARTITIONS_MAX];
	size_t count;
} Gpt;

/* Pure: the first bytes of the image, at most GPT_HEAD_SIZE. 1 when it has a table, 0 when it has
 * none, -EBADMSG with a reason when that is damaged. */
int gpt_read(const void *head, size_t size, Gpt *ret_gpt, Reason *reterr_reason);

/* The partition of that label or number; or, where `name` is NULL, the only one with the type of a
 * root for the architecture (as `uname -m`). -ENOENT with a reason that lists what there is. */
int gpt_choose(const Gpt *gpt, const char *name, const char *architecture,
	const GptPartition **ret_partition, Reason *reterr_reason);
