/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/vendor.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "wire/improvement/index-schema.h"

#define ADDRESS_BYTES  1000
#define LANGUAGE_BYTES 35 /* RFC 5646, section 4.4.1 */
#define PRODUCTS_MAX   256

#define LETTERS           TEXT_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ADDRESS_CHARACTER LETTERS TEXT_DIGITS "-._~:/?#@!$&'()*+,;=%"

bool vendor_is_address(const char *text)
{
	return (text_starts_with(text, "https://") || text_starts_with(text, "http://")) &&
		text_consists_of(text, ADDRESS_CHARACTER);
}

static bool is_folder_address(const char *text)
{
	return vendor_is_address(text) && text_ends_with(text, "/");
}

static bool is_contact(const char *text)
{
	return vendor_is_address(text) ||
		(text_starts_with(text, "mailto:") && strchr(text, '@') &&
			text_consists_of(text, ADDRESS_CHARACTER));
}

static bool is_language(const char *text)
{
	return text_consists_of(text, LETTERS TEXT_DIGITS "-");
}

static const SchemaField product_fields[] = {
	SCHEMA_FIELD(VendorProduct, product, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(VendorProduct, name, TEXT, .max = INDEX_SENTENCE_BYTES),
	{},
};

const SchemaField vendor_fields[] = {
	SCHEMA_FIELD(Vendor, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Vendor, name, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(Vendor, namespace, TEXT, .max = ADDRESS_BYTES, .check = vendor_is_address),
	SCHEMA_FIELD(Vendor, contact, TEXT, .max = ADDRESS_BYTES, .check = is_contact),
	SCHEMA_FIELD(Vendor, url, TEXT, .max = ADDRESS_BYTES, .check = is_folder_address),
	SCHEMA_FIELD(Vendor, language, TEXT, .max = LANGUAGE_BYTES, .check = is_language),
	SCHEMA_FIELD(Vendor, products, LIST, .max = PRODUCTS_MAX, .optional = true,
		SCHEMA_OF(product_fields, VendorProduct)),
	{},
};

void vendor_clear(Vendor *vendor)
{
	schema_clear(vendor_fields, vendor);
}

const char *vendor_product_name(const Vendor *vendor, const char *product)
{
	for (size_t i = 0; i < vendor->products.count; i++)
		if (strcmp(vendor->products.items[i].product, product) == 0)
			return vendor->products.items[i].name;
	return product;
}

static bool may_stand(const char *at)
{
	if (*at == '%')
		return isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]);
	return strchr(ADDRESS_CHARACTER, *at);
}

char *vendor_address(const char *text)
{
	char *address = memory_new(3 * strlen(text) + 1), *end = address;

	for (; address && *text; text++) {
		if (may_stand(text))
			*end++ = *text;
		else
			end += snprintf(end, 4, "%%%02X", (unsigned char)*text);
	}
	return address;
}
