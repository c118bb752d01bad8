/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * BaseIdentity: which base this is, read from its os-release text (os-release(5)), and the base key
 * that improvements name. Publisher, stager and activator share it, so that all three mean the same
 * base.
 *
 * The product is os-release's ID. The base key is
 *
 *     VERSION_ID [ + IMAGE_VERSION ] [ _ VARIANT_ID ] _ machine          26.3.1_desktop_x86_64
 *
 * BUILD_ID stands in for an absent IMAGE_VERSION; the machine is spelled as by uname -m. Every part
 * consists of [a-z0-9._-], otherwise the base has no key (-EINVAL, the reason names the field).
 */
#include <stddef.h>

#include "base/reason.h"

#define IDENTITY_TEXT_MAX  65536 /* an os-release is well below one page; this is plenty */
#define IDENTITY_VALUE_MAX 64
#define IDENTITY_KEY_MAX   128 /* as SEAL_BASE_MAX */

typedef struct BaseIdentity {
	char product[IDENTITY_VALUE_MAX + 1];
	char version_id[IDENTITY_VALUE_MAX + 1];
	char image_version[IDENTITY_VALUE_MAX + 1]; /* empty where os-release has none */
	char build_id[IDENTITY_VALUE_MAX + 1];
	char variant_id[IDENTITY_VALUE_MAX + 1];
	char architecture[IDENTITY_VALUE_MAX + 1];
	char name[IDENTITY_VALUE_MAX + 1]; /* NAME, for people; ID where that is no short text */
} BaseIdentity;

/* Pure but for uname(), which answers when `architecture` is NULL. Lines with other keys are not
 * looked at. -EBADMSG for a value that is malformed or too long, -EINVAL when ID or VERSION_ID is
 * missing or cannot be a product's name. */
int identity_parse(const void *text, size_t size, const char *architecture, BaseIdentity *ret,
	Reason *reterr_reason);

int identity_base_key(const BaseIdentity *identity, char ret_key[static IDENTITY_KEY_MAX + 1],
	Reason *reterr_reason);
