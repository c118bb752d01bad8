/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/delegations.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

#define PATTERN_END "/*/*"

/* "exampleos/26.3.1_x86_64/" and a star for each of channel and file. */
static int take_pattern(const char *pattern, Base *base)
{
	const char *slash = strchr(pattern, '/');
	const char *end = slash ? strchr(slash + 1, '/') : NULL;

	if (!end || strcmp(end, PATTERN_END) != 0)
		return -EBADMSG;
	base->product = memory_string_n(pattern, (size_t)(slash - pattern));
	base->key = memory_string_n(slash + 1, (size_t)(end - slash - 1));
	if (!base->product || !base->key)
		return -ENOMEM;
	return index_is_name(base->product) && base->key[0] ? 0 : -EBADMSG;
}

static int add_base(BaseList *list, const json_t *role, Reason *reason)
{
	const json_t *paths = json_object_get(role, "paths");
	const char *name = document_text(role, "name");
	const char *pattern = json_string_value(json_array_get(paths, 0));
	Base *base;
	int r = memory_grow(&list->bases.items, list->bases.count, sizeof(*base));

	if (r < 0)
		return r;
	base = &list->bases.items[list->bases.count++];
	base->name = memory_string(name);
	r = json_array_size(paths) == 1 ? take_pattern(pattern, base) : -EBADMSG;
	if (r == -EBADMSG)
		return reason_set(reason, r, "the role %s is not that of one base", name);
	base->version = r == 0 ? memory_string(base->key) : NULL;
	return base->name && base->version ? 0 : -ENOMEM;
}

int delegations_list(const json_t *targets, BaseList *ret_list, Reason *reterr_reason)
{
	const json_t *roles = json_object_get(json_object_get(targets, "delegations"), "roles");
	BaseList list = {.schema = 1};
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(roles); i++)
		r = add_base(&list, json_array_get(roles, i), reterr_reason);
	if (r < 0)
		base_list_clear(&list);
	else
		*ret_list = list;
	return r;
}

/* The search for any target of a base goes through its role. */
static int load_role(Trust *trust, const TrustRepository *files, const Base *base, Reason *reason)
{
	_cleanup_free_ char *path = index_target_path(base->product, base->key, "public");
	TrustFile file;
	int r = path ? trust_find(trust, files, path, &file, reason) : -ENOMEM;

	return r == -ENOENT ? 0 : r;
}

int delegations_visit(Trust *trust, const TrustRepository *files, const Base *base,
	int (*each)(void *context, const char *path, const TrustFile *file), void *context,
	Reason *reterr_reason)
{
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? load_role(trust, files, base, reterr_reason) : -ENOMEM;
	const json_t *body = role ? trust_body(trust, role) : NULL;
	const char *path;
	json_t *entry;

	if (r == 0 && !body)
		r = reason_set(reterr_reason, -ENOENT, "the repository has no role %s", role);
	json_object_foreach(json_object_get(body, "targets"), path, entry)
	{
		TrustFile file;

		if (r == 0)
			r = trust_find(trust, files, path, &file, reterr_reason);
		if (r == 0)
			r = each(context, path, &file);
	}
	return r;
}
