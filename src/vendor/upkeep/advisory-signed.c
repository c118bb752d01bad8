/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "vendor/advisory/history.h"
#include "vendor/advisory/lacks.h"
#include "vendor/upkeep/advisory-look.h"
#include "wire/json/document.h"

/* -- what is signed -- */

static int read_notes(void *context, const Notes *notes, uint8_t **ret_data, Reason *reterr_reason)
{
	const AdvisoryLook *look = context;
	_cleanup_free_ char *path = repository_blob(look->check->repository, &notes->sha256);

	return path
		? repository_read_signed(path, notes->size, &notes->sha256, ret_data, reterr_reason)
		: -ENOMEM;
}

static bool has_fix(const json_t *improvement, const char *cve, const char *component)
{
	const json_t *fixes = json_object_get(improvement, "fixes");

	for (size_t i = 0; i < json_array_size(fixes); i++) {
		const json_t *fix = json_array_get(fixes, i);

		if (strcmp(document_text(fix, "cve"), cve) == 0 &&
			(!component || strcmp(document_text(fix, "component"), component) == 0))
			return true;
	}
	return false;
}

/* The first fix of the one that the other has not; or NULL. */
static const json_t *missing_fix(const json_t *of, const json_t *in)
{
	const json_t *fixes = json_object_get(of, "fixes");

	for (size_t i = 0; i < json_array_size(fixes); i++) {
		const json_t *fix = json_array_get(fixes, i);

		if (!has_fix(in, document_text(fix, "cve"), document_text(fix, "component")))
			return fix;
	}
	return NULL;
}

static bool same_member(const json_t *a, const json_t *b, const char *name)
{
	const json_t *left = json_object_get(a, name), *right = json_object_get(b, name);

	return left && right ? json_equal(left, right) : left == right;
}

static int check_improvement(const AdvisoryLook *look, const char *id, const json_t *signed_one)
{
	static const char *const members[] = {"sequence", "label", "published", "urgency",
		"summary", "restart", "images", "advisories", "withdrawn"};
	const json_t *told = json_object_get(look->improvements, id), *fix;

	if (!told)
		return advisory_look_fault(
			look, FEED_NAME " lacks %s, which is signed and public", id);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!same_member(told, signed_one, members[i]))
			return advisory_look_fault(
				look, FEED_NAME ": %s of %s is not what is signed", members[i], id);
	fix = missing_fix(signed_one, told);
	if (fix)
		return advisory_look_fault(look, FEED_NAME ": %s lacks its fix of %s in %s", id,
			document_text(fix, "cve"), document_text(fix, "component"));
	fix = missing_fix(told, signed_one);
	return fix ? advisory_look_fault(look,
			     FEED_NAME ": %s promises a fix of %s in %s, which is not signed", id,
			     document_text(fix, "cve"), document_text(fix, "component"))
		   : 0;
}

/* What the feed has of a base, and its index does not list with an advisory. */
static int check_unlisted(
	const AdvisoryLook *look, const Index *index, const char *id, const json_t *told)
{
	uint64_t sequence = (uint64_t)document_number(told, "sequence");
	const Withdrawal *withdrawal = index_withdrawal(index, sequence);
	const json_t *withdrawn = json_object_get(told, "withdrawn");
	size_t count = index->improvements.count;
	uint64_t oldest = count > 0 ? index->improvements.items[count - 1].sequence : 0;

	if (!withdrawal && (count == 0 || sequence >= oldest))
		return advisory_look_fault(look, FEED_NAME " promises %s, which is not signed", id);
	if (!withdrawal != !withdrawn ||
		(withdrawal && strcmp(document_text(withdrawn, "reason"), withdrawal->reason) != 0))
		return advisory_look_fault(
			look, FEED_NAME ": withdrawn of %s is not what is signed", id);
	return 0;
}

static int check_base(const AdvisoryLook *look, const json_t *expected, const Index *index)
{
	static const char *const members[] = {"version", "supported_until", "superseded_by"};
	_cleanup_free_ char *key = advisory_look_base_key(index->product, index->base);
	_cleanup_json_ json_t *listed = json_object();
	const json_t *told = key ? json_object_get(look->bases, key) : NULL, *list;
	int r = 0;

	if (!key || !listed)
		return -ENOMEM;
	if (!told)
		return advisory_look_fault(look, FEED_NAME " lacks the base %s", key);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
		if (!same_member(told, expected, members[i]))
			r = advisory_look_fault(look, FEED_NAME ": %s of %s is not what is signed",
				members[i], key);
	list = json_object_get(expected, "improvements");
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *improvement = json_array_get(list, i);
		_cleanup_free_ char *id =
			memory_printf("%s:%s", key, document_text(improvement, "machine_label"));

		if (!id || json_object_set_new(listed, id, json_true()) < 0)
			return -ENOMEM;
		r = check_improvement(look, id, improvement);
	}
	list = json_object_get(told, "improvements");
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *improvement = json_array_get(list, i);
		_cleanup_free_ char *id =
			memory_printf("%s:%s", key, document_text(improvement, "machine_label"));

		if (!id)
			return -ENOMEM;
		if (!json_object_get(listed, id))
			r = check_unlisted(look, index, id, improvement);
	}
	return r;
}

/* The feed that follows from the indexes; its bases are in their order. 1: it cannot be made,
 * because of what was found and told before. */
