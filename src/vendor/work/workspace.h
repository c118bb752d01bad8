/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Workspace: what the vendor keeps beside the published repository, in REPOSITORY.work (or --work):
 *
 *     bases.json            the registered bases
 *     drafts/BASE/COMP.json improvements that `create` made and `publish` has not signed yet
 *     blobs/                their payloads
 *     made/                 which payloads were made from what (vendor/make/made.h)
 *     making/               what `create` needs on the way
 *     bases/NAME/           the files of a base that came as an image
 *     device/               what goes into the OS image: root.json, seal.conf
 *     key-names.json        what people call the keys
 *     outbox/               a change that waits for signatures (vendor/work/outbox.h)
 *
 * It is not served: drafts are fixes that nobody may see yet. One publisher at a time holds its
 * lock.
 */
#include <stdbool.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "wire/identity/identity.h"
#include "wire/json/schema.h"

typedef struct Base {
	char *name;    /* the vendor's short name */
	char *product; /* os-release ID */
	char *key;     /* base key */
	char *version; /* VERSION_ID */
	char *root;    /* absolute path of its files; NULL: they are not on this machine */
	bool retired;  /* gets no more improvements */
} Base;

typedef struct BaseList {
	uint64_t schema; /* 1 */
	SCHEMA_LIST(Base) bases;
} BaseList;

void base_list_clear(BaseList *list);
#define _cleanup_base_list_ _cleanup_(base_list_clear)

typedef struct Workspace {
	char *repository; /* absolute, without symbolic links */
	char *path;       /* likewise */
	BaseList list;
	int lock;
} Workspace;

/* Opens and locks it; `create` makes the folders. -EBUSY when another publisher is at work, -ENOENT
 * when there is no repository. */
int workspace_open(Workspace *workspace, const char *repository, const char *path, bool create,
	Reason *reterr_reason);
void workspace_done(Workspace *workspace);

/* The same to look only: it is not locked, and may change while it is read. */
int workspace_open_to_read(
	Workspace *workspace, const char *repository, const char *path, Reason *reterr_reason);

/* A repository without a work folder here: it has no path and no bases then. */
int workspace_open_alone(Workspace *workspace, const char *repository, Reason *reterr_reason);

void workspace_unlock(Workspace *workspace);
#define _cleanup_workspace_ _cleanup_(workspace_done)

char *workspace_path(const Workspace *workspace, const char *name); /* NULL: no memory */

/* Makes a folder that other users may not enter: for fixes that nobody may see yet. */
int workspace_make_private(const Workspace *workspace, const char *name, Reason *reterr_reason);

/* -ENOENT with a reason. The base lives as long as the workspace. */
int workspace_find_base(
	const Workspace *workspace, const char *name, const Base **ret_base, Reason *reterr_reason);

/* Whether both are of one product, variant and architecture: one may follow the other. */
bool workspace_is_one_line(const Base *base, const Base *other);

/* Adds a base to the list in memory; takes copies. -EEXIST when the name, the key or the role is
 * taken. It counts once the list is saved, together with what the repository says of it. */
int workspace_add_base(Workspace *workspace, const char *name, const BaseIdentity *identity,
	const char *root, Reason *reterr_reason);

/* Appends the text of bases.json as the list is now. */
#define WORKSPACE_BASES "bases.json"
int workspace_bases_text(const Workspace *workspace, Buffer *buffer);

/* The delegated role that signs a base's index: "<product>_<base key>", with '~' for '+'. */
char *workspace_role(const Base *base);
