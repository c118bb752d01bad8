/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/advisory-look.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

int advisory_look_fault(const AdvisoryLook *look, const char *format, ...)
{
	const AdvisoryCheck *check = look->check;
	char text[REASON_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return check->fault(check->context,
		reason_set(look->reason, -EBADMSG, "%s; %s", text,
			check->workspace->path
				? "'suture-publish advisories' writes it anew"
				: "'suture-publish advisories' at the vendor's writes it anew, and "
				  "the next 'suture-publish mirror' fetches it"));
}

char *advisory_look_base_key(const char *product, const char *base)
{
	return memory_printf("%s:%s", product, base);
}

bool advisory_look_has_base(const AdvisoryCheck *check, const char *product, const char *key)
{
	const BaseList *list = &check->workspace->list;

	for (size_t i = 0; i < list->bases.count; i++)
		if (strcmp(list->bases.items[i].product, product) == 0 &&
			strcmp(list->bases.items[i].key, key) == 0)
			return true;
	return false;
}
