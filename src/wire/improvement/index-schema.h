/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The tables of an Index and of the parts that a publisher keeps on their own. */
#include "wire/improvement/index.h"

#define INDEX_FORMAT "suture-index"

extern const SchemaField index_fields[], index_improvement_fields[], index_image_fields[],
	index_rollout_fields[], index_step_fields[];

void index_improvement_clear(Improvement *improvement);
void index_withdrawal_clear(Withdrawal *withdrawal);

/* Text rules that other documents share. */
bool index_is_name(const char *text); /* [a-z0-9._-], not starting with a dot */
bool index_is_cve(const char *text);
#define INDEX_NAME_BYTES     64 /* products, components, channels: they become path components */
#define INDEX_SENTENCE_BYTES 400
#define INDEX_CVE_BYTES      32
#define INDEX_RAMP_STEPS_MAX 32
#define INDEX_HOURS_MAX      (24 * 365)
