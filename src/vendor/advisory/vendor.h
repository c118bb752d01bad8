/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Vendor: who publishes, and where: the vendor's file WORK/vendor.json (doc/format/vendor.md,
 * sample in examples/vendor.json). Advisories are made with it. */
#include "wire/json/schema.h"

typedef struct VendorProduct {
	char *product; /* os-release ID */
	char *name;    /* for people */
} VendorProduct;

typedef struct Vendor {
	uint64_t schema; /* 1 */
	char *name;
	char *namespace; /* a URL that stands for the vendor */
	char *contact;   /* mailto: or https:// */
	char *url;       /* where the repository is served, with a slash at the end */
	char *language;  /* of the fixes files, as RFC 5646 has it */
	SCHEMA_LIST(VendorProduct) products;
} Vendor;

extern const SchemaField vendor_fields[];
void vendor_clear(Vendor *vendor);
#define _cleanup_vendor_ _cleanup_(vendor_clear)

/* The name for people, or the id itself. */
const char *vendor_product_name(const Vendor *vendor, const char *product);

/* An address that may stand in any document: what RFC 3986 allows, and nothing else. */
bool vendor_is_address(const char *text);

/* What stands in an address, with everything that RFC 3986 does not allow there as %XX. The caller
 * frees; NULL: no memory. */
char *vendor_address(const char *text);
