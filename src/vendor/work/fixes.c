/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/work/fixes.h"

#include <errno.h>

#include "vendor/files/document-file.h"

/* A file that says 1 may be read by programs that know no more. */
static int check_schema(const char *path, Fixes *fixes, Reason *reason)
{
	for (size_t i = 0; i < fixes->fixes.count; i++) {
		if (fixes->schema >= 2 || !fixes->fixes.items[i].cvss)
			continue;
		fixes_clear(fixes);
		return reason_set(reason, -EBADMSG, "%s: fixes[%zu].cvss: needs schema 2", path, i);
	}
	return 0;
}

int fixes_load(const char *path, Fixes *ret_fixes, Reason *reterr_reason)
{
	int r = document_file_load(path, fixes_fields, ret_fixes, reterr_reason);

	return r < 0 ? r : check_schema(path, ret_fixes, reterr_reason);
}
