/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of images that failed on this machine: bad/<sha256> of the store.
 *
 *     suture-bad 1
 *     count 2                       how often
 *     retry 2026-11-28T23:00:00Z    from when it may be tried again, or: never
 *     why nginx.service failed
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/text.h"
#include "base/time.h"
#include "device/store/store.h"

#define BAD_NAME_SIZE     (sizeof("bad/") + 2 * DIGEST_SIZE)
#define BAD_MAGIC         "suture-bad 1"
#define BAD_NEVER         "never"
#define BAD_COUNT_MAX     3 /* tries by chance alone; the fourth time it is no chance */
#define BAD_FIRST_SECONDS 3600

typedef struct Bad {
	uint64_t count;
	int64_t retry; /* 0: never */
	char *why;     /* in the text */
} Bad;

static void bad_name(const Digest *image, char ret[static BAD_NAME_SIZE])
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(image, text);
	snprintf(ret, BAD_NAME_SIZE, "bad/%s", text);
}

/* The values stay in the text, which is cut into them. */
static int parse(char *text, Bad *ret)
{
	Lines lines = {.next = text, .what = "bad"};
	char *count, *retry;
	Bad bad = {};
	int r = lines_take_word(&lines, BAD_MAGIC);

	if (r == 0)
		r = lines_take(&lines, "count", &count);
	if (r == 0)
		r = lines_take(&lines, "retry", &retry);
	if (r == 0)
		r = lines_take(&lines, "why", &bad.why);
	if (r == 0)
		r = lines_end(&lines);
	if (r == 0)
		r = text_to_u64(count, UINT32_MAX, &bad.count);
	if (r == 0 && strcmp(retry, BAD_NEVER) != 0)
		r = time_parse(retry, &bad.retry);
	if (r < 0)
		return -EBADMSG;
	*ret = bad;
	return 0;
}

/* 0 with *ret_text to be freed, which *ret points into; 1: there is no mark. */
static int load(const Store *store, const Digest *image, char **ret_text, Bad *ret)
{
	_cleanup_free_ uint8_t *text = NULL;
	char name[BAD_NAME_SIZE];
	size_t size;
	int r = -ENOENT;

	bad_name(image, name);
	if (store->dir >= 0)
		r = file_read(store->dir, name, STORE_BAD_TEXT_MAX, &text, &size);
	if (r == -ENOENT)
		return 1;
	if (r == 0)
		r = parse((char *)text, ret);
	if (r == 0)
		*ret_text = (char *)TAKE_PTR(text);
	return r;
}

static void print_retry(const Bad *bad, char ret[static TIME_TEXT_SIZE])
{
	if (bad->retry == 0)
		snprintf(ret, TIME_TEXT_SIZE, BAD_NEVER);
	else
		time_format(bad->retry, ret);
}

int store_mark_bad(
	Store *store, const Digest *image, const char *why, bool for_good, Reason *reterr_reason)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_buffer_ Buffer text = {};
	char name[BAD_NAME_SIZE], retry[TIME_TEXT_SIZE];
	Bad bad = {};
	int r = load(store, image, &before, &bad);

	if (r == -ENOMEM)
		return r;
	/* never stays never, and so does what cannot be read, with the reason that was given first
	 */
	for_good = for_good || r < 0 || (r == 0 && bad.retry == 0);
	if (r == 0 && bad.retry == 0)
		why = bad.why;
	bad.count++;
	bad.retry = for_good || bad.count > BAD_COUNT_MAX
		? 0
		: time_now() + ((int64_t)BAD_FIRST_SECONDS << 2 * (bad.count - 1));
	print_retry(&bad, retry);
	bad_name(image, name);
	r = store_make(store, reterr_reason);
	if (r == 0)
		r = buffer_printf(&text, BAD_MAGIC "\ncount %llu\nretry %s\nwhy %.*s\n",
			(unsigned long long)bad.count, retry, REASON_TEXT_MAX, why);
	if (r < 0)
		return r;
	r = file_write_atomic(store->dir, name, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "%s/" STORE_PATH "/%s", store->path, name)
		     : 0;
}

int store_bad_reason(const Store *store, const Digest *image, char **ret_why)
{
	_cleanup_free_ char *text = NULL;
	Bad bad;
	int r = load(store, image, &text, &bad);

	if (r > 0 || r == -ENOMEM)
		return r;
	if (r == 0 && bad.retry > 0 && bad.retry <= time_now())
		return 1;
	*ret_why = memory_string(r == 0 ? bad.why : "the mark of it cannot be read");
	return *ret_why ? 0 : -ENOMEM;
}
