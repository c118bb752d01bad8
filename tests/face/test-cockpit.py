#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starts the tests of the Cockpit page, which are in test-cockpit.js: a bus of their own, the mock of
the agent (tests/lib/mock_agent.py), Cockpit's web server, and a browser without a screen. Nothing of it
reaches a network. Words on the command line choose the tests whose names contain one of them.

    test-cockpit.py --agent

has the build's sutured in the mock's place, on a machine of tests/lib/world.py to which (a) is offered.
Then only the tests of whole journeys run."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

import node
import page
from owner import World
from page import BRIDGE, BROWSER, WS, environment, free_port, give_page, missing
from tap import BUILD, SOURCE, check_equal, in_mount_namespace, program, write

HERE = os.path.join(SOURCE, "tests/face")
# Nothing of this machine is started by name.
BUS = """<busconfig><type>session</type><listen>unix:path={0}/bus</listen><servicedir>{0}/services</servicedir><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
</policy></busconfig>"""
PATIENCE = 10  # seconds until something that was started has to be there


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what} did not start")
        time.sleep(0.02)


# A session of somebody who is not root, and whose password is "secret".
SUDO = """#!/bin/sh
[ "$($SUDO_ASKPASS "[sudo] password for nobody: ")" = secret ] || { echo "sudo: wrong" >&2; exit 1; }
while [ "$1" != cockpit-bridge ]; do shift; done
exec "$@"
"""
GUEST = """#!/bin/sh
export PATH={path} HOME={folder}/guest
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR
exec /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups cockpit-bridge
"""
# Where no sudo is installed; polkit has the right remembered.
PKEXEC = """#!/bin/sh
while [ "$1" != cockpit-bridge ]; do shift; done
exec "$@"
"""


class Stage:
    """What the tests need, started in order and ended in the other."""

    def __init__(self, folder):
        self.folder, self.started = folder, []
        self.environment = environment(folder, f"unix:path={folder}/bus")
        give_page(folder)

    def start(self, *command):
        with open(f"{self.folder}/log", "ab") as log:
            self.started.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log,
                                                 stdin=subprocess.DEVNULL))

    def end(self):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()

    def serve(self, session):
        """Where Cockpit serves this session."""
        port = free_port()
        self.start(WS, "--no-tls", "--address=127.0.0.1", f"--port={port}", f"--local-session={session}")
        return page.wait_for(port)

    def set(self, agent):
        write(f"{self.folder}/bus.conf", BUS.format(self.folder))
        self.start("/usr/bin/dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile")
        wait_for(lambda: os.path.exists(f"{self.folder}/bus"), "the bus")
        if agent:
            self.start(*agent)
        else:
            self.start("/usr/bin/python3", os.path.join(SOURCE, "tests/lib/mock_agent.py"), f"{self.folder}/mock")
            wait_for(lambda: os.path.exists(f"{self.folder}/mock"), "the mock")
        write(f"{self.folder}/guest/sudo", SUDO, 0o755)
        write(f"{self.folder}/session", GUEST.format(folder=self.folder, path=f"{self.folder}/guest:$PATH"), 0o755)
        write(f"{self.folder}/no-sudo/pkexec", PKEXEC, 0o755)
        os.symlink(BRIDGE, f"{self.folder}/no-sudo/cockpit-bridge")
        write(f"{self.folder}/other", GUEST.format(folder=self.folder, path=f"{self.folder}/no-sudo"), 0o755)
        os.chmod(self.folder, 0o755)
        return {"SUTURE_FACE_URL": self.serve(BRIDGE), "SUTURE_FACE_GUEST_URL": self.serve(f"{self.folder}/session"),
                "SUTURE_FACE_NO_SUDO_URL": self.serve(f"{self.folder}/other"),
                "SUTURE_FACE_SHOTS": os.path.join(BUILD, "face"),
                "SUTURE_FACE_MOCK": "" if agent else f"{self.folder}/mock", "SUTURE_FACE_BROWSER": BROWSER,
                "NODE_PATH": node.node_modules("face")}


def perform(words, agent=None):
    """Runs the tests with the mock, or with the agent that this command starts."""
    with tempfile.TemporaryDirectory(prefix="suture-face-") as folder:
        stage = Stage(folder)
        try:
            more = stage.set(agent)
            code = subprocess.run([shutil.which("node"), os.path.join(HERE, "test-cockpit.js"), *words],
                                  env={**stage.environment, **more}, check=False).returncode
            if code != 0:
                with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
                    print("".join(f"# {line}" for line in log))
        finally:
            stage.end()
    return code


def perform_with_agent(words):
    """The machine's mounts go with the child; its folders are left for afterwards."""
    def perform_in_world():
        with World(config="[install]\nautomatic = off\n") as (_, _, device):
            check_equal(perform(words, [program("sutured"), "--root", device.root]), 0)

    folder = tempfile.mkdtemp(prefix="suture-test-")
    os.chmod(folder, 0o755)
    os.chdir(folder)
    try:
        in_mount_namespace(perform_in_world)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def main():
    words = sys.argv[1:]
    if why := missing():
        print(f"1..0 # SKIP {why}")
        return 0
    if words[:1] == ["--agent"]:
        return perform_with_agent(words[1:])
    return perform(words)


sys.exit(main())
