/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/plan.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/time.h"
#include "device/activate/probe.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

Plan *plan_free(Plan *plan)
{
	if (!plan)
		return NULL;
	for (size_t i = 0; plan->sealed && i < plan_image_count(plan); i++)
		sealed_done(&plan->sealed[i]);
	for (size_t i = 0; i < plan->graft_count; i++)
		graft_done(&plan->grafts[i]);
	generation_free(plan->generation);
	proof_free(plan->proof);
	free(plan->sealed);
	free(plan->images);
	free(plan->attached);
	free(plan->grafts);
	free(plan->overlay_name);
	free(plan);
	return NULL;
}

size_t plan_image_count(const Plan *plan)
{
	return plan->generation ? plan->generation->image_count : 0;
}

static int add_graft(Plan *plan, const Store *store, const char *directory)
{
	int r = memory_grow(&plan->grafts, plan->graft_count, sizeof(Graft));

	if (r == 0)
		r = graft_init(&plan->grafts[plan->graft_count], store, directory);
	if (r == 0)
		plan->graft_count++;
	return r;
}

static int verify_image(const Runtime *runtime, const Seal *seal, const SealPolicy *policy,
	Sealed *ret, Reason *reterr_reason)
{
	_cleanup_free_ char *bad = NULL;
	int r = store_bad_reason(runtime->store, &seal->image, &bad);

	if (r == 0)
		return reason_set(reterr_reason, -ESTALE,
			"the image of %s was found to be bad (%s) and is not tried again",
			seal->component, bad);
	if (r < 0)
		return reason_errno(reterr_reason, r, "the image of %s", seal->component);
	return sealed_open(runtime->store, seal, policy, runtime->features, ret, reterr_reason);
}

static int prove(Plan *plan, const Store *store, Reason *reterr_reason)
{
	BaseIdentity identity;
	int r = store_read_policy(store, &plan->policy, reterr_reason);

	if (r == 0)
		r = store_read_identity(store, &identity, reterr_reason);
	if (r == 0)
		r = proof_check(
			plan->generation, &plan->policy, &identity, &plan->proof, reterr_reason);
	for (size_t i = 0; r == 0 && i < plan->proof->directory_count; i++)
		r = add_graft(plan, store, plan->proof->directories[i].path);
	return r;
}

static int verify_images(Plan *plan, const Runtime *runtime, Reason *reterr_reason)
{
	size_t count = plan_image_count(plan);
	int r = 0;

	plan->images = memory_new_array(count, sizeof(Digest));
	plan->sealed = memory_new_array(count, sizeof(Sealed));
	plan->attached = memory_new_array(count, sizeof(bool));
	if (!plan->images || !plan->sealed || !plan->attached)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		plan->sealed[i] = SEALED_NONE;
	for (size_t i = 0; r == 0 && i < count; i++) {
		plan->images[i] = plan->proof->seals[i].image;
		r = verify_image(runtime, &plan->proof->seals[i], &plan->policy, &plan->sealed[i],
			reterr_reason);
	}
	return r;
}

int plan_make(
	const Runtime *runtime, uint32_t number, bool verify, Plan **ret, Reason *reterr_reason)
{
	const Store *store = runtime->store;
	_cleanup_(plan_freep) Plan *plan = memory_new(sizeof(*plan));
	int r = 0;

	if (!plan)
		return -ENOMEM;
	plan->number = number;
	if (number > 0)
		r = store_read_generation(store, number, &plan->generation, reterr_reason);
	if (r == 0 && number > 0) {
		wanted_set(&plan->wanted, number, &plan->generation->digest);
		r = prove(plan, store, reterr_reason);
	}
	if (r == 0 && number > 0 && verify)
		r = verify_images(plan, runtime, reterr_reason);
	if (r == 0)
		*ret = TAKE_PTR(plan);
	return r;
}

static bool has_graft(const Plan *plan, const char *directory)
{
	for (size_t i = 0; i < plan->graft_count; i++)
		if (strcmp(plan->grafts[i].directory, directory) == 0)
			return true;
	return false;
}

/* Directories with a mount of ours that the generation does not have. */
static int add_leaving(Plan *plan, const Store *store, const MountTable *table)
{
	const char *directory;
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->count; i++)
		if (graft_is_ours(store, table, &table->entries[i], &directory) &&
			!has_graft(plan, directory))
			r = add_graft(plan, store, directory);
	return r;
}

static size_t wanted_count(const Plan *plan)
{
	return plan->proof ? plan->proof->directory_count : 0;
}

static int inspect_all(Plan *plan, const Runtime *runtime, const MountTable *table,
	const HeldList *held, Reason *reterr_reason)
{
	int r = add_leaving(plan, runtime->store, table);

	for (size_t i = 0; r == 0 && i < plan->graft_count; i++)
		r = graft_inspect(
			&plan->grafts[i], runtime, table, held, &plan->wanted, reterr_reason);
	return r;
}

int plan_inspect(Plan *plan, const Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, table, &held);
	return r < 0 ? r : inspect_all(plan, runtime, table, &held, reterr_reason);
}

/* While one directory of the old generation lies inside one of the new, neither order of moving
 * them is free of a gap. */
static int check_nesting(const Plan *plan, Reason *reterr_reason)
{
	for (size_t i = 0; i < wanted_count(plan); i++)
		for (size_t k = wanted_count(plan); k < plan->graft_count; k++) {
			const char *new = plan->grafts[i].directory;
			const char *old = plan->grafts[k].directory;

			if (path_is_below(new, old) || path_is_below(old, new))
				return reason_set(reterr_reason, -EBUSY,
					"%s and the present graft on %s lie in each other: go to "
					"the base "
					"first, or restart the machine",
					new, old);
		}
	return 0;
}

