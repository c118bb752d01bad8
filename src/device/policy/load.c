/* SPDX-License-Identifier: Apache-2.0 */
/* Which files there are, and in which order they count. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/policy/setting.h"

#define SUFFIX ".conf"
#define MASK   "/dev/null"

/* Places below the root, lowest first; of two files with one name the later one counts alone. */
static const char *const drop_ins[] = {
	"usr/lib/suture/suture.conf.d", "etc/suture/suture.conf.d", NULL};
static const char *const managed[] = {
	"usr/lib/suture/policy.d", "run/suture.policy.d", "etc/suture/policy.d", NULL};

typedef struct Names {
	char *items[POLICY_FILES_MAX];
	size_t count, left_out;
} Names;

static void names_done(Names *names)
{
	for (size_t i = 0; i < names->count; i++)
		memory_free(names->items[i]);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(const char *folder, Names *names)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !text_ends_with(entry->d_name, SUFFIX))
			continue;
		if (names->count == POLICY_FILES_MAX) {
			names->left_out++;
			continue;
		}
		names->items[names->count] = memory_string(entry->d_name);
		if (!names->items[names->count])
			r = -ENOMEM;
		else
			names->count++;
	}
	if (dir)
		closedir(dir);
	qsort(names->items, names->count, sizeof(*names->items), compare);
	return r == -ENOENT ? 0 : r;
}

/* Who could write there would have the organisation's word. Who looks without being root deceives
 * nobody else. */
static const char *distrust(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL; /* reading it will tell */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "does not belong to root, and does not count";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "can be written by others than root, and does not count";
	return NULL;
}

/* As with systemd: hides what has the same name. */
static bool is_mask(const char *path)
{
	char target[sizeof(MASK)];
	ssize_t size = readlink(path, target, sizeof(target));

	return size == (ssize_t)strlen(MASK) && memcmp(target, MASK, (size_t)size) == 0;
}

/* Positive: there is no such file. */
static int add_path(Policy *policy, PolicyLayer layer, const char *path)
{
	const char *wrong = layer == POLICY_MANAGED ? distrust(path) : NULL;
	_cleanup_free_ uint8_t *text = NULL;
	Reason why;
	size_t size;
	int r;

	if (is_mask(path))
		return 1;
	if (wrong)
		return policy_note(policy, path, 0, "%s", wrong);
	r = file_read(AT_FDCWD, path, POLICY_SIZE_MAX, &text, &size);
	if (r == 0)
		return policy_add(policy, layer, path, text, size);
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 1 : r;
	reason_errno(&why, r, "cannot be read");
	return policy_add_unreadable(policy, layer, path, why.text);
}

static int add_place(Policy *policy, PolicyLayer layer, const char *root, const char *place)
{
	_cleanup_free_ char *path = path_join(root, place);

	return path ? add_path(policy, layer, path) : -ENOMEM;
}

/* 1: it is, 0: it is not, or -ENOMEM. */
static int is_replaced(const char *root, const char *const *later, const char *name)
{
	bool found = false;

	for (; *later && !found; later++) {
		_cleanup_free_ char *path = memory_printf("%s/%s/%s", root, *later, name);

		if (!path)
			return -ENOMEM;
		found = file_exists(AT_FDCWD, path);
	}
	return found;
}

static int add_names(Policy *policy, PolicyLayer layer, const char *root, const char *folder,
	const Names *names, const char *const *later)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->count; i++) {
		if (!text_is_clean(names->items[i])) { /* it could not be shown */
			r = policy_note(policy, folder, 0, "has a file whose name is no text: %s",
				names->items[i]);
			continue;
		}
		r = is_replaced(root, later, names->items[i]);
		if (r == 0)
			r = add_place(policy, layer, folder, names->items[i]);
	}
	return r < 0 ? r : 0;
}

/* The folder at *place; those behind it replace files of it. */
static int add_folder(Policy *policy, PolicyLayer layer, const char *root, const char *const *place)
{
	_cleanup_free_ char *folder = path_join(root, *place);
	_cleanup_(names_done) Names names = {};
	const char *wrong;
	int r;

	if (!folder)
		return -ENOMEM;
	wrong = layer == POLICY_MANAGED ? distrust(folder) : NULL;
	if (wrong)
		return policy_note(policy, folder, 0, "%s", wrong);
	r = list_names(folder, &names);
	if (r < 0 && r != -ENOMEM) {
		Reason why;

		reason_errno(&why, r, "cannot be read");
		return policy_add_unreadable(policy, layer, folder, why.text);
	}
	if (r == 0 && names.left_out > 0)
		r = policy_note(policy, folder, 0, "has more than %d files", POLICY_FILES_MAX);
	return r < 0 ? r : add_names(policy, layer, root, folder, &names, place + 1);
}

/* The owner's main file, or where there is none the vendor's, which counts less. */
static int add_main(Policy *policy, const char *root, PolicyLayer layer)
{
	_cleanup_free_ char *owners = path_join(root, CONFIG_PATH);
	bool is_owners = owners && file_exists(AT_FDCWD, owners);

	if (!owners)
		return -ENOMEM;
	if (is_owners != (layer == POLICY_OWNER))
		return 0;
	return is_owners ? add_path(policy, layer, owners)
			 : add_place(policy, layer, root, CONFIG_VENDOR_PATH);
}

static int load(Policy *policy, const char *root)
{
	int r = add_main(policy, root, POLICY_VENDOR);

	if (r >= 0)
		r = add_folder(policy, POLICY_VENDOR, root, &drop_ins[0]);
	if (r >= 0)
		r = add_main(policy, root, POLICY_OWNER);
	if (r >= 0)
		r = add_folder(policy, POLICY_OWNER, root, &drop_ins[1]);
	if (r >= 0)
		r = add_place(policy, POLICY_COMMAND, root, POLICY_OWNER_PATH);
	for (size_t i = 0; r >= 0 && managed[i]; i++)
		r = add_folder(policy, POLICY_MANAGED, root, &managed[i]);
	return r < 0 ? r : policy_settle(policy);
}

int policy_load(const char *root, Policy **ret_policy)
{
	_cleanup_policy_ Policy *policy = policy_new();
	int r = policy ? load(policy, root) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_policy = TAKE_PTR(policy);
	return 0;
}
