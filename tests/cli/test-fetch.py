# SPDX-License-Identifier: Apache-2.0
"""suture-fetch, driven over its socket as suture-stage drives it (device/fetch/request.h)."""
import ctypes
import errno
import os
import signal
import socket
import subprocess
import time

from downloader import *
from tap import *
from world import *

DATA = blob(7, 100_000)
NOBODY = 65534


def serve(**options):
    write("served/file", DATA)
    write("served/empty", b"")
    return Server("served", **options)


# A stalled server is asked four times: this one runs beside all the other tests.
_stalled = {}


def start_stalled():
    folder = shared_folder()
    write(os.path.join(folder, "stalled/file"), DATA)
    server = Server(os.path.join(folder, "stalled")).__enter__()
    server.rule("file", stall(1000))
    fetch = Fetch(timeout=1)
    file = open(os.path.join(folder, "stalled-file"), "w+b")
    fetch.send(f"GET 1000000 0 - {server.url}file", file)
    _stalled.update(server=server, fetch=fetch, file=file, start=time.monotonic())


@test
def a_file_arrives_with_its_tag_and_figures():
    start_stalled()
    with serve() as server, Fetch() as fetch:
        words, data = fetch.get(server.url + "file")
        check_equal(words[:3], ["DONE", "200", str(len(DATA))])
        check(data == DATA, "other bytes")
        tag = words[4]
        check(tag.startswith('"') and len(tag) == 18, tag)
        sent = int(words[3]) - len(DATA)
        check(150 < sent < 1000, f"{sent} bytes of headers")
        check_equal(server.asked[0].agent.split("/")[0], "suture")
        check(fetch.progress and fetch.progress[-1] <= len(DATA), fetch.progress)
        check_equal(done(fetch.get(server.url + "empty", have=b"old"), 200, 0), b"")
        words, data = fetch.get(server.url + "file", tag=tag, have=b"old")
        check_equal((words[:3], data), (["DONE", "304", "0"], b"old"))
        done(fetch.get(server.url + "file", tag='"other"'), 200, len(DATA))
        check_equal(fetch.end(), 0, "the end")


@test
def downloads_resume_where_they_broke_off():
    with serve() as server, Fetch() as fetch:
        check_equal(done(fetch.get(server.url + "file", offset=60_000, have=DATA[:60_000]), 206,
                         len(DATA)), DATA)
        check_equal(server.asked[-1].range, "bytes=60000-")
        check_equal(server.asked[-1].sent, 40_000)
        # a range behind the end is refused: then everything is got anew
        server.asked.clear()
        check(done(fetch.get(server.url + "file", offset=len(DATA), have=b"x" * len(DATA)), 200,
                   len(DATA)) == DATA, "other bytes")
        check_equal([a.status for a in server.asked], [416, 200])
    with serve(with_range=False) as server, Fetch() as fetch:
        check_equal(done(fetch.get(server.url + "file", offset=60_000, have=b"x" * 60_000), 200,
                         len(DATA)), DATA)
        check_equal(done(fetch.get(server.url + "empty", offset=3, have=b"old"), 200, 0), b"")


@test
def bounds_are_enforced():
    with serve() as server, Fetch() as fetch:
        done(fetch.get(server.url + "file", max=len(DATA)), 200, len(DATA))
        _, data = failed(fetch.get(server.url + "file", max=len(DATA) - 1), errno.EFBIG)
        check(len(data) < len(DATA), "more than was allowed")
        _, data = failed(fetch.get(server.url + "file", max=70_000, offset=60_000,
                                   have=DATA[:60_000]), errno.EFBIG)
        check(len(data) <= 70_000, len(data))
        server.rule("endless", endless)
        start = time.monotonic()
        _, data = failed(fetch.get(server.url + "endless", max=10_000_000), errno.EFBIG)
        check(len(data) <= 10_000_000 and time.monotonic() - start < 10, len(data))
        failed(fetch.get(server.url + "file", max=0), errno.EFBIG)
        check_equal(done(fetch.get(server.url + "file"), 200, len(DATA)), DATA)