static bool image_is_on(const Plan *plan, size_t image)
{
	for (size_t i = 0; i < wanted_count(plan); i++)
		if (plan->proof->directories[i].images >> image & 1 &&
			plan->grafts[i].state != GRAFT_ON && plan->grafts[i].state != GRAFT_STALE)
			return false;
	return true;
}

static int check_users(const Plan *plan, const Store *store, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan_image_count(plan); i++)
		if (plan->generation->images[i].mix_forbidden && !image_is_on(plan, i))
			r = probe_users(store, &plan->generation->images[i],
				plan->proof->seals[i].component, reterr_reason);
	return r;
}

int plan_survey(Plan *plan, const Runtime *runtime, bool live, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, table, &held);
	if (r == 0)
		r = inspect_all(plan, runtime, table, &held, reterr_reason);
	for (size_t i = 0; r == 0 && i < plan->graft_count; i++)
		r = graft_check(&plan->grafts[i], runtime->store, table, reterr_reason);
	if (r == 0)
		r = check_nesting(plan, reterr_reason);
	if (r == 0)
		r = probe_namespaces(
			plan->grafts, wanted_count(plan), runtime, table, &held, reterr_reason);
	if (r == 0 && live)
		r = check_users(plan, runtime->store, reterr_reason);
	return r;
}

static bool needs_change(const Plan *plan, size_t n)
{
	return n >= wanted_count(plan) || plan->grafts[n].state != GRAFT_ON;
}

size_t plan_changes(const Plan *plan)
{
	size_t changes = 0;

	for (size_t i = 0; i < plan->graft_count; i++)
		changes += needs_change(plan, i);
	return changes;
}

static int probe_graft(const Plan *plan, size_t n, Reason *reterr_reason)
{
	const ProofDirectory *directory = &plan->proof->directories[n];
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan_image_count(plan); i++)
		if (directory->images >> i & 1)
			r = probe_overlay(plan->grafts[n].fd, directory->path,
				&plan->generation->images[i], reterr_reason);
	return r;
}

static int build_graft(Plan *plan, Runtime *runtime, size_t n, Reason *reterr_reason)
{
	const ProofDirectory *directory = &plan->proof->directories[n];
	Graft *graft = &plan->grafts[n];
	Digest images[GENERATION_IMAGES_MAX];
	size_t count = 0;
	int r;

	r = runtime_attach_base(
		runtime, directory->path, graft->base_is_kept, graft->depth > 0, reterr_reason);
	for (size_t i = 0; r == 0 && i < plan_image_count(plan); i++)
		if (directory->images >> i & 1) {
			images[count++] = plan->images[i];
			r = probe_base(runtime, directory->path, &plan->generation->images[i],
				reterr_reason);
		}
	if (r == 0)
		r = runtime_attach_overlay(
			runtime, plan->overlay_name, directory->path, images, count, reterr_reason);
	if (r == 0)
		r = graft_prepare(graft, runtime, plan->overlay_name, reterr_reason);
	return r < 0 ? r : probe_graft(plan, n, reterr_reason);
}

/* Whether anything of ours is on a directory of the plan. */
static bool is_anything_on(const Plan *plan)
{
	for (size_t i = 0; i < plan->graft_count; i++)
		if (plan->grafts[i].depth > 0)
			return true;
	return false;
}

/* What processes still map of a graft that was taken off may be of a file that is damaged, and was
 * obtained again since: it is not taken for the new one. */
static int attach_image(Plan *plan, Runtime *runtime, size_t n, Reason *reterr_reason)
{
	int r;

	if (!is_anything_on(plan))
		runtime_detach_image(runtime, &plan->images[n]);
	r = runtime_attach_image(runtime, &plan->images[n], &plan->sealed[n], reterr_reason);
	plan->attached[n] = r == 0;
	return r;
}

int plan_build(Plan *plan, Runtime *runtime, Reason *reterr_reason)
{
	int r = 0;

	if (plan->number == 0)
		return 0;
	r = runtime_new_overlay_name(runtime, plan->number, &plan->generation->digest,
		&plan->overlay_name, reterr_reason);
	for (size_t i = 0; r >= 0 && i < plan_image_count(plan); i++)
		r = attach_image(plan, runtime, i, reterr_reason);
	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < wanted_count(plan); i++)
		if (needs_change(plan, i))
			r = build_graft(plan, runtime, i, reterr_reason);
	return r;
}

void plan_unbuild(const Plan *plan, Runtime *runtime)
{
	if (!plan->overlay_name)
		return;
	runtime_collect_overlays(runtime, NULL);
	for (size_t i = 0; i < plan_image_count(plan); i++)
		if (plan->attached[i])
			runtime_detach_image(runtime, &plan->images[i]);
}

/* The first reason stays: it is the cause. */
static void put_back(Plan *plan, Runtime *runtime)
{
	for (size_t i = plan->graft_count; i-- > 0;)
		if (plan->grafts[i].moved)
			graft_restore(&plan->grafts[i], runtime, NULL);
}

int plan_move(Plan *plan, Runtime *runtime, uint64_t *ret_microseconds, Reason *reterr_reason)
{
	uint64_t start = time_monotonic_us();
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->graft_count; i++)
		if (needs_change(plan, i))
			r = graft_show(&plan->grafts[i], runtime, reterr_reason);
	if (r < 0)
		put_back(plan, runtime);
	else
		*ret_microseconds = time_monotonic_us() - start;
	return r;
}
