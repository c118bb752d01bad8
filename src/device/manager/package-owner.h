/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * PackageOwner: which packages of dpkg own files of the base, from the database's own text files,
 * for programs that know a system by its packages. Other databases need a library that could be
 * broken by what is grafted: on their systems no owner is known.
 *
 *     _cleanup_package_owners_ PackageOwners owners = {};
 *     r = package_owners_find(store, paths, count, &owners);
 */
#include "device/store/store.h"

typedef struct PackageOwner {
	char *name, *version, *architecture; /* in dpkg's words */
} PackageOwner;

typedef struct PackageOwners {
	PackageOwner *items; /* by name, each once */
	size_t count;
} PackageOwners;

/* Of these paths, as an image has them, without the slash. What no installed package owns is passed
 * over, and so is a database that cannot be read. 0 or -ENOMEM. */
int package_owners_find(
	const Store *store, const char *const *paths, size_t count, PackageOwners *ret_owners);
void package_owners_done(PackageOwners *owners);
#define _cleanup_package_owners_ _cleanup_(package_owners_done)
