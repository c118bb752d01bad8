# SPDX-License-Identifier: Apache-2.0
"""A service manager for tests of programs that speak to systemd: tests/lib/fake-systemd.

    with ServiceManager({"a.service": {}}) as manager:
        pid = manager.start("a.service")             a process that belongs to the unit
        run("suture-restart", "--bus", manager.address, "run", input=f"{pid}\\n")
        check_equal(manager.jobs(), ["TryRestartUnit a.service"])

The world may be changed at any time: manager.set("a.service", ActiveState="failed"). Working folders
of tests are short enough for a socket's path.
"""
import json
import os
import subprocess

from tap import *


class ServiceManager:
    def __init__(self, units=None, state="running"):
        self.world = {"state": state, "pids": {}, "units": units or {}}
        self.folder = os.path.join(os.getcwd(), "manager")
        self.processes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def address(self):
        return f"unix:path={self.path('bus')}"

    def save(self):
        write(self.path("new"), json.dumps(self.world))
        os.rename(self.path("new"), self.path("world"))

    def __enter__(self):
        self.save()
        self.fake = subprocess.Popen(
            [program("tests/fake-systemd"), self.path("bus"), self.path("world"),
             self.path("jobs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check_equal(self.fake.stdout.readline(), "ready\n")
        return self

    def __exit__(self, *what):
        for process in self.processes:
            process.stdin.close()
            process.wait()
        self.hang_up()

    def hang_up(self):
        """Ends for good, with all its connections."""
        self.fake.stdin.close()
        self.fake.wait()

    def own(self, unit, pid):
        """From now on the process belongs to the unit, which need not exist."""
        self.world["pids"][str(pid)] = unit
        self.save()
        return pid

    def start(self, unit, *command):
        """Starts a process of the unit. It ends with the test, when its job is done (`restart`), or
        by itself."""
        process = subprocess.Popen(command or ["cat"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.processes.append(process)
        return self.own(unit, process.pid)

    def put(self, unit, **properties):
        self.world["units"].setdefault(unit, {}).setdefault("properties", {}).update(properties)

    def set(self, unit, **properties):
        self.put(unit, **properties)
        self.save()

    def end_job(self, unit, result="done", state=None, **properties):
        """A job that somebody else asked for has ended, and left the unit like this; or in another
        state, and this is what came right after."""
        self.put(unit, **properties)
        state = state or self.world["units"][unit]["properties"].get("ActiveState", "active")
        self.world.setdefault("ended", []).append([unit, result, state])
        self.save()

    def set_readable(self, unit, is_readable):
        self.world["units"][unit]["unreadable"] = not is_readable
        self.save()

    def set_job(self, unit, **job):
        self.world["units"].setdefault(unit, {})["job"] = job
        self.save()

    def jobs(self):
        """What was asked for, in order."""
        if not os.path.exists(self.path("jobs")):
            return []
        return read(self.path("jobs")).decode().splitlines()
