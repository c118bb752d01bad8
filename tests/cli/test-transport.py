# SPDX-License-Identifier: Apache-2.0
"""The way to a repository: tries, redirects, TLS, proxies, mirrors, and servers that are not good."""
import contextlib
import errno
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
import tempfile
import threading
import time

from downloader import *
from tap import *
from world import *

DATA = blob(7, 100_000)
SHORT = {"timeout": 1}


def serve(folder="served", **options):
    write(f"{folder}/file", DATA)
    return Server(folder, **options)


def same(data, expected=DATA):
    check(data == expected, f"{len(data)} other bytes")


def some_times(count, rule):
    """A rule so many times, and a good answer from then on."""
    left = [count]

    def either(handler, data):
        left[0] -= 1
        return rule(handler, data) if left[0] >= 0 else answer(handler, data)
    return either


# A drip is asked for four times, some seconds each: this runs beside the other tests.
_drip = {}


def start_drip():
    def slowly(handler, _):
        head(handler, 200, 1_000_000)
        with contextlib.suppress(OSError):
            while not server.ending.is_set():
                body(handler, b"x" * 100)
                time.sleep(0.1)  # never silent: 1000 bytes a second
    server = Server("nothing").__enter__()
    server.rule("drip", slowly)
    fetch = Fetch(**SHORT)
    with tempfile.TemporaryFile() as file:
        fetch.send(f"GET 1000000 0 - {server.url}drip", file)
    _drip.update(server=server, fetch=fetch, start=time.monotonic())


# Tries

@test
def what_may_be_well_a_moment_later_is_tried_again():
    start_drip()
    with serve() as server, Fetch(**SHORT) as fetch:
        for code in 408, 429, 500, 502, 503, 504:
            server.rules[:] = [("file", some_times(3, status(code)))]
            server.asked.clear()
            same(done(fetch.get(server.url + "file"), 200, len(DATA)))
            check_equal(len(server.asked), 4, code)
        server.rules[:] = [("file", status(503))]
        server.asked.clear()
        check_equal(done(fetch.get(server.url + "file"), 503, 0), b"")
        check_equal(len(server.asked), 4, "tries in all")


@test
def what_will_not_change_is_not_tried_again():
    with serve() as server, Fetch(**SHORT) as fetch:
        for code in 400, 401, 403, 404, 410, 451, 501, 505:
            server.rules[:] = [("file", status(code))]
            server.asked.clear()
            done(fetch.get(server.url + "file"), code, 0)
            check_equal(len(server.asked), 1, code)
        server.rules.clear()
        server.asked.clear()
        failed(fetch.get(server.url + "file", max=10), errno.EFBIG)
        check_equal(len(server.asked), 1, "too large")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            start = time.monotonic()
            failed(fetch.get(f"http://127.0.0.1:{closed.getsockname()[1]}/"), errno.EHOSTUNREACH)
            check(time.monotonic() - start < 1, "it was tried again")


@test
def a_connection_that_never_comes_is_given_up():
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # its queue is full then, and nobody takes from it
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with Fetch(**SHORT) as fetch:
            start = time.monotonic()
            failed(fetch.get(f"http://127.0.0.1:{listener.getsockname()[1]}/"), errno.EHOSTUNREACH)
            check(0.9 < time.monotonic() - start < 10, time.monotonic() - start)


@test
def a_handshake_that_never_comes_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener, Fetch(**SHORT) as fetch:
        failed(fetch.get(f"https://127.0.0.1:{listener.getsockname()[1]}/"), errno.EHOSTUNREACH)


@test
def pauses_grow():
    with serve() as server, Fetch(timeout=6) as fetch:  # pauses of 0.2, 0.4 and 0.8 s
        times = []

        def note(handler, data):
            times.append(time.monotonic())
            status(503)(handler, data)
        server.rule("file", note)
        done(fetch.get(server.url + "file"), 503, 0)
        pauses = [b - a for a, b in zip(times, times[1:])]
        check(0.1 <= pauses[0] and 0.2 <= pauses[1] and 0.4 <= pauses[2] and sum(pauses) < 10, pauses)


@test
def a_limit_of_bandwidth_is_kept():
    with serve() as server, Fetch(bandwidth=50000) as fetch:
        start = time.monotonic()
        same(done(fetch.get(server.url + "file"), 200, len(DATA)))
        check(time.monotonic() - start > 0.9, "100,000 bytes at 50,000 a second")


