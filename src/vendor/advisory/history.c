/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/history.h"

#include <errno.h>
#include <string.h>

#include "vendor/advisory/lacks.h"
#include "wire/json/document.h"

/* Says what changed, once for all the bases of which the same can be said. */
static int tell(AdvisoryEntry *entry, const char *text)
{
	const char *news = (const char *)entry->news.data, *same = news ? strstr(news, text) : NULL;
	int r = 0;

	if (same && (same == news || same[-1] == ' ')) /* not the end of another label */
		return 0;
	if (entry->news.size > 0)
		r = buffer_text(&entry->news, " ");
	return r < 0 ? r : buffer_text(&entry->news, text);
}

static int tell_label(AdvisoryEntry *entry, const char *version, uint64_t sequence,
	const char *what, const char *more)
{
	char label[LABEL_TEXT_SIZE];
	_cleanup_free_ char *text = NULL;

	label_machine(version, sequence, label);
	text = memory_printf("%s %s%s%s.", label, what, more ? ": " : "", more ? more : "");
	return text ? tell(entry, text) : -ENOMEM;
}

/* -- releases -- */

static bool is_of_index(const AdvisoryRelease *release, const Index *index)
{
	return strcmp(release->product, index->product) == 0 &&
		strcmp(release->base, index->base) == 0;
}

static AdvisoryRelease *find_release(
	const Advisory *advisory, const Index *index, uint64_t sequence)
{
	for (size_t i = 0; i < advisory->releases.count; i++)
		if (is_of_index(&advisory->releases.items[i], index) &&
			advisory->releases.items[i].sequence == sequence)
			return &advisory->releases.items[i];
	return NULL;
}

static bool is_known(const AdvisoryList *list, const Index *index, uint64_t sequence)
{
	for (size_t i = 0; i < list->count; i++) {
		const AdvisoryRelease *release =
			find_release(&list->items[i].advisory, index, sequence);

		if (release && !release->carried)
			return true;
	}
	return false;
}

static bool improvement_has(const Improvement *improvement, const Fix *fix)
{
	for (size_t i = 0; i < improvement->fixes.count; i++)
		if (strcmp(improvement->fixes.items[i].cve, fix->cve) == 0 &&
			strcmp(improvement->fixes.items[i].component, fix->component) == 0)
			return true;
	return false;
}

static int add_pair(AdvisoryRelease *release, const Fix *fix)
{
	IndexFix *pair;
	int r;

	if (advisory_release_has(release, fix->cve, fix->component))
		return 0;
	r = memory_grow(&release->fixes.items, release->fixes.count, sizeof(*release->fixes.items));
	if (r < 0)
		return r;
	pair = &release->fixes.items[release->fixes.count++];
	pair->cve = memory_string(fix->cve);
	pair->component = memory_string(fix->component);
	return pair->cve && pair->component ? 0 : -ENOMEM;
}

static int copy_image(AdvisoryImage *copy, const IndexImage *image)
{
	copy->component = memory_string(image->component);
	copy->sha256 = image->sha256;
	copy->size = image->size;
	copy->payloads.items =
		memory_new_array(image->payloads.count, sizeof(*copy->payloads.items));
	if (!copy->component || !copy->payloads.items)
		return -ENOMEM;
	for (size_t i = 0; i < image->payloads.count; i++) {
		const Payload *payload = &image->payloads.items[i];
		AdvisoryPayload *into = &copy->payloads.items[copy->payloads.count++];

		*into = (AdvisoryPayload){payload->kind, memory_string(payload->encoding),
			payload->sha256, payload->size};
		if (!into->encoding)
			return -ENOMEM;
	}
	return 0;
}

static int copy_images(AdvisoryRelease *release, const Improvement *improvement)
{
	int r = 0;

	release->images.items =
		memory_new_array(improvement->images.count, sizeof(*release->images.items));
	if (!release->images.items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		r = copy_image(&release->images.items[release->images.count++], image);
		if (image->restart > release->restart)
			release->restart = image->restart;
	}
	return r;
}

