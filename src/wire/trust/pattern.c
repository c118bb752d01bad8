/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/pattern.h"

#include <stdint.h>
#include <string.h>

/* A part of a text, between two slashes. */
typedef struct Span {
	const char *at, *end;
} Span;

/* Takes one character of UTF-8 off the front; a byte that is none counts as one of its own, which
 * no character equals. */
static uint32_t take_character(Span *span)
{
	uint8_t first = (uint8_t)*span->at++;
	int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t value = first;

	if (first >= 0x80 && (more == 0 || span->end - span->at < more))
		return UINT32_MAX - first;
	while (more-- > 0)
		value = value << 8 | (uint8_t)*span->at++;
	return value;
}

/* The end of the set that begins behind a `[`: its `]`, or NULL. One that stands first is a member.
 */
static const char *end_of_set(Span set)
{
	if (set.at < set.end && *set.at == '!')
		set.at++;
	return set.at < set.end ? memchr(set.at + 1, ']', (size_t)(set.end - set.at) - 1) : NULL;
}

/* `set`: what stands between the brackets. */
static bool is_in_set(Span set, uint32_t character)
{
	bool negated = *set.at == '!', found = false;

	set.at += negated;
	while (set.at < set.end) {
		uint32_t low = take_character(&set), high = low;

		if (set.end - set.at >= 2 && *set.at == '-') {
			set.at++;
			high = take_character(&set);
		}
		found |= low <= character && character <= high;
	}
	return found != negated;
}

/* Takes one element off the pattern; whether it stands for the character. */
static bool take_element(Span *pattern, uint32_t character)
{
	const char *end;
	Span set;

	if (*pattern->at == '?') {
		pattern->at++;
		return true;
	}
	if (*pattern->at != '[')
		return take_character(pattern) == character;
	set = (Span){pattern->at + 1, pattern->end};
	end = end_of_set(set);
	pattern->at = end ? end + 1 : set.at;
	return end ? is_in_set((Span){set.at, end}, character) : character == '[';
}

/* Where a character does not fit, the last star takes one more. That suffices: an earlier star
 * could only give the later ones less to choose from. */
static bool component_matches(Span pattern, Span path)
{
	Span star = {}, retry = {};

	while (path.at < path.end) {
		if (pattern.at < pattern.end && *pattern.at == '*') {
			pattern.at++;
			star = pattern;
			retry = path;
			continue;
		}
		if (pattern.at < pattern.end && take_element(&pattern, take_character(&path)))
			continue;
		if (!star.at)
			return false;
		take_character(&retry);
		pattern = star;
		path = retry;
	}
	while (pattern.at < pattern.end && *pattern.at == '*')
		pattern.at++;
	return pattern.at == pattern.end;
}

bool pattern_matches(const char *pattern, const char *path)
{
	for (;;) {
		Span one = {pattern, pattern + strcspn(pattern, "/")};
		Span other = {path, path + strcspn(path, "/")};

		if (!component_matches(one, other) || *one.end != *other.end)
			return false;
		if (!*one.end)
			return true;
		pattern = one.end + 1;
		path = other.end + 1;
	}
}
