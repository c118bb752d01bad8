# SPDX-License-Identifier: Apache-2.0
"""This very machine with a broken library grafted, in a private mount namespace: what still starts?

    machine = Machine()
    machine.break_library("libc.so.6")     # from here on only static programs start
    code, text = spawn("/usr/bin/true")    # 127
    code, text = spawn(*machine.command("switch", 0))

The store and all else of Suture's that the machine may have is hidden, so that base and store are
those of a machine without seals. Python itself runs already; what it has not imported yet, it cannot.
"""
import os

from grafts import GraftRoot
from tap import program, run

LIB = f"usr/lib/{os.uname().machine}-linux-gnu"
NOT_STARTED = 127  # the dynamic linker's
HIDDEN = "/run", "/etc/suture", "/usr/lib/suture"


def is_static(path):
    return "INTERP" not in run("/usr/bin/readelf", "-lW", path).stdout


def spawn(*words):
    """The exit code of a program, and what it wrote: by no more than the system calls that it takes,
    as a helper of another program could not start."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, fd, "output", writing | os.O_APPEND, 0o600) for fd in (1, 2)]
    pid = os.posix_spawn(words[0], words, {"PATH": "/usr/bin:/bin"}, file_actions=actions)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with open("output", encoding="utf-8") as file:
        return code, file.read()


def os_release():
    with open("/etc/os-release", encoding="utf-8") as file:
        return dict(line.strip().replace('"', "").split("=", 1) for line in file if "=" in line)


class Machine(GraftRoot):
    """`/` as a root that is grafted over."""

    def __init__(self):
        release = os_release()
        os.mkdir("var")  # on a real file system: images on a tmpfs would need loop devices
        run("/usr/bin/mount", "--bind", "var", "/var")
        for folder in filter(os.path.isdir, HIDDEN):
            run("/usr/bin/mount", "-t", "tmpfs", "none", folder)
        version = "_".join(release[key] for key in ("VERSION_ID", "VARIANT_ID") if key in release)
        super().__init__("/", product=release["ID"], version=version, seal=False)
        self.sequence = 0

    def add_broken(self, name):
        """A generation in which the library has no symbol at all; returns its number."""
        self.sequence += 1
        run("/usr/bin/cc", "-shared", "-nostdlib", f"-Wl,-soname,{name}", "-x", "c", "/dev/null", "-o",
            name)
        with open(name, "rb") as file:
            return self.generation(self.sequence, "broken", {f"{LIB}/{name}": file.read()})

    def break_library(self, name):
        self.activate("switch", self.add_broken(name))
