/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/machine-vex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "device/manager/package-owner.h"
#include "suture-version.h"
#include "wire/terms/label.h"
#include "wire/improvement/purl.h"
#include "wire/json/document.h"

#define CONTEXT "https://openvex.dev/ns/v0.2.0"

/* The statements in the making. */
typedef struct Vex {
	const AdvisoriesShown *shown;
	const KnownImprovement *applied;     /* NULL: the base alone */
	const KnownImprovement *improvement; /* whose fixes are gone over */
	char *purl;                          /* of the base as it is now */
	const char *status;
	json_t *action;   /* text; NULL where it is fixed */
	json_t *cves;     /* CVE → list of components, of this improvement */
	json_t *done;     /* CVEs with a statement */
	json_t *packages; /* component → list of package addresses, of this improvement */
	json_t *statements;
} Vex;

static void vex_done(Vex *vex)
{
	memory_free(vex->purl);
	json_decref(vex->action);
	json_decref(vex->cves);
	json_decref(vex->done);
	json_decref(vex->packages);
	json_decref(vex->statements);
}

/* -- products -- */

typedef struct Paths {
	const char **items;
	size_t count;
} Paths;

static void paths_done(Paths *paths)
{
	free(paths->items);
}

static int add_path(void *context, const char *path)
{
	Paths *paths = context;
	int r = memory_grow(&paths->items, paths->count, sizeof(*paths->items));

	if (r == 0)
		paths->items[paths->count++] = path;
	return r;
}

static json_t *list_purls(const Vex *vex, const PackageOwners *owners)
{
	const Manager *manager = vex->shown->manager;
	json_t *list = json_array();

	for (size_t i = 0; i < owners->count; i++) {
		const PackageOwner *owner = &owners->items[i];
		_cleanup_free_ char *purl = purl_of_deb(manager->identity.product, owner->name,
			owner->version, owner->architecture);

		if (json_array_append_new(list, json_string(purl ? purl : "")) < 0 || !purl) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* The packages of a component, looked for once for each improvement. A borrowed reference. */
static int packages_of(Vex *vex, const char *component, json_t **ret_list)
{
	_cleanup_package_owners_ PackageOwners owners = {};
	_cleanup_(paths_done) Paths paths = {};
	int r;

	*ret_list = json_object_get(vex->packages, component);
	if (*ret_list)
		return 0;
	r = known_visit_files(vex->improvement, component, add_path, &paths);
	if (r == 0)
		r = package_owners_find(
			vex->shown->manager->store, paths.items, paths.count, &owners);
	if (r < 0)
		return r;
	*ret_list = list_purls(vex, &owners);
	return json_object_set_new(vex->packages, component, *ret_list) < 0 ? -ENOMEM : 0;
}

static json_t *product(const char *purl)
{
	return json_pack("{s:s, s:{s:s}}", "@id", purl, "identifiers", "purl", purl);
}

static bool contains(const json_t *list, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), value))
			return true;
	return false;
}

static int add_parts(Vex *vex, const json_t *components, json_t *parts)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(components); i++) {
		json_t *packages;

		r = packages_of(vex, json_string_value(json_array_get(components, i)), &packages);
		for (size_t j = 0; r == 0 && j < json_array_size(packages); j++) {
			_cleanup_json_ json_t *part =
				product(json_string_value(json_array_get(packages, j)));

			if (!contains(parts, part) && json_array_append(parts, part) < 0)
				r = -ENOMEM;
		}
	}
	return r;
}

/* The base with the packages as its parts, and each package by itself: scanners look for either. */
static int add_products(Vex *vex, const json_t *components, json_t *products)
{
	_cleanup_json_ json_t *parts = json_array();
	json_t *base = product(vex->purl);
	int r = json_array_append_new(products, base) < 0 ? -ENOMEM
							  : add_parts(vex, components, parts);

	if (r < 0 || json_array_size(parts) == 0)
		return r;
	return json_object_set(base, "subcomponents", parts) < 0 ||
			json_array_extend(products, parts) < 0
		? -ENOMEM
		: 0;
}

