/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Encoder: the writing half of the coder. Models see only its `coder`.
 *
 *     _cleanup_encoder_ Encoder encoder = {};
 *     encoder_start(&encoder);
 *     … models code with &encoder.coder …
 *     r = encoder_finish(&encoder);              then encoder.bytes is the stream
 *
 * A lack of memory is remembered and told by encoder_finish(), as models have no errors.
 */
#include "base/buffer.h"
#include "wire/delta/model/coder.h"

typedef struct Encoder {
	Coder coder;
	uint64_t low; /* 32 bits and a carry */
	Buffer bytes;
	int error;
} Encoder;

void encoder_start(Encoder *encoder); /* also empties `bytes` */
int encoder_finish(Encoder *encoder); /* 0 or -ENOMEM */
void encoder_done(Encoder *encoder);
#define _cleanup_encoder_ _cleanup_(encoder_done)