@test
def a_server_that_asks_for_patience_gets_it():
    with serve() as server, Fetch(**SHORT) as fetch:
        server.rule("file", some_times(1, status(503, Retry_After="1")))
        start = time.monotonic()
        same(done(fetch.get(server.url + "file"), 200, len(DATA)))
        check(1 <= time.monotonic() - start < 5, time.monotonic() - start)
        server.rules[:] = [("file", status(503, Retry_After="31"))]
        server.asked.clear()
        done(fetch.get(server.url + "file"), 503, 0)
        check_equal(len(server.asked), 1, "more patience than one download has")


@test
def it_ends_in_a_pause_when_nobody_waits():
    with serve() as server, Fetch() as fetch:
        server.rule("file", status(503, Retry_After="20"))
        with open("file", "w+b") as file:
            fetch.send(f"GET 1000000 0 - {server.url}file", file)
            while not server.asked:
                time.sleep(0.02)
            check_equal(fetch.end() is None, False, "it goes on for nobody")


@test
def a_try_continues_only_the_same_file():
    with serve() as server, Fetch(**SHORT) as fetch:
        other = bytes(reversed(DATA))

        def cut_with_tag(handler, data):
            head(handler, 200, len(DATA), ETag='"old"')
            body(handler, DATA[:30_000])
            handler.close_connection = True
        server.rule("file", some_times(1, cut_with_tag))
        write("served/file", other)
        same(done(fetch.get(server.url + "file"), 200, len(DATA)), other)
        check_equal([(a.range, a.if_range) for a in server.asked],
                    [(None, None), ("bytes=30000-", '"old"')])


@test
def a_part_is_written_only_where_it_belongs():
    with serve() as server, Fetch(**SHORT) as fetch:
        for headers in ({}, {"Content_Range": "bytes 0-9/100000"},
                        {"Content_Range": "bytes 60001-99999/100000"},
                        {"Content_Range": "bytes nonsense"},
                        {"Content_Range": "bytes 60000-99999/5"}):
            def part(handler, data, headers=headers):
                if not handler.asked.range:
                    return answer(handler, data)
                head(handler, 206, 40_000, **headers)
                body(handler, b"x" * 40_000)
            server.rules[:] = [("file", part)]
            same(done(fetch.get(server.url + "file", offset=60_000, have=b"y" * 60_000), 200,
                      len(DATA)))
        server.rules[:] = [("file", status(206, b"x" * 10, Content_Range="bytes 0-9/10"))]
        _, data = failed(fetch.get(server.url + "file", have=b"old"), errno.EPROTO)
        check_equal(data, b"old", "a part that nobody asked for")


# Bounds

@test
def header_fields_are_bounded():
    def many(name, value, count):
        def rule(handler, data):
            handler.asked.status = 200
            handler.send_response(200)
            for number in range(count):
                handler.send_header(name.format(number), value)
            handler.send_header("Content-Length", len(data))
            handler.end_headers()
            body(handler, data)
        return rule

    def for_ever(handler, _):
        handler.send_response(200)
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while not server.ending.is_set():
                handler.send_header("X-More", "y" * 1000)
                handler.flush_headers()

    def interim(handler, _):
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while not server.ending.is_set():
                handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    with serve() as server, Fetch(**SHORT) as fetch:
        server.rule("some", many("X-{}", "y" * 100, 200))
        write("served/some", DATA)
        same(done(fetch.get(server.url + "some"), 200, len(DATA)))
        for rule in many("X-{}", "", 300), many("X", "y" * 1000, 40), for_ever, interim:
            server.rules[:] = [("file", rule)]
            failed(fetch.get(server.url + "file"), errno.E2BIG)
        server.rules[:] = [("file", many("X", "a\0b", 1))]
        failed(fetch.get(server.url + "file"), errno.EPROTO, errno.EIO)