@test
def broken_answers_are_told_with_what_arrived():
    with serve() as server, Fetch(timeout=1) as fetch:
        server.rule("cut", lambda handler, _: cut_at(5_000)(handler, DATA))
        words, data = failed(fetch.get(server.url + "cut"), errno.ECONNABORTED)
        check_equal((words[2], data == DATA[:20_000]), ("20000", True))
        server.rule("more", lambda handler, _: wrong_length(5)(handler, DATA))
        failed(fetch.get(server.url + "more"), errno.ECONNABORTED)
        server.rule("less", lambda handler, _: wrong_length(-5)(handler, DATA))
        check(done(fetch.get(server.url + "less"), 200, len(DATA) - 5) == DATA[:-5], "other bytes")
        server.rule("slow", lambda handler, _: drip(20_000, 0.15)(handler, DATA))
        fetch.progress.clear()
        check(done(fetch.get(server.url + "slow"), 200, len(DATA)) == DATA, "other bytes")
        check(len(set(fetch.progress)) >= 3, f"progress {fetch.progress}")


@test
def error_pages_are_not_kept():
    with serve() as server, Fetch() as fetch:
        server.rule("broken", status(501))
        server.rule("large", status(404, b"x" * 1_000_000))
        for path, code in (("missing", 404), ("broken", 501), ("large", 404)):
            check_equal(done(fetch.get(server.url + path, have=b"old"), code, 0), b"old")


@test
def other_schemes_are_not_spoken():
    write("secret", "secret")
    with Fetch() as fetch:
        for url in ("ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "dict://127.0.0.1/x",
                    "telnet://127.0.0.1/", "nonsense://x/", "http://"):
            _, data = failed(fetch.get(url), errno.EINVAL)
            check_equal(data, b"", url)
        check_equal(fetch.end(), 0, "the end")


@test
def what_cannot_be_reached_is_told():
    with Fetch() as fetch, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        words, _ = failed(fetch.get(f"http://127.0.0.1:{closed.getsockname()[1]}/"),
                          errno.EHOSTUNREACH)
        check("connect" in " ".join(words), words)
        failed(fetch.get("http://name.invalid/"), errno.EHOSTUNREACH)


@test
def malformed_requests_end_it():
    for text, file in (("GET 1 0 - http://127.0.0.1/", None), ("GET 1 0 http://127.0.0.1/", 1),
                       ("PUT 1 0 - http://127.0.0.1/", 1), ("x" * 5000, 1),
                       ("GET 1 2 - http://127.0.0.1/", 1), ("GET 1 0 - http://127.0.0.1/ x", 1)):
        with Fetch() as fetch, open("file", "w+b") as target:
            fetch.send(text, target if file else None)
            check_equal(fetch.process.wait(10), 6, text[:40])
            check_equal(len(fetch.process.stderr.read().strip().split("\n")), 1)
            check_equal(read("file"), b"")


@test
def malformed_settings_end_it():
    good = settings()
    for first, code in ((b"GET 1 0 - http://127.0.0.1/", 6), (good + b"\n", 6), (good[:-1], 6),
                        (good.replace(b"same", b"none"), 6), (b"x" * 5000, 6),
                        (good + b"colour red\n", 6), (good.replace(b" 1\n", b" 2\n"), 1)):
        with Fetch(first=first) as fetch:
            check_equal(fetch.process.wait(10), code, first[:60])
            lines = fetch.process.stderr.read().strip().split("\n")
            check_equal(len(lines), 1, lines)
            check(("another version" in lines[0]) == (code == 1), lines)


@test
def it_takes_no_more_than_it_may_in_a_second():
    size = 3_000_000  # libcurl looks at it after a hundred buffers
    write("served/large", bytes(size))
    with serve() as server, Fetch(bandwidth=1_000_000) as fetch:
        start = time.monotonic()
        done(fetch.get(server.url + "large", max=size), 200, size)
        check(1 < time.monotonic() - start < 20, f"{time.monotonic() - start} seconds")


