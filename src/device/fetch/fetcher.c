/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/fetcher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

#define HTTP_OK              200
#define HTTP_PARTIAL_CONTENT 206
#define HTTP_NOT_MODIFIED    304
#define HTTP_FORBIDDEN       403 /* what object stores say of a missing file */
#define HTTP_NOT_FOUND       404

const char *fetcher_url(const Fetcher *fetcher)
{
	return fetcher->urls[fetcher->at];
}

/* Not what is wrong with this machine, and not what is verified, though unwelcome. */
bool fetcher_other_may_help(int error)
{
	static const int errors[] = {EHOSTUNREACH, ETIMEDOUT, ECONNABORTED, EIO, EPROTO, EFBIG,
		E2BIG, EXDEV, ELOOP, EINVAL, EACCES, EKEYREJECTED, EKEYEXPIRED, ESTALE, EBADMSG};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (error == -errors[i])
			return true;
	return false;
}

int fetcher_tell_first(
	const Fetcher *fetcher, const Reason *first, int error, Reason *reterr_reason)
{
	size_t mirrors = fetcher->url_count - 1;

	if (mirrors == 0)
		return reason_set(reterr_reason, error, "%s", first->text);
	return reason_set(reterr_reason, error, "%s; %zu mirror%s failed too", first->text, mirrors,
		mirrors == 1 ? "" : "s");
}

int fetcher_try_each(Fetcher *fetcher, int (*get)(void *context, Reason *reterr_reason),
	void *context, Reason *reterr_reason)
{
	Reason first = {};
	int r = get(context, reterr_reason), error = r;

	if (fetcher->url_count == 1 || !fetcher_other_may_help(r))
		return r;
	if (reterr_reason)
		first = *reterr_reason;
	for (size_t i = 1; i < fetcher->url_count; i++) {
		fetcher->at = (fetcher->at + 1) % fetcher->url_count;
		r = get(context, reterr_reason);
		if (r == 0 || !fetcher_other_may_help(r))
			return r;
	}
	return fetcher_tell_first(fetcher, &first, error, reterr_reason);
}

int fetcher_ask_socket(void *asked, const FetchRequest *request,
	void (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply)
{
	int socket = (int)(intptr_t)asked;
	int r = fetch_send_request(socket, request);

	while (r == 0) {
		r = fetch_receive_reply(socket, ret_reply);
		if (r != 0 || ret_reply->kind != FETCH_PROGRESS)
			break;
		if (progress)
			progress(context, ret_reply->bytes);
	}
	return r == FETCH_CLOSED ? -EIO : r;
}

static int ask(Fetcher *fetcher, const FetchRequest *request, FetchReply *ret_reply, Reason *reason)
{
	int r = fetcher->ask(
		fetcher->asked, request, fetcher->progress, fetcher->context, ret_reply);

	fetcher->requests++;
	if (r < 0)
		return reason_set(reason, r, "the downloader ended while getting %s", request->url);
	fetcher->wire += ret_reply->wire;
	return 0;
}

/* What a reply means, in the header's words. That nothing changed is no answer to who asked without
 * a condition: it has nothing that could be the same still. */
static int judge(const Fetcher *fetcher, const FetchRequest *request, const FetchReply *reply,
	Reason *reason)
{
	if (reply->kind == FETCH_DONE && reply->status == HTTP_NOT_MODIFIED && request->etag[0])
		return FETCHER_UNCHANGED;
	if (reply->kind == FETCH_FAILED && reply->error == EHOSTUNREACH)
		return reason_set(reason, -EHOSTUNREACH,
			"the repository %s cannot be reached (%s): look at the network, and at %s",
			fetcher_url(fetcher), reply->text, fetcher->setting);
	if (reply->kind == FETCH_FAILED)
		return reason_set(
			reason, -reply->error, "cannot get %s: %s", request->url, reply->text);
	switch (reply->status) {
	case HTTP_OK:
	case HTTP_PARTIAL_CONTENT: return 0;
	case HTTP_FORBIDDEN:
	case HTTP_NOT_FOUND:
		return reason_set(reason, -ENOENT, "the repository has no %s", request->url);
	default:
		return reason_set(reason, -EIO, "cannot get %s: the server answers with status %d",
			request->url, reply->status);
	}
}

static int fill(const Fetcher *fetcher, const char *name, FetchRequest *request, Reason *reason)
{
	int n = snprintf(request->url, sizeof(request->url), "%s%s", fetcher_url(fetcher), name);

	if (n >= (int)sizeof(request->url))
		return reason_set(reason, -EINVAL, "the address %s%s is too long",
			fetcher_url(fetcher), name);
	return 0;
}

int fetcher_get(Fetcher *fetcher, const char *name, size_t max,
	char etag[static FETCH_ETAG_MAX + 1], uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason)
{
	_cleanup_fd_ int memory = memfd_create("download", MFD_CLOEXEC);
	FetchRequest request = {.max = max, .fd = memory};
	FetchReply reply;
	int r;

	if (memory < 0)
		return -errno;
	memcpy(request.etag, etag, sizeof(request.etag));
	r = fill(fetcher, name, &request, reterr_reason);
	if (r == 0)
		r = ask(fetcher, &request, &reply, reterr_reason);
	if (r == 0)
		r = judge(fetcher, &request, &reply, reterr_reason);
	if (r != 0)
		return r;
	if (lseek(memory, 0, SEEK_SET) < 0)
		return -errno;
	r = fd_read_all(memory, max, ret_data, ret_size);
	if (r == 0)
		memcpy(etag, reply.etag, sizeof(reply.etag));
	return r;
}

int fetcher_get_file(Fetcher *fetcher, const char *name, int fd, uint64_t have, uint64_t size,
	Reason *reterr_reason)
{
	FetchRequest request = {.max = size, .offset = have, .fd = fd};
	FetchReply reply;
	int r = fill(fetcher, name, &request, reterr_reason);

	if (r == 0)
		r = ask(fetcher, &request, &reply, reterr_reason);
	if (r == 0)
		r = judge(fetcher, &request, &reply, reterr_reason);
	if (r < 0)
		return r;
	if (reply.bytes != size)
		return reason_set(reterr_reason, -EBADMSG,
			"%s has %" PRIu64 " bytes, not the %" PRIu64 " that were signed",
			request.url, reply.bytes, size);
	return 0;
}
