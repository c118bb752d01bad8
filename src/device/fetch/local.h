/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Local: repositories that are carried, at addresses that begin with file:///. The part of the path
 * before metadata/, targets/ or blobs/ is the place: a folder, or a bundle (device/fetch/bundle.h).
 *
 * A link inside a folder is followed while it stays there: a stick is made by anybody, and nothing
 * else of this machine is to be read through it. Only regular files are read.
 *
 * Percent-encodings are undone as a web server would; where there is no such file, the name is
 * tried as it stands, as publishers write the names of some roles.
 */
#include <stdbool.h>

#include "device/fetch/request.h"

bool local_is(const char *url);

/* As http_get(): status 200, or 404 when the place is there and the file is not. No tag, and never
 * a part. The errors: EHOSTUNREACH the place is not there; EACCES we may not read it; EXDEV a link
 * leads out of it; EINVAL the address; EFBIG; EBADMSG the bundle is damaged; EIO not a file. */
void local_get(const FetchRequest *request, FetchReply *ret_reply);
