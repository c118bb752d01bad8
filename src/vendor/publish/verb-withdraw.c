/* SPDX-License-Identifier: Apache-2.0 */
/* withdraw: the vendor's word that an improvement must stop, or be taken off. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "vendor/publish/edit.h"
#include "vendor/publish/verbs.h"
#include "wire/improvement/index-schema.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

/* What is said of one improvement, in all channels alike. */
typedef struct Word {
	int level; /* WithdrawalLevel */
	uint64_t replacement;
	char *reason;
	SCHEMA_LIST(char *) images; /* that are to blame */
} Word;

static void word_done(Word *word)
{
	for (size_t i = 0; i < word->images.count; i++)
		free(word->images.items[i]);
	free(word->images.items);
	free(word->reason);
}

/* A letter alone is one of the same version, whichever that is. */
static int find_replacement(const Letter *letter, Word *word, Reason *reason)
{
	_cleanup_free_ char *version = NULL;
	const char *label = arguments.replacement;
	int r = label_parse(label, &word->replacement);

	if (r < 0)
		r = edit_parse_label(label, &version, &word->replacement, reason);
	if (r < 0)
		return r;
	if ((version && strcmp(version, letter->base->version) != 0) ||
		word->replacement == letter->sequence)
		return reason_set(reason, -EINVAL, "--replacement %s cannot replace %s", label,
			letter->shown);
	if (channels_withdrawal(letter->channels, word->replacement))
		return reason_set(reason, -EINVAL, "--replacement %s is withdrawn itself", label);
	if (!channels_listed(letter->channels, word->replacement))
		return reason_set(reason, -ENOENT,
			"--replacement %s is not published for base %s; publish it, and say this "
			"again",
			label, letter->base->name);
	return 0;
}

/* The word before, and what of it cannot be taken back: devices have obeyed it. */
static int check_before(
	const Letter *letter, const Withdrawal *before, const Word *word, Reason *reason)
{
	if (word->level < before->level)
		return reason_set(reason, -EINVAL,
			"%s for base %s is withdrawn at level %s, which cannot be taken back, "
			"since devices have obeyed; publish the fix again under a new letter",
			letter->shown, letter->base->name, index_withdrawal_levels[before->level]);
	return 0;
}

/* An improvement that stays on offer and has the image; NULL: none has. */
static const Improvement *who_keeps(const Letter *letter, const Digest *image)
{
	for (size_t i = 0; i < letter->channels->list.count; i++) {
		const Index *index = &letter->channels->list.items[i].index;

		for (size_t j = 0; j < index->improvements.count; j++) {
			const Improvement *other = &index->improvements.items[j];

			if (other->sequence == letter->sequence ||
				channels_withdrawal(letter->channels, other->sequence))
				continue;
			for (size_t k = 0; k < other->images.count; k++)
				if (digest_equal(&other->images.items[k].sha256, image))
					return other;
		}
	}
	return NULL;
}

static int add_blamed(Word *word, const Digest *image)
{
	char text[DIGEST_TEXT_SIZE];
	int r = memory_grow(&word->images.items, word->images.count, sizeof(char *));

	digest_to_text(image, text);
	if (r == 0)
		word->images.items[word->images.count] = memory_string(text);
	if (r < 0 || !word->images.items[word->images.count])
		return -ENOMEM;
	word->images.count++;
	return 0;
}

static int refuse_kept(
	const Letter *letter, const IndexImage *image, const Improvement *keeper, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(letter->base->version, keeper->sequence, label);
	return reason_set(reason, -EINVAL,
		"%s for base %s has the same image of component %s, and would not be installed any "
		"more; withdraw it first",
		label, letter->base->name, image->component);
}

static bool is_named(const char *component)
{
	for (size_t i = 0; i < arguments.chosen.count; i++)
		if (strcmp(arguments.chosen.items[i], component) == 0)
			return true;
	return false;
}

static int blame_image(const Letter *letter, const IndexImage *image, Word *word, Reason *reason)
{
	const Improvement *keeper = who_keeps(letter, &image->sha256);

	if (keeper && arguments.chosen.count > 0)
		return refuse_kept(letter, image, keeper, reason);
	return keeper ? 0 : add_blamed(word, &image->sha256);
}

static int check_named(const Letter *letter, const Improvement *improvement, Reason *reason)
{
	for (size_t i = 0; i < arguments.chosen.count; i++) {
		bool is_there = false;

		for (size_t j = 0; j < improvement->images.count; j++)
			is_there |= strcmp(arguments.chosen.items[i],
					    improvement->images.items[j].component) == 0;
		if (!is_there)
			return reason_set(reason, -ENOENT, "%s for base %s has no component %s",
				letter->shown, letter->base->name, arguments.chosen.items[i]);
	}
	return 0;
}

/* What is carried over in one that stays, or came from one, is not to blame, unless the vendor says
 * so by its name. */
static int blame(const Letter *letter, const Improvement *improvement, Word *word, Reason *reason)
{
	int r = check_named(letter, improvement, reason);

	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		if (arguments.chosen.count == 0 || is_named(image->component))
			r = blame_image(letter, image, word, reason);
	}
	return r;
}

static int take_reason(const Letter *letter, const Withdrawal *before, Word *word, Reason *reason)
{
	if (!arguments.reason && !before)
		return reason_set(reason, -EINVAL,
			"say why %s is withdrawn, for everybody who has it: --reason TEXT",
			letter->shown);
	word->reason = memory_string(arguments.reason ? arguments.reason : before->reason);
	return word->reason ? 0 : -ENOMEM;
}

