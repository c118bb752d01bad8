/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Terms: the words that documents use of a component and its files, and what they stand for. The
 * index (JSON) and the generation's record (text) share them; each list is in the order of its enum
 * and ends with NULL.
 */
#include <stdbool.h>

#include "base/text.h"

/* How a file is used, and so how one knows whether an old copy still runs (grafting rule 16). */
typedef enum FileKind {
	FILE_MAPPED,    /* programs map it: it shows in /proc/PID/map_files */
	FILE_READ_ONCE, /* read at start: scripts and their like */
	FILE_KERNEL,    /* kernel modules */
	FILE_DATA,
} FileKind;
extern const char *const file_kind_names[];

/* What must be restarted before the old code is gone. */
typedef enum RestartScope {
	RESTART_NONE,
	RESTART_SERVICES,
	RESTART_SESSION,
	RESTART_SOFT_REBOOT,
	RESTART_REBOOT,
} RestartScope;
extern const char *const restart_scope_names[];

/* How soon an improvement should be on, as its vendor sees it. */
typedef enum Urgency { URGENCY_LOW, URGENCY_MEDIUM, URGENCY_HIGH, URGENCY_CRITICAL } Urgency;
extern const char *const urgency_names[];

/* Whether processes of the old and the new files may meet (grafting rule 3). */
typedef enum Mix { MIX_TOLERATED, MIX_FORBIDDEN } Mix;
extern const char *const mix_names[];

/* Programs that read a component's FILE_READ_ONCE files; few components have more than one. */
#define HOSTS_MAX 16

/* The id that a linker gives to what it links, in hexadecimal digits. */
#define BUILD_ID_TEXT_MAX 128 /* 64 bytes: what a linker makes has 16 or 20 */
bool build_id_is_valid(const char *text);

/* Names of units as systemd writes them (systemd.unit(5)): escaped, so that no blank is in them. */
#define UNIT_NAME_MAX        255 /* as systemd has it, which counts the NUL */
#define UNIT_NAME_CHARACTERS TEXT_LOWER TEXT_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@"
bool unit_name_is_valid(const char *text);

/* What is run on graft and ungraft (grafting rule 7); a closed list. */
extern const char *const after_names[];
