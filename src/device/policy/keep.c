/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/policy/setting.h"

#define HEAD "# What the owner set with the command suture, which writes this file whole.\n"

static int write_line(const Key *key, const char *value, const char **section, Buffer *out)
{
	int r = 0;

	if (strcmp(*section, key->section) != 0)
		r = buffer_printf(out, "[%s]\n", key->section);
	*section = key->section;
	return r < 0 ? r : buffer_printf(out, "%s = %s\n", key->name, value);
}

/* What was kept before, but for this key, and the new value. */
static int write_all(const Policy *policy, const Key *set, const char *value, Buffer *out)
{
	const char *section = "";
	int r = buffer_text(out, HEAD);

	for (size_t i = 0; r == 0 && i < policy->setting_count; i++) {
		const PolicySetting *kept = &policy->settings[i];

		if (kept->layer == POLICY_COMMAND && kept->key != set && !kept->is_mistaken)
			r = write_line(kept->key, kept->value, &section, out);
	}
	return r < 0 ? r : write_line(set, value, &section, out);
}

static int check(const Policy *policy, const Key *key, const char *value, Reason *reason)
{
	const PolicyValue *now = policy_value(policy, key->section, key->name);
	_cleanup_free_ Config *scratch = memory_new(sizeof(*scratch));

	if (!scratch)
		return -ENOMEM;
	if (now->layer == POLICY_MANAGED)
		return reason_set(reason, -EPERM,
			"%s is managed by %s (%s:%u), and cannot be changed here", key->name,
			policy_organisation(policy), now->file, now->line);
	if (!value[0] || strlen(value) > CONFIG_VALUE_MAX || !text_is_clean(value) ||
		key->set(key, scratch, value) < 0)
		return reason_set(reason, -EINVAL, "%s must be %s", key->name, key->expected);
	return 0;
}

int policy_keep(const Policy *policy, const char *root, const char *section, const char *name,
	const char *value, Reason *reterr_reason)
{
	_cleanup_free_ char *path = path_join(root, POLICY_OWNER_PATH);
	const Key *key = key_find(section, name);
	_cleanup_buffer_ Buffer text = {};
	int r = path && key ? check(policy, key, value, reterr_reason) : -ENOMEM;

	if (r == 0)
		r = write_all(policy, key, value, &text);
	if (r < 0)
		return r;
	r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}