static int make_expected(const AdvisoryLook *look, json_t **ret_expected)
{
	const AdvisoryCheck *check = look->check;
	_cleanup_advisory_list_ AdvisoryList list = {};
	_cleanup_feed_bases_ FeedBases bases = {};
	const FeedFiles none = {};
	const Vendor vendor = {.name = (char *)document_text(look->feed, "vendor"),
		.url = (char *)document_text(look->feed, "url")};
	int r = 0;

	for (size_t i = 0; r == 0 && i < check->count; i++) {
		r = history_observe(
			&list, &check->indexes[i], read_notes, (void *)look, look->reason);
		if (r == 0)
			r = feed_bases_add(&bases, &check->indexes[i]);
	}
	if (r < 0 && r != -ENOMEM)
		return *check->is_faulty ? 1 : check->fault(check->context, r) ?: 1;
	if (r == 0)
		r = history_close(&list, check->repository->now);
	if (r < 0)
		return r;
	*ret_expected = feed_document(&list, &bases, &none, &vendor, check->repository->now);
	return *ret_expected ? 0 : -ENOMEM;
}

int advisory_signed_check(const AdvisoryLook *look)
{
	_cleanup_json_ json_t *expected = NULL;
	const json_t *bases;
	int r = make_expected(look, &expected);

	if (r != 0)
		return r < 0 ? r : 0;
	bases = json_object_get(expected, "bases");
	for (size_t i = 0; r == 0 && i < look->check->count; i++)
		r = check_base(look, json_array_get(bases, i), &look->check->indexes[i]);
	bases = json_object_get(look->feed, "bases");
	for (size_t i = 0; r == 0 && i < json_array_size(bases); i++) {
		const json_t *base = json_array_get(bases, i);
		const char *product = document_text(base, "product"),
			   *key = document_text(base, "base");

		if (!advisory_look_has_base(look->check, product, key))
			r = advisory_look_fault(look,
				FEED_NAME " has a base %s:%s, which is not signed", product, key);
	}
	return r;
}

bool advisory_signed_offers(const AdvisoryLook *look, const char *label)
{
	const char *unused;
	json_t *improvement;

	json_object_foreach(look->improvements, unused, improvement)
	{
		if (strcmp(document_text(improvement, "machine_label"), label) == 0 &&
			!json_object_get(improvement, "withdrawn"))
			return true;
	}
	return false;
}

/* -- promises -- */

static const Index *find_index(const AdvisoryCheck *check, const char *key)
{
	for (size_t i = 0; i < check->count; i++) {
		const Index *index = &check->indexes[i];
		size_t length = strlen(index->product);

		if (strncmp(key, index->product, length) == 0 && key[length] == ':' &&
			strcmp(key + length + 1, index->base) == 0)
			return index;
	}
	return NULL;
}

/* Whether the older base got it by then; where nobody knows, yes. */
static bool got_it(
	const AdvisoryLook *look, const Index *index, const Inclusion *inclusion, const char *cve)
{
	_cleanup_free_ char *key = advisory_look_base_key(index->product, inclusion->base);
	const json_t *base = key ? json_object_get(look->bases, key) : NULL;
	const json_t *list = json_object_get(base, "improvements");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *improvement = json_array_get(list, i);

		if (document_number(improvement, "sequence") <= (json_int_t)inclusion->sequence &&
			has_fix(improvement, cve, NULL))
			return true;
	}
	return !base;
}

/* Whether a newer base contains the fix, by its index; where that was not looked at, yes. */
static bool is_included(const AdvisoryLook *look, const char *key, const char *cve)
{
	const Index *index = find_index(look->check, key);

	if (!index)
		return json_object_get(look->bases, key);
	if (lacks_cve(lacks_of(index), cve))
		return false;
	for (size_t i = 0; i < index->includes.count; i++)
		if (got_it(look, index, &index->includes.items[i], cve))
			return true;
	return false;
}

/* "PRODUCT:BASE[:LABEL] CVE" */
static bool is_kept(const AdvisoryLook *look, const char *promise)
{
	const char *space = strrchr(promise, ' ');
	_cleanup_free_ char *id = memory_string_n(promise, (size_t)(space - promise));
	const char *first = id ? strchr(id, ':') : NULL;
	const json_t *improvement = id ? json_object_get(look->improvements, id) : NULL;

	if (improvement)
		return has_fix(improvement, space + 1, NULL);
	return first && !strchr(first + 1, ':') && is_included(look, id, space + 1);
}

static int check_kept(const AdvisoryLook *look)
{
	const char *promise;
	json_t *id;
	int r = 0;

	json_object_foreach(look->promises, promise, id)
	{
		if (r == 0 && !is_kept(look, promise))
			r = advisory_look_fault(look,
				"advisory %s promises a fix that is not signed: %s",
				json_string_value(id), promise);
	}
	return r;
}

static int check_told(const AdvisoryLook *look)
{
	const char *id;
	json_t *improvement;
	int r = 0;

	json_object_foreach(look->improvements, id, improvement)
	{
		const json_t *fixes = json_object_get(improvement, "fixes");

		for (size_t i = 0; r == 0 && i < json_array_size(fixes); i++) {
			const char *cve = document_text(json_array_get(fixes, i), "cve");
			_cleanup_free_ char *promise = memory_printf("%s %s", id, cve);

			if (!promise)
				return -ENOMEM;
			if (!json_object_get(look->promises, promise))
				r = advisory_look_fault(
					look, "no advisory tells that %s fixes %s", id, cve);
		}
	}
	return r;
}

int advisory_signed_check_promises(const AdvisoryLook *look)
{
	int r = check_kept(look);

	return r < 0 || look->is_partial ? r : check_told(look);
}
