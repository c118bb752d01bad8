/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/fetch/request.h"
#include "test.h"

/* Both ends of a connection, closed at the end of a test. */
typedef struct Pair {
	int ends[2];
} Pair;

static void pair_done(Pair *pair)
{
	fd_close(pair->ends[0]);
	fd_close(pair->ends[1]);
}

static Pair pair_new(void)
{
	Pair pair;

	ASSERT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends));
	return pair;
}

static int some_file(void)
{
	int fd = fd_of_data("file", "12345", 5);

	ASSERT(fd >= 0);
	return fd;
}

TEST(requests_arrive_as_they_were_sent)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	_cleanup_fd_ int fd = some_file(), received_fd = -1;
	FetchRequest request = {.url = "https://updates.example.org/x", .max = 1000, .fd = fd};
	FetchRequest received;
	uint64_t size;

	request.offset = 999;
	snprintf(request.etag, sizeof(request.etag), "W/\"abc\"");
	ASSERT_OK(fetch_send_request(pair.ends[0], &request));
	ASSERT_OK(fetch_receive_request(pair.ends[1], &received));
	received_fd = received.fd;
	ASSERT_STREQ(received.url, request.url);
	ASSERT_STREQ(received.etag, request.etag);
	ASSERT_EQ(received.max, 1000);
	ASSERT_EQ(received.offset, 999);
	ASSERT_OK(fd_size(received_fd, &size));
	ASSERT_EQ(size, 5);
	ASSERT(fcntl(received_fd, F_GETFD) & FD_CLOEXEC);
}

static void send_and_compare(const FetchReply *reply)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	FetchReply received;

	ASSERT_OK(fetch_send_reply(pair.ends[0], reply));
	ASSERT_OK(fetch_receive_reply(pair.ends[1], &received));
	ASSERT_EQ(received.kind, reply->kind);
	ASSERT_EQ(received.status, reply->status);
	ASSERT_EQ(received.error, reply->error);
	ASSERT_EQ(received.bytes, reply->bytes);
	ASSERT_EQ(received.wire, reply->wire);
	ASSERT_STREQ(received.etag, reply->etag);
}

TEST(replies_arrive_as_they_were_sent)
{
	send_and_compare(&(FetchReply){.kind = FETCH_PROGRESS, .bytes = INT64_MAX});
	send_and_compare(&(FetchReply){.kind = FETCH_DONE, .status = 200, .bytes = 5, .wire = 300});
	send_and_compare(
		&(FetchReply){.kind = FETCH_DONE, .status = 206, .etag = "\"1\"", .wire = 1});
	send_and_compare(&(FetchReply){
		.kind = FETCH_FAILED, .error = ETIMEDOUT, .bytes = 7, .text = "it takes too long"});
	send_and_compare(&(FetchReply){.kind = FETCH_FAILED, .error = EIO});
}

TEST(the_longest_request_fits)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	_cleanup_fd_ int fd = some_file();
	FetchRequest request = {.max = INT64_MAX, .offset = INT64_MAX, .fd = fd}, received;

	memset(request.url, 'u', FETCH_URL_MAX);
	memset(request.etag, 'e', FETCH_ETAG_MAX);
	ASSERT_OK(fetch_send_request(pair.ends[0], &request));
	ASSERT_OK(fetch_receive_request(pair.ends[1], &received));
	fd_close(received.fd);
	ASSERT_STREQ(received.url, request.url);
	ASSERT_STREQ(received.etag, request.etag);
}

TEST(what_would_not_be_one_word_is_not_sent)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	FetchRequest request = {.url = "http://a b/", .max = 1, .fd = -1};

	ASSERT_ERROR(-EINVAL, fetch_send_request(pair.ends[0], &request));
	request = (FetchRequest){.url = "http://a/", .etag = "a b", .max = 1, .fd = -1};
	ASSERT_ERROR(-EINVAL, fetch_send_request(pair.ends[0], &request));
}

TEST(malformed_requests_are_refused)
{
	static const char *const bad[] = {"", "GET", "GET 1", "GET 1 0", "GET 1 0 -",
		"PUT 1 0 - http://a/", "get 1 0 - http://a/", " GET 1 0 - http://a/",
		"GET  1 0 - http://a/", "GET 1 0 - http://a/ ", "GET 1 0 - http://a/ more",
		"GET -1 0 - http://a/", "GET 1 -1 - http://a/", "GET 01 0 - http://a/",
		"GET 1 2 - http://a/", "GET 9223372036854775808 0 - http://a/", "GET 1 0 - -",
		"GET one 0 - http://a/"};
	FetchRequest request = {.fd = 77};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = memory_string(bad[i]);

		if (fetch_parse_request(text, &request) != -EBADMSG)
			test_fail(bad[i], 0, "was accepted");
		ASSERT_EQ(request.fd, 77);
	}
}