static int fill_release(AdvisoryRelease *release, const Index *index,
	const Improvement *improvement, const Fixes *fixes)
{
	int r = 0;

	release->product = memory_string(index->product);
	release->base = memory_string(index->base);
	release->version = memory_string(index->base_version);
	release->summary = memory_string(improvement->summary);
	release->sequence = improvement->sequence;
	release->published = improvement->published;
	release->urgency = improvement->urgency;
	if (!release->product || !release->base || !release->version || !release->summary)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < fixes->fixes.count; i++)
		if (improvement_has(improvement, &fixes->fixes.items[i]))
			r = add_pair(release, &fixes->fixes.items[i]);
	return r < 0 ? r : copy_images(release, improvement);
}

static int by_base(const void *a, const void *b)
{
	const AdvisoryRelease *left = a, *right = b;
	int r = strcmp(left->product, right->product);

	if (r == 0)
		r = strcmp(left->base, right->base);
	if (r == 0)
		r = left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
	return r;
}

static int add_release(AdvisoryEntry *entry, const Index *index, const Improvement *improvement,
	const Fixes *fixes, bool carried)
{
	Advisory *advisory = &entry->advisory;
	AdvisoryRelease *release = find_release(advisory, index, improvement->sequence);
	int r;

	if (release) /* two of its drafts bring this advisory */
		return 0;
	r = memory_grow(
		&advisory->releases.items, advisory->releases.count, sizeof(AdvisoryRelease));
	if (r < 0)
		return r;
	release = &advisory->releases.items[advisory->releases.count++];
	release->carried = carried;
	r = fill_release(release, index, improvement, fixes);
	qsort(advisory->releases.items, advisory->releases.count, sizeof(*release), by_base);
	return r < 0
		? r
		: tell_label(entry, index->base_version, improvement->sequence,
			  carried ? "is published, with these fixes too" : "is published", NULL);
}

/* -- texts -- */

static AdvisoryEntry *find_advisory(const AdvisoryList *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].advisory.fixes->id, id) == 0)
			return &list->items[i];
	return NULL;
}

static int new_advisory(AdvisoryList *list, Fixes *fixes, Reason *reason)
{
	Advisory advisory = {.schema = 1, .fixes = memory_new(sizeof(Fixes))};
	int r;

	if (!advisory.fixes)
		return -ENOMEM;
	*advisory.fixes = *fixes;
	*fixes = (Fixes){};
	r = advisory_list_add(list, &advisory, reason);
	if (r < 0)
		advisory_clear(&advisory);
	return r;
}

static bool fixes_have(const Fixes *fixes, const Fix *fix)
{
	for (size_t i = 0; i < fixes->fixes.count; i++)
		if (strcmp(fixes->fixes.items[i].cve, fix->cve) == 0 &&
			strcmp(fixes->fixes.items[i].component, fix->component) == 0)
			return true;
	return false;
}

/* The newer text counts. What only the older one tells of is fixed all the same. */
static int take_text(AdvisoryEntry *entry, Fixes *fixes, Reason *reason)
{
	Fixes *old = entry->advisory.fixes, newer;

	for (size_t i = 0; i < old->fixes.count; i++) {
		Fix *fix = &old->fixes.items[i];

		if (fixes_have(fixes, fix))
			continue;
		if (fixes->fixes.count == FIXES_MAX)
			return reason_set(reason, -EINVAL,
				"advisory %s would have more than %d fixes; give the next ones "
				"another id",
				old->id, FIXES_MAX);
		if (memory_grow(&fixes->fixes.items, fixes->fixes.count, sizeof(*fix)) < 0)
			return -ENOMEM;
		fixes->fixes.items[fixes->fixes.count++] = *fix;
		*fix = (Fix){};
	}
	newer = *fixes;
	*fixes = *old;
	*old = newer;
	return 0;
}

