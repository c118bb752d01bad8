/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/roles.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void role_done(Role *role)
{
	free(role->name);
}

static int make(RoleKind kind, char *name, const Base *base, Role *ret_role)
{
	if (!name)
		return -ENOMEM;
	*ret_role = (Role){kind, name, base};
	return 0;
}

int role_of_base(const Base *base, Role *ret_role)
{
	return make(ROLE_BASE, workspace_role(base), base, ret_role);
}

int role_find(const Workspace *workspace, const char *text, Role *ret_role, Reason *reterr_reason)
{
	static const char *const top[] = {"root", "targets", "snapshot", "timestamp", NULL};

	if (text_index(top, text) >= 0)
		return make(ROLE_TOP, memory_string(text), NULL, ret_role);
	if (strcmp(text, "seal") == 0)
		return make(ROLE_SEAL, memory_string(text), NULL, ret_role);
	for (size_t i = 0; i < workspace->list.bases.count; i++) {
		const Base *base = &workspace->list.bases.items[i];
		_cleanup_free_ char *name = workspace_role(base);

		if (!name)
			return -ENOMEM;
		if (strcmp(base->name, text) == 0 || strcmp(name, text) == 0)
			return make(ROLE_BASE, TAKE_PTR(name), base, ret_role);
	}
	return reason_set(reterr_reason, -ENOENT,
		"there is no role %s: there are root, targets, snapshot, timestamp, seal, and one "
		"for each base, called by the base's name",
		text);
}

const char *role_delegator(const Role *role)
{
	return role->kind == ROLE_BASE ? "targets" : "root";
}

int role_load(Repository *repository, const Role *role, Reason *reterr_reason)
{
	return role->kind == ROLE_BASE ? repository_load_role(repository, role->base, reterr_reason)
				       : 0;
}