TEST(malformed_replies_are_refused)
{
	static const char *const bad[] = {"", "PROGRESS", "PROGRESS x", "PROGRESS 1 2",
		"PROGRESS 1 ", "DONE", "DONE 200 1 2", "DONE 200 1 2 - more", "DONE 200 1 2 - ",
		"DONE -1 1 2 -", "DONE 2147483648 1 2 -", "FAILED", "FAILED 5", "FAILED 5 0",
		"FAILED x 0 0 why", "FAILED 0 0 0 why", "done 200 1 2 -", "GET 1 0 - http://a/"};
	FetchReply reply;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = memory_string(bad[i]);

		if (fetch_parse_reply(text, &reply) != -EBADMSG)
			test_fail(bad[i], 0, "was accepted");
	}
}

TEST(words_that_are_too_long_are_refused)
{
	char etag[FETCH_ETAG_MAX + 2], url[FETCH_URL_MAX + 2], text[FETCH_MESSAGE_MAX];
	FetchRequest request;

	memset(etag, 'e', sizeof(etag) - 1);
	etag[sizeof(etag) - 1] = '\0';
	memset(url, 'u', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	snprintf(text, sizeof(text), "GET 1 0 %s http://a/", etag);
	ASSERT_ERROR(-EBADMSG, fetch_parse_request(text, &request));
	snprintf(text, sizeof(text), "GET 1 0 - %s", url);
	ASSERT_ERROR(-EBADMSG, fetch_parse_request(text, &request));
}

TEST(a_request_without_its_file_is_refused)
{
	static const char text[] = "GET 1 0 - http://a/";
	_cleanup_(pair_done) Pair pair = pair_new();
	FetchRequest request = {.fd = 77};

	ASSERT_EQ(send(pair.ends[0], text, strlen(text), 0), (long long)strlen(text));
	ASSERT_ERROR(-EBADMSG, fetch_receive_request(pair.ends[1], &request));
	ASSERT_EQ(request.fd, 77);
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void send_with_files(int socket, const char *text, const int *fds, size_t count)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = {};
	struct iovec data = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	ASSERT_EQ(sendmsg(socket, &message, 0), (long long)strlen(text));
}

TEST(refused_messages_leave_no_descriptor_behind)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	_cleanup_fd_ int fd = some_file();
	const int fds[] = {fd, fd, fd, fd};
	unsigned before = count_descriptors();
	FetchRequest request;
	FetchReply reply;

	for (size_t count = 1; count <= 4; count++) {
		send_with_files(pair.ends[0], "nonsense", fds, count);
		ASSERT_ERROR(-EBADMSG, fetch_receive_request(pair.ends[1], &request));
	}
	send_with_files(pair.ends[0], "GET 1 0 - http://a/", fds, 4);
	ASSERT_ERROR(-EBADMSG, fetch_receive_request(pair.ends[1], &request));
	send_with_files(pair.ends[0], "PROGRESS 1", fds, 1);
	ASSERT_OK(fetch_receive_reply(pair.ends[1], &reply));
	ASSERT_EQ(count_descriptors(), before);
}

TEST(packets_that_are_cut_or_hold_a_nul_are_refused)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	char text[FETCH_MESSAGE_MAX + 10];
	FetchReply reply;

	memset(text, 'x', sizeof(text));
	memcpy(text, "FAILED 5 0 0 ", 13);
	ASSERT_EQ(send(pair.ends[0], text, sizeof(text), 0), (long long)sizeof(text));
	ASSERT_ERROR(-EBADMSG, fetch_receive_reply(pair.ends[1], &reply));
	ASSERT_EQ(send(pair.ends[0], "PROGRESS 1\0002", 12, 0), 12);
	ASSERT_ERROR(-EBADMSG, fetch_receive_reply(pair.ends[1], &reply));
}

TEST(a_closed_socket_is_told)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	const FetchReply reply = {.kind = FETCH_PROGRESS};
	FetchRequest request;
	FetchReply received;

	pair.ends[0] = fd_close(pair.ends[0]);
	ASSERT_EQ(fetch_receive_request(pair.ends[1], &request), FETCH_CLOSED);
	ASSERT_EQ(fetch_receive_reply(pair.ends[1], &received), FETCH_CLOSED);
	ASSERT_ERROR(-EPIPE, fetch_send_reply(pair.ends[1], &reply));
	ASSERT_ERROR(-ENOTSOCK, fetch_receive_request(STDOUT_FILENO, &request));
}

static const FetchSettings full = {.timeout = 600,
	.bandwidth = INT_MAX,
	.any_redirect = true,
	.in_background = true,
	.proxy = "http://user:word@proxy.example.org:3128",
	.ca_file = "/etc/ssl/our own.pem",
	.http_proxy = "http://a:1/",
	.https_proxy = "http://b:2/",
	.all_proxy = "socks5://c:3/",
	.no_proxy = "localhost, .example.org"};

