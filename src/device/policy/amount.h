/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Amount: numbers with a unit, as owners write them. Pure. */
#include <stdint.h>

/* Seconds: "90", "90s", "15min", "6h", "7d" or "2w". 0, or -EINVAL, also when it is above max. */
int amount_duration(const char *text, uint64_t max, uint64_t *ret_seconds);

/* Bytes: "5000000", "64k", "5M" or "1G", in powers of 1024. */
int amount_bytes(const char *text, uint64_t max, uint64_t *ret_bytes);

/* "1 h 30 min", the two largest units that are not 0. */
#define AMOUNT_TEXT_SIZE 32
void amount_describe(int64_t seconds, char ret_text[static AMOUNT_TEXT_SIZE]);
