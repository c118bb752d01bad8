/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * FetchSettings: how the downloader is to reach what it is asked for. The first packet on its
 * socket (request.h), so that it is the same whether it is a child or a unit of its own:
 *
 *     SETTINGS 1
 *     timeout <seconds>          0: as long as it likes by itself
 *     bandwidth <bytes a second> 0: no limit
 *     redirects same             or any
 *     background no              or yes
 *     proxy <address>
 *     ca-file <path>
 *     http_proxy <address>       and https_proxy, all_proxy, no_proxy: of whoever asks, as of
 * curl(1)
 *
 * Lines in this order, each with its newline; of the last six those are left out that have no
 * value.
 */
#include <stdbool.h>
#include <stddef.h>

#define FETCH_SETTINGS_SIZE 4096 /* of the text with its NUL: one packet */
#define FETCH_VALUE_MAX     1024 /* bytes, as of a value of suture.conf */
#define FETCH_TIMEOUT_MAX   600  /* seconds, as suture.conf's */

typedef struct FetchSettings {
	unsigned timeout;
	unsigned bandwidth;
	bool any_redirect;  /* to other hosts too */
	bool in_background; /* leave processor and disk to others */
	char proxy[FETCH_VALUE_MAX + 1];
	char ca_file[FETCH_VALUE_MAX + 1];
	char http_proxy[FETCH_VALUE_MAX + 1], https_proxy[FETCH_VALUE_MAX + 1];
	char all_proxy[FETCH_VALUE_MAX + 1], no_proxy[FETCH_VALUE_MAX + 1];
} FetchSettings;

/* The proxies that this process's environment names; -E2BIG when one is too long. */
int fetch_settings_read_environment(FetchSettings *settings);

/* And puts them into it: what is empty stays as it is. */
int fetch_settings_set_environment(const FetchSettings *settings);

/* The text's length; -E2BIG when it is too long, -EINVAL when a value is more than one line. */
int fetch_settings_write(const FetchSettings *settings, char ret_text[static FETCH_SETTINGS_SIZE]);

/* Pure; changes the text. -EBADMSG for anything malformed, -EPROTONOSUPPORT for another version. */
int fetch_settings_parse(char *text, FetchSettings *ret_settings);
