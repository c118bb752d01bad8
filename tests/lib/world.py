# SPDX-License-Identifier: Apache-2.0
"""A small world for tests of the device: a vendor, a web server that can misbehave, a machine.

    vendor = Vendor()
    vendor.improve({"tls": {f"{TLS}/libtls.so": changed(OLD_TLS)}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")

The first Vendor of a test program makes the keys and an empty repository; all later ones start from
a copy of it. Nothing here mounts: that is what the tests do, in their own mount namespace.
"""
import atexit
import contextlib
import functools
import hashlib
import json
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tap
from tap import check, check_equal, program, read, run, write

PRODUCT, VERSION = "exampleos", "26.3.1"
MACHINE = os.uname().machine
BASE_KEY = f"{VERSION}_{MACHINE}"
OS_RELEASE = f'NAME="Example OS"\nID={PRODUCT}\nVERSION_ID={VERSION}\n'
TLS, XML = "usr/lib/tls", "usr/lib/xml"
# The header of a shared object without sections: what makes a file one that processes map
ELF = struct.pack("<4s12BHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, *[0] * 9, 3, 62, 1, 0, 0, 0, 0, 64, 0, 0,
                  0, 0, 0)


def blob(seed, size):
    """Bytes that do not compress, the same at every run."""
    return ELF + random.Random(seed).randbytes(size - len(ELF))


