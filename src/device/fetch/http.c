/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "suture-version.h"

#define HTTP_PARTIAL_CONTENT 206
#define HTTP_OK              200
#define ETAG_HEADER          "etag:"

struct Http {
	CURL *curl;
	char error[CURL_ERROR_SIZE];
};

/* One answer on its way into the file. */
typedef struct Answer {
	CURL *curl;
	const FetchRequest *request;
	int (*progress)(void *context, uint64_t bytes);
	void *context;
	uint64_t at; /* where the next byte goes */
	bool started;
	int error; /* why the body was refused: a positive errno */
	char etag[FETCH_ETAG_MAX + 1];
} Answer;

int http_new(Http **ret_http, Reason *reterr_reason)
{
	Http *http = memory_new(sizeof(*http));

	if (!http)
		return -ENOMEM;
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

/* Keeps an entity tag that fits and can be sent back; any other only costs a full answer later. */
static size_t take_header(char *data, size_t size, size_t count, void *context)
{
	Answer *answer = context;
	size_t length = size * count;
	char line[FETCH_ETAG_MAX + sizeof(ETAG_HEADER) + 4];
	char *value;

	if (length >= sizeof(line) || strncasecmp(data, ETAG_HEADER, strlen(ETAG_HEADER)) != 0)
		return length;
	memcpy(line, data, length);
	line[length] = '\0';
	value = line + strlen(ETAG_HEADER);
	value += strspn(value, " \t");
	value[strcspn(value, " \t\r\n")] = '\0';
	if (strlen(value) <= FETCH_ETAG_MAX && text_is_printable(value))
		memcpy(answer->etag, value, strlen(value) + 1);
	return length;
}

static long status_of(const Answer *answer)
{
	long status = 0;

	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* A server that ignores the range sends everything: then everything is written anew. */
static int start_body(Answer *answer)
{
	answer->started = true;
	answer->at = status_of(answer) == HTTP_PARTIAL_CONTENT ? answer->request->offset : 0;
	if (ftruncate(answer->request->fd, (off_t)answer->at) < 0 ||
		lseek(answer->request->fd, (off_t)answer->at, SEEK_SET) < 0)
		return errno;
	return 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	Answer *answer = context;
	size_t length = size * count;
	long status = status_of(answer);

	if (status != HTTP_OK && status != HTTP_PARTIAL_CONTENT)
		return length; /* an error page: not ours to keep */
	if (!answer->started)
		answer->error = start_body(answer);
	if (answer->error == 0 && length > answer->request->max - answer->at)
		answer->error = EFBIG;
	if (answer->error == 0)
		answer->error = -fd_write_full(answer->request->fd, data, length);
	if (answer->error != 0)
		return 0;
	answer->at += length;
	if (answer->progress)
		answer->error = -answer->progress(answer->context, answer->at);
	return answer->error == 0 ? length : 0;
}

/* A drip that never stalls must end too: the time follows from the most that may come. */
static long total_seconds(const FetchRequest *request)
{
	return HTTP_TOTAL_SECONDS + (long)((request->max - request->offset) / HTTP_MINIMUM_RATE);
}

static void set_limits(CURL *curl, const FetchRequest *request)
{
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, total_seconds(request));
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)HTTP_STALL_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "suture/" SUTURE_VERSION);
}

/* Positive errno for what libcurl says; the classes that a person can act on. */
static int error_of(CURLcode code, const Answer *answer)
{
	if (answer->error != 0)
		return answer->error;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT: return EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT: return ETIMEDOUT;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR: return ECONNABORTED;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT: return EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR: return EKEYREJECTED;
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

static struct curl_slist *condition(const FetchRequest *request)
{
	char line[FETCH_ETAG_MAX + 32];

	if (!request->etag[0])
		return NULL;
	snprintf(line, sizeof(line), "If-None-Match: %s", request->etag);
	return curl_slist_append(NULL, line);
}

static void prepare(Http *http, Answer *answer, struct curl_slist *headers)
{
	CURL *curl = http->curl;
	char range[32];

	curl_easy_reset(curl);
	set_limits(curl, answer->request);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(curl, CURLOPT_URL, answer->request->url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
	if (answer->request->offset > 0) {
		snprintf(
			range, sizeof(range), "%llu-", (unsigned long long)answer->request->offset);
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	}
}

void http_get(Http *http, const FetchRequest *request,
	int (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply)
{
	Answer answer = {.curl = http->curl,
		.request = request,
		.progress = progress,
		.context = context,
		.at = request->offset};
	struct curl_slist *headers = condition(request);
	FetchReply reply = {.kind = FETCH_DONE};
	CURLcode code;

	http->error[0] = '\0';
	prepare(http, &answer, headers);
	code = curl_easy_perform(http->curl);
	curl_slist_free_all(headers);
	reply.wire = wire_bytes(http->curl);
	reply.status = (int)status_of(&answer);
	/* An empty answer of status 200 never reached take_body() */
	if (code == CURLE_OK && !answer.started && reply.status == HTTP_OK)
		answer.error = start_body(&answer);
	reply.bytes = answer.at;
	memcpy(reply.etag, answer.etag, sizeof(reply.etag));
	if (code != CURLE_OK || answer.error != 0) {
		reply.kind = FETCH_FAILED;
		reply.error = error_of(code, &answer);
		snprintf(reply.text, sizeof(reply.text), "%s",
			answer.error != 0        ? strerror(answer.error)
				: http->error[0] ? http->error
						 : curl_easy_strerror(code));
	}
	*ret_reply = reply;
}
