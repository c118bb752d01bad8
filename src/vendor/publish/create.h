/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Create: from a rebuilt component to a draft. Finds what changed, refuses what may not become an
 * improvement (lint.h), seals the image (image.h), makes and re-applies its payloads (payload.h).
 */
#include "vendor/publish/component.h"
#include "vendor/publish/draft.h"

#define CREATE_DEBS_MAX 64

typedef struct DebPair {
	const char *old_deb, *new_deb;
} DebPair;

typedef struct CreateRequest {
	const Workspace *workspace;
	const Components *components;
	const Component *component;
	const char *fixes_path;
	const Base *base;
	const char *new_root;          /* a finished tree; or NULL and */
	DebPair debs[CREATE_DEBS_MAX]; /* packages whose files replace those of the base */
	size_t deb_count;
} CreateRequest;

/* Makes the draft and its blobs; the caller saves it (draft_save) once those of all bases are made,
 * and clears it. -EINVAL with the reason for each refusal, -ENODATA when nothing changed. */
int create_draft(const CreateRequest *request, Draft *ret_draft, Reason *reterr_reason);
