/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/want.h"

#include <string.h>

#include "base/buffer.h"

static int list_cves(const Improvement *improvement, const char *component, Buffer *ids)
{
	int r = buffer_text(ids, "");

	for (size_t i = 0; r == 0 && i < improvement->fixes.count; i++)
		if (strcmp(improvement->fixes.items[i].component, component) == 0)
			r = buffer_printf(ids, "%s%s", ids->size > 0 ? " " : "",
				improvement->fixes.items[i].cve);
	return r;
}

static int want_image(ExposureFiles *files, const Improvement *improvement, const IndexImage *image)
{
	_cleanup_buffer_ Buffer ids = {};
	int r = list_cves(improvement, image->component, &ids);

	for (size_t i = 0; r == 0 && i < image->files.count; i++)
		r = exposure_want_file(files, image->files.items[i].kind,
			image->files.items[i].path, &image->files.items[i].sha256, image->component,
			(char *)ids.data);
	for (size_t i = 0; r == 0 && i < image->removed.count; i++)
		r = exposure_want(
			files, image->removed.items[i], NULL, image->component, (char *)ids.data);
	return r;
}

int want_improvement(ExposureFiles *files, const Improvement *improvement)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < improvement->images.count; i++)
		r = want_image(files, improvement, &improvement->images.items[i]);
	return r;
}
