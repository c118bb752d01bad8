/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/backoff.h"
#include "base/time.h"
#include "device/fetch/answer.h"
#include "device/fetch/redirect.h"
#include "suture-version.h"

#define PAUSE_SLICE_NS  25000000 /* how soon a caller that gives up is noticed */
#define MS_PER_S        1000
#define US_PER_S        1000000
#define SHOWN_URL_BYTES 200 /* of each address in a message */

struct Http {
	CURL *curl;
	HttpSettings settings;
	uint64_t paid_us; /* until when the bytes that came have used up the bandwidth */
	char error[CURL_ERROR_SIZE];
};

/* One call of http_get(): several tries, each with redirects. */
typedef struct Transfer {
	Http *http;
	const FetchRequest *request;
	int (*progress)(void *context, uint64_t bytes);
	void *context;
	uint64_t from;                /* where the next try begins */
	char tag[FETCH_ETAG_MAX + 1]; /* of what came so far, if the rest can be asked for by it */
	bool without_range;           /* the server cannot continue */
	uint64_t started_us;          /* the try */
	uint64_t wire;
	Answer answer;
} Transfer;

int http_new(const HttpSettings *settings, Http **ret_http, Reason *reterr_reason)
{
	Http *http = memory_new(sizeof(*http));

	if (!http)
		return -ENOMEM;
	if (settings)
		http->settings = *settings;
	if (http->settings.timeout_s == 0)
		http->settings.timeout_s = HTTP_TIMEOUT_S;
	if (http->settings.bandwidth > 0 && http->settings.bandwidth < HTTP_BANDWIDTH_MIN)
		http->settings.bandwidth = HTTP_BANDWIDTH_MIN;
	if (http->settings.retry_ms == 0)
		http->settings.retry_ms = http->settings.timeout_s * MS_PER_S / HTTP_TIMEOUT_S;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		http->curl = curl_easy_init();
	if (!http->curl) {
		free(http);
		return reason_set(reterr_reason, -EIO, "libcurl cannot start");
	}
	*ret_http = http;
	return 0;
}

Http *http_free(Http *http)
{
	if (http)
		curl_easy_cleanup(http->curl);
	free(http);
	return NULL;
}

static int status_of(const Transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
	Transfer *transfer = context;

	return answer_take_header(&transfer->answer, data, size * count) < 0 ? 0 : size * count;
}

/* What is not read fills the connection's buffers, and then the server waits. libcurl's own limit
 * lets megabytes through where they come fast (7.88). What was not used is not saved up. */
static void pace(Http *http, size_t size)
{
	uint64_t now = time_monotonic_us(), wait;
	struct timespec pause;

	if (http->settings.bandwidth == 0)
		return;
	wait = http->paid_us > now ? http->paid_us - now : 0;
	pause = (struct timespec){(time_t)(wait / US_PER_S), (long)(wait % US_PER_S) * 1000};
	nanosleep(&pause, NULL);
	http->paid_us = now + wait + size * US_PER_S / http->settings.bandwidth;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	Transfer *transfer = context;
	curl_off_t announced = -1;

	curl_easy_getinfo(transfer->http->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (answer_take_body(
		    &transfer->answer, status_of(transfer), announced, data, size * count) < 0)
		return CURL_WRITEFUNC_ERROR;
	pace(transfer->http, size * count);
	return size * count;
}

/* libcurl calls this with every piece and at least once a second. A drip that never stalls must end
 * too: the time that a try may take follows from what came. */
static int take_time(
	void *context, curl_off_t total, curl_off_t now, curl_off_t upload, curl_off_t uploaded)
{
	Transfer *transfer = context;
	uint64_t seconds = (time_monotonic_us() - transfer->started_us) / US_PER_S;
	int r = 0;

	if (seconds > 2 * transfer->http->settings.timeout_s + (uint64_t)now / HTTP_MINIMUM_RATE)
		return answer_fail(&transfer->answer, ETIMEDOUT, "it comes too slowly");
	if (transfer->progress)
		r = transfer->progress(transfer->context, transfer->answer.at);
	return r < 0 ? answer_fail(&transfer->answer, -r, strerror(-r)) : 0;
}

static void set_limits(const Http *http)
{
	CURL *curl = http->curl;
	long timeout = (long)http->settings.timeout_s;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, timeout);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES);
	curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)http->settings.bandwidth);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "suture/" SUTURE_VERSION);
	if (http->settings.proxy)
		curl_easy_setopt(curl, CURLOPT_PROXY, http->settings.proxy);
	if (http->settings.ca_file) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, http->settings.ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[FETCH_ETAG_MAX + 32];
	struct curl_slist *longer;

	snprintf(line, sizeof(line), "%s:%s%s", name, *value ? " " : "", value);
	longer = curl_slist_append(list, line);
	return longer ? longer : list; /* only convenience is lost */
}

