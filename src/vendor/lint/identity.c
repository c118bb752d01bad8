/* SPDX-License-Identifier: Apache-2.0 */
/* For which version the files say that they are. */
#include <stdio.h>
#include <string.h>

#include "vendor/lint/check.h"
#include "vendor/files/tree.h"

/* The first text that the other does not have; *ret_count: how many there are. */
static const char *missing(
	const IdentityTexts *texts, const IdentityTexts *other, size_t *ret_count)
{
	const char *first = NULL;

	*ret_count = 0;
	for (size_t i = 0, j = 0; i < texts->count; i++) {
		while (j < other->count && strcmp(other->items[j], texts->items[i]) < 0)
			j++;
		if (j < other->count && strcmp(other->items[j], texts->items[i]) == 0)
			continue;
		first = first ? first : texts->items[i];
		++*ret_count;
	}
	return first;
}

static int report(const Lint *lint, const LintFile *file, const IdentityRule *rule,
	const IdentityTexts *old, const IdentityTexts *new)
{
	size_t gone_count, come_count;
	const char *gone = missing(old, new, &gone_count);
	const char *come = missing(new, old, &come_count);
	size_t more = gone_count > come_count ? gone_count : come_count;
	char others[32] = "";

	if (!gone && !come)
		return 0;
	if (more > 1)
		snprintf(others, sizeof(others), " and %zu more", more - 1);
	return (rule->level == IDENTITY_ERROR ? lint_error : lint_warning)(lint, file,
		"changes what it says it is: '%s' becomes '%s'%s (identity rule %s); rebuild it "
		"under the base's version",
		gone ? gone : "", come ? come : "", others, rule->name);
}

static int check_rule(const Lint *lint, const LintFile *file, const IdentityRule *rule,
	const TreeBytes *old_bytes, const TreeBytes *new_bytes)
{
	_cleanup_identity_texts_ IdentityTexts old = {}, new = {};
	int r = identity_rule_find(rule, old_bytes->data, old_bytes->size, &old);

	if (r == 0)
		r = identity_rule_find(rule, new_bytes->data, new_bytes->size, &new);
	return r < 0 ? r : report(lint, file, rule, &old, &new);
}

/* A file that the base does not have is nobody's identity yet. */
int lint_check_identity(const Lint *lint, const LintFile *file)
{
	const IdentityRules *rules = lint->request->rules;
	_cleanup_tree_bytes_ TreeBytes old = {}, new = {};
	int r;

	if (!file->has_predecessor)
		return 0;
	r = tree_map(file->old_path, &old);
	if (r == 0)
		r = tree_map(file->new_path, &new);
	for (size_t i = 0; r == 0 && i < rules->count; i++)
		if (identity_rule_is_for(&rules->items[i], file->change->path))
			r = check_rule(lint, file, &rules->items[i], &old, &new);
	return r;
}
