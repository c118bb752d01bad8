# SPDX-License-Identifier: Apache-2.0
"""The Cockpit page in a browser without a screen.

    with cockpit(folder, bus_address) as url, Page(url, folder) as page:
        page.load()
        page.see(selector="#headline", pattern="up to date")     each verb of page.js is a method

`cockpit` is for root without a password; who logs in otherwise serves Cockpit himself.
"""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

import node
from tap import SOURCE, check

WS, BRIDGE, BROWSER = "/usr/lib/cockpit/cockpit-ws", "/usr/bin/cockpit-bridge", "/usr/bin/chromium"
BARE = "/cockpit/@localhost/suture/index.html"  # without Cockpit's frame
PATIENCE = 20  # seconds until Cockpit has to be there


def missing():
    """Why there can be no page here, or None."""
    for path in WS, BRIDGE, BROWSER:
        if not os.path.exists(path):
            return f"{path} is not installed"
    if os.geteuid() != 0:
        return "needs root: the session of Cockpit is root's"
    if not shutil.which("node"):
        return "node is not installed"
    if not node.node_modules("face"):
        return "the modules of tests/face are not installed: make deps"
    return None


def environment(folder, bus_address):
    """Of Cockpit's programs: the page as it is in the source tree, and this bus for both of a session."""
    return {**os.environ, "HOME": folder, "XDG_DATA_HOME": f"{folder}/data", "XDG_CONFIG_HOME": f"{folder}/config",
            "XDG_RUNTIME_DIR": folder, "LANG": "C.UTF-8", "TZ": "UTC", "DBUS_SYSTEM_BUS_ADDRESS": bus_address,
            "DBUS_SESSION_BUS_ADDRESS": bus_address}


def give_page(folder):
    os.makedirs(f"{folder}/data/cockpit")
    os.symlink(os.path.join(SOURCE, "src/face/cockpit"), f"{folder}/data/cockpit/suture")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return f"http://127.0.0.1:{port}"
        check(time.monotonic() < end, "Cockpit does not answer")
        time.sleep(0.05)


@contextlib.contextmanager
def cockpit(folder, bus_address):
    """Its address."""
    give_page(folder)
    port = free_port()
    process = subprocess.Popen([WS, "--no-tls", "--address=127.0.0.1", f"--port={port}",
                                f"--local-session={BRIDGE}"], env=environment(folder, bus_address),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield wait_for(port)
    finally:
        process.terminate()
        process.wait()


class Page:
    def __init__(self, url, folder):
        self.url = url
        self.process = subprocess.Popen(
            [shutil.which("node"), os.path.join(SOURCE, "tests/lib/page.js")], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": node.node_modules("face"), "HOME": folder, "TMPDIR": folder})
        check(self.process.stdout.readline() == "ready\n", "the browser does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, verb):
        def order(**words):
            self.process.stdin.write(json.dumps({"verb": verb, **words}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            check("error" not in answer, f"the page: {verb}: {answer.get('error')}")
            return answer["value"]
        return order

    def load(self):
        self.goto(url=self.url + BARE)
        self.see(selector="#current-version", pattern=r"\d")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
