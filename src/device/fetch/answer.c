/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

int answer_fail(Answer *answer, int error, const char *text)
{
	answer->error = error;
	reason_set(&answer->reason, 0, "%s", text);
	return -1;
}

int answer_take_header(Answer *answer, const char *line, size_t size)
{
	switch (headers_take(&answer->headers, line, size)) {
	case 0: return 0;
	case -E2BIG:
		return answer_fail(answer, E2BIG, "its header fields are too many or too long");
	default: return answer_fail(answer, EPROTO, "its header fields hold a NUL byte");
	}
}

static int too_large(Answer *answer)
{
	answer->error = EFBIG;
	reason_set(&answer->reason, 0, "it is larger than the %" PRIu64 " bytes expected",
		answer->request->max);
	return -1;
}

/* A part is written only where it was asked for. A server that ignores the range sends everything:
 * then everything is written anew. */
static int check_range(Answer *answer, int status)
{
	const Headers *headers = &answer->headers;

	if (status == HTTP_OK) {
		answer->at = 0;
		return 0;
	}
	if (answer->from > 0 && headers->has_range && headers->range_first == answer->from) {
		answer->at = answer->from;
		return 0;
	}
	answer->no_range = answer->from > 0;
	return answer_fail(answer, EPROTO, "the server sends another part than was asked for");
}

static int begin(Answer *answer, int status, int64_t announced)
{
	const FetchRequest *request = answer->request;

	if (answer->headers.encoding[0]) {
		answer->error = EPROTO;
		reason_set(&answer->reason, 0,
			"the server sends it packed (%s), which was not asked for; it has to send "
			"files as they are",
			answer->headers.encoding);
		return -1;
	}
	if (check_range(answer, status) < 0)
		return -1;
	if (announced >= 0 && (uint64_t)announced > request->max - answer->at)
		return too_large(answer);
	if (ftruncate(request->fd, (off_t)answer->at) < 0 ||
		lseek(request->fd, (off_t)answer->at, SEEK_SET) < 0)
		return answer_fail(answer, errno, strerror(errno));
	answer->started = true;
	return 0;
}

/* Not ours to keep; a short one is read, so that the connection stays of use. */
static int take_page(Answer *answer, size_t size)
{
	answer->page_bytes += size;
	return answer->page_bytes > ANSWER_PAGE_MAX ? -1 : 0;
}

int answer_take_body(Answer *answer, int status, int64_t announced, const void *data, size_t size)
{
	int r;

	if (status != HTTP_OK && status != HTTP_PARTIAL_CONTENT)
		return take_page(answer, size);
	if (!answer->started && begin(answer, status, announced) < 0)
		return -1;
	if (size > answer->request->max - answer->at)
		return too_large(answer);
	r = fd_write_full(answer->request->fd, data, size);
	if (r < 0)
		return answer_fail(answer, -r, strerror(-r));
	answer->at += size;
	return 0;
}

int answer_finish(Answer *answer, int status)
{
	if (status == HTTP_RANGE_REFUSED && answer->from > 0)
		answer->no_range = true;
	if (answer->started || (status != HTTP_OK && status != HTTP_PARTIAL_CONTENT))
		return 0;
	return begin(answer, status, 0);
}
