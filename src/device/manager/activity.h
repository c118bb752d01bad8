/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Activity: what whoever holds the store's lock is doing, as one word in the lock file itself. It
 * is believed only while the lock is held, so that a word of one who was killed means nothing.
 *
 *     activity_note(lock, ACTIVITY_DOWNLOADING);    by the holder; also what it hands the lock to
 *     activity_read(store)                          by anybody
 *
 * It is for people to look at: nothing is decided by it.
 */
#include "device/store/store.h"

#define ACTIVITY_LOCK_PATH "lock" /* below the store */

typedef enum Activity {
	ACTIVITY_NONE, /* nobody is at work, or does not say at what */
	ACTIVITY_CHECKING,
	ACTIVITY_DOWNLOADING,
	ACTIVITY_STAGING,
	ACTIVITY_INSTALLING,
	ACTIVITY_REMOVING,
} Activity;

extern const char *const activity_words[]; /* in the order above */

/* What cannot be written is left: a full disk must not keep anything from being done. */
void activity_note(int lock, Activity activity);

Activity activity_read(const Store *store);
