/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webkitd SOCKET: what is a browser here. Who connects is a tab: it opens a page, and then is the
 * script in it, which reads what the same-origin policy lets it read.
 *
 *     open https://evil.example/     →  opened evil.example
 *     read https://bank.example/     →  refused
 *     read https://evil.example/     →  read a page that wants your money
 *
 * The Internet has two sites.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "navigation.h"

#define LINE_SIZE 1024

static const struct {
	const char *host, *content;
} sites[] = {
	{"bank.example", "your account: 1000"}, {"evil.example", "a page that wants your money"}};

static const char *content_of(const char *address)
{
	char host[NAVIGATION_HOST_SIZE];

	if (!navigation_host(address, host))
		return NULL;
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
		if (strcmp(sites[i].host, host) == 0)
			return sites[i].content;
	return NULL;
}

static void answer_open(FILE *tab, const char *address, char page[static LINE_SIZE])
{
	char host[NAVIGATION_HOST_SIZE];

	if (!content_of(address) || !navigation_host(address, host)) {
		fprintf(tab, "nothing there\n");
		return;
	}
	snprintf(page, LINE_SIZE, "%s", address);
	fprintf(tab, "opened %s\n", host);
}

static void answer_read(FILE *tab, const char *address, const char *page)
{
	const char *content = content_of(address);

	if (!content)
		fprintf(tab, "nothing there\n");
	else if (!navigation_may_read(page, address))
		fprintf(tab, "refused\n");
	else
		fprintf(tab, "read %s\n", content);
}

static void serve_tab(FILE *tab)
{
	char line[LINE_SIZE], page[LINE_SIZE] = "";

	while (fgets(line, sizeof(line), tab)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "open ", 5) == 0)
			answer_open(tab, line + 5, page);
		else if (strncmp(line, "read ", 5) == 0)
			answer_read(tab, line + 5, page);
		else
			fprintf(tab, "open or read?\n");
		fflush(tab);
	}
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {AF_UNIX, ""};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), connection;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: webkitd SOCKET\n");
		return 64;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	unlink(argv[1]);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 64) < 0)
		return fail(argv[1]);
	while ((connection = accept(listener, NULL, NULL)) >= 0) {
		FILE *tab = fdopen(connection, "r+");

		if (!tab) {
			close(connection);
			continue;
		}
		serve_tab(tab);
		fclose(tab);
	}
	return fail("accept");
}