static void settings_come_back(const FetchSettings *settings)
{
	_cleanup_(pair_done) Pair pair = pair_new();
	FetchSettings received;

	memset(&received, 'x', sizeof(received));
	ASSERT_OK(fetch_send_settings(pair.ends[0], settings));
	ASSERT_OK(fetch_receive_settings(pair.ends[1], &received));
	ASSERT_EQ(received.timeout, settings->timeout);
	ASSERT_EQ(received.bandwidth, settings->bandwidth);
	ASSERT_EQ(received.any_redirect, settings->any_redirect);
	ASSERT_EQ(received.in_background, settings->in_background);
	ASSERT_STREQ(received.proxy, settings->proxy);
	ASSERT_STREQ(received.ca_file, settings->ca_file);
	ASSERT_STREQ(received.http_proxy, settings->http_proxy);
	ASSERT_STREQ(received.https_proxy, settings->https_proxy);
	ASSERT_STREQ(received.all_proxy, settings->all_proxy);
	ASSERT_STREQ(received.no_proxy, settings->no_proxy);
}

TEST(settings_arrive_as_they_were_sent)
{
	settings_come_back(&(FetchSettings){});
	settings_come_back(&full);
}

TEST(settings_that_are_no_packet_are_not_sent)
{
	char text[FETCH_SETTINGS_SIZE];
	FetchSettings settings = full;

	snprintf(settings.no_proxy, sizeof(settings.no_proxy), "a\nca-file /etc/shadow");
	ASSERT_ERROR(-EINVAL, fetch_settings_write(&settings, text));
	memset(settings.proxy, 'p', FETCH_VALUE_MAX);
	memset(settings.ca_file, 'c', FETCH_VALUE_MAX);
	memset(settings.http_proxy, 'h', FETCH_VALUE_MAX);
	settings.no_proxy[0] = '\0';
	ASSERT(fetch_settings_write(&settings, text) < FETCH_SETTINGS_SIZE);
	memset(settings.https_proxy, 's', FETCH_VALUE_MAX);
	ASSERT_ERROR(-E2BIG, fetch_settings_write(&settings, text));
}

#define NUMBERS "SETTINGS 1\ntimeout 0\nbandwidth 0\n"
#define WORDS   NUMBERS "redirects same\nbackground no\n"

TEST(malformed_settings_are_refused)
{
	static const char *const bad[] = {"", "SETTINGS 1", "SETTINGS 1\n", NUMBERS, WORDS "\n",
		WORDS "proxy", WORDS "proxy x", WORDS "proxy \n", WORDS "proxy x\n\n",
		WORDS "proxy x\nproxy x\n", WORDS "ca-file x\nproxy x\n", WORDS "colour x\n",
		WORDS "proxy a\tb\n", WORDS " proxy x\n", NUMBERS "background no\nredirects same\n",
		NUMBERS "redirects none\nbackground no\n", NUMBERS "redirects same\nbackground 1\n",
		"SETTINGS 1\ntimeout 601\nbandwidth 0\nredirects same\nbackground no\n",
		"SETTINGS 1\ntimeout -1\nbandwidth 0\nredirects same\nbackground no\n",
		"SETTINGS 1\ntimeout 0\nbandwidth 2147483648\nredirects same\nbackground no\n",
		"SETTINGS 1\r\ntimeout 0\n", "settings 1\n", "GET 1 0 - http://a/"};
	FetchSettings settings = {.timeout = 77};
	char later[] = "SETTINGS 2\nwonders 7\n";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = memory_string(bad[i]);
		int r = fetch_settings_parse(text, &settings);

		if (r != -EBADMSG && r != -EPROTONOSUPPORT)
			test_fail(bad[i], 0, "was accepted");
		ASSERT_EQ(settings.timeout, 77);
	}
	ASSERT_ERROR(-EPROTONOSUPPORT, fetch_settings_parse(later, &settings));
}

TEST(proxies_are_those_of_the_environment)
{
	FetchSettings settings = {}, other = {.https_proxy = "http://set:2/"};
	char value[FETCH_VALUE_MAX + 2];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	clearenv();
	setenv("HTTP_PROXY", "http://of-a-web-client/", true);
	setenv("HTTPS_PROXY", "http://upper:1/", true);
	setenv("no_proxy", "lower", true);
	setenv("NO_PROXY", "upper", true);
	ASSERT_OK(fetch_settings_read_environment(&settings));
	ASSERT_STREQ(settings.http_proxy, "");
	ASSERT_STREQ(settings.https_proxy, "http://upper:1/");
	ASSERT_STREQ(settings.all_proxy, "");
	ASSERT_STREQ(settings.no_proxy, "lower");
	ASSERT_OK(fetch_settings_set_environment(&other));
	ASSERT_STREQ(getenv("https_proxy"), "http://set:2/");
	ASSERT_STREQ(getenv("no_proxy"), "lower");
	setenv("all_proxy", value, true);
	ASSERT_ERROR(-E2BIG, fetch_settings_read_environment(&settings));
}
