/* SPDX-License-Identifier: Apache-2.0 */
/* Making: the images and payloads of a matrix whose bases were looked at. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "vendor/make/image.h"
#include "vendor/make/jobs.h"
#include "vendor/make/made.h"
#include "vendor/make/matrix.h"
#include "vendor/make/payload.h"

static int check_fixes(const Fixes *fixes, const Component *component, Reason *reason)
{
	for (size_t i = 0; i < fixes->fixes.count; i++)
		if (strcmp(fixes->fixes.items[i].component, component->name) == 0)
			return 0;
	return reason_set(
		reason, -EINVAL, "%s lists no fix of component %s", fixes->id, component->name);
}

static int begin_draft(const Matrix *matrix, MatrixCell *cell, Reason *reason)
{
	Draft *draft = &cell->draft;
	int r;

	draft->schema = 1;
	draft->fixes = memory_new(sizeof(*draft->fixes));
	draft->image = memory_new(sizeof(*draft->image));
	if (!draft->fixes || !draft->image)
		return -ENOMEM;
	r = fixes_load(matrix->fixes_path, draft->fixes, reason);
	return r < 0 ? r : check_fixes(draft->fixes, cell->component, reason);
}

/* Whether another cell makes the same payloads, or has. The first to ask makes them. */
static void find_twin(Matrix *matrix, MatrixCell *cell, const Digest *key)
{
	pthread_mutex_lock(&matrix->lock);
	for (size_t i = 0; i < matrix->cell_count && !cell->twin; i++) {
		const MatrixCell *other = &matrix->cells[i];

		if (other != cell && !other->twin && digest_equal(&other->key, key))
			cell->twin = other;
	}
	cell->key = *key;
	pthread_mutex_unlock(&matrix->lock);
}

static int make_payloads(
	const Matrix *matrix, MatrixCell *cell, const ImageBuild *build, Reason *reason)
{
	_cleanup_free_ char *blobs = workspace_path(matrix->workspace, "blobs");
	IndexImage *image = cell->draft.image;
	int r = made_find(matrix->workspace, &cell->key, image);

	if (r != 0) {
		cell->is_taken = r > 0;
		return r < 0 ? r : 0;
	}
	r = blobs ? payload_make_all(build, blobs, image, reason) : -ENOMEM;
	return r < 0 ? r : made_keep(matrix->workspace, &cell->key, image, reason);
}

static int make_parts(Matrix *matrix, MatrixCell *cell, const ImageBuild *build, Reason *reason)
{
	IndexImage *image = cell->draft.image;
	Digest key;
	int r = image_build(build, image, reason);

	if (r < 0)
		return r;
	image->seal = memory_string(DRAFT_NO_SEAL);
	r = image->seal ? made_key(build, image, &key, reason) : -ENOMEM;
	if (r < 0)
		return r;
	find_twin(matrix, cell, &key);
	return cell->twin ? 0 : make_payloads(matrix, cell, build, reason);
}

static int make_cell(void *context, size_t number, Reason *reterr_reason)
{
	Matrix *matrix = context;
	MatrixCell *cell = &matrix->cells[number];
	const MatrixBase *base = cell->base;
	_cleanup_free_ char *path = NULL;
	ImageBuild build = {
		.component = cell->component,
		.changes = &cell->changes,
		.old_root = base->base->root,
		.new_root = base->new_root,
		.work = matrix->folder,
	};
	int r;

	if (cell->state != MATRIX_DRAFT)
		return 0;
	path = memory_printf("%s/%zu.erofs", matrix->folder, number);
	build.path = path;
	r = path ? begin_draft(matrix, cell, reterr_reason) : -ENOMEM;
	if (r == 0)
		r = make_parts(matrix, cell, &build, reterr_reason);
	if (path)
		unlink(path);
	return r;
}

static int take_twins(Matrix *matrix)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < matrix->cell_count; i++) {
		MatrixCell *cell = &matrix->cells[i];

		if (cell->state != MATRIX_DRAFT)
			continue;
		if (cell->twin)
			r = made_copy(cell->twin->draft.image, cell->draft.image);
		cell->is_taken |= cell->twin != NULL;
		matrix->taken += cell->is_taken;
		matrix->made += !cell->is_taken;
	}
	return r;
}

int matrix_make(Matrix *matrix, Reason *reterr_reason)
{
	int r = workspace_make_private(matrix->workspace, "blobs", reterr_reason);

	if (r < 0)
		return r;
	pthread_mutex_init(&matrix->lock, NULL);
	r = jobs_run(matrix->cell_count, matrix->jobs, "Making images and payloads", make_cell,
		matrix, reterr_reason);
	pthread_mutex_destroy(&matrix->lock);
	return r < 0 ? r : take_twins(matrix);
}
