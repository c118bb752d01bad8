# SPDX-License-Identifier: Apache-2.0
"""A server that means harm costs bounded time, memory and disk; one that is good, few bytes."""
import contextlib
import os
import socket
import threading

from hostile import *
from tap import *
from world import *

SECONDS_MAX = 60     # generous: four tries of a drip, on a machine with other work
CPU_SECONDS_MAX = 20  # sanitizers included
MIB_MAX = 200  # sanitizers included; without them it is 11
DISK_MAX = 2_000_000


def check_figures(name, figures, code):
    check_equal(figures.code, code, f"{name}: {figures.message}")
    check(figures.code == 0 or len(figures.message.split("\n")) == 1, figures.message)
    check(figures.seconds < SECONDS_MAX, f"{name}: {figures}")
    for usage in figures.fetch, figures.stage:
        check(usage.cpu_seconds < CPU_SECONDS_MAX, f"{name}: {figures}")
        check(usage.peak_mib < MIB_MAX, f"{name}: {figures}")
    check(figures.disk < DISK_MAX, f"{name}: {figures}")


@test
def harm_is_bounded():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with contextlib.ExitStack() as stack:
        running = {}
        for number, (name, case) in enumerate(CASES.items()):
            server = stack.enter_context(Server(vendor.repository))
            server.rule(case.pattern, case.rule())
            device = Device(server.url, name=f"device-{number}")
            running[name] = Refresh(device, server.url)
        for name, refresh in running.items():
            check_figures(name, refresh.wait(), CASES[name].code)


@test
def a_chain_of_roots_without_end_is_walked_in_part():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    add_roots(vendor)
    with Server(vendor.repository) as server:
        device = Device(server.url)
        check_figures("roots", Refresh(device, server.url).wait(), 0)
        check_equal(len(os.listdir(device.store("roots"))), 256)
        os.remove(device.store("metadata/timestamp.etag"))  # a day later
        check_figures("roots again", Refresh(device, server.url).wait(), 0)
        check_equal(len(os.listdir(device.store("roots"))), ROOTS)


class Relay:
    """A port that passes everything on to a server, and counts the bytes of both ways."""

    def __init__(self, server):
        self.server, self.bytes = server, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.server.http.server_address)
                for ends in (near, far), (far, near):
                    threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.bytes += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def count(self):
        """The requests and bytes since the last call."""
        figures = len(self.server.asked), self.bytes
        self.server.asked.clear()
        self.bytes = 0
        return figures


def resign_timestamp(vendor):
    timestamp = vendor.current("timestamp")
    timestamp["version"] += 1
    vendor.write_signed("timestamp.json", "timestamp", timestamp)


@test
def a_look_at_what_did_not_change_costs_little():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server, Relay(server) as relay:
        device = Device(relay.url)

        def refresh():
            check_equal(Refresh(device, relay.url).wait().code, 0)
            requests, count = relay.count()
            print(f"# {requests} requests, {count} bytes")
            return requests, count
        refresh()
        requests, count = refresh()
        check(requests == 1 and 0 < count <= 1024, f"{requests} requests, {count} bytes")
        resign_timestamp(vendor)
        requests, count = refresh()
        check(requests == 2 and 0 < count <= 3072, f"{requests} requests, {count} bytes")
        requests, count = refresh()
        check(requests == 1 and 0 < count <= 1024, f"{requests} requests, {count} bytes")


main()