@test
def it_leaves_the_processor_to_others_when_told_so():
    with serve() as server:
        for in_background, policy in ((False, os.SCHED_OTHER), (True, os.SCHED_IDLE)):
            with Fetch(in_background=in_background) as fetch:
                done(fetch.get(server.url + "empty"), 200, 0)
                check_equal(os.sched_getscheduler(fetch.process.pid), policy, "its policy")


@test
def it_needs_its_socket():
    done = subprocess.run([program("suture-fetch")], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True)
    check(done.returncode != 0)
    one_line_error(done, "descriptor 3")
    one_line_error(run("suture-fetch", "--frob", expect=64), "--frob")
    one_line_error(run("suture-fetch", "frob", expect=64), "frob")


@test
def it_ends_when_the_other_side_goes_away():
    with serve() as server, Fetch() as fetch:
        server.rule("endless", endless)
        with open("file", "w+b") as file:
            fetch.send(f"GET 1000000000000 0 - {server.url}endless", file)
            fetch.ours.recv(4096)
            check_equal(fetch.end() is None, False, "it goes on for nobody")


def status_of(pid):
    lines = read(f"/proc/{pid}/status").decode().splitlines()
    return {line.split(":")[0]: line.split(":", 1)[1].split() for line in lines}


def has_landlock():
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1) > 0


@test
def it_gives_away_every_power():
    if os.geteuid() != 0:
        skip("needs root")
    with serve() as server, Fetch() as fetch:
        done(fetch.get(server.url + "file"), 200, len(DATA))
        status = status_of(fetch.process.pid)
        check_equal(len(set(status["Uid"])), 1)
        check(status["Uid"][0] != "0" and status["Gid"][0] != "0", status["Uid"])
        check_equal(status["Groups"], [])
        check_equal(status["NoNewPrivs"], ["1"])
        for kind in "CapPrm", "CapEff", "CapInh", "CapAmb":
            check_equal(int(status[kind][0], 16), 0, kind)
        opened = {os.readlink(f"/proc/{fetch.process.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{fetch.process.pid}/fd")}
        check(not any("file" in path for path in opened), f"it kept {opened}")


@test
def landlock_forbids_it_to_write():
    if not has_landlock():
        skip("this kernel has no Landlock")
    done = subprocess.run(["strace", "-f", "-e", "trace=landlock_restrict_self,landlock_create_ruleset",
                           program("suture-fetch")], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    for access in ("WRITE_FILE", "MAKE_REG", "REMOVE_FILE", "TRUNCATE"):
        check(access in done.stderr or "0x" in done.stderr, done.stderr)
    lines = [l for l in done.stderr.splitlines() if "landlock_restrict_self" in l]
    check(len(lines) == 1 and lines[0].endswith("= 0"), done.stderr)


@test
def a_kernel_without_landlock_does():
    under = ["strace", "-f", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:error=ENOSYS"]
    with serve() as server, Fetch(under=under, env={"ASAN_OPTIONS": "detect_leaks=0"}) as fetch:
        check(done(fetch.get(server.url + "file"), 200, len(DATA)) == DATA, "other bytes")


@test
def a_server_that_stalls_is_given_up():
    words = _stalled["fetch"].reply()
    took = time.monotonic() - _stalled["start"]
    check_equal(words[:2], ["FAILED", str(errno.ETIMEDOUT)], " ".join(words))
    check(took < 45, f"after {took:.0f} s")
    asked = _stalled["server"].asked
    check_equal([a.range for a in asked], [None] + ["bytes=1000-"] * 3, "each try continues")
    _stalled["file"].seek(0)
    check(_stalled["file"].read() == DATA[:1000], "other bytes")
    check_equal(_stalled["fetch"].end(), 0, "the end")


main()
