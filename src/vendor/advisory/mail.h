/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Mail: an advisory as plain text of short lines, to be sent to a list; the first line is the
 * subject. 0 or -ENOMEM. */
#include "vendor/advisory/advisory.h"

int mail_write(const Advisory *advisory, const char *name, const Vendor *vendor, Buffer *ret_text);
