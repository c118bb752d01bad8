/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Cvss: the base score of the Common Vulnerability Scoring System 3.1 (FIRST), which follows from
 * its vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H". The eight base metrics, each once and
 * in this order.
 */
#include <stdbool.h>

#define CVSS_VECTOR_BYTES 44

bool cvss_is_vector(const char *text);

/* The score in tenths, 0 to 100; of a text that is a vector. */
unsigned cvss_score(const char *vector);

/* "NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL" */
const char *cvss_severity(unsigned score);
