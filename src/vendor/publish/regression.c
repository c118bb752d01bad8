/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/regression.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "vendor/files/tree.h"
#include "wire/terms/label.h"

const char *const regression_causes[] = {"old-bytes", "undeclared", NULL};

void regressions_done(Regressions *regressions)
{
	index_clear(&regressions->index);
	free(regressions->items);
	*regressions = (Regressions){};
}

/* Of one version, several builds may be told apart by their keys. */
static int compare_versions(const Base *base, const Base *other)
{
	int order = strverscmp(base->version, other->version);

	return order ? order : strverscmp(base->key, other->key);
}

const Base *regression_predecessor(const Workspace *workspace, const Base *base)
{
	const Base *found = NULL;

	for (size_t i = 0; i < workspace->list.bases.count; i++) {
		const Base *other = &workspace->list.bases.items[i];

		if (other != base && workspace_is_one_line(base, other) &&
			compare_versions(other, base) < 0 &&
			(!found || compare_versions(found, other) < 0))
			found = other;
	}
	return found;
}

static const Improvement *find_standing(const Index *index)
{
	for (size_t i = 0; i < index->improvements.count; i++)
		if (!index_withdrawal(index, index->improvements.items[i].sequence))
			return &index->improvements.items[i];
	return NULL;
}

static int add(Regressions *found, RegressionCause cause, const IndexImage *image, const char *path)
{
	int r = memory_grow(&found->items, found->count, sizeof(*found->items));

	if (r == 0)
		found->items[found->count++] = (Regression){cause, path, image->component};
	return r;
}

/* What is to be known of one file: `fixed` NULL: the fix is that it is gone. */
static int compare_file(Regressions *found, const Base *base, const IndexImage *image,
	const char *path, const Digest *fixed, bool is_declared)
{
	Digest old, now;
	bool is_there = tree_digest(base->root, path, &now, NULL) == 0;
	bool was_there = tree_digest(found->predecessor->root, path, &old, NULL) == 0;

	if (fixed ? is_there && digest_equal(&now, fixed) : !is_there)
		return 0;
	found->is_proven = false;
	if (is_there && was_there && digest_equal(&now, &old))
		return add(found, REGRESSION_OLD_BYTES, image, path);
	return is_declared ? 0 : add(found, REGRESSION_UNDECLARED, image, path);
}

static int compare_image(
	Regressions *found, const Base *base, const IndexImage *image, bool is_declared)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->files.count; i++)
		r = compare_file(found, base, image, image->files.items[i].path,
			&image->files.items[i].sha256, is_declared);
	for (size_t i = 0; r == 0 && i < image->removed.count; i++)
		r = compare_file(found, base, image, image->removed.items[i], NULL, is_declared);
	return r;
}

int regressions_find(Repository *repository, const Base *base, const Base *predecessor,
	const char *channel, uint64_t declared, Regressions *ret, Reason *reterr_reason)
{
	_cleanup_regressions_ Regressions found = {.predecessor = predecessor};
	int r = repository_read_index(
		repository, predecessor, channel, &found.index, reterr_reason);

	if (r < 0)
		return r;
	found.standing = find_standing(&found.index);
	found.is_proven = found.standing && found.standing->images.count > 0;
	for (size_t i = 0; r == 0 && found.standing && i < found.standing->images.count; i++)
		r = compare_image(&found, base, &found.standing->images.items[i],
			declared >= found.standing->sequence);
	if (r < 0)
		return r;
	*ret = found;
	found = (Regressions){};
	return 0;
}

static json_t *list_cves(const Improvement *improvement, const char *component)
{
	json_t *list = json_array();

	for (size_t i = 0; i < improvement->fixes.count; i++)
		if (strcmp(improvement->fixes.items[i].component, component) == 0)
			json_array_append_new(list, json_string(improvement->fixes.items[i].cve));
	return list;
}

json_t *regressions_json(const Regressions *regressions)
{
	json_t *list = json_array();

	for (size_t i = 0; i < regressions->count; i++) {
		const Regression *item = &regressions->items[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:o}", "path", item->path, "component",
				item->component, "cause", regression_causes[item->cause], "cves",
				list_cves(regressions->standing, item->component)));
	}
	return list;
}

json_t *regressions_publish(const Regressions *regressions, const char *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_machine(regressions->predecessor->version, regressions->standing->sequence, label);
	return json_pack("{s:s, s:s, s:s, s:o}", "reason", reason, "of", label, "base",
		regressions->predecessor->key, "files", regressions_json(regressions));
}
