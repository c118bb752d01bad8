/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/known.h"

#include <errno.h>
#include <string.h>

#include "device/store/notes-file.h"
#include "wire/seal/seal.h"

const char *const known_states[] = {"offered", "staged", "applied", "withdrawn", "earlier", NULL};

static KnownImprovement *find(const Known *known, uint64_t sequence)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->items[i].sequence == sequence)
			return &known->items[i];
	return NULL;
}

static int add(Known *known, uint64_t sequence)
{
	int r;

	if (sequence == 0 || find(known, sequence))
		return 0;
	r = memory_grow(&known->items, known->count, sizeof(*known->items));
	if (r == 0)
		known->items[known->count++].sequence = sequence;
	return r;
}

static int add_listed(const Manager *manager, Known *known)
{
	int r = 0;

	for (size_t i = 0; r == 0 && manager->has_index && i < manager->index.improvements.count;
		i++)
		r = add(known, manager->index.improvements.items[i].sequence);
	return r;
}

static int add_kept(const Manager *manager, Known *known)
{
	_cleanup_free_ NotesFile *files = NULL;
	size_t count;
	int r = notes_file_list(manager->store, manager->base_key, &files, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add(known, files[i].sequence);
	return r;
}

/* The newest record of a sequence is the one that counts. */
static int add_generations(const Manager *manager, Known *known)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	size_t count;
	int r = store_list_generations(manager->store, &numbers, &count);

	for (size_t i = r == 0 ? count : 0; r == 0 && i-- > 0;) {
		_cleanup_(generation_freep) Generation *generation = NULL;
		KnownImprovement *improvement;

		r = store_read_generation(manager->store, numbers[i], &generation, NULL);
		if (r == -ENOMEM)
			return r;
		if (r < 0 || !manager_is_of_base(manager, generation)) {
			r = 0;
			continue;
		}
		r = add(known, generation->sequence);
		improvement = find(known, generation->sequence);
		if (r == 0 && !improvement->generation)
			improvement->generation = TAKE_PTR(generation);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const KnownImprovement *)a)->sequence;
	uint64_t y = ((const KnownImprovement *)b)->sequence;

	return (x < y) - (x > y);
}

/* What is mounted decides; an improvement without images is there when it is noted. 0: nothing of
 * this base. */
static int find_applied(
	const Manager *manager, const Known *known, uint32_t current, uint64_t *ret_sequence)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	const Mounted *mounted = &known->mounted;
	int r = 0;

	*ret_sequence = 0;
	if (mounted->mixed)
		return 0;
	if (mounted->generation == 0) {
		*ret_sequence = current == 0 ? known->selected : 0;
		return 0;
	}
	r = store_read_generation(manager->store, mounted->generation, &generation, NULL);
	if (r == 0 && manager_is_of_base(manager, generation))
		*ret_sequence = generation->sequence;
	return r == -ENOMEM ? r : 0;
}

static KnownState state_of(
	const Known *known, const KnownImprovement *improvement, uint64_t applied, uint32_t removed)
{
	bool is_newer = improvement->sequence > known->selected;

	if (improvement->sequence == applied)
		return KNOWN_APPLIED;
	if (improvement->withdrawal)
		return KNOWN_WITHDRAWN;
	if (improvement->sequence == known->selected ||
		(improvement->generation && is_newer && improvement->sequence > removed))
		return KNOWN_STAGED;
	return improvement->listed && is_newer ? KNOWN_OFFERED : KNOWN_EARLIER;
}

static void look_up(const Manager *manager, KnownImprovement *improvement)
{
	const Index *index = &manager->index;

	if (!manager->has_index)
		return;
	improvement->listed = index_find(index, improvement->sequence);
	improvement->withdrawal = improvement->listed
		? index_objection(index, improvement->listed)
		: index_withdrawal(index, improvement->sequence);
}

static int describe(const Manager *manager, Known *known, uint64_t applied, uint32_t removed)
{
	for (size_t i = 0; i < known->count; i++) {
		KnownImprovement *improvement = &known->items[i];
		int r;

		look_up(manager, improvement);
		improvement->state = state_of(known, improvement, applied, removed);
		r = manager_notes(
			manager, improvement->sequence, &improvement->notes, &improvement->why);
		if (r < 0 && r != -ENOENT)
			return r;
		improvement->has_notes = r == 0;
	}
	return 0;
}

