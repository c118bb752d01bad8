/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: what differs between each base and its rebuild, and whether it may. */
#include "vendor/make/matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "vendor/files/deb.h"
#include "vendor/files/disk-image.h"
#include "vendor/make/jobs.h"
#include "vendor/files/tree.h"

#define FOLDER                                                                                     \
	"making" /* one publisher at a time: what is in it was left by one that was killed         \
		  */

static void clear_base(MatrixBase *base)
{
	for (size_t i = 0; i < base->deb_count; i++) {
		free(base->debs[i].old_deb);
		free(base->debs[i].new_deb);
	}
	free(base->given);
	free(base->old_root);
	free(base->new_root);
	changes_done(&base->changes);
	lint_report_done(&base->report);
}

void matrix_done(Matrix *matrix)
{
	if (matrix->folder)
		path_remove_tree(AT_FDCWD, matrix->folder);
	for (size_t i = 0; i < matrix->cell_count; i++) {
		free(matrix->cells[i].changes.items);
		draft_clear(&matrix->cells[i].draft);
	}
	for (size_t i = 0; i < matrix->base_count; i++)
		clear_base(&matrix->bases[i]);
	free(matrix->cells);
	free(matrix->bases);
	free(matrix->chosen);
	free(matrix->folder);
}

static int make_folder(Matrix *matrix, Reason *reason)
{
	char *folder = workspace_path(matrix->workspace, FOLDER);
	int r = folder ? path_remove_tree(AT_FDCWD, folder) : -ENOMEM;

	matrix->folder = folder;
	if (r < 0)
		return reason_errno(reason, r, "cannot remove %s", folder ? folder : FOLDER);
	return workspace_make_private(matrix->workspace, FOLDER, reason);
}

static int make_root(const Matrix *matrix, const MatrixBase *base, const char *kind, char **ret)
{
	*ret = memory_printf("%s/%s-%s", matrix->folder, base->base->name, kind);
	return *ret ? path_make_directories(AT_FDCWD, *ret, 0755) : -ENOMEM;
}

/* A package that may not be taken is one of the findings. */
static int check_scripts(MatrixBase *base, const char *package, Reason *reason)
{
	Reason why = {};
	int r = deb_check_scripts(package, &why);

	if (r == -EINVAL)
		return lint_report_add(
			&base->report, LINT_ERROR, "maintainer-script", "", "%s", why.text);
	if (r < 0 && reason)
		*reason = why;
	return r;
}

static int unpack_debs(const Matrix *matrix, MatrixBase *base, Reason *reason)
{
	int r = make_root(matrix, base, "old", &base->old_root);

	if (r == 0)
		r = make_root(matrix, base, "new", &base->new_root);
	if (r < 0)
		return reason_errno(reason, r, "cannot make a folder in %s", matrix->folder);
	for (size_t i = 0; r == 0 && i < base->deb_count; i++) {
		r = check_scripts(base, base->debs[i].new_deb, reason);
		if (r == 0)
			r = deb_unpack(base->debs[i].old_deb, base->old_root, reason);
		if (r == 0)
			r = deb_unpack(base->debs[i].new_deb, base->new_root, reason);
	}
	return r;
}

static int open_image(const Matrix *matrix, MatrixBase *base, Reason *reason)
{
	const DiskImage image = {base->given, matrix->partition,
		strrchr(base->base->key, '_') ? strrchr(base->base->key, '_') + 1 : ""};
	int r = make_root(matrix, base, "new", &base->new_root);

	return r < 0 ? reason_errno(reason, r, "cannot make a folder in %s", matrix->folder)
		     : disk_image_unpack(&image, base->new_root, reason);
}

static int open_given(const Matrix *matrix, MatrixBase *base, Reason *reason)
{
	struct stat st;

	base->old_root = memory_string(base->base->root);
	if (!base->old_root)
		return -ENOMEM;
	if (stat(base->given, &st) == 0 && S_ISREG(st.st_mode))
		return open_image(matrix, base, reason);
	if (stat(base->given, &st) < 0 || !S_ISDIR(st.st_mode))
		return reason_set(reason, -ENOENT, "%s is not a folder, nor an image", base->given);
	base->new_root = memory_string(base->given);
	return base->new_root ? 0 : -ENOMEM;
}