static int take_fixes(AdvisoryList *list, const Index *index, const Improvement *improvement,
	Fixes *fixes, Reason *reason)
{
	_cleanup_free_ char *id = memory_string(fixes->id);
	AdvisoryEntry *entry = id ? find_advisory(list, id) : NULL;
	int r;

	if (!id)
		return -ENOMEM;
	r = entry ? take_text(entry, fixes, reason) : new_advisory(list, fixes, reason);
	if (r < 0)
		return r;
	entry = find_advisory(list, id);
	return add_release(entry, index, improvement, entry->advisory.fixes, false);
}

static int refuse_notes(
	const Index *index, const Improvement *improvement, const Reason *why, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_machine(index->base_version, improvement->sequence, label);
	return reason_set(reason, -EBADMSG, "the notes of %s for %s %s: %s", label, index->product,
		index->base, why->text);
}

static int take_improvement(AdvisoryList *list, const Index *index, const Improvement *improvement,
	HistoryNotes notes, void *context, Reason *reason)
{
	_cleanup_fixes_list_ FixesList texts = {};
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	int r;

	if (!improvement->notes || is_known(list, index, improvement->sequence))
		return 0;
	r = notes(context, improvement->notes, &data, reason);
	if (r == 0)
		r = fixes_list_read(data, improvement->notes->size, &texts, &why);
	if (r == -EBADMSG)
		return refuse_notes(index, improvement, &why, reason);
	for (size_t i = 0; r == 0 && i < texts.notes.count; i++)
		r = take_fixes(list, index, improvement, &texts.notes.items[i], reason);
	return r;
}

/* -- what becomes of them -- */

static int note_withdrawal(
	AdvisoryEntry *entry, AdvisoryRelease *release, const Withdrawal *withdrawal)
{
	AdvisoryWithdrawal *old = release->withdrawal;
	char *reason;

	if (old && old->level == withdrawal->level && old->issued == withdrawal->issued &&
		old->replacement == withdrawal->replacement &&
		strcmp(old->reason, withdrawal->reason) == 0)
		return 0;
	reason = memory_string(withdrawal->reason);
	if (!old)
		old = release->withdrawal = memory_new(sizeof(*old));
	if (!reason || !old) {
		free(reason);
		return -ENOMEM;
	}
	free(old->reason);
	*old = (AdvisoryWithdrawal){
		withdrawal->level, withdrawal->issued, reason, withdrawal->replacement};
	return tell_label(entry, release->version, release->sequence, "is withdrawn", reason);
}

/* The first that is listed with the fix and not withdrawn; they are listed newest first. */
static const Improvement *find_carrier(const Index *index, const Fix *fix)
{
	for (size_t i = index->improvements.count; i > 0; i--) {
		const Improvement *improvement = &index->improvements.items[i - 1];

		if (!index_withdrawal(index, improvement->sequence) &&
			improvement_has(improvement, fix))
			return improvement;
	}
	return NULL;
}

/* A release of the base that has the fix; NULL where it never had it. */
static const AdvisoryRelease *find_with_fix(
	const Advisory *advisory, const Index *index, const Fix *fix)
{
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (is_of_index(release, index) &&
			advisory_release_has(release, fix->cve, fix->component))
			return release;
	}
	return NULL;
}

/* For every fix whose releases are all withdrawn. */
static int note_replacements(AdvisoryEntry *entry, const Index *index)
{
	const Advisory *advisory = &entry->advisory;
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];
		const AdvisoryRelease *of = find_with_fix(advisory, index, fix);
		const Improvement *carrier;

		if (!of || advisory_remedy(advisory, of, fix->cve, fix->component))
			continue;
		carrier = find_carrier(index, fix);
		if (carrier)
			r = add_release(entry, index, carrier, advisory->fixes, true);
	}
	return r;
}

static int note_withdrawals(AdvisoryEntry *entry, const Index *index)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < entry->advisory.releases.count; i++) {
		AdvisoryRelease *release = &entry->advisory.releases.items[i];
		const Withdrawal *withdrawal = is_of_index(release, index)
			? index_withdrawal(index, release->sequence)
			: NULL;

		if (withdrawal)
			r = note_withdrawal(entry, release, withdrawal);
	}
	return r < 0 ? r : note_replacements(entry, index);
}