@test
def lengths_do_not_matter():
    def chunked(pieces, extra=b""):
        def rule(handler, _):
            head(handler, 200, Transfer_Encoding="chunked")
            with contextlib.suppress(OSError):
                for piece in pieces:
                    body(handler, b"%x\r\n%s\r\n" % (len(piece), piece))
                body(handler, b"0\r\n" + extra + b"\r\n")
        return rule
    with serve() as server, Fetch(**SHORT) as fetch:
        server.rule("file", chunked([DATA[:1], DATA[1:]]))
        same(done(fetch.get(server.url + "file", max=len(DATA)), 200, len(DATA)))
        failed(fetch.get(server.url + "file", max=len(DATA) - 1), errno.EFBIG)
        server.rules[:] = [("file", chunked([DATA], b"X-Late: 1\r\n" * 4000))]
        failed(fetch.get(server.url + "file"), errno.E2BIG)
        # announced too long, it is not even begun
        server.rules[:] = [("file", answer)]
        _, data = failed(fetch.get(server.url + "file", max=50_000, have=b"old"), errno.EFBIG)
        check_equal(data, b"old")


@test
def nothing_packed_is_taken():
    def doubly(handler, data):
        import gzip
        packed = gzip.compress(data)
        head(handler, 200, Transfer_Encoding="gzip, chunked")
        body(handler, b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))
    with serve() as server, Fetch(**SHORT) as fetch:
        for rule in encoded, doubly, status(200, b"x", Content_Encoding="br"):
            server.rules[:] = [("file", rule)]
            words, data = failed(fetch.get(server.url + "file"), errno.EPROTO)
            check("packed" in words[4], words)
            check_equal(data, b"")
        check("Accept-Encoding" not in server.asked[-1].headers, "it asks for it")
        server.rules[:] = [("file", status(200, b"x", Content_Encoding="identity"))]
        done(fetch.get(server.url + "file"), 200, 1)


