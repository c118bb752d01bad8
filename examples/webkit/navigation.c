/* SPDX-License-Identifier: Apache-2.0 */
#include "navigation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AUTHORITY_ENDS "/?#\\"
#define HOST_ENDS      ":" AUTHORITY_ENDS

typedef struct Origin {
	bool is_secure;
	char host[NAVIGATION_HOST_SIZE];
	long port;
} Origin;

/* What stands between the scheme and the path; NULL: neither http nor https. */
static const char *authority_of(const char *address, bool *ret_secure, size_t *ret_size)
{
	const char *start = strstr(address, "://");

	if (!start)
		return NULL;
	*ret_secure = strncasecmp(address, "https:", 6) == 0;
	if (!*ret_secure && strncasecmp(address, "http:", 5) != 0)
		return NULL;
	start += 3;
	*ret_size = strcspn(start, AUTHORITY_ENDS);
	return start;
}

/* Behind the name and password that may stand in front of it. */
static const char *host_of(const char *authority, size_t size)
{
	const char *at = memrchr(authority, '@', size);

	return at ? at + 1 : authority;
}

static bool copy_host(const char *text, size_t size, char ret_host[static NAVIGATION_HOST_SIZE])
{
	if (size == 0 || size >= NAVIGATION_HOST_SIZE)
		return false;
	memcpy(ret_host, text, size);
	ret_host[size] = '\0';
	return true;
}

bool navigation_host(const char *address, char ret_host[static NAVIGATION_HOST_SIZE])
{
	bool is_secure;
	size_t size;
	const char *authority = authority_of(address, &is_secure, &size);

	if (!authority)
		return false;
	authority = host_of(authority, size);
	return copy_host(authority, strcspn(authority, HOST_ENDS), ret_host);
}

static bool read_origin(const char *address, Origin *origin)
{
	size_t size, host_size;
	const char *authority = authority_of(address, &origin->is_secure, &size);

	if (!authority)
		return false;
#if FIXED == 1
	if (memchr(authority, '@', size))
		return false;
#elif FIXED == 2
	authority = host_of(authority, size);
#endif
	host_size = strcspn(authority, "@" HOST_ENDS);
	origin->port = origin->is_secure ? 443 : 80;
	if (authority[host_size] == ':')
		origin->port = strtol(authority + host_size + 1, NULL, 10);
	return copy_host(authority, host_size, origin->host);
}

bool navigation_may_read(const char *page, const char *address)
{
	Origin own, other;

	return read_origin(page, &own) && read_origin(address, &other) &&
		own.is_secure == other.is_secure && own.port == other.port &&
		strcasecmp(own.host, other.host) == 0;
}