/* -- statements -- */

static json_t *vulnerability(const Vex *vex, const char *cve)
{
	const Fix *fix = advisories_find_text(vex->shown->known, cve);

	return json_pack("{s:s, s:s*}", "name", cve, "description", fix ? fix->impact : NULL);
}

static int add_statement(Vex *vex, const char *cve, const json_t *components)
{
	_cleanup_json_ json_t *products = json_array();
	char label[LABEL_TEXT_SIZE], notes[LABEL_TEXT_SIZE + 80];
	json_t *statement;
	int r = add_products(vex, components, products);

	if (r < 0)
		return r;
	label_shown(vex->shown->manager->identity.version_id, vex->improvement->sequence, label);
	snprintf(notes, sizeof(notes), "by %s, which leaves the versions of packages as they are",
		label);
	statement = json_pack("{s:o, s:s, s:O, s:s*, s:O*}", "vulnerability",
		vulnerability(vex, cve), "status", vex->status, "products", products,
		"status_notes", vex->action ? NULL : notes, "action_statement", vex->action);
	if (!statement || json_array_append_new(vex->statements, statement) < 0)
		return -ENOMEM;
	return json_object_set_new(vex->done, cve, json_true()) < 0 ? -ENOMEM : 0;
}

static int collect(void *context, const char *cve, const char *component)
{
	Vex *vex = context;
	json_t *components = json_object_get(vex->cves, cve);

	if (json_object_get(vex->done, cve) || !advisories_want(vex->shown, cve))
		return 0;
	if (!components) {
		components = json_array();
		if (json_object_set_new(vex->cves, cve, components) < 0)
			return -ENOMEM;
	}
	return json_array_append_new(components, json_string(component)) < 0 ? -ENOMEM : 0;
}

static int add_improvement(
	Vex *vex, const KnownImprovement *improvement, const char *status, json_t *action)
{
	const char *cve;
	json_t *components;
	int r;

	json_decref(vex->action);
	vex->action = action;
	vex->improvement = improvement;
	vex->status = status;
	json_object_clear(vex->cves);
	json_object_clear(vex->packages);
	r = known_visit_fixes(improvement, collect, vex);
	json_object_foreach(vex->cves, cve, components)
	{
		if (r == 0)
			r = add_statement(vex, cve, components);
	}
	return r;
}

/* -- what to do -- */

/* The lower, the sooner a fix can be had by it. */
typedef enum Nearness {
	NEAR_COVERED,  /* it is mounted, and a part of it covered */
	NEAR_SELECTED, /* it waits for a restart */
	NEAR_OFFERED,  /* it is the one that is offered */
	NEAR_OTHER,
	NEAR_NEVER,
} Nearness;

static Nearness nearness(const Vex *vex, const Offer *offer, const KnownImprovement *improvement)
{
	const Known *known = vex->shown->known;

	switch (improvement->state) {
	case KNOWN_APPLIED: return NEAR_COVERED;
	case KNOWN_STAGED:
		if (improvement->sequence == known->selected)
			return known_is_covered(known) ? NEAR_COVERED : NEAR_SELECTED;
		break;
	case KNOWN_OFFERED: break;
	case KNOWN_WITHDRAWN:
	case KNOWN_EARLIER: return NEAR_NEVER;
	}
	return improvement->listed && improvement->listed == offer->improvement ? NEAR_OFFERED
										: NEAR_OTHER;
}