/* The rest is asked for only if it still is the rest of the same. */
static struct curl_slist *make_headers(const Transfer *transfer)
{
	struct curl_slist *list = add_header(NULL, "Accept", "");

	if (transfer->from == 0 && transfer->request->etag[0])
		list = add_header(list, "If-None-Match", transfer->request->etag);
	if (transfer->from > 0 && transfer->tag[0])
		list = add_header(list, "If-Range", transfer->tag);
	return list;
}

static CURLcode perform(Transfer *transfer, const char *url)
{
	CURL *curl = transfer->http->curl;
	struct curl_slist *headers = make_headers(transfer);
	char range[32];
	CURLcode code;

	curl_easy_reset(curl);
	set_limits(transfer->http);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->http->error);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_time);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	if (transfer->from > 0) {
		snprintf(range, sizeof(range), "%llu-", (unsigned long long)transfer->from);
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	}
	transfer->http->error[0] = '\0';
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	return code;
}

static bool was_connected(CURL *curl)
{
	curl_off_t microseconds = 0;

	curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
	return microseconds > 0;
}

static bool proxy_refused(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 300;
}

/* Positive errno for what libcurl says; the classes that a person can act on. */
static int error_of(CURL *curl, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT: return EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT: return was_connected(curl) ? ETIMEDOUT : EHOSTUNREACH;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR: return proxy_refused(curl) ? EHOSTUNREACH : ECONNABORTED;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the address; or HTTP/0.9 */
		return was_connected(curl) ? EPROTO : EINVAL;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT: return EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR: return EKEYREJECTED;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING: return EPROTO;
	case CURLE_OUT_OF_MEMORY: return ENOMEM;
	default: return EIO;
	}
}

static uint64_t wire_bytes(CURL *curl)
{
	curl_off_t body = 0;
	long headers = 0, request = 0;

	curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &body);
	curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &headers);
	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request);
	return (uint64_t)body + (uint64_t)headers + (uint64_t)request;
}

/* One request and its answer; answer.error tells how it went. */
static void ask(Transfer *transfer, const char *url)
{
	Http *http = transfer->http;
	Answer *answer = &transfer->answer;
	CURLcode code;

	*answer = (Answer){
		.request = transfer->request, .from = transfer->from, .at = transfer->from};
	code = perform(transfer, url);
	transfer->wire += wire_bytes(http->curl);
	if (answer->error != 0)
		return; /* ended by us: libcurl has nothing to add */
	if (code == CURLE_SSL_CACERT_BADFILE)
		snprintf(http->error, sizeof(http->error),
			"ca-file %.150s holds no certificate that the user who downloads can read",
			http->settings.ca_file ? http->settings.ca_file : "of the system");
	if (code == CURLE_OK || answer->page_bytes > ANSWER_PAGE_MAX)
		(void)answer_finish(answer, status_of(transfer));
	else
		answer_fail(answer, error_of(http->curl, code),
			http->error[0] ? http->error : curl_easy_strerror(code));
}

/* Where a redirect leads, as the caller's own; NULL: it is none, or a refused one, which is in
 * answer.error then. */
static char *next_address(Transfer *transfer, const char *url)
{
	Answer *answer = &transfer->answer;
	char *target = NULL;

	if (answer->error != 0 || !redirect_is(status_of(transfer)))
		return NULL;
	curl_easy_getinfo(transfer->http->curl, CURLINFO_REDIRECT_URL, &target);
	if (!target)
		return NULL;
	if (redirect_is_allowed(url, target, transfer->http->settings.any_redirect))
		return memory_string(target);
	answer->error = EXDEV;
	reason_set(&answer->reason, 0,
		"%.*s redirects to %.*s, which is %s allowed (redirects in suture.conf)",
		SHOWN_URL_BYTES, url, SHOWN_URL_BYTES, target,
		transfer->http->settings.any_redirect ? "never" : "not");
	return NULL;
}