static int collect(const Manager *manager, Known *known, uint64_t applied)
{
	int r = add_listed(manager, known);

	if (r == 0)
		r = add_kept(manager, known);
	if (r == 0)
		r = add_generations(manager, known);
	if (r == 0)
		r = add(known, known->selected);
	if (r == 0)
		r = add(known, applied);
	if (r == 0 && known->count > 0)
		qsort(known->items, known->count, sizeof(*known->items), compare);
	return r;
}

int known_read(const Manager *manager, Known *ret_known, Reason *reterr_reason)
{
	Known known = {};
	uint32_t current, removed;
	uint64_t applied = 0;
	int r = worker_mounted(manager->root, &known.mounted, reterr_reason);

	if (r == 0)
		r = manager_installed(manager, &current, &known.selected, reterr_reason);
	if (r == 0)
		r = store_removed(manager->store, manager->base_key, &removed, reterr_reason);
	if (r == 0)
		r = find_applied(manager, &known, current, &applied);
	if (r == 0)
		r = collect(manager, &known, applied);
	if (r == 0)
		r = describe(manager, &known, applied, removed);
	if (r < 0) {
		known_done(&known);
		return r;
	}
	*ret_known = known;
	return 0;
}

void known_done(Known *known)
{
	for (size_t i = 0; i < known->count; i++) {
		generation_free(known->items[i].generation);
		fixes_list_clear(&known->items[i].notes);
	}
	free(known->items);
	*known = (Known){};
}

const KnownImprovement *known_applied(const Known *known)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->items[i].state == KNOWN_APPLIED)
			return &known->items[i];
	return NULL;
}

bool known_is_covered(const Known *known)
{
	return known->mounted.stale || known->mounted.cover[0];
}

/* "" where the seal cannot be read: the activator refuses it too. */
static void component_of(const GenerationImage *image, char ret_name[static SEAL_NAME_MAX + 1])
{
	Seal seal;

	ret_name[0] = '\0';
	if (seal_parse(image->seal, image->seal_size, &seal, NULL) == 0)
		memcpy(ret_name, seal.component, sizeof(seal.component));
}

static int visit_recorded(const Generation *generation,
	int (*each)(void *context, const char *cve, const char *component), void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];
		char component[SEAL_NAME_MAX + 1];

		component_of(image, component);
		for (size_t j = 0; r == 0 && j < image->id_count; j++)
			r = each(context, image->ids[j], component);
	}
	return r;
}

static int visit_noted(const FixesList *notes,
	int (*each)(void *context, const char *cve, const char *component), void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < notes->notes.count; i++) {
		const Fixes *file = &notes->notes.items[i];

		for (size_t j = 0; r == 0 && j < file->fixes.count; j++)
			r = each(context, file->fixes.items[j].cve, file->fixes.items[j].component);
	}
	return r;
}

int known_visit_fixes(const KnownImprovement *improvement,
	int (*each)(void *context, const char *cve, const char *component), void *context)
{
	const Improvement *listed = improvement->listed;
	int r = 0;

	if (improvement->generation)
		return visit_recorded(improvement->generation, each, context);
	if (!listed)
		return visit_noted(&improvement->notes, each, context);
	for (size_t i = 0; r == 0 && i < listed->fixes.count; i++)
		r = each(context, listed->fixes.items[i].cve, listed->fixes.items[i].component);
	return r;
}

static int visit_record_files(
	const GenerationImage *image, int (*each)(void *context, const char *path), void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->file_count; i++)
		r = each(context, image->files[i].path);
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		r = each(context, image->removed[i]);
	return r;
}

static int visit_listed_files(
	const IndexImage *image, int (*each)(void *context, const char *path), void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->files.count; i++)
		r = each(context, image->files.items[i].path);
	for (size_t i = 0; r == 0 && i < image->removed.count; i++)
		r = each(context, image->removed.items[i]);
	return r;
}

int known_visit_files(const KnownImprovement *improvement, const char *component,
	int (*each)(void *context, const char *path), void *context)
{
	const Generation *generation = improvement->generation;
	const Improvement *listed = generation ? NULL : improvement->listed;
	int r = 0;

	for (size_t i = 0; r == 0 && generation && i < generation->image_count; i++) {
		char name[SEAL_NAME_MAX + 1];

		component_of(&generation->images[i], name);
		if (strcmp(name, component) == 0)
			r = visit_record_files(&generation->images[i], each, context);
	}
	for (size_t i = 0; r == 0 && listed && i < listed->images.count; i++)
		if (strcmp(listed->images.items[i].component, component) == 0)
			r = visit_listed_files(&listed->images.items[i], each, context);
	return r;
}
