/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Key: what suture.conf(5) can say, one row per key. Everything that is known of a key stands in
 * its row; reading, merging and showing go by the table.
 */
#include "device/policy/config.h"

/* How several managed files agree on a key. Among the others' files the last one counts, and lists
 * grow. */
typedef enum KeyMerge {
	MERGE_LAST,
	MERGE_NO, /* yes or no: no, if one says so */
	MERGE_LEAST,
	MERGE_MOST,
	MERGE_UNION, /* a key that may be given several times */
} KeyMerge;

typedef struct Key Key;
struct Key {
	const char *section, *name;
	const char *expected; /* behind "NAME must be " */
	const char *fallback; /* what counts where nobody says anything; empty: nothing */
	const char *safe; /* what counts where it cannot be read; NULL: the same. A list is longer
			     by it, or not at all */
	KeyMerge merge;
	/* 0 or -EINVAL. The value is clean (base/text.h) and has 1 to CONFIG_VALUE_MAX bytes. */
	int (*set)(const Key *key, Config *config, const char *value);
	size_t offset;            /* of an int or a bool in Config */
	int min, max;             /* of an int */
	const char *const *words; /* that the value may be; of a bool the second is true */
};

/* In the order of the manual; ends with a zeroed entry. */
extern const Key keys[];
#define KEYS_MAX 64 /* more than there are: for tables with an entry per key */

const Key *key_find(const char *section, const char *name); /* NULL: there is none */
bool key_is_section(const char *section);

/* Which of two values of a MERGE_LEAST or MERGE_MOST is the stricter: true for the second. */
bool key_is_stricter(const Key *key, Config *scratch, const char *value, const char *other);
