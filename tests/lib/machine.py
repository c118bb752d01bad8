# SPDX-License-Identifier: Apache-2.0
"""A device (world.py) whose services are managed by one that answers like systemd (servicemanager.py).

    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")    maps the library
        device.suture("install")
        check_equal(manager.jobs(), ["TryRestartUnit a.service"])
"""
import contextlib
import os
import re
import shutil
import signal
import time

from owner import *
from servicemanager import *

WINDOW = 5


class Machine(Device):
    """A device whose activator also notes how it was asked."""

    def __init__(self, url, manager, config=""):
        super().__init__(url, config=f"[trial]\nwindow = {WINDOW}\nboot-window = 77\n{config}")
        self.manager = manager
        os.makedirs(self.path("run"), exist_ok=True)
        self.programs = os.path.abspath("programs")
        os.makedirs(self.programs)
        for name in ("suture", "sutured", "suture-fetch", "suture-stage", "suture-restart",
                     "suture-trial"):
            shutil.copy(program(name), self.programs)
        write("programs/suture-activate", f"""#!/bin/sh
printf '%s\\n' "$*" >> {os.path.abspath("asked")}
exec {program("suture-activate")} "$@"
""", 0o755)

    def suture(self, *args, expect=0, bus=True, **options):
        more = ["--bus", self.manager.address] if bus else []
        return run(os.path.join(self.programs, "suture"), "--root", self.root, *more, *args,
                   expect=expect, **options)

    def agent(self, expect=0, **options):
        return run(os.path.join(self.programs, "sutured"), "--root", self.root, "--bus",
                   self.manager.address, "--once", expect=expect, **options)

    def asked(self, verb):
        """The options of each `suture-activate VERB N` since the last look."""
        lines = read("asked").decode().splitlines() if os.path.exists("asked") else []
        write("asked")
        words = [line.split()[2:] for line in lines]
        return [line[:-2] for line in words if verb in line]


@contextlib.contextmanager
def machine(units, *, improve=None, config="", improve_all=({LIB: NEW_TLS},)):
    vendor = Vendor()
    for files in improve_all:
        vendor.improve({"tls": files}, **(improve or {}))
    with Server(vendor.repository) as server, ServiceManager(units) as manager:
        vendor.url = server.url
        device = Machine(server.url, manager, config)
        yield vendor, manager, device
        # what still watches the trial goes with its record
        with contextlib.suppress(FileNotFoundError):
            os.unlink(device.store("trial"))


def start_user(manager, device, unit):
    """A process of the unit that maps the library, and ends when its unit is restarted."""
    pid = manager.start(unit, program("tests/mapper"), device.path(LIB))
    check_equal(manager.processes[-1].stdout.readline(), b"mapped\n")
    ends_with_job(manager, unit, pid)
    return pid


def ends_with_job(manager, unit, pid):
    """As with systemd, the job is done when the process is gone, be it that nobody has asked for it."""
    gone = f"! grep -q '^State:.[^Z]' /proc/{pid}/status 2>/dev/null"
    manager.set_job(unit, result="done", run=f"kill {pid}; until {gone}; do sleep 0.01; done")


def trial_options(*units):
    return ["--trial", str(WINDOW), "--boot-window", "77"] + [word for unit in units for word in ("--unit", unit)]


def wait_for(condition, what):
    end = time.monotonic() + 60
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.1)


def kill_guards(device):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            if b"guard" in words and device.root.encode() in words:
                os.kill(int(pid), signal.SIGKILL)


def cut_power(device):
    """What was mounted is gone, and the boot that comes is another one."""
    kill_guards(device)
    run("suture-activate", "--root", device.root, "detach")
    path = device.store("trial")
    if os.path.exists(path):
        text = read(path).decode()
        write(path, re.sub(r"^boot (?!-).*$", f"boot {'0' * 36} 7", text, flags=re.M))