static json_t *action_for(
	const Vex *vex, const Offer *offer, const KnownImprovement *improvement, Nearness near)
{
	const Manager *manager = vex->shown->manager;
	char label[LABEL_TEXT_SIZE];
	Reason why = {};

	label_shown(manager->identity.version_id, improvement->sequence, label);
	switch (near) {
	case NEAR_COVERED:
		return json_sprintf("Uncover %s: something hides a part of it, and 'suture status' "
				    "shows what.",
			label);
	case NEAR_SELECTED:
		return json_sprintf(
			"Restart the machine: %s is staged, and becomes active then.", label);
	case NEAR_OFFERED:
		if (manager_explain_offer(manager, offer, &why) == 0)
			return json_sprintf("Install %s: run 'suture install'.", label);
		return json_sprintf("Install %s when that can be: %s.", label, why.text);
	case NEAR_OTHER:
	case NEAR_NEVER: break;
	}
	return json_sprintf("Install %s when it is offered to this machine: 'suture check' asks "
			    "for it.",
		label);
}

static int add_affected(Vex *vex)
{
	const Known *known = vex->shown->known;
	Offer offer;
	int r = manager_offer(vex->shown->manager, false, &offer, NULL);

	for (Nearness near = NEAR_COVERED; r == 0 && near < NEAR_NEVER; near++)
		for (size_t i = 0; r == 0 && i < known->count; i++) {
			const KnownImprovement *improvement = &known->items[i];

			if (nearness(vex, &offer, improvement) == near)
				r = add_improvement(vex, improvement, "affected",
					action_for(vex, &offer, improvement, near));
		}
	return r;
}

/* -- the document -- */

/* An address for a document that lies nowhere: a UUID from what it says (RFC 9562, version 8). */
static int name_document(const json_t *document, char *ret_id, size_t size)
{
	_cleanup_buffer_ Buffer text = {};
	char hex[DIGEST_TEXT_SIZE];
	Digest digest;
	int r = document_canonical(document, &text);

	if (r == 0)
		r = digest_of(text.data, text.size, &digest);
	if (r < 0)
		return r;
	digest_to_text(&digest, hex);
	hex[12] = '8';
	hex[16] = 'a';
	snprintf(ret_id, size, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
	return 0;
}

static int finish(Vex *vex, json_t **ret_document)
{
	_cleanup_json_ json_t *document = NULL;
	char now[TIME_TEXT_SIZE], id[64];
	int r;

	time_format(checked_now(&vex->shown->manager->checked), now);
	document = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:O}", "@context", CONTEXT, "author",
		"Suture on this machine", "role", "System Administrator", "timestamp", now,
		"version", 1, "tooling", "suture " SUTURE_VERSION, "statements", vex->statements);
	r = document ? name_document(document, id, sizeof(id)) : -ENOMEM;
	if (r == 0 && json_object_set_new(document, "@id", json_string(id)) < 0)
		r = -ENOMEM;
	if (r == 0)
		*ret_document = TAKE_PTR(document);
	return r;
}

static int begin(Vex *vex)
{
	const Manager *manager = vex->shown->manager;

	vex->applied = known_applied(vex->shown->known);
	vex->purl = purl_of_base(manager->identity.product, manager->base_key,
		manager->identity.version_id, vex->applied ? vex->applied->sequence : 0);
	vex->cves = json_object();
	vex->done = json_object();
	vex->packages = json_object();
	vex->statements = json_array();
	return vex->purl && vex->cves && vex->done && vex->packages && vex->statements ? 0
										       : -ENOMEM;
}

int machine_vex(const AdvisoriesShown *shown, json_t **ret_document, Reason *reterr_reason)
{
	_cleanup_(vex_done) Vex vex = {.shown = shown};
	int r = begin(&vex);

	if (r == 0 && vex.applied && !known_is_covered(shown->known))
		r = add_improvement(&vex, vex.applied, "fixed", NULL);
	if (r == 0)
		r = add_affected(&vex);
	if (r < 0)
		return r;
	if (json_array_size(vex.statements) == 0)
		return reason_set(reterr_reason, -ENODATA,
			"there is nothing to state: no improvement that fixes anything is applied, "
			"staged or offered here; 'suture check' asks for news");
	return finish(&vex, ret_document);
}
