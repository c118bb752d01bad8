/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Draft: one component's improvement for one base, made by `create`, waiting for `publish` in the
 * workspace as drafts/BASE/COMPONENT.json. Making it again replaces it. */
#include "vendor/work/fixes.h"
#include "vendor/work/workspace.h"

typedef struct Draft {
	uint64_t schema; /* 1 */
	Fixes *fixes;
	IndexImage *image; /* its seal is a row of zeros until it is published */
} Draft;

typedef struct DraftList {
	Draft *items; /* sorted by component */
	size_t count;
} DraftList;

#define DRAFT_NO_SEAL                                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"                         \
	"0000000000000000000000000000000000000000000000000000000000000000"

int draft_save(
	const Workspace *workspace, const Base *base, const Draft *draft, Reason *reterr_reason);
int draft_load_all(
	const Workspace *workspace, const Base *base, DraftList *ret_list, Reason *reterr_reason);
void draft_list_done(DraftList *list);
void draft_clear(Draft *draft);

/* One that is not needed any more; a missing one is fine. */
int draft_remove(
	const Workspace *workspace, const Base *base, const char *component, Reason *reterr_reason);

/* After `publish`: the base's drafts are gone. */
int draft_remove_all(const Workspace *workspace, const Base *base, Reason *reterr_reason);