static bool knows_inclusion(
	const Advisory *advisory, const Index *index, const Inclusion *inclusion)
{
	for (size_t i = 0; i < advisory->includes.count; i++) {
		const AdvisoryInclusion *known = &advisory->includes.items[i];

		if (strcmp(known->product, index->product) == 0 &&
			strcmp(known->base, index->base) == 0 &&
			strcmp(known->from, inclusion->base) == 0 &&
			known->sequence == inclusion->sequence)
			return true;
	}
	return false;
}

/* What the older base got by then. What was withdrawn is not carried by what came later, and what
 * is said to be lacking all the same is not there. */
static bool brings(
	const Advisory *advisory, const Index *index, const Inclusion *inclusion, const char *cve)
{
	if (lacks_cve(lacks_of(index), cve))
		return false;
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (strcmp(release->product, index->product) == 0 &&
			strcmp(release->base, inclusion->base) == 0 &&
			(release->sequence == inclusion->sequence ||
				(release->sequence < inclusion->sequence &&
					!release->withdrawal)) &&
			advisory_release_has_cve(release, cve))
			return true;
	}
	return false;
}

static bool concerns(const Advisory *advisory, const Index *index, const Inclusion *inclusion)
{
	for (size_t i = 0; i < advisory->fixes->fixes.count; i++)
		if (brings(advisory, index, inclusion, advisory->fixes->fixes.items[i].cve))
			return true;
	return false;
}

static int add_cves(AdvisoryInclusion *into, const Advisory *advisory, const Index *index,
	const Inclusion *inclusion)
{
	for (size_t i = 0; i < advisory->fixes->fixes.count; i++) {
		const char *cve = advisory->fixes->fixes.items[i].cve;
		char **slot;

		if (!advisory_is_first_of_cve(advisory, i) ||
			!brings(advisory, index, inclusion, cve))
			continue;
		if (memory_grow(&into->cves.items, into->cves.count, sizeof(*slot)) < 0)
			return -ENOMEM;
		slot = &into->cves.items[into->cves.count++];
		*slot = memory_string(cve);
		if (!*slot)
			return -ENOMEM;
	}
	return 0;
}

static bool has_all(const Advisory *advisory, const AdvisoryInclusion *inclusion)
{
	size_t count = 0;

	for (size_t i = 0; i < advisory->fixes->fixes.count; i++)
		count += advisory_is_first_of_cve(advisory, i);
	return inclusion->cves.count == count;
}

static int note_inclusion(AdvisoryEntry *entry, const Index *index, const Inclusion *inclusion)
{
	Advisory *advisory = &entry->advisory;
	AdvisoryInclusion *into;
	int r;

	if (knows_inclusion(advisory, index, inclusion) || !concerns(advisory, index, inclusion))
		return 0;
	r = memory_grow(&advisory->includes.items, advisory->includes.count, sizeof(*into));
	if (r < 0)
		return r;
	into = &advisory->includes.items[advisory->includes.count++];
	*into = (AdvisoryInclusion){memory_string(index->product), memory_string(index->base),
		memory_string(index->base_version), memory_string(inclusion->base),
		inclusion->sequence};
	if (!into->product || !into->base || !into->version || !into->from)
		return -ENOMEM;
	r = add_cves(into, advisory, index, inclusion);
	return r < 0 ? r
		     : tell_label(entry, index->base_version, 0,
			       has_all(advisory, into) ? "includes these fixes"
						       : "includes some of these fixes",
			       NULL);
}

int history_observe(AdvisoryList *list, const Index *index, HistoryNotes notes, void *context,
	Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = index->improvements.count; r == 0 && i > 0; i--)
		r = take_improvement(list, index, &index->improvements.items[i - 1], notes, context,
			reterr_reason);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		r = note_withdrawals(&list->items[i], index);
		for (size_t j = 0; r == 0 && j < index->includes.count; j++)
			r = note_inclusion(&list->items[i], index, &index->includes.items[j]);
	}
	return r;
}