/* One after the other: unpacking a package changes the working folder. */
int matrix_open(Matrix *matrix, Reason *reterr_reason)
{
	int r = make_folder(matrix, reterr_reason);

	for (size_t i = 0; r == 0 && i < matrix->base_count; i++) {
		MatrixBase *base = &matrix->bases[i];

		r = base->given ? open_given(matrix, base, reterr_reason)
				: unpack_debs(matrix, base, reterr_reason);
	}
	return r;
}

/* The old package must be the one that the base was built with, or the fix is for another base. */
static int check_packages(MatrixBase *base)
{
	for (size_t i = 0; i < base->changes.count; i++) {
		const Change *change = &base->changes.items[i];
		Digest packaged, present;
		int r;

		if (!S_ISREG(change->old_mode) ||
			(tree_digest(base->old_root, change->path, &packaged, NULL) == 0 &&
				tree_digest(base->base->root, change->path, &present, NULL) == 0 &&
				digest_equal(&packaged, &present)))
			continue;
		r = lint_report_add(&base->report, LINT_ERROR, "package", change->path,
			"%s of base %s is not the one in the old package; is this the right "
			"package?",
			change->path, base->base->name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int look_at(void *context, size_t number, Reason *reterr_reason)
{
	Matrix *matrix = context;
	MatrixBase *base = &matrix->bases[number];
	const LintRequest request = {matrix->chosen, matrix->chosen_count, matrix->rules,
		base->base->root, base->old_root, base->new_root};
	int r = changes_find(base->old_root, base->new_root, &base->changes, reterr_reason);

	if (r < 0)
		return r;
	lint_drop_ignored(matrix->components, &base->changes);
	r = lint_run(&request, &base->changes, &base->report, reterr_reason);
	return r < 0 || base->given ? r : check_packages(base);
}

/* The changes of one component, in their order. */
static int select_changes(MatrixCell *cell)
{
	const Changes *all = &cell->base->changes;

	cell->changes.items = memory_new_array(all->count, sizeof(*all->items));
	if (!cell->changes.items)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		if (component_owns(cell->component, all->items[i].path))
			cell->changes.items[cell->changes.count++] = all->items[i];
	return 0;
}

static int find_state(MatrixCell *cell)
{
	int r;

	if (cell->changes.count > 0) {
		cell->state = MATRIX_DRAFT;
		return 0;
	}
	r = component_is_in(cell->component, cell->base->base->root);
	cell->state = r > 0 ? MATRIX_UNCHANGED : MATRIX_ABSENT;
	return r < 0 ? r : 0;
}

static int make_cells(Matrix *matrix)
{
	matrix->cells =
		memory_new_array(matrix->base_count * matrix->chosen_count, sizeof(*matrix->cells));
	if (!matrix->cells)
		return -ENOMEM;
	for (size_t i = 0; i < matrix->base_count; i++)
		for (size_t j = 0; j < matrix->chosen_count; j++) {
			MatrixCell *cell = &matrix->cells[matrix->cell_count++];
			int r;

			cell->base = &matrix->bases[i];
			cell->component = matrix->chosen[j];
			r = select_changes(cell);
			if (r == 0)
				r = find_state(cell);
			if (r < 0)
				return r;
		}
	return 0;
}

int matrix_look(Matrix *matrix, Reason *reterr_reason)
{
	int r = jobs_run(
		matrix->base_count, matrix->jobs, "Comparing", look_at, matrix, reterr_reason);

	for (size_t i = 0; r == 0 && i < matrix->base_count; i++)
		matrix->errors += matrix->bases[i].report.errors;
	return r < 0 ? r : make_cells(matrix);
}

const MatrixCell *matrix_sibling(const Matrix *matrix, const MatrixCell *cell)
{
	for (const MatrixCell *other = matrix->cells; other < cell; other++)
		if (other->component == cell->component && other->state == MATRIX_DRAFT)
			return other;
	return NULL;
}
