/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/component.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/path.h"
#include "base/text.h"
#include "vendor/files/document-file.h"
#include "vendor/files/tree.h"
#include "wire/improvement/index-schema.h"
#include "wire/seal/seal.h"

#define PATTERNS_MAX   4096
#define COMPONENTS_MAX 256
#define AFTER_MAX      16
#define BELOW          "/**"

static const SchemaField path_item = {
	.kind = SCHEMA_KIND_TEXT, .max = PATH_TEXT_MAX, .check = path_is_normal};
static const SchemaField after_item = {.kind = SCHEMA_KIND_WORD, .words = after_names};

static const SchemaField component_fields[] = {
	SCHEMA_FIELD(Component, name, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(Component, directories, LIST, .max = INDEX_DIRECTORIES_MAX, .item = &path_item,
		.size = sizeof(char *)),
	SCHEMA_FIELD(Component, files, LIST, .max = PATTERNS_MAX, .item = &path_item,
		.size = sizeof(char *)),
	SCHEMA_FIELD(Component, restart, WORD, .words = restart_scope_names),
	SCHEMA_FIELD(Component, mix, WORD, .words = mix_names, .optional = true),
	SCHEMA_FIELD(Component, after, LIST, .max = AFTER_MAX, .item = &after_item,
		.size = sizeof(int), .optional = true),
	SCHEMA_FIELD(Component, hosts, LIST, .max = HOSTS_MAX, .item = &path_item,
		.size = sizeof(char *), .optional = true),
	{},
};

static const SchemaField components_fields[] = {
	SCHEMA_FIELD(Components, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Components, ignore, LIST, .max = PATTERNS_MAX, .item = &path_item,
		.size = sizeof(char *), .optional = true),
	SCHEMA_FIELD(Components, components, LIST, .max = COMPONENTS_MAX,
		SCHEMA_OF(component_fields, Component)),
	{},
};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_hosts(Component *component, Reason *reason)
{
	char **hosts = component->hosts.items;

	if (component->hosts.count > 0)
		qsort(hosts, component->hosts.count, sizeof(*hosts), compare_texts);
	for (size_t i = 1; i < component->hosts.count; i++)
		if (strcmp(hosts[i - 1], hosts[i]) == 0)
			return reason_set(reason, -EBADMSG, "component %s names the host %s twice",
				component->name, hosts[i]);
	return 0;
}

/* What a seal would refuse later is refused here, where the vendor can still mend it. */
static int check_component(Component *component, Reason *reason)
{
	char **directories = component->directories.items;
	Seal seal = {};

	qsort(directories, component->directories.count, sizeof(*directories), compare_texts);
	if (component->directories.count == 0)
		return reason_set(
			reason, -EBADMSG, "component %s has no graft directory", component->name);
	for (size_t i = 0; i < component->directories.count; i++) {
		int r = seal_add_directory(&seal, directories[i], reason);

		if (r < 0)
			return r;
	}
	return check_hosts(component, reason);
}

static int check_pair(const Component *component, const Component *other, Reason *reason)
{
	for (size_t i = 0; i < component->directories.count; i++)
		for (size_t j = 0; j < other->directories.count; j++) {
			const char *one = component->directories.items[i];
			const char *two = other->directories.items[j];

			if (strcmp(one, two) != 0 &&
				(path_is_below(one, two) || path_is_below(two, one)))
				return reason_set(reason, -EINVAL,
					"directories '%s' of component %s and '%s' of component %s "
					"lie in each other; give both components the outer one",
					two, other->name, one, component->name);
		}
	return 0;
}

/* One improvement may hold them all, and no device grafts an overlay inside another. */
static int check_all(Components *components, Reason *reason)
{
	for (size_t i = 0; i < components->components.count; i++) {
		Component *component = &components->components.items[i];
		int r = check_component(component, reason);

		for (size_t j = 0; r == 0 && j < i; j++)
			r = check_pair(component, &components->components.items[j], reason);
		if (r < 0)
			return r;
	}
	return 0;
}

int components_load(const char *path, Components *ret_components, Reason *reterr_reason)
{
	_cleanup_components_ Components components = {};
	Reason why = {};
	int r = document_file_load(path, components_fields, &components, reterr_reason);

	if (r < 0)
		return r;
	r = check_all(&components, &why);
	if (r < 0)
		return reason_set(reterr_reason, r, "%s: %s", path, why.text);
	*ret_components = components;
	components = (Components){};
	return 0;
}

void components_clear(Components *components)
{
	schema_clear(components_fields, components);
}

int components_find(const Components *components, const char *name, const Component **ret,
	Reason *reterr_reason)
{
	for (size_t i = 0; i < components->components.count; i++)
		if (strcmp(components->components.items[i].name, name) == 0) {
			*ret = &components->components.items[i];
			return 0;
		}
	return reason_set(
		reterr_reason, -ENOENT, "no component is declared under the name %s", name);
}

static bool matches(const char *path, const char *pattern)
{
	size_t length = strlen(pattern);

	if (text_ends_with(pattern, BELOW)) {
		length -= strlen(BELOW);
		return strncmp(path, pattern, length) == 0 && path[length] == '/';
	}
	return fnmatch(pattern, path, FNM_PATHNAME) == 0;
}

bool component_owns(const Component *component, const char *path)
{
	for (size_t i = 0; i < component->files.count; i++)
		if (matches(path, component->files.items[i]))
			return true;
	return false;
}

int component_is_in(const Component *component, const char *root)
{
	for (size_t i = 0; i < component->files.count; i++) {
		const char *pattern = component->files.items[i];
		size_t below = text_ends_with(pattern, BELOW) ? strlen(BELOW) : 0;
		_cleanup_free_ char *first = memory_string_n(pattern, strlen(pattern) - below);
		_cleanup_free_ char *found = NULL;
		int r = first ? tree_find(root, first, &found) : -ENOMEM;

		if (r < 0 || found)
			return r < 0 ? r : 1;
	}
	return 0;
}

bool components_ignore(const Components *components, const char *path)
{
	for (size_t i = 0; i < components->ignore.count; i++)
		if (matches(path, components->ignore.items[i]))
			return true;
	return false;
}
