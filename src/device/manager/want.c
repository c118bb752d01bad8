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
	const ExposureImage of = {.digest = &image->sha256,
		.component = image->component,
		.ids = (char *)ids.data,
		.has_hosts = image->hosts.count > 0};

	for (size_t i = 0; r == 0 && i < image->files.count; i++) {
		const ImageFile *file = &image->files.items[i];

		r = exposure_want_file(
			files, &of, file->kind, file->path, &file->sha256, file->build_id);
	}
	for (size_t i = 0; r == 0 && i < image->removed.count; i++)
		r = exposure_want_removed(files, &of, image->removed.items[i]);
	for (size_t i = 0; r == 0 && i < image->hosts.count; i++)
		r = exposure_want_host(files, &of, image->hosts.items[i]);
	return r;
}

int want_improvement(ExposureFiles *files, const Improvement *improvement)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < improvement->images.count; i++)
		r = want_image(files, improvement, &improvement->images.items[i]);
	return r;
}
