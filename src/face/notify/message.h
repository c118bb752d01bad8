/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Message: what to tell of a status, to somebody who was told something before. Pure. */
#include <jansson.h>
#include <stdbool.h>

#include "face/notify/told.h"

#define MESSAGE_TITLE_SIZE 128
#define MESSAGE_TEXT_SIZE  512

typedef struct Message {
	char title[MESSAGE_TITLE_SIZE];
	char text[MESSAGE_TEXT_SIZE];
	bool is_urgent; /* it has a deadline */
} Message;

/* What a person knows who was told all of this status (of `suture status`) at this time, in seconds
 * since 1970. */
Told message_state(const json_t *status, int64_t now);

/* When there is something new to tell of the same status: the next warning of its deadline; 0:
 * never. */
int64_t message_next(const json_t *status, int64_t now);

/* False: there is nothing new, or the policy wants nothing told. */
bool message_make(const json_t *status, const Told *told, int64_t time, Message *ret_message);
