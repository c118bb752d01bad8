/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/fixes.h"

#include "vendor/publish/document-file.h"

int fixes_load(const char *path, Fixes *ret_fixes, Reason *reterr_reason)
{
	return document_file_load(path, fixes_fields, ret_fixes, reterr_reason);
}
