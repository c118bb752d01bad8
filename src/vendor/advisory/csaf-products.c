/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/csaf-products.h"

#include <string.h>

#include "base/memory.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/purl.h"
#include "wire/json/document.h"

/* Base or improvement: what the tree has a branch for. */
typedef struct Product {
	const char *product, *base, *version;
	uint64_t sequence;              /* 0: the base */
	const AdvisoryRelease *release; /* whose images have hashes; NULL for a base */
} Product;

static json_t *product_id(const Product *product)
{
	char label[LABEL_TEXT_SIZE];

	label_machine(product->version, product->sequence, label);
	return product->sequence > 0
		? json_sprintf("%s:%s:%s", product->product, product->base, label)
		: json_sprintf("%s:%s", product->product, product->base);
}

static Product base_of(const AdvisoryRelease *release)
{
	return (Product){release->product, release->base, release->version, 0, NULL};
}

static Product improvement_of(const AdvisoryRelease *release)
{
	return (Product){
		release->product, release->base, release->version, release->sequence, release};
}

static Product newer_base(const AdvisoryInclusion *inclusion)
{
	return (Product){inclusion->product, inclusion->base, inclusion->version, 0, NULL};
}

json_t *csaf_base_id(const AdvisoryRelease *release)
{
	Product product = base_of(release);

	return product_id(&product);
}

json_t *csaf_release_id(const AdvisoryRelease *release)
{
	Product product = improvement_of(release);

	return product_id(&product);
}

json_t *csaf_inclusion_id(const AdvisoryInclusion *inclusion)
{
	Product product = newer_base(inclusion);

	return product_id(&product);
}

bool csaf_inclusion_counts(const Advisory *advisory, const AdvisoryInclusion *inclusion)
{
	for (size_t i = 0; i < advisory->fixes->fixes.count; i++)
		if (advisory_includes_cve(advisory, inclusion, advisory->fixes->fixes.items[i].cve))
			return true;
	return false;
}

static json_t *file_hash(const char *file, const Digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	return json_pack("{s:s, s:[{s:s, s:s}]}", "filename", file, "file_hashes", "algorithm",
		"sha256", "value", text);
}

static int add_image(json_t *hashes, const AdvisoryImage *image)
{
	_cleanup_free_ char *name = memory_printf("%s.erofs", image->component);
	int r = name ? json_array_append_new(hashes, file_hash(name, &image->sha256)) : -1;

	for (size_t i = 0; r == 0 && i < image->payloads.count; i++) {
		const AdvisoryPayload *payload = &image->payloads.items[i];
		char path[INDEX_BLOB_PATH_SIZE];
		_cleanup_free_ char *blob = NULL;

		index_blob_path(&payload->sha256, path);
		blob = memory_printf("blobs/%s", path);
		r = blob ? json_array_append_new(hashes, file_hash(blob, &payload->sha256)) : -1;
	}
	return r;
}

static json_t *helper(const Product *product)
{
	_cleanup_free_ char *purl =
		purl_of_base(product->product, product->base, product->version, product->sequence);
	_cleanup_json_ json_t *helper = json_pack("{s:s}", "purl", purl), *hashes = json_array();
	int r = helper && hashes ? 0 : -1;

	for (size_t i = 0; r == 0 && product->release && i < product->release->images.count; i++)
		r = add_image(hashes, &product->release->images.items[i]);
	if (r == 0 && json_array_size(hashes) > 0)
		r = json_object_set(helper, "hashes", hashes);
	return r < 0 ? NULL : TAKE_PTR(helper);
}

static json_t *branch(const char *category, const char *name, json_t *below)
{
	return json_pack(
		"{s:s, s:s, s:[o]}", "category", category, "name", name, "branches", below);
}

static json_t *leaf(const Product *product, const Vendor *vendor)
{
	_cleanup_free_ char *title = advisory_base_title(
		vendor, product->product, product->base, product->version, product->sequence);
	char label[LABEL_TEXT_SIZE];

	label_machine(product->version, product->sequence, label);
	return json_pack("{s:s, s:s, s:{s:s, s:o, s:o}}", "category", "product_version", "name",
		label, "product", "name", title, "product_id", product_id(product),
		"product_identification_helper", helper(product));
}

/* Variant (where there is one), processor, version. */
static int add_product(json_t *branches, const Product *product, const Vendor *vendor)
{
	AdvisoryBaseParts parts;
	json_t *below;

	advisory_base_parts(product->base, product->version, &parts);
	below = branch("architecture", parts.architecture, leaf(product, vendor));
	if (parts.variant[0])
		below = branch("specification", parts.variant, below);
	return json_array_append_new(branches, below);
}

static int add_of_product(
	json_t *branches, const Advisory *advisory, const char *name, const Vendor *vendor)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];
		Product base = base_of(release), improvement = improvement_of(release);

		if (strcmp(release->product, name) != 0)
			continue;
		if (advisory_is_first_of_base(advisory, i))
			r = add_product(branches, &base, vendor);
		if (r == 0)
			r = add_product(branches, &improvement, vendor);
	}
	for (size_t i = 0; r == 0 && i < advisory->includes.count; i++) {
		const AdvisoryInclusion *inclusion = &advisory->includes.items[i];
		Product newer = newer_base(inclusion);

		if (strcmp(inclusion->product, name) == 0 &&
			advisory_is_first_inclusion(advisory, i) &&
			csaf_inclusion_counts(advisory, inclusion))
			r = add_product(branches, &newer, vendor);
	}
	return r;
}

static int add_product_name(
	json_t *branches, const Advisory *advisory, const char *name, const Vendor *vendor)
{
	json_t *below = json_array();
	int r = below ? add_of_product(below, advisory, name, vendor) : -1;

	if (r < 0) {
		json_decref(below);
		return r;
	}
	return json_array_append_new(branches,
		json_pack("{s:s, s:s, s:o}", "category", "product_name", "name",
			vendor_product_name(vendor, name), "branches", below));
}

json_t *csaf_product_tree(const Advisory *advisory, const Vendor *vendor)
{
	_cleanup_json_ json_t *branches = json_array();
	int r = branches ? 0 : -1;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++) {
		const char *product = advisory->releases.items[i].product;

		if (i == 0 || strcmp(product, advisory->releases.items[i - 1].product) != 0)
			r = add_product_name(branches, advisory, product, vendor);
	}
	return r < 0 ? NULL
		     : json_pack("{s:[{s:s, s:s, s:O}]}", "branches", "category", "vendor", "name",
			       vendor->name, "branches", branches);
}