def raw_server(text):
    """A server of one answer, whatever is asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(text)
    threading.Thread(target=run, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/"


@test
def old_http_is_spoken_as_far_as_it_is_http():
    listener, url = raw_server(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello")
    with listener, Fetch(**SHORT) as fetch:
        for _ in range(3):
            check_equal(done(fetch.get(url), 200, 5), b"hello")
    for answer_text in b"hello", b"", b"\0" * 100, b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 \r\n\r\n":
        listener, url = raw_server(answer_text)
        with listener, Fetch(**SHORT) as fetch:
            failed(fetch.get(url), errno.EPROTO, errno.ECONNABORTED, errno.EINVAL, errno.EIO)


@test
def little_is_sent():
    with serve() as server, Fetch(**SHORT) as fetch:
        server.rule("cookie", status(200, b"x", Set_Cookie="a=b"))
        for path in "cookie", "file":
            fetch.get(server.url + path)
        check_equal(set(server.asked[-1].headers), {"Host", "User-Agent"})


# Redirects

@test
def redirects_stay_at_home():
    with serve() as server, serve("other") as other, Fetch(**SHORT) as fetch:
        for code in 301, 302, 303, 307, 308:
            server.rules[:] = [("away", status(code, b"gone", Location="/file"))]
            same(done(fetch.get(server.url + "away"), 200, len(DATA)))
        server.rules[:] = [("away", redirect_to(other.url + "file"))]
        words, data = failed(fetch.get(server.url + "away"), errno.EXDEV)
        check(server.url + "away" in words[4] and other.url + "file" in words[4], words)
        check_equal((data, other.asked), (b"", []))
        for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/",
                       f"http://localhost:{other.url.split(':')[2]}", "https://127.0.0.1/file"):
            server.rules[:] = [("away", redirect_to(target))]
            check_equal(failed(fetch.get(server.url + "away"), errno.EXDEV)[1], b"")
        server.rules[:] = [("away", status(302))]
        done(fetch.get(server.url + "away"), 302, 0)


@test
def redirects_to_anywhere_are_the_owners_choice():
    with serve() as server, serve("other") as other, Fetch(**SHORT, any_redirect=True) as fetch:
        server.rule("away", redirect_to(other.url + "file"))
        same(done(fetch.get(server.url + "away"), 200, len(DATA)))
        for target in "file:///etc/passwd", "ftp://127.0.0.1/x", "dict://127.0.0.1/x":
            server.rules[:] = [("away", redirect_to(target))]
            words, data = failed(fetch.get(server.url + "away"), errno.EXDEV)
            check_equal(("never" in words[4], data), (True, b""))


@test
def rings_of_redirects_end():
    with serve() as server, Fetch(**SHORT) as fetch:
        server.rule(r"/\d+", lambda handler, _:
                    redirect_to(f"/{int(handler.path[1:]) - 1}" if handler.path != "/0" else "/file")
                    (handler, _))
        same(done(fetch.get(server.url + "4"), 200, len(DATA)))
        server.asked.clear()
        failed(fetch.get(server.url + "5"), errno.ELOOP)
        server.rule("ring", redirect_to("/ring"))
        failed(fetch.get(server.url + "ring"), errno.ELOOP)
        check_equal(len(server.of("ring")), 6)


# TLS

def openssl(*args):
    run("/usr/bin/openssl", *args)


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "10")
    os.chmod(f"{name}.pem", 0o644)


def make_certificate(name, ca, address="IP:127.0.0.1", days="10"):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    write("extensions", f"subjectAltName={address}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", days, "-extfile", "extensions")


def serve_tls(name, server=None):
    server = server or serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{name}.pem", f"{name}.key")
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True,
                                             do_handshake_on_connect=False)
    server.url = server.url.replace("http:", "https:")
    return server


@test
def certificates_are_checked():
    os.chmod(".", 0o755)
    make_ca("ours")
    make_ca("theirs")
    make_certificate("good", "ours")
    make_certificate("elsewhere", "ours", "DNS:updates.example.org")
    make_certificate("old", "ours", days="-1")
    with serve_tls("good") as server:
        with Fetch(**SHORT, ca_file=os.path.abspath("ours.pem")) as fetch:
            same(done(fetch.get(server.url + "file"), 200, len(DATA)))
        for wanted in ({}, {"ca_file": os.path.abspath("theirs.pem")}):
            server.asked.clear()
            with Fetch(**SHORT, **wanted) as fetch:
                words, _ = failed(fetch.get(server.url + "file"), errno.EKEYREJECTED)
            check("issuer" in words[4] or "self-signed" in words[4], words)
            check_equal(server.asked, [])
        with Fetch(**SHORT, ca_file=os.path.abspath("missing.pem")) as fetch:
            words, _ = failed(fetch.get(server.url + "file"), errno.EINVAL)
            check("missing.pem" in words[4], words)
    for name, word in ("elsewhere", "name"), ("old", "expired"):
        with serve_tls(name) as server:
            with Fetch(**SHORT, ca_file=os.path.abspath("ours.pem")) as fetch:
                words, _ = failed(fetch.get(server.url + "file"), errno.EKEYREJECTED)
                check(word in words[4], words)
                check_equal(server.asked, [])


@test
def what_was_asked_in_private_is_never_shown():
    os.chmod(".", 0o755)
    make_ca("ours")
    make_certificate("good", "ours")
    with serve_tls("good") as server, serve("plain") as plain:
        with Fetch(**SHORT, any_redirect=True, ca_file=os.path.abspath("ours.pem")) as fetch:
            server.rule("away", redirect_to(plain.url + "file"))
            failed(fetch.get(server.url + "away"), errno.EXDEV)
            check_equal(plain.asked, [])
            plain.rule("away", redirect_to(server.url + "file"))
            same(done(fetch.get(plain.url + "away"), 200, len(DATA)))


# Proxies

@test
def a_proxy_is_used_as_told():
    clear = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY")}
    with serve() as proxy:  # one that answers whatever host is asked for
        proxy.rule("", lambda handler, _: answer(handler, DATA))
        with Fetch(**SHORT, proxy=proxy.url, env=clear) as fetch:
            same(done(fetch.get("http://updates.invalid/file"), 200, len(DATA)))
        check_equal(proxy.paths(), ["http://updates.invalid/file"])
        with Fetch(**SHORT, env=dict(clear, http_proxy=proxy.url)) as fetch:
            same(done(fetch.get("http://updates.invalid/file"), 200, len(DATA)))
        proxy.rules.clear()
        with Fetch(**SHORT, proxy=proxy.url, env=clear) as fetch:
            failed(fetch.get("https://updates.invalid/file"), errno.EHOSTUNREACH,
                   errno.ECONNABORTED)
    with Fetch(**SHORT, proxy="http://127.0.0.1:1/", env=clear) as fetch:
        failed(fetch.get("http://updates.invalid/file"), errno.EHOSTUNREACH)


# Mirrors

def published():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    return vendor


def mirrors(*servers):
    return "".join(f"mirror = {server if isinstance(server, str) else server.url}\n"
                   for server in servers)


@test_in_mount_namespace
def a_mirror_does_when_the_repository_does_not():
    vendor = published()
    shutil.copytree(vendor.repository, "bad")
    flip_byte("bad/metadata/timestamp.json", 200)
    with Server(vendor.repository) as good, Server("bad") as damaged, Server("nothing") as empty:
        device = Device("http://127.0.0.1:1/", config=mirrors(damaged, empty, good))
        device.suture("check")
        check(damaged.asked and empty.asked, "they are asked in order")
        device.suture("install")
        check_equal(device.lib() == NEW_TLS, True)
        # the tag of a mirror is not kept: another may have it for something else
        check(not os.path.exists(device.store("metadata/timestamp.etag")), "a tag is kept")
        good.asked.clear()
        device.configure(good.url, mirrors(damaged))
        damaged.asked.clear()
        device.suture("check", expect=2)
        check(good.asked and not damaged.asked, "a mirror is asked without need")


@test_in_mount_namespace
def an_older_or_expired_mirror_is_passed_over():
    vendor = published()
    shutil.copytree(vendor.repository, "old")
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    shutil.copytree(vendor.repository, "good")
    with Server("good") as good, Server("old") as old, Server(vendor.repository) as expired:
        device = Device(good.url)
        device.suture("check")
        vendor.expire("timestamp")
        device.configure(old.url, mirrors(expired, good))
        check_equal(device.json("check")["offer"]["sequence"], 2)
        check(old.asked and expired.asked, "they were not asked")


@test_in_mount_namespace
def the_error_is_that_of_the_repository():
    vendor = published()
    shutil.copytree(vendor.repository, "bad")
    flip_byte("bad/metadata/timestamp.json", 200)
    with Server("bad") as bad:
        device = Device("http://127.0.0.1:1/", config=mirrors(bad, "http://127.0.0.1:2/"))
        device.refuses("http://127.0.0.1:1/ cannot be reached", "2 mirrors failed too", expect=1,
                       verb=("check",))
        device.configure(bad.url, mirrors("http://127.0.0.1:2/"))
        device.refuses("1 mirror failed too", expect=6, verb=("check",))
    # what is verified, though unwelcome, is not asked of others
    with Server(vendor.repository) as server, Server(vendor.repository) as mirror:
        device.configure(server.url, mirrors(mirror) + "channel = wonderful\n")
        device.refuses("nothing for this base", expect=3, verb=("check",))
        check_equal(mirror.asked, [])


@test_in_mount_namespace
def a_check_that_got_no_index_is_none():
    vendor = published()
    with Server(vendor.repository) as server, Server(vendor.repository) as mirror:
        device = Device(server.url)
        device.suture("check")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        server.rule("index", status(304, b""))  # to a request without a condition
        one_line_error(device.suture("check", expect=1), "304", "index")
        check("304" in device.json("status")["checks"]["problem"], "it counts as good")
        device.configure(server.url, mirrors(mirror))
        check_equal(device.json("check")["offer"]["sequence"], 2)


@test_in_mount_namespace
def a_server_cannot_keep_its_failure_from_being_told():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        server.rule("timestamp", status(200, b"{}", Content_Encoding="a\xff"))  # sent as Latin-1
        one_line_error(device.suture("check", expect=1), "packed (a?)")
        check("packed (a?)" in device.json("status")["checks"]["problem"], "it is not kept")


@test_in_mount_namespace
def a_downloader_that_will_not_end_is_ended():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        os.remove(device.path("usr/lib/suture/root.json"))  # so that the stager ends at once
        for name in "suture", "suture-stage":
            shutil.copy(program(name), ".")
        write("suture-fetch", "#!/bin/sh\ntrap '' TERM\nexec 3<&-\nexec sleep 60\n", 0o755)
        start = time.monotonic()
        done = subprocess.run(["./suture", "--root", device.root, "check"], text=True,
                              stderr=subprocess.PIPE)
        check_equal(done.returncode, 3)
        one_line_error(done, "root.json")
        check(time.monotonic() - start < 30, "the way back would have to wait for it")


@test_in_mount_namespace
def a_bad_certificate_takes_nothing_of_what_is_downloaded():
    vendor = published()
    make_ca("theirs")
    make_certificate("portal", "theirs")
    with Server(vendor.repository) as server, serve_tls("portal") as portal:
        device = Device(server.url, config="redirects = any\n")
        write(device.path(LIB), changed(OLD_TLS, 0))  # the full image is needed
        server.rule("blobs", cut_at(20_000, times=4))
        device.suture("install", expect=1)
        server.rules[:] = [("blobs", redirect_to(portal.url))]
        one_line_error(device.suture("install", expect=6), "certificate")
        check_equal(list(device.partial().values()), [80_000])
        server.rules.clear()
        device.suture("install")
        check_equal(server.of("blobs")[-1].range, "bytes=80000-")


@test_in_mount_namespace
def payloads_have_mirrors_too():
    for harm in flip_byte, os.unlink, lambda path: os.truncate(path, 10):
        fresh_folder()
        vendor = published()
        shutil.copytree(vendor.repository, "copy")
        for path in vendor.payloads().values():
            harm(path)
        with Server(vendor.repository) as server, Server("copy") as mirror:
            device = Device(server.url, config=mirrors(mirror))
            check_equal(device.json("install")["used_delta"], True)
            check_equal(device.lib() == NEW_TLS, True)
            check_equal(len(mirror.asked), 1, "only the payload is asked of it")


@test_in_mount_namespace
def the_owners_settings_reach_the_downloader():
    vendor = published()
    os.chmod(".", 0o755)
    make_ca("ours")
    make_certificate("good", "ours")
    ca_file = f"ca-file = {os.path.abspath('ours.pem')}\n"
    with serve_tls("good", Server(vendor.repository)) as server:
        device = Device(server.url)
        device.refuses("certificate", expect=6, verb=("check",))
        check_equal(server.asked, [])
        device.configure(server.url, ca_file)
        device.suture("check")
        with Server("front") as front:
            front.rule("", lambda handler, _: redirect_to(server.url + handler.path[1:])(handler, _))
            device.configure(front.url, ca_file)
            device.refuses("redirects to " + server.url, "suture.conf", expect=1, verb=("check",))
            device.configure(front.url, ca_file + "redirects = any\n")
            device.suture("check")
    with Server(vendor.repository) as proxy:
        def fetch_for_others(handler, _):
            path = vendor.path(handler.path.removeprefix("http://updates.invalid/"))
            answer(handler, read(path) if os.path.exists(path) else None)
        proxy.rule("", fetch_for_others)
        device.configure("http://updates.invalid/", f"proxy = {proxy.url}\n")
        device.suture("check")
        check(proxy.asked, "the proxy was not asked")


# Repositories that are carried

def carried(name="stick"):
    """A folder as on a stick, which everybody may read."""
    write(f"{name}/metadata/timestamp.json", b"{1}")
    write(f"{name}/metadata/1.a%2Bb.json", b"{2}")
    write(f"{name}/blobs/ab/cd", DATA)
    os.chmod(".", 0o755)
    return f"file://{os.getcwd()}/{name}/"


@test
def files_are_read_like_answers():
    url = carried()
    with Fetch() as fetch:
        check_equal(done(fetch.get(url + "metadata/timestamp.json", have=b"old bytes"), 200, 3), b"{1}")
        same(done(fetch.get(url + "blobs/ab/cd", offset=50, have=b"x" * 50), 200, len(DATA)))
        for name in "%74imestamp.json", "timestamp%2ejson", "timestamp%2Ejson":
            done(fetch.get(url + "metadata/" + name), 200, 3)
        done(fetch.get(url + "metadata/1.a%2Bb.json"), 200, 3)
        for name in "metadata/none", "metadata/timestamp.json/x", "blobs/ab/ce":
            check_equal(done(fetch.get(url + name, have=b"old"), 404, 0), b"old")
        failed(fetch.get(url + "blobs/ab/cd", max=len(DATA) - 1), errno.EFBIG)


@test
def what_is_no_file_is_refused_at_once():
    url = carried()
    os.mkfifo("stick/metadata/fifo")
    os.mkdir("stick/metadata/folder")
    write("secret", b"secret")
    os.symlink("../../secret", "stick/metadata/out")
    os.symlink("/etc/passwd", "stick/metadata/absolute")
    os.symlink("timestamp.json", "stick/metadata/inside")
    os.symlink("ring", "stick/metadata/ring")
    os.symlink("/proc/self/environ", "stick/metadata/magic")
    os.mkfifo("pipe")
    with Fetch() as fetch:
        for name, *errors in (("fifo", errno.EIO), ("folder", errno.EIO), ("out", errno.EXDEV),
                              ("absolute", errno.EXDEV), ("magic", errno.EXDEV),
                              ("ring", errno.ELOOP)):
            check_equal(failed(fetch.get(url + "metadata/" + name), *errors)[1], b"", name)
        done(fetch.get(url + "metadata/inside"), 200, 3)
        words, _ = failed(fetch.get(f"file://{os.getcwd()}/gone/metadata/x"), errno.EHOSTUNREACH)
        check("mounted" in words[4], words)
        failed(fetch.get(f"file://{os.getcwd()}/pipe/metadata/x"), errno.EHOSTUNREACH)
        for bad in ("file:///etc/passwd", "file:///", "file://host/a/metadata/x", "file:relative",
                    url + "metadata/../../secret", url + "metadata/%2e%2e/x", url + "metadata//x",
                    url + "metadata/%00", url + "metadata/%2", url + "metadata/%zz"):
            check_equal(failed(fetch.get(bad), errno.EINVAL)[1], b"", bad)


@test
def what_may_not_be_read_is_told():
    if os.geteuid() != 0:
        skip("needs root, to be another user than the one who downloads")
    url = carried()
    for path in "stick/metadata/timestamp.json", "stick/metadata", "stick":
        os.chmod(path, 0o700)
        with Fetch() as fetch:
            words, _ = failed(fetch.get(url + "metadata/timestamp.json"), errno.EACCES)
            check("chmod -R a+rX" in words[4], words)
        os.chmod(path, 0o755)


def bundle(folder, path):
    """What `suture-publish bundle` makes."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                whole = os.path.join(place, name)
                archive.add(whole, os.path.relpath(whole, folder))
    os.chmod(path, 0o644)


