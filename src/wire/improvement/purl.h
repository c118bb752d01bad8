/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Purl: package addresses (package-url/purl-spec), by which programs that know nothing of Suture
 * name a base, or a package in it. The caller frees; NULL: no memory.
 */
#include <stdint.h>

/* "pkg:generic/exampleos@26.3.1-a?base=26.3.1_desktop_x86_64"; sequence 0 is the base itself. */
char *purl_of_base(const char *product, const char *key, const char *version, uint64_t sequence);

/* "pkg:deb/exampleos/libtls3@1:3.0.2-1%2Bexample1?arch=amd64": of dpkg's words for a package. */
char *purl_of_deb(
	const char *distribution, const char *name, const char *version, const char *architecture);
