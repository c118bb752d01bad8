/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/redirect.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

typedef struct Place {
	char *scheme, *host, *port;
} Place;

static void place_done(Place *place)
{
	curl_free(place->scheme);
	curl_free(place->host);
	curl_free(place->port);
}

static bool place_read(const char *url, Place *ret_place)
{
	CURLU *parts = curl_url();
	bool good = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &ret_place->scheme, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &ret_place->host, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &ret_place->port, CURLU_DEFAULT_PORT) ==
			CURLUE_OK;

	curl_url_cleanup(parts);
	return good;
}

static bool is_same(const Place *a, const Place *b)
{
	return strcasecmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 &&
		strcmp(a->port, b->port) == 0;
}

bool redirect_is(int status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

bool redirect_is_allowed(const char *from, const char *to, bool any)
{
	_cleanup_(place_done) Place here = {}, there = {};

	if (!place_read(from, &here) || !place_read(to, &there))
		return false;
	if (!any)
		return is_same(&here, &there);
	return strcasecmp(there.scheme, "https") == 0 ||
		(strcasecmp(there.scheme, "http") == 0 && strcasecmp(here.scheme, "http") == 0);
}