static int compose(const Letter *letter, const Withdrawal *before, Word *word, Reason *reason)
{
	const Improvement *improvement = channels_listed(letter->channels, letter->sequence);
	int r = 0;

	if (before) {
		r = check_before(letter, before, word, reason);
		word->replacement = before->replacement;
	}
	if (r == 0)
		r = take_reason(letter, before, word, reason);
	if (r == 0 && arguments.replacement)
		r = find_replacement(letter, word, reason);
	/* once it is said which, that stays */
	for (size_t i = 0; r == 0 && before && i < before->images.count; i++) {
		Digest image;

		r = digest_from_text(before->images.items[i], &image);
		r = r < 0 ? r : add_blamed(word, &image);
	}
	if (r == 0 && improvement && word->level == WITHDRAWAL_REVERT && word->images.count == 0)
		r = blame(letter, improvement, word, reason);
	return r;
}

static int copy_images(const Word *word, Withdrawal *withdrawal)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < word->images.count; i++) {
		r = memory_grow(
			&withdrawal->images.items, withdrawal->images.count, sizeof(char *));
		if (r < 0)
			return r;
		withdrawal->images.items[i] = memory_string(word->images.items[i]);
		r = withdrawal->images.items[i] ? 0 : -ENOMEM;
		withdrawal->images.count += r == 0;
	}
	return r;
}

/* Replaces what the channel said of it. */
static int write_word(const Letter *letter, Channel *channel, const Word *word)
{
	Index *index = &channel->index;
	Withdrawal *withdrawal = (Withdrawal *)index_withdrawal(index, letter->sequence);
	int r = 0;

	if (!withdrawal) {
		r = memory_grow(
			&index->withdrawals.items, index->withdrawals.count, sizeof(*withdrawal));
		if (r < 0)
			return r;
		withdrawal = &index->withdrawals.items[index->withdrawals.count++];
	}
	index_withdrawal_clear(withdrawal);
	*withdrawal = (Withdrawal){
		.sequence = letter->sequence,
		.level = word->level,
		.issued = letter->now,
		.reason = memory_string(word->reason),
		.replacement = word->replacement,
	};
	channel->changed = true;
	return withdrawal->reason ? copy_images(word, withdrawal) : -ENOMEM;
}

static int describe(const Letter *letter, const Word *word, json_t *entry)
{
	json_t *channels = json_array(), *images = json_array();
	int r = 0;

	for (size_t i = 0; i < letter->channels->list.count; i++)
		r |= json_array_append_new(
			channels, json_string(letter->channels->list.items[i].index.channel));
	for (size_t i = 0; i < word->images.count; i++)
		r |= json_array_append_new(images, json_string(word->images.items[i]));
	r |= json_object_set_new(entry, "channels", channels);
	r |= json_object_set_new(entry, "images", images);
	r |= json_object_set_new(entry, "level", json_string(index_withdrawal_levels[word->level]));
	r |= json_object_set_new(entry, "reason", json_string(word->reason));
	if (word->replacement > 0) {
		char label[LABEL_TEXT_SIZE];

		label_machine(letter->base->version, word->replacement, label);
		r |= json_object_set_new(entry, "replacement", json_string(label));
	}
	return r < 0 ? -ENOMEM : 0;
}

static bool is_said(const Withdrawal *before, const Word *word)
{
	return before && before->level == word->level &&
		strcmp(before->reason, word->reason) == 0 &&
		before->replacement == word->replacement;
}

static int withdraw(const Letter *letter, json_t *entry, Reason *reason)
{
	const Withdrawal *before = channels_withdrawal(letter->channels, letter->sequence);
	_cleanup_(word_done)
		Word word = {.level = text_index(index_withdrawal_levels, arguments.level)};
	int r;

	if (letter->sequence > channels_newest(letter->channels))
		return reason_set(reason, EDIT_ABSENT, "%s was never published for base %s",
			letter->shown, letter->base->name);
	r = compose(letter, before, &word, reason);
	if (r < 0)
		return r;
	if (is_said(before, &word))
		return reason_set(reason, EDIT_DONE,
			"%s for base %s is withdrawn at level %s already", letter->shown,
			letter->base->name, arguments.level);
	r = describe(letter, &word, entry);
	for (size_t i = 0; r == 0 && i < letter->channels->list.count; i++)
		r = write_word(letter, &letter->channels->list.items[i], &word);
	return r;
}

static void print(const json_t *entry)
{
	static const char *const effects[] = {
		[WITHDRAWAL_ADVISE] = "nobody is offered it any more, and who has it keeps it",
		[WITHDRAWAL_STOP] = "where it waits for a restart it will not become active",
		[WITHDRAWAL_REVERT] = "devices that have it take it off at their next check",
	};

	printf("Withdrawn (%s): %s for base %s: %s\n", document_text(entry, "level"),
		document_text(entry, "label"), document_text(entry, "base"),
		effects[text_index(index_withdrawal_levels, document_text(entry, "level"))]);
}

int verb_withdraw(int count, char **operands)
{
	if (!arguments.level || text_index(index_withdrawal_levels, arguments.level) < 0) {
		log_error("the form is: withdraw LABEL... --level advise|stop|revert --reason TEXT "
			  "[--replacement LABEL]");
		return EXIT_USAGE;
	}
	if (arguments.reason &&
		(strlen(arguments.reason) > INDEX_SENTENCE_BYTES || arguments.reason[0] == '\0' ||
			!text_is_printable(arguments.reason))) {
		log_error("--reason wants one line of up to %d bytes", INDEX_SENTENCE_BYTES);
		return EXIT_USAGE;
	}
	return edit_run(&(Edit){"withdraw", withdraw, print}, count, operands);
}
