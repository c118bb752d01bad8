# SPDX-License-Identifier: Apache-2.0
"""Servers that mean harm, and what a refresh against each of them costs: for the test and for
bench/hostile.

    case = CASES["endless body"]
    with Server(vendor.repository) as server:
        case.prepare(server)
        figures = Refresh(device, server.url).wait()

`suture-stage refresh` runs as the manager runs it, with a suture-fetch; a short time-out, which is
suture.conf's, is all that differs.
"""
import collections
import contextlib
import gzip
import json
import os
import socket
import subprocess
import tempfile
import time

from downloader import settings
from tap import program
from world import answer, body, drip, head, redirect_to, wrong_length

ROOT = r"/2\.root\.json"  # the first that a refresh asks for, and the largest before any signature
BOMB = 100_000_000


def constant(data, status=200, **headers):
    def rule(handler, _):
        head(handler, status, len(data), **headers)
        with contextlib.suppress(OSError):
            body(handler, data)
    return rule


def endless_body(handler, _):
    head(handler, 200)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            body(handler, b"{" * 65536)


def endless_page(handler, _):
    head(handler, 404)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            body(handler, b"x" * 65536)


def endless_headers(handler, _):
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-More: " + b"y" * 1000 + b"\r\n")


def slow_drip(handler, _):
    with contextlib.suppress(OSError):
        drip(100, 0.1)(handler, b"{" * 500_000)


def signatures(count):
    one = b'{"keyid":"' + b"0" * 64 + b'","sig":"00"}'
    return constant(b'{"signatures":[' + b",".join([one] * count) + b'],"signed":{}}')


def signatures_that_fit(handler, _):
    """The next root, in all good but for its signatures: one wrong one after the other, of keys that
    count."""
    path = os.path.join(handler.folder, "metadata/1.root.json")
    with open(path, encoding="utf-8") as file:
        root = json.load(file)
    root["signed"]["version"] += 1
    keys = root["signed"]["roles"]["root"]["keyids"]
    root["signatures"] = [{"keyid": keys[n % len(keys)], "sig": f"{n:0128x}"} for n in range(2000)]
    constant(json.dumps(root).encode())(handler, _)


def bomb():
    return constant(gzip.compress(b"{" * BOMB), Content_Encoding="gzip")


def portal(handler, _):
    """A captive portal: its own page for every address."""
    constant(b"<html>Please log in</html>", Content_Type="text/html")(handler, _)


def other_type(handler, data):
    handler.asked.status = 200
    if data is None:
        return answer(handler, data)
    return constant(data, Content_Type="text/html; charset=utf-16")(handler, data)


# What the server does at which paths, and the exit code of suture-stage. A function of no arguments
# makes what is large.
Case = collections.namedtuple("Case", "pattern rule code")
CASES = {
    "endless body": Case(ROOT, lambda: endless_body, 1),
    "endless error page": Case(ROOT, lambda: endless_page, 0),
    "endless headers": Case(ROOT, lambda: endless_headers, 1),
    "slow drip": Case(ROOT, lambda: slow_drip, 1),
    "too long by 5": Case("timestamp", lambda: wrong_length(-5), 6),
    "cut off by 5": Case("timestamp", lambda: wrong_length(5), 1),
    "another content type": Case("", lambda: other_type, 0),
    "captive portal": Case("", lambda: portal, 6),
    "1,000,000 signatures": Case(ROOT, lambda: signatures(1_000_000), 1),
    "signatures that fit": Case(ROOT, lambda: signatures_that_fit, 6),
    "deep JSON": Case(ROOT, lambda: constant(b'{"a":' * 100_000), 6),
    "long number": Case(ROOT, lambda: constant(b'{"a":' + b"9" * 500_000 + b"}"), 6),
    "redirect loop": Case(ROOT, lambda: redirect_to("/metadata/2.root.json"), 1),
    "redirect to a file": Case(ROOT, lambda: redirect_to("file:///etc/passwd"), 1),
    "gzip bomb": Case(ROOT, bomb, 1),
}
ROOTS = 260  # more than one refresh takes

Figures = collections.namedtuple("Figures", "code message seconds fetch stage disk")
Usage = collections.namedtuple("Usage", "cpu_seconds peak_mib")


def add_roots(vendor):
    """A chain of more roots than one refresh walks, all of them good."""
    for version in range(2, ROOTS + 2):
        vendor.rotate_root(version, signers=["root-1", "root-2"])


def bytes_below(folder):
    return sum(os.lstat(os.path.join(place, name)).st_blocks * 512
               for place, _, names in os.walk(folder) for name in names)


class Refresh:
    """A refresh that was started."""

    def __init__(self, device, url, timeout=1):
        self.device, self.start = device, time.monotonic()
        self.errors = tempfile.TemporaryFile()
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ends[1].send(settings(timeout=timeout))
        self.fetch = self.run(ends[0], "suture-fetch")
        self.stage = self.run(ends[1], "suture-stage", "--root", device.root, "--url", url, "refresh")
        for end in ends:
            end.close()

    def run(self, end, name, *options):
        figures = os.path.join(self.device.root, f"{name}.figures")
        return subprocess.Popen(
            [program("tests/measure"), figures, program(name), *options], pass_fds=[3],
            stderr=self.errors, preexec_fn=lambda: os.dup2(end.fileno(), 3),
            stdout=subprocess.DEVNULL)

    def used(self, name):
        with open(os.path.join(self.device.root, f"{name}.figures"), encoding="utf-8") as file:
            microseconds, kib = map(int, file.read().split())
        return Usage(microseconds / 1e6, kib / 1024)

    def wait(self):
        code = self.stage.wait()
        seconds = time.monotonic() - self.start
        self.fetch.wait()
        self.errors.seek(0)
        message = self.errors.read().decode().strip()
        self.errors.close()
        return Figures(code, message, seconds, self.used("suture-fetch"), self.used("suture-stage"),
                       bytes_below(self.device.store()))
