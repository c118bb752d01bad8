/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Output: a window of the target, hashed and passed on when it is full. */
#include "crypto/digest.h"
#include "wire/delta/apply/apply.h"

#define OUTPUT_WINDOW 65536 /* a write costs little beside it, and it stays in the cache */
#define OUTPUT_TAIL   8     /* bytes before the window that models look back at */

typedef struct Output {
	const DeltaSink *sink;
	DigestStream *digest;
	uint64_t passed, total; /* bytes of the target handed to the sink, and all */
	size_t filled;
	uint8_t *bytes; /* OUTPUT_TAIL, then the window */
} Output;

int output_init(Output *output, const DeltaSink *sink, uint64_t total);
void output_done(Output *output);

/* Room for `size` more bytes, at most the window, which output_add() then counts as written. */
int output_room(Output *output, size_t size, uint8_t **ret_room);
void output_add(Output *output, size_t size);

/* The last `size` bytes, at most OUTPUT_TAIL. */
const uint8_t *output_tail(const Output *output, size_t size);

/* Passes on the rest and compares the digest with DELTA_TARGET_DIGEST bytes: 0 or -EKEYREJECTED. */
int output_finish(Output *output, const uint8_t *expected);
