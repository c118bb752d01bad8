/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Little-endian numbers in bytes, on every host and at every alignment. */
#include <stdint.h>

static inline uint32_t little_u16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t little_u32(const uint8_t *at)
{
	return little_u16(at) | little_u16(at + 2) << 16;
}

static inline uint64_t little_u64(const uint8_t *at)
{
	return little_u32(at) | (uint64_t)little_u32(at + 4) << 32;
}

/* 32 bits as a two's complement number, modulo 2^64. */
static inline uint64_t little_s32(const uint8_t *at)
{
	uint64_t number = little_u32(at);

	return (number ^ UINT64_C(0x80000000)) - UINT64_C(0x80000000);
}

static inline uint64_t little_read(const uint8_t *at, unsigned size)
{
	uint64_t number = 0;

	for (unsigned i = size; i > 0; i--)
		number = number << 8 | at[i - 1];
	return number;
}

static inline void little_write(uint8_t *at, unsigned size, uint64_t number)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> 8 * i);
}
