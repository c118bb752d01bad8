/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * KeyNames: what people call the keys, also of those that are not held here: WORK/key-names.json,
 * an object keyid → name. For messages and operands only; nothing is trusted because of a name.
 */
#include "vendor/keys/signer.h"
#include "vendor/work/workspace.h"

/* An empty object where there is no file yet. */
int key_names_load(const Workspace *workspace, json_t **ret_names, Reason *reterr_reason);

/* Adds the names of entries as `suture-sign` prints them, and saves where that changed anything. */
int key_names_add(const Workspace *workspace, const json_t *entries, Reason *reterr_reason);
