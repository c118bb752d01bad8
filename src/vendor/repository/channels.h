/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Channels: the indexes of one base in all channels that it was published in. A letter means one
 * thing in all of them: sequences are allocated once for a base, and what is withdrawn is withdrawn
 * everywhere, because devices may change their channel.
 *
 *     channels_load(&repository, base, &channels, &reason);
 *     r = channels_open(&channels, "rehearsal", &channel, &reason);
 *     …                                       changes channel->index, and sets channel->changed
 *     channels_write(&channels, &reason);     makes what changed pending in the repository
 *     channels_done(&channels);
 */
#include "vendor/repository/repository.h"

/* The channel of devices that say nothing else; the others are for few. */
#define CHANNEL_PUBLIC "public"

typedef struct Channel {
	Index index;
	bool changed;
} Channel;

typedef struct Channels {
	Repository *repository;
	const Base *base;
	SCHEMA_LIST(Channel) list; /* sorted by name */
} Channels;

int channels_load(
	Repository *repository, const Base *base, Channels *ret_channels, Reason *reterr_reason);
void channels_done(Channels *channels);
#define _cleanup_channels_ _cleanup_(channels_done)

/* NULL when nothing was published there. Pointers to channels live until channels_open(). */
Channel *channels_find(const Channels *channels, const char *name);

/* The channel; a new one has no improvements, and knows of the base and of withdrawals what the
 * others know. */
int channels_open(
	Channels *channels, const char *name, Channel **ret_channel, Reason *reterr_reason);

/* The highest sequence that was ever given away, whichever channel it went to; 0: none. */
uint64_t channels_newest(const Channels *channels);

/* An improvement in whichever channel lists it; NULL: none does. */
const Improvement *channels_listed(const Channels *channels, uint64_t sequence);

/* The word on a withdrawn one; NULL: it is not withdrawn. */
const Withdrawal *channels_withdrawal(const Channels *channels, uint64_t sequence);

/* What the next improvement of a channel builds on: the newest that is not withdrawn, of that
 * channel and of the public one, since whoever tests is not to lose what everybody has. NULL: none.
 */
const Improvement *channels_predecessor(const Channels *channels, const char *name);

/* Forgives the image: no withdrawal of this channel names it any more. */
void channel_forgive(Channel *channel, const Digest *image);

int channels_write(Channels *channels, Reason *reterr_reason);
