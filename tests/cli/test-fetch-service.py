# SPDX-License-Identifier: Apache-2.0
"""suture-fetch as a service of its own: whatever listens at run/suture-fetch.socket is asked, as the
child would be (device/manager/downloader.h)."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from downloader import settings
from owner import *

ACTIVATE = "/usr/bin/systemd-socket-activate"
NOBODY = 65534
AS_THE_UNIT = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
               "--bounding-set=-all", "--inh-caps=-all"]


class Service:
    """What suture-fetch.socket and suture-fetch@.service are under systemd, for one device: a process
    without a right for each connection. `count`: how many there were."""

    def __init__(self, device, environment=()):
        if not os.path.exists(ACTIVATE):
            skip("no systemd-socket-activate")
        self.path = device.path("run/suture-fetch.socket")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.log = os.path.abspath("connections")
        write(self.log)
        # the tree of a build may be where nobody else gets to
        shutil.copy(program("suture-fetch"), device.path("run"))
        os.chmod(device.path("run"), 0o755)
        note = f'echo x >> {self.log}; exec "$@"'
        self.process = subprocess.Popen(
            [ACTIVATE, "--accept", "--seqpacket", "--listen", self.path,
             *(f"--setenv={variable}" for variable in environment),
             "/bin/sh", "-c", note, "sh", *AS_THE_UNIT, device.path("run/suture-fetch")],
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not os.path.exists(self.path):
            check(time.monotonic() < end, "it does not listen")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    count = property(lambda self: len(read(self.log).split()))


def without_child(device):
    """A `suture` beside which there is no suture-fetch: a child is impossible."""
    os.makedirs("alone", exist_ok=True)
    for name in "suture", "suture-stage", "suture-activate":
        shutil.copy(program(name), "alone")
    return lambda *args, **options: run(os.path.abspath("alone/suture"), "--root", device.root, *args,
                                        **options)


@test_in_mount_namespace
def a_service_does_what_the_child_does():
    with World() as (vendor, server, device), Service(device) as service:
        suture = without_child(device)
        suture("check")
        check_equal(service.count, 1)
        server.rule("blobs", cut_at(100))
        has(suture("install").stdout, f"Installed {LABEL_A}")
        check(device.lib() == NEW_TLS, "other bytes")
        check_equal(service.count, 3, "one connection to ask, one to download")
        check_equal(server.of("blobs")[-1].range, "bytes=100-", "what the service goes on with")
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        suture("install", "--from", vendor.repository)
        check_equal((device.label(), service.count), (LABEL_B, 5))


def listen(path, uid=0):
    """A socket that somebody listens at, and answers nothing."""
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    os.setresuid(-1, uid, -1)  # the kernel remembers who began to listen
    listener.listen()
    os.setresuid(-1, 0, -1)
    return listener


def heard_of(device, *words, **options):
    """The first packet that a `suture` sends to a service, which then ends."""
    with listen(device.path("run/suture-fetch.socket")) as listener:
        heard = []

        def serve():
            connection, _ = listener.accept()
            heard.append(connection.recv(8192))
            connection.close()
        thread = threading.Thread(target=serve)
        thread.start()
        one_line_error(device.suture(*words, expect=1, **options), "the downloader ended")
        thread.join()
    return heard[0]


@test_in_mount_namespace
def a_service_hears_of_every_setting():
    none = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")}
    with World() as (vendor, server, device):
        os.makedirs(device.path("run"), exist_ok=True)
        check_equal(heard_of(device, "check", env=none), settings(timeout=3))
        device.configure(server.url, "bandwidth = 20k\nredirects = any\n"
                         "proxy = http://127.0.0.1:1/\nca-file = /etc/our own.pem\n")
        environment = {"http_proxy": "http://a/", "HTTPS_PROXY": "http://b/", "HTTP_PROXY": "http://evil/",
                       "all_proxy": "http://c/", "no_proxy": "localhost, d"}
        check_equal(heard_of(device, "maintain", "--background", env=environment),
                    settings(timeout=3, bandwidth=20480, any_redirect=True, in_background=True,
                             proxy="http://127.0.0.1:1/", ca_file="/etc/our own.pem",
                             http_proxy="http://a/", https_proxy="http://b/", all_proxy="http://c/",
                             no_proxy="localhost, d"))
        one_line_error(device.suture("check", expect=1, env={"no_proxy": "x" * 2000}), "shorten no_proxy")


@test_in_mount_namespace
def a_service_obeys_its_settings():
    with World() as (vendor, server, device), Service(device):
        suture = without_child(device)
        device.configure(server.url, "proxy = http://127.0.0.1:1/\n")
        one_line_error(suture("check", expect=1), "cannot be reached")
        device.configure(server.url)
        environment = {"http_proxy": "http://127.0.0.1:1/", "no_proxy": ""}
        one_line_error(suture("check", expect=1, env=environment), "cannot be reached")
        suture("check", env=dict(environment, no_proxy="127.0.0.1"))


@test_in_mount_namespace
def a_service_reads_what_everybody_may_read():
    with World() as (vendor, server, device), Service(device):
        suture = without_child(device)
        os.chmod(vendor.path("metadata"), 0o700)
        done = suture("check", "--from", vendor.repository, expect=None)
        one_line_error(done, "chmod -R a+rX")
        os.chmod(vendor.path("metadata"), 0o755)
        suture("check", "--from", vendor.repository)


@test_in_mount_namespace
def a_download_from_a_service_ends_when_somebody_cannot_wait():
    with World() as (vendor, server, device), Service(device):
        device.suture("install")
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        server.rule("blobs", stall(10))
        server.asked.clear()
        install = subprocess.Popen([program("suture"), "--root", device.root, "install"],
                                   stderr=subprocess.PIPE, text=True)
        wait_until(lambda: server.of("blobs"), "nothing is downloaded")
        check_equal(len(downloaders(device)), 1, "downloaders")
        start = time.monotonic()
        device.suture("remove")
        check(time.monotonic() - start < 15, "the removal waited")
        install.communicate(timeout=20)
        wait_until(lambda: not downloaders(device), "the service goes on for nobody")
        check(device.lib() == OLD_TLS, "something is on")


def downloaders(device):
    """Processes of this device's service."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if read(f"/proc/{pid}/cmdline").split(b"\0")[0].decode() == device.path("run/suture-fetch"):
                found.append(pid)
    return found


def wait_until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.05)


@test_in_mount_namespace
def without_a_service_of_root_it_is_a_child():
    with World() as (vendor, server, device):
        path = device.path("run/suture-fetch.socket")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        device.suture("check")
        listen(path).close()  # its service manager has ended
        device.suture("check")
        write(path + ".new", b"")
        os.replace(path + ".new", path)
        device.suture("check")
        with listen(path, uid=NOBODY) as somebody:
            device.suture("check")
            somebody.setblocking(False)
            connection, _ = somebody.accept()
            check_equal(connection.recv(4096), b"", "what somebody else was told")
            connection.close()


main()