@test
def bundles_are_read_in_place():
    carried()
    bundle("stick", "x.suture")
    url = f"file://{os.getcwd()}/x.suture/"
    with Fetch() as fetch:
        done(fetch.get(url + "metadata/timestamp.json"), 200, 3)
        done(fetch.get(url + "metadata/1.a%2Bb.json"), 200, 3)
        same(done(fetch.get(url + "blobs/ab/cd"), 200, len(DATA)))
        done(fetch.get(url + "metadata/none"), 404, 0)
        os.makedirs("metadata/targets")  # folders of these names on the way
        shutil.copy("x.suture", "metadata/targets/y.suture")
        done(fetch.get(f"file://{os.getcwd()}/metadata/targets/y.suture/metadata/timestamp.json"),
             200, 3)
        os.truncate("x.suture", 4000)
        words, data = failed(fetch.get(url + "metadata/timestamp.json"), errno.EBADMSG)
        check("cut off" in words[4], words)
        write("x.suture", b"nonsense" * 1000)
        failed(fetch.get(url + "metadata/timestamp.json"), errno.EBADMSG)


@test_in_mount_namespace
def machines_without_a_network_install_from_what_is_carried():
    vendor = published()
    vendor.rotate_root(2)
    bundle(vendor.repository, "26.3.1.suture")
    for place in "repository", "26.3.1.suture":
        device = Device(f"file://{os.getcwd()}/{place}", name=f"device-{place}")
        check_equal(device.json("install")["used_delta"], True)
        check_equal(device.lib() == NEW_TLS, True)
        device.suture("check", expect=2)
    flip_byte("26.3.1.suture", 100)
    device.refuses("26.3.1.suture", "damaged", expect=6, verb=("check",))
    os.unlink("26.3.1.suture")
    device.refuses("mounted", expect=1, verb=("check",))


@test
def a_drip_ends():
    words = _drip["fetch"].reply()
    check_equal(words[:2], ["FAILED", str(errno.ETIMEDOUT)])
    check("slowly" in words[4], words)
    check(time.monotonic() - _drip["start"] < 60, "it took long")
    check_equal(len(_drip["server"].asked), 4)


main()
