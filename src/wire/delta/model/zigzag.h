/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Zigzag: signed numbers, as unsigned modulo 2^64, in an order by size: 0, -1, 1, -2 … Numbers are
 * cut to the 40 bits that a NumberModel codes. */
#include <stdint.h>

#define ZIGZAG_MASK ((UINT64_C(1) << 40) - 1)

static inline uint64_t zigzag_encode(uint64_t number)
{
	return (number >> 63 ? ~number << 1 | 1 : number << 1) & ZIGZAG_MASK;
}

static inline uint64_t zigzag_decode(uint64_t number)
{
	return number & 1 ? ~(number >> 1) : number >> 1;
}
