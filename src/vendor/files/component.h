/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Component: what the vendor declares as improvable, in a file under version control
 * (doc/format/components.md, sample in examples/components.json). A component owns the files that
 * its patterns match and the graft directories that hold them.
 *
 * Patterns are relative paths; `*` and `?` stop at a slash, a trailing slash and two stars match
 * everything below a folder.
 */
#include "wire/improvement/index.h"

typedef struct Component {
	char *name;
	SCHEMA_LIST(char *) directories; /* sorted by components_load() */
	SCHEMA_LIST(char *) files;       /* patterns */
	int restart;                     /* RestartScope */
	int mix;                         /* Mix */
	SCHEMA_LIST(int) after;
	SCHEMA_LIST(char *) hosts; /* sorted by components_load(); each once */
} Component;

typedef struct Components {
	uint64_t schema;            /* 1 */
	SCHEMA_LIST(char *) ignore; /* patterns of files whose changes do not matter */
	SCHEMA_LIST(Component) components;
} Components;

/* Reads the file and refuses graft directories that grafting rule 1 forbids, and those that lie
 * inside another one, of any component. */
int components_load(const char *path, Components *ret_components, Reason *reterr_reason);
void components_clear(Components *components);
#define _cleanup_components_ _cleanup_(components_clear)

/* -ENOENT with a reason that lists what there is. */
int components_find(const Components *components, const char *name, const Component **ret,
	Reason *reterr_reason);

bool component_owns(const Component *component, const char *path);

/* 1 when a tree has anything that the component owns, 0 when not, or -ENOMEM. */
int component_is_in(const Component *component, const char *root);
bool components_ignore(const Components *components, const char *path);
