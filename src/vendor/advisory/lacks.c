/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/lacks.h"

#include <errno.h>
#include <string.h>

#include "base/path.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

#define CERTAIN "old-bytes"

const json_t *lacks_of(const Index *index)
{
	return json_object_get(index->optional, LACKS);
}

static int check_file(const json_t *file, Reason *reason)
{
	const json_t *cves = json_object_get(file, "cves");

	if (!path_is_normal(document_text(file, "path")))
		return reason_set(reason, -EBADMSG, "a file has no path");
	if (!index_is_name(document_text(file, "component")))
		return reason_set(
			reason, -EBADMSG, "%s is of no component", document_text(file, "path"));
	if (document_text(file, "cause")[0] == '\0' || !json_is_array(cves))
		return reason_set(reason, -EBADMSG, "%s has no cause, or no list of CVEs",
			document_text(file, "path"));
	for (size_t i = 0; i < json_array_size(cves); i++) {
		const char *cve = json_string_value(json_array_get(cves, i));

		if (!cve || !index_is_cve(cve))
			return reason_set(reason, -EBADMSG, "%s has a CVE that is none",
				document_text(file, "path"));
	}
	return 0;
}

int lacks_check(const json_t *lacks, Reason *reterr_reason)
{
	static const char *const texts[] = {"reason", "of", "base"};
	const json_t *files = json_object_get(lacks, "files");
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (document_text(lacks, texts[i])[0] == '\0')
			return reason_set(reterr_reason, -EBADMSG, "%s is missing", texts[i]);
	if (json_array_size(files) == 0)
		return reason_set(reterr_reason, -EBADMSG, "no file is named");
	for (size_t i = 0; r == 0 && i < json_array_size(files); i++)
		r = check_file(json_array_get(files, i), reterr_reason);
	return r;
}

bool lacks_cve(const json_t *lacks, const char *cve)
{
	const json_t *files = json_object_get(lacks, "files");

	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *file = json_array_get(files, i);
		const json_t *cves = json_object_get(file, "cves");

		if (strcmp(document_text(file, "cause"), CERTAIN) != 0)
			continue;
		for (size_t j = 0; j < json_array_size(cves); j++) {
			const char *lacked = json_string_value(json_array_get(cves, j));

			if (lacked && strcmp(lacked, cve) == 0)
				return true;
		}
	}
	return false;
}