/* -- corrections -- */

static int refuse_lost(const Advisory *advisory, const Fixes *fixes, Reason *reason)
{
	for (size_t i = 0; i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		if (advisory_is_released(advisory, fix) && !fixes_have(fixes, fix))
			return reason_set(reason, -EINVAL,
				"%s does not tell of %s in %s any more, which a signed index says "
				"that it fixes",
				fixes->id, fix->cve, fix->component);
	}
	return 0;
}

static int refuse_new(const Advisory *advisory, const Fixes *fixes, Reason *reason)
{
	for (size_t i = 0; i < fixes->fixes.count; i++) {
		const Fix *fix = &fixes->fixes.items[i];

		if (!fixes_have(advisory->fixes, fix))
			return reason_set(reason, -EINVAL,
				"%s tells of %s in %s, which no improvement was published with: "
				"only the next one can say so",
				fixes->id, fix->cve, fix->component);
	}
	return 0;
}

/* What nobody is shown aside. */
static json_t *shown_text(const Fixes *fixes)
{
	json_t *json = schema_write(fixes_fields, fixes);

	json_object_del(json, "schema");
	json_object_del(json, "released");
	return json;
}

static int is_same_text(const Fixes *a, const Fixes *b, bool *ret_same)
{
	_cleanup_json_ json_t *left = shown_text(a), *right = shown_text(b);

	if (!left || !right)
		return -ENOMEM;
	*ret_same = json_equal(left, right);
	return 0;
}

int history_correct(AdvisoryList *list, Fixes *fixes, const char *why, Reason *reterr_reason)
{
	AdvisoryEntry *entry = find_advisory(list, fixes->id);
	bool same = false;
	Fixes old;
	int r;

	if (!entry)
		return reason_set(reterr_reason, -ENOENT,
			"no advisory %s was published: a draft is corrected by making it again",
			fixes->id);
	r = refuse_lost(&entry->advisory, fixes, reterr_reason);
	if (r == 0)
		r = refuse_new(&entry->advisory, fixes, reterr_reason);
	if (r == 0)
		r = is_same_text(entry->advisory.fixes, fixes, &same);
	if (r < 0 || same)
		return r < 0 ? r : HISTORY_SAME_TEXT;
	old = *entry->advisory.fixes;
	*entry->advisory.fixes = *fixes;
	*fixes = old;
	return tell(entry, why);
}

/* -- revisions -- */

/* Nothing is dated before what was said last, nor before the time that a first release is planned
 * for. */
static int64_t revision_date(const Advisory *advisory, int64_t now)
{
	int64_t date = now;

	if (advisory->revisions.count > 0)
		return advisory_last_date(advisory) > now ? advisory_last_date(advisory) : now;
	for (size_t i = 0; i < advisory->releases.count; i++)
		if (advisory->releases.items[i].published > date)
			date = advisory->releases.items[i].published;
	return date;
}

static int add_revision(AdvisoryEntry *entry, int64_t now)
{
	Advisory *advisory = &entry->advisory;
	int64_t date = revision_date(advisory, now);
	AdvisoryRevision *revision;
	int r = memory_grow(
		&advisory->revisions.items, advisory->revisions.count, sizeof(*revision));

	if (r < 0)
		return r;
	revision = &advisory->revisions.items[advisory->revisions.count++];
	revision->date = date;
	revision->summary = memory_string((const char *)entry->news.data);
	buffer_done(&entry->news);
	return revision->summary ? 0 : -ENOMEM;
}

int history_close(AdvisoryList *list, int64_t now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		AdvisoryEntry *entry = &list->items[i];

		entry->changed = entry->news.size > 0;
		if (entry->changed)
			r = add_revision(entry, now);
	}
	return r;
}