/* One try: the address, and where it redirects to. */
static void try_once(Transfer *transfer)
{
	_cleanup_free_ char *url = memory_string(transfer->request->url);

	transfer->started_us = time_monotonic_us();
	for (unsigned hops = 0; url; hops++) {
		char *next;

		ask(transfer, url);
		next = next_address(transfer, url);
		if (!next)
			return;
		free(url);
		url = next;
		if (hops == HTTP_REDIRECTS_MAX) {
			answer_fail(&transfer->answer, ELOOP, "it is redirected again and again");
			return;
		}
	}
	answer_fail(&transfer->answer, ENOMEM, strerror(ENOMEM));
}

static bool is_transient(const Answer *answer, int status)
{
	static const int statuses[] = {408, 429, 500, 502, 503, 504};

	if (answer->error != 0)
		return answer->error == ETIMEDOUT || answer->error == ECONNABORTED;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (status == statuses[i])
			return true;
	return false;
}

/* In slices, so that a caller that gives up is noticed. */
static int pause_for(Transfer *transfer, uint64_t ms)
{
	uint64_t end = time_monotonic_us() + ms * MS_PER_S;

	while (time_monotonic_us() < end) {
		const struct timespec slice = {.tv_nsec = PAUSE_SLICE_NS};
		int r = transfer->progress ? transfer->progress(transfer->context, transfer->from)
					   : 0;

		if (r < 0)
			return answer_fail(&transfer->answer, -r, strerror(-r));
		nanosleep(&slice, NULL);
	}
	return 0;
}

/* Prepares the next try. 0: make it. */
static int prepare_retry(Transfer *transfer, unsigned failures)
{
	const HttpSettings *settings = &transfer->http->settings;
	const Headers *headers = &transfer->answer.headers;
	uint64_t asked_ms = headers->retry_after_s * MS_PER_S;
	uint64_t ms =
		backoff_delay(failures, settings->retry_ms, HTTP_RETRY_MAX_MS, backoff_random());

	if (failures > HTTP_RETRIES || headers->retry_after_s > HTTP_RETRY_AFTER_MAX_S)
		return -1;
	if (transfer->answer.started) { /* a weak tag does not vouch for bytes */
		transfer->from = transfer->without_range ? 0 : transfer->answer.at;
		snprintf(transfer->tag, sizeof(transfer->tag), "%s",
			headers->etag[0] == '"' ? headers->etag : "");
	}
	return pause_for(transfer, ms > asked_ms ? ms : asked_ms);
}

/* The server cannot continue: what is there is of no use. 0: ask for everything. */
static int prepare_restart(Transfer *transfer)
{
	if (!transfer->answer.no_range || transfer->without_range)
		return -1;
	transfer->without_range = true;
	transfer->from = 0;
	return 0;
}

static void tell(const Transfer *transfer, FetchReply *ret_reply)
{
	const Answer *answer = &transfer->answer;
	FetchReply reply = {.kind = answer->error == 0 ? FETCH_DONE : FETCH_FAILED,
		.status = status_of(transfer),
		.error = answer->error,
		.bytes = answer->at,
		.wire = transfer->wire};

	memcpy(reply.etag, answer->headers.etag, sizeof(reply.etag));
	memcpy(reply.text, answer->reason.text, sizeof(reply.text));
	*ret_reply = reply;
}

void http_get(Http *http, const FetchRequest *request,
	int (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply)
{
	Transfer transfer = {.http = http,
		.request = request,
		.progress = progress,
		.context = context,
		.from = request->offset};
	unsigned failures = 0;
	bool again;

	do {
		try_once(&transfer);
		again = prepare_restart(&transfer) == 0 ||
			(is_transient(&transfer.answer, status_of(&transfer)) &&
				prepare_retry(&transfer, ++failures) == 0);
	} while (again);
	tell(&transfer, ret_reply);
}
