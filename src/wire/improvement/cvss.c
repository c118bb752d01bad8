/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/cvss.h"

#include <stddef.h>
#include <string.h>

#define HEAD "CVSS:3.1"

typedef enum Metric { AV, AC, PR, UI, SCOPE, C, I, A, METRICS } Metric;

/* Section 7.4 of the specification; a metric's values and their weights. */
static const struct {
	const char *name, *values;
	double weights[4];
} metrics[] = {
	[AV] = {"/AV:", "NALP", {0.85, 0.62, 0.55, 0.2}},
	[AC] = {"/AC:", "LH", {0.77, 0.44}},
	[PR] = {"/PR:", "NLH", {0.85, 0.62, 0.27}},
	[UI] = {"/UI:", "NR", {0.85, 0.62}},
	[SCOPE] = {"/S:", "UC", {0, 1}},
	[C] = {"/C:", "HLN", {0.56, 0.22, 0}},
	[I] = {"/I:", "HLN", {0.56, 0.22, 0}},
	[A] = {"/A:", "HLN", {0.56, 0.22, 0}},
};
static const double changed_privileges[] = {0.85, 0.68, 0.5}; /* PR where the scope changes */

/* Which value each metric has. */
static bool parse(const char *text, size_t ret_values[static METRICS])
{
	if (strncmp(text, HEAD, strlen(HEAD)) != 0)
		return false;
	text += strlen(HEAD);
	for (size_t i = 0; i < METRICS; i++) {
		size_t length = strlen(metrics[i].name);
		const char *value;

		if (strncmp(text, metrics[i].name, length) != 0 || !text[length])
			return false;
		value = strchr(metrics[i].values, text[length]);
		if (!value)
			return false;
		ret_values[i] = (size_t)(value - metrics[i].values);
		text += length + 1;
	}
	return *text == '\0';
}

bool cvss_is_vector(const char *text)
{
	size_t values[METRICS];

	return parse(text, values);
}

static double impact_of(const double *weights, bool changed)
{
	double left = (1 - weights[C]) * (1 - weights[I]) * (1 - weights[A]), base = 1 - left;
	double power = 1;

	if (!changed)
		return 6.42 * base;
	for (int i = 0; i < 15; i++)
		power *= base - 0.02;
	return 7.52 * (base - 0.029) - 3.25 * power;
}

/* Appendix A: up to the next tenth, whatever floating point makes of the fifth digit. */
static unsigned round_up(double score)
{
	unsigned fine = (unsigned)(score * 100000 + 0.5);

	return fine / 10000 + (fine % 10000 > 0);
}

unsigned cvss_score(const char *vector)
{
	double weights[METRICS], impact, score;
	size_t values[METRICS];
	bool changed;

	if (!parse(vector, values))
		return 0;
	for (size_t i = 0; i < METRICS; i++)
		weights[i] = metrics[i].weights[values[i]];
	changed = weights[SCOPE] > 0;
	if (changed)
		weights[PR] = changed_privileges[values[PR]];
	impact = impact_of(weights, changed);
	if (impact <= 0)
		return 0;
	score = impact + 8.22 * weights[AV] * weights[AC] * weights[PR] * weights[UI];
	score *= changed ? 1.08 : 1;
	return round_up(score < 10 ? score : 10);
}

const char *cvss_severity(unsigned score)
{
	static const struct {
		unsigned least;
		const char *word;
	} ratings[] = {{90, "CRITICAL"}, {70, "HIGH"}, {40, "MEDIUM"}, {1, "LOW"}, {0, "NONE"}};
	size_t i = 0;

	while (score < ratings[i].least)
		i++;
	return ratings[i].word;
}
