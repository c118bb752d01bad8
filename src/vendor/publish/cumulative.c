/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/cumulative.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/terms/label.h"

static int compare_file(const void *path, const void *file)
{
	return strcmp(path, ((const ImageFile *)file)->path);
}

static int compare_text(const void *path, const void *text)
{
	return strcmp(path, *(char *const *)text);
}

/* Whether the image changes or removes the file; both lists are sorted. */
static bool image_has(const IndexImage *image, const char *path)
{
	return (image->files.count > 0 &&
		       bsearch(path, image->files.items, image->files.count,
			       sizeof(*image->files.items), compare_file)) ||
		(image->removed.count > 0 &&
			bsearch(path, image->removed.items, image->removed.count,
				sizeof(*image->removed.items), compare_text));
}

static bool improvement_has(const Improvement *improvement, const char *path)
{
	for (size_t i = 0; i < improvement->images.count; i++)
		if (image_has(&improvement->images.items[i], path))
			return true;
	return false;
}

static int refuse(const Base *base, uint64_t sequence, const char *component, const char *path,
	const char *how, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(base->version, sequence, label);
	return reason_set(reason, -EINVAL,
		"%s was %s by %s and is the base's again in what is to replace component %s for "
		"base %s; rebuild with that fix too, and make a new draft",
		path, how, label, component, base->name);
}

static int check_image(const Base *base, const Improvement *old, const IndexImage *image,
	const Improvement *next, Reason *reason)
{
	for (size_t i = 0; i < image->files.count; i++)
		if (!improvement_has(next, image->files.items[i].path))
			return refuse(base, old->sequence, image->component,
				image->files.items[i].path, "changed", reason);
	for (size_t i = 0; i < image->removed.count; i++)
		if (!improvement_has(next, image->removed.items[i]))
			return refuse(base, old->sequence, image->component,
				image->removed.items[i], "removed", reason);
	return 0;
}

int cumulative_check(
	const Base *base, const Improvement *old, const Improvement *next, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && old && i < old->images.count; i++)
		r = check_image(base, old, &old->images.items[i], next, reterr_reason);
	return r;
}
