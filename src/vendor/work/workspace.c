/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/work/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/files/document-file.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

#define BASES_MAX 4096

static const SchemaField base_fields[] = {
	SCHEMA_FIELD(Base, name, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(Base, product, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(Base, key, TEXT, .max = IDENTITY_KEY_MAX),
	SCHEMA_FIELD(Base, version, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(Base, root, TEXT, .max = PATH_TEXT_MAX),
	SCHEMA_FIELD(Base, retired, FLAG, .optional = true),
	{},
};

static const SchemaField list_fields[] = {
	SCHEMA_FIELD(BaseList, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(BaseList, bases, LIST, .max = BASES_MAX, SCHEMA_OF(base_fields, Base)),
	{},
};

void base_list_clear(BaseList *list)
{
	schema_clear(list_fields, list);
}

char *workspace_path(const Workspace *workspace, const char *name)
{
	return path_join(workspace->path, name);
}

static int make_folder(const char *path, Reason *reason)
{
	int r = path_make_directories(AT_FDCWD, path, 0755);

	return r < 0 ? reason_errno(reason, r, "cannot make %s", path) : 0;
}

int workspace_make_private(const Workspace *workspace, const char *name, Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, name);
	int r = path ? path_make_directories(AT_FDCWD, path, 0700) : -ENOMEM;

	return r < 0 ? reason_errno(reterr_reason, r, "cannot make %s", path ? path : name) : 0;
}

static int resolve(const char *path, char **ret_absolute, Reason *reason)
{
	char *absolute = realpath(path, NULL);

	if (!absolute)
		return reason_set(reason, -errno,
			"there is no repository at %s; "
			"'suture-publish init' makes one",
			path);
	*ret_absolute = absolute;
	return 0;
}

static int choose_path(const Workspace *workspace, const char *path, char **ret_path)
{
	*ret_path = path ? memory_string(path) : memory_printf("%s.work", workspace->repository);
	return *ret_path ? 0 : -ENOMEM;
}

/* Links on the way to it are followed once, here; below it nothing is reached through one. */
static int find_work(Workspace *workspace, const char *path, Reason *reason)
{
	workspace->path = realpath(path, NULL);
	return workspace->path ? 0
			       : reason_set(reason, -errno,
					 "%s is missing, where the publisher keeps its work; say "
					 "where it is with --work",
					 path);
}

static int take_lock(Workspace *workspace, Reason *reason)
{
	workspace->lock = open(workspace->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (workspace->lock < 0)
		return reason_errno(reason, -errno, "cannot open %s", workspace->path);
	if (flock(workspace->lock, LOCK_EX | LOCK_NB) < 0)
		return reason_set(reason, -EBUSY, "another suture-publish is working on %s",
			workspace->repository);
	return 0;
}

static int load_bases(Workspace *workspace, Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, WORKSPACE_BASES);

	workspace->list.schema = 1;
	if (!path)
		return -ENOMEM;
	if (!file_exists(AT_FDCWD, path))
		return 0;
	return document_file_load(path, list_fields, &workspace->list, reason);
}

int workspace_open(Workspace *workspace, const char *repository, const char *path, bool create,
	Reason *reterr_reason)
{
	_cleanup_free_ char *work = NULL;
	int r;

	*workspace = (Workspace){.lock = -1};
	r = create ? make_folder(repository, reterr_reason) : 0;
	if (r == 0)
		r = resolve(repository, &workspace->repository, reterr_reason);
	if (r == 0)
		r = choose_path(workspace, path, &work);
	if (r == 0 && create)
		r = make_folder(work, reterr_reason);
	if (r == 0)
		r = find_work(workspace, work, reterr_reason);
	if (r == 0)
		r = take_lock(workspace, reterr_reason);
	return r < 0 ? r : load_bases(workspace, reterr_reason);
}

int workspace_open_alone(Workspace *workspace, const char *repository, Reason *reterr_reason)
{
	*workspace = (Workspace){.lock = -1};
	return resolve(repository, &workspace->repository, reterr_reason);
}

int workspace_open_to_read(
	Workspace *workspace, const char *repository, const char *path, Reason *reterr_reason)
{
	_cleanup_free_ char *work = NULL;
	int r = workspace_open_alone(workspace, repository, reterr_reason);

	if (r == 0)
		r = choose_path(workspace, path, &work);
	if (r == 0)
		r = find_work(workspace, work, reterr_reason);
	return r < 0 ? r : load_bases(workspace, reterr_reason);
}

void workspace_unlock(Workspace *workspace)
{
	workspace->lock = fd_close(workspace->lock);
}

void workspace_done(Workspace *workspace)
{
	free(workspace->repository);
	free(workspace->path);
	base_list_clear(&workspace->list);
	workspace->lock = fd_close(workspace->lock);
}

int workspace_find_base(
	const Workspace *workspace, const char *name, const Base **ret_base, Reason *reterr_reason)
{
	for (size_t i = 0; i < workspace->list.bases.count; i++)
		if (strcmp(workspace->list.bases.items[i].name, name) == 0) {
			*ret_base = &workspace->list.bases.items[i];
			return 0;
		}
	return reason_set(reterr_reason, -ENOENT,
		"no base is registered under the name %s; 'suture-publish base add' does it", name);
}

/* The base key behind its version: variant and architecture. */
static const char *kind_of(const Base *base)
{
	const char *rest = base->key + strlen(base->version);

	return rest + strcspn(rest, "_"); /* "+" and the image's version */
}

bool workspace_is_one_line(const Base *base, const Base *other)
{
	return strcmp(base->product, other->product) == 0 &&
		strcmp(kind_of(base), kind_of(other)) == 0;
}

char *workspace_role(const Base *base)
{
	char *role = memory_printf("%s_%s", base->product, base->key);

	/* a plus has two forms in an address, and a web server may know the file by the other one;
	 * a tilde has one, and is in no key */
	for (char *c = role; c && (c = strchr(c, '+')); c++)
		*c = '~';
	return role;
}

/* Product and key in one: "a_b" and "c" would share their role with "a" and "b_c". */
static bool share_a_role(const Base *base, const char *product, const char *key)
{
	const Base other = {.product = (char *)product, .key = (char *)key};
	_cleanup_free_ char *role = workspace_role(base), *wanted = workspace_role(&other);

	return !role || !wanted || strcmp(role, wanted) == 0;
}

static int refuse_duplicate(const Workspace *workspace, const char *name, const char *product,
	const char *key, Reason *reason)
{
	for (size_t i = 0; i < workspace->list.bases.count; i++) {
		const Base *base = &workspace->list.bases.items[i];

		if (strcmp(base->name, name) == 0)
			return reason_set(reason, -EEXIST, "there is a base %s already", name);
		if (strcmp(base->product, product) == 0 && strcmp(base->key, key) == 0)
			return reason_set(reason, -EEXIST, "base %s has the same identity: %s %s",
				base->name, product, key);
		if (share_a_role(base, product, key))
			return reason_set(reason, -EEXIST,
				"base %s is signed by a role of the same name: %s_%s", base->name,
				product, key);
	}
	return 0;
}

static int find_root(const char *root, char **ret_absolute, Reason *reason)
{
	char *absolute = realpath(root, NULL);
	struct stat st;

	if (!absolute)
		return reason_errno(reason, -errno, "cannot find the root %s", root);
	if (stat(absolute, &st) < 0 || !S_ISDIR(st.st_mode)) {
		free(absolute);
		return reason_set(reason, -ENOTDIR, "the root %s is not a folder", root);
	}
	*ret_absolute = absolute;
	return 0;
}

int workspace_add_base(Workspace *workspace, const char *name, const BaseIdentity *identity,
	const char *root, Reason *reterr_reason)
{
	_cleanup_free_ char *absolute = NULL;
	char key[IDENTITY_KEY_MAX + 1];
	Base *base;
	int r = identity_base_key(identity, key, reterr_reason);

	if (r == 0 && !index_is_name(name))
		r = reason_set(reterr_reason, -EINVAL,
			"%s is no name for a base: use lower-case letters, digits and ._-", name);
	if (r == 0)
		r = refuse_duplicate(workspace, name, identity->product, key, reterr_reason);
	if (r == 0)
		r = find_root(root, &absolute, reterr_reason);
	if (r == 0)
		r = memory_grow(
			&workspace->list.bases.items, workspace->list.bases.count, sizeof(Base));
	if (r < 0)
		return r;
	base = &workspace->list.bases.items[workspace->list.bases.count++];
	*base = (Base){memory_string(name), memory_string(identity->product), memory_string(key),
		memory_string(identity->version_id), TAKE_PTR(absolute), false};
	return base->name && base->product && base->key && base->version ? 0 : -ENOMEM;
}

int workspace_bases_text(const Workspace *workspace, Buffer *buffer)
{
	_cleanup_json_ json_t *json = schema_write(list_fields, &workspace->list);

	return json ? document_write_indented(json, buffer) : -ENOMEM;
}