def changed(data, *places):
    """The same file with a few bytes changed, as a small fix changes them."""
    data = bytearray(data)
    for place in places or (len(data) // 3, len(data) // 2):
        data[place:place + 8] = b"repaired"
    return bytes(data)


OLD_TLS, OLD_XML = blob(1, 300_000), blob(2, 60_000)
NEW_TLS, NEW_XML = changed(OLD_TLS), changed(OLD_XML)
NEWER_TLS = changed(OLD_TLS, 1000, 100_000, 200_000)
LIB, XMLLIB = f"{TLS}/libtls.so", f"{XML}/libxml.so"
BASE_FILES = {"usr/lib/os-release": OS_RELEASE, LIB: OLD_TLS, f"{TLS}/kept": "base\n",
              XMLLIB: OLD_XML}
COMPONENTS = {"tls": TLS, "xml": XML}


@functools.cache
def shared_folder():
    folder = tempfile.mkdtemp(prefix="suture-world-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fill(root, files):
    for path, data in files.items():
        write(os.path.join(root, path), data, 0o644)
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)


@tap.before_all
@functools.cache
def template():
    """A base's files, keys, and a repository that knows the base and has nothing to offer."""
    folder = shared_folder()
    base = os.path.join(folder, "base")
    fill(base, BASE_FILES)
    publish = functools.partial(run, "suture-publish", "-C", os.path.join(folder, "repository"),
                                "--keys", os.path.join(folder, "keys"))
    publish("init")
    publish("base", "add", "desktop", "--root", base, "--os-release",
            os.path.join(base, "usr/lib/os-release"), "--architecture", MACHINE)
    return folder


def base_root():
    return os.path.join(template(), "base")


def keys_folder():
    return os.path.join(template(), "keys")


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def time_text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Vendor:
    """The people who ship Example OS. Their repository is an ordinary folder, to be harmed at will."""

    def __init__(self):
        self.folder = os.getcwd()
        self.repository = os.path.join(self.folder, "repository")
        for name in "repository", "repository.work":
            shutil.copytree(os.path.join(template(), name), os.path.join(self.folder, name))
        self.count, self.other_keys = 0, {}

    def publish(self, *args, **options):
        return run("suture-publish", "-C", self.repository, "--keys", keys_folder(), *args,
                   **options)

    def path(self, *parts):
        return os.path.join(self.repository, *parts)

    def create(self, component, files, *, restart="services", mix="tolerated", cves=None,
               hosts=(), exploited=()):
        """A draft: the base with these files changed."""
        self.count += 1
        new = os.path.join(self.folder, f"new-{self.count}")
        shutil.copytree(base_root(), new, symlinks=True)
        fill(new, files)
        directory = COMPONENTS[component]
        write("components.json", json.dumps({"schema": 1, "components": [
            {"name": component, "directories": [directory], "files": [f"{directory}/**"],
             "restart": restart, "mix": mix, **({"hosts": list(hosts)} if hosts else {})}]}))
        write("fixes.json", json.dumps({
            "schema": 1, "id": f"EXAMPLEOS-2026-{self.count:04}", "urgency": "high",
            "title": f"Fixes for {component}",
            "fixes": [{"cve": cve, "component": component, "impact": "Bad.", "description": "Good.",
                       **({"exploited": True} if cve in exploited else {})}
                      for cve in cves or [f"CVE-2026-{self.count:04}"]]}))
        self.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                     "--component", component, "--base", f"desktop={new}")

    def improve(self, components, *, at=None, **options):
        """Publishes the next improvement: {component: {path: data}}. `at`: seconds since 1970."""
        for component, files in components.items():
            self.create(component, files, **options)
        self.publish("publish", env={"SOURCE_DATE_EPOCH": str(int(at))} if at else None)

    # What follows is the publisher's work without the publisher: documents that it would not write.

    def metadata(self, name):
        return json.loads(read(self.path("metadata", name)))["signed"]

    def sign(self, name, message):
        done = run("suture-sign", "--keys", keys_folder(), "sign", name, input=message, text=False)
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def keys_instead(self, names):
        """Meanwhile these roles are signed with other keys: {role: key's name}."""
        self.other_keys = names
        yield
        self.other_keys = {}

    def keys_of(self, role):
        if role in self.other_keys:
            return [self.other_keys[role]]
        secret = re.compile(re.escape(role) + r"-\d+\.pem")
        return [name[:-len(".pem")] for name in sorted(os.listdir(keys_folder()))
                if secret.fullmatch(name)]

    def write_signed(self, name, role, body, signers=None):
        signatures = []
        for key in self.keys_of(role) if signers is None else signers:
            signatures += self.sign(key, canonical(body))
        write(self.path("metadata", name), json.dumps({"signatures": signatures, "signed": body}))

    def base_role(self):
        return self.targets()["delegations"]["roles"][0]["name"]

    def targets(self):
        return self.current("targets")

    def current(self, role):
        if role == "timestamp":
            return self.metadata("timestamp.json")
        if role == "snapshot":
            version = self.current("timestamp")["meta"]["snapshot.json"]["version"]
        else:
            version = self.current("snapshot")["meta"][f"{role}.json"]["version"]
        return self.metadata(f"{version}.{role}.json")

    def commit(self, bodies, edit=None):
        """Publishes new versions of targets roles, and of snapshot and timestamp with them. `edit`
        may change any body on the way: edit(role, body)."""
        edit = edit or (lambda role, body: None)
        snapshot, timestamp = self.current("snapshot"), self.current("timestamp")
        for role, body in bodies.items():
            body["version"] += 1
            edit(role, body)
            snapshot["meta"][f"{role}.json"]["version"] = body["version"]
            self.write_signed(f"{body['version']}.{role}.json", role, body)
        snapshot["version"] += 1
        edit("snapshot", snapshot)
        self.write_signed(f"{snapshot['version']}.snapshot.json", "snapshot", snapshot)
        timestamp["version"] += 1
        timestamp["meta"]["snapshot.json"]["version"] = snapshot["version"]
        edit("timestamp", timestamp)
        self.write_signed("timestamp.json", "timestamp", timestamp)

    def sign_targets(self, files):
        """Lists targets {path: data} in the top-level role, without serving them."""
        targets = self.targets()
        for path, data in files.items():
            targets.setdefault("targets", {})[path] = {
                "length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
        self.commit({"targets": targets})

    def index_path(self, channel="public"):
        path = f"{PRODUCT}/{BASE_KEY}/{channel}/index.json"
        digest = self.current(self.base_role())["targets"][path]["hashes"]["sha256"]
        return path, self.path("targets", os.path.dirname(path), f"{digest}.index.json")

    def index(self, channel="public"):
        return json.loads(read(self.index_path(channel)[1]))

    def write_index(self, data, edit=None):
        """Signs these bytes as the base's index, whatever they are."""
        path, old = self.index_path()
        digest = hashlib.sha256(data).hexdigest()
        write(os.path.join(os.path.dirname(old), f"{digest}.index.json"), data)
        role = self.base_role()
        body = self.current(role)
        body["targets"][path] = {"length": len(data), "hashes": {"sha256": digest}}
        self.commit({role: body}, edit)

    def edit_index(self, change):
        index = self.index()
        change(index)
        self.write_index(canonical(index))

    def withdraw(self, sequence, level, reason="it breaks printing"):
        def change(index):
            index.setdefault("withdrawals", []).append({
                "sequence": sequence, "level": level, "issued": time_text(time.time()),
                "reason": reason})
        self.edit_index(change)

    def expire(self, role, when=None):
        """Publishes everything anew with one role's expiry in the past."""
        def edit(name, body):
            if name == role:
                body["expires"] = time_text(when or time.time() - 60)
                if "x-suture-issued" in body:  # nothing is signed after its expiry
                    body["x-suture-issued"] = min(body["x-suture-issued"], body["expires"])
        delegated = self.base_role()
        self.commit({"targets": self.targets(), delegated: self.current(delegated)}, edit)

    def rotate_root(self, version, *, signers=None, edit=None):
        body = self.metadata(f"{version - 1}.root.json")
        body["version"] = version
        if edit:
            edit(body)
        self.write_signed(f"{version}.root.json", "root", body, signers)

    def payloads(self):
        """{kind: path} of the newest improvement's first image."""
        image = self.index()["improvements"][0]["images"][0]
        return {payload["kind"]: self.path("blobs", payload["sha256"][:2], payload["sha256"])
                for payload in image["payloads"]}


def consistent(path, data):
    """The name under which a repository with consistent snapshots serves a target."""
    folder, slash, last = path.rpartition("/")
    return f"{folder}{slash}{hashlib.sha256(data).hexdigest()}.{last}"


def flip_byte(path, place=None):
    data = bytearray(read(path))
    data[len(data) // 2 if place is None else place] ^= 1
    os.chmod(path, 0o644)
    write(path, bytes(data))


class Asked:
    """One request as the server saw it."""

    def __init__(self, path, headers):
        self.path, self.range = path, headers.get("Range")
        self.condition, self.agent = headers.get("If-None-Match"), headers.get("User-Agent")
        self.if_range, self.headers = headers.get("If-Range"), headers
        self.status, self.sent = None, 0

    def __repr__(self):
        return f"{self.path} {self.range or ''} -> {self.status}, {self.sent} bytes"


class Server:
    """A web server on loopback for a folder. `server.rules` makes it misbehave: a list of (pattern,
    function), where the function gets the handler and the file's bytes (None: no such file) and
    answers in its own way. The first pattern that is found in the path decides. There, and among what was
    asked, the notes of an improvement lie below /notes/, so that tests tell them from payloads.

    with_etag, with_range: whether it knows entity tags and ranges at all."""

    def __init__(self, folder, *, with_etag=True, with_range=True):
        self.folder, self.with_etag, self.with_range = folder, with_etag, with_range
        self.asked, self.rules, self.ending = [], [], threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits for an acknowledgement

            def do_GET(self):
                server.handle(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.block_on_close = False
        self.http.handle_error = lambda *_: None  # a client that goes away is no error of a test
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.http.shutdown()
        self.http.server_close()

    def handle(self, handler):
        path = os.path.join(self.folder, handler.path.lstrip("/"))
        data = read(path) if os.path.isfile(path) else None
        name = handler.path.replace("/blobs/", "/notes/") if is_notes(data) else handler.path
        handler.asked, handler.folder = Asked(name, handler.headers), self.folder
        self.asked.append(handler.asked)
        for pattern, rule in self.rules:
            if re.search(pattern, name):
                return rule(handler, data)
        return answer(handler, data, self.with_etag, self.with_range)

    def rule(self, pattern, function):
        self.rules.append((pattern, function))

    def paths(self):
        return [asked.path for asked in self.asked]

    def of(self, pattern):
        return [asked for asked in self.asked if re.search(pattern, asked.path)]


def is_notes(data):
    return data is not None and data.startswith(b'[{"fixes":')


def head(handler, status, length=None, **headers):
    handler.asked.status = status
    handler.send_response(status)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def body(handler, data):
    handler.asked.sent += len(data)  # before the client can have seen it
    handler.wfile.write(data)
    handler.wfile.flush()


def answer(handler, data, with_etag=True, with_range=True):
    """What a good server does."""
    if data is None:
        head(handler, 404, 9)
        return body(handler, b"Not found")
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"ETag": tag} if with_etag else {}
    if with_etag and handler.asked.condition == tag:
        return head(handler, 304, **headers)
    start = re.fullmatch(r"bytes=(\d+)-", handler.asked.range or "")
    if with_range and start and (handler.asked.if_range or tag) == tag:
        at = int(start[1])
        if at >= len(data):
            return head(handler, 416, 0, Content_Range=f"bytes */{len(data)}")
        head(handler, 206, len(data) - at,
             Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}", **headers)
        return body(handler, data[at:])
    head(handler, 200, len(data), **headers)
    return body(handler, data)


def status(code, text=b"Sorry", **headers):
    def rule(handler, _):
        head(handler, code, len(text), **headers)
        body(handler, text)
    return rule


def redirect_to(url):
    return status(302, b"", Location=url)


def cut_at(size, times=1):
    """Promises all and closes after `size` bytes, so many times; a good answer from then on."""
    left = [times]

    def rule(handler, data):
        if left[0] == 0:
            return answer(handler, data)
        left[0] -= 1
        start = re.fullmatch(r"bytes=(\d+)-", handler.asked.range or "")
        at = int(start[1]) if start else 0
        more = {"Content_Range": f"bytes {at}-{len(data) - 1}/{len(data)}"} if start else {}
        head(handler, 206 if start else 200, len(data) - at, **more)
        body(handler, data[at:at + size])
        handler.close_connection = True
    return rule


def stall(after=0):
    """Goes silent after so many bytes; at once where more is asked for."""
    def rule(handler, data):
        start = re.fullmatch(r"bytes=(\d+)-", handler.asked.range or "")
        if start:
            head(handler, 206, len(data) - after,
                 Content_Range=f"bytes {start[1]}-{len(data) - 1}/{len(data)}")
        else:
            head(handler, 200, len(data))
            body(handler, data[:after])
        for _ in range(600):
            if getattr(handler.server, "_BaseServer__shutdown_request", False):
                return
            time.sleep(0.1)
    return rule


def endless(handler, _):
    """Sends until the client has enough."""
    head(handler, 200)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            body(handler, b"x" * 65536)


def wrong_length(difference):
    def rule(handler, data):
        head(handler, 200, len(data) + difference, Connection="close")
        body(handler, data)
        handler.close_connection = True
    return rule


def encoded(handler, data):
    import gzip
    packed = gzip.compress(data)
    head(handler, 200, len(packed), Content_Encoding="gzip")
    body(handler, packed)


def drip(size, pause):
    def rule(handler, data):
        head(handler, 200, len(data))
        for at in range(0, len(data), size):
            body(handler, data[at:at + size])
            time.sleep(pause)
    return rule


def with_data(change):
    """A good answer with other bytes."""
    return lambda handler, data: answer(handler, change(data))


class Device:
    """A machine: a root folder with the base in it."""

    command = "suture"

    def __init__(self, url, *, name="device", config=""):
        self.root = os.path.join(os.getcwd(), name)
        os.chmod(os.getcwd(), 0o755)
        shutil.copytree(base_root(), self.root, symlinks=True)
        for file in "root.json", "seal.conf":
            write(self.path("usr/lib/suture", file),
                  read(os.path.join(template(), "repository.work/device", file)))
        self.configure(url, config)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def store(self, *parts):
        return self.path("var/lib/suture", *parts)

    def configure(self, url, more=""):
        """With a short time-out the pauses between tries are short too."""
        path = self.path("etc/suture/suture.conf")
        write(path + ".new", f"[repository]\nurl = {url}\ntimeout = 3\n{more}\n")
        os.replace(path + ".new", path)  # an agent that reads meanwhile sees one or the other

    def suture(self, *args, expect=0, **options):
        return run(self.command, "--root", self.root, *args, expect=expect, **options)

    def json(self, *args, expect=0, **options):
        value = json.loads(self.suture(*args, "--json", expect=expect, **options).stdout)
        check_equal(value["schema"], 1, "schema")
        return value

    def agent(self, expect=0, **options):
        return run("sutured", "--root", self.root, "--once", expect=expect, **options)

    def label(self):
        return self.json("status")["label"]

    def lib(self):
        return read(self.path(LIB))

    def partial(self):
        """{name: size} of what downloads left."""
        folder = self.store("partial")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return {name: os.path.getsize(os.path.join(folder, name)) for name in names}

    def images(self):
        """Without their hash trees."""
        folder = self.store("images")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(name for name in names if name.endswith(".erofs"))

    def generations(self):
        folder = self.store("generations")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def state(self):
        """What a refusal must not change."""
        current = self.store("current")
        return (self.lib(), self.images(), self.generations(),
                os.readlink(current) if os.path.islink(current) else None,
                sorted(line.split()[4] for line in read("/proc/self/mountinfo").decode().splitlines()
                       if line.split()[4].startswith(self.root)))

    @contextlib.contextmanager
    def unchanged(self):
        before = self.state()
        yield
        check_equal(self.state(), before, "the system after a refusal")

    def refuses(self, *words, expect, verb=("install",)):
        """A verb that fails with one line that holds the words, and changes nothing."""
        with self.unchanged():
            done = self.suture(*verb, expect=expect)
            tap.one_line_error(done, *words)
        return done


class Agent:
    """sutured in its loop."""

    def __init__(self, device):
        self.process = subprocess.Popen([program("sutured"), "--root", device.root], text=True,
                                        stderr=subprocess.PIPE)

    def line(self):
        ready, _, _ = select.select([self.process.stderr], [], [], 30)
        check(ready, "the agent says nothing")
        return self.process.stderr.readline()

    def end(self, how=signal.SIGTERM):
        start = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(10)
        took = time.monotonic() - start
        check(took < 1, f"it took {took:.1f} s to end")
        return code
