# SPDX-License-Identifier: Apache-2.0
"""A machine on which Suture is installed, and a person with a password who types at its terminal: with
the bus's own configuration, the real polkitd, and PAM. In the caller's mount namespace, with which all
of it goes.

    with Console("ground") as console:
        console.start(program("sutured"), "--root", device.root)
        typed = console.type("suture", "install")
        typed.reads("Password:")
        typed.types(PASSWORD)                     who reads it, has turned the echo off by then
        check_equal(typed.end(), 0)
        typed.screen                              what is left to read there
"""
import contextlib
import fcntl
import os
import pty
import pwd
import re
import select
import struct
import subprocess
import termios
import time

from tap import *
from terminal import screen_of

PERSON, PASSWORD = "alex", "Secret-42"
POLKITD, AGENT = "/usr/lib/polkit-1/polkitd", "/usr/bin/pkttyagent"
SERVICES = "/usr/share/dbus-1/system-services"
PATIENCE = 20  # seconds until a program has to have said what is waited for
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def missing():
    """Why there can be none here, or None."""
    for path in POLKITD, AGENT, "/usr/bin/dbus-daemon", "/usr/sbin/useradd", "/usr/sbin/chpasswd":
        if not os.path.exists(path):
            return f"{path} is not installed"
    return None


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def lay_over(path, ground):
    """What is written there from now on is only seen here, and gone with the mount namespace."""
    name = path.strip("/").replace("/", "-")
    upper, work = os.path.join(ground, name), os.path.join(ground, f"{name}.work")
    for folder in upper, work:
        os.makedirs(folder)
    mount("-t", "overlay", "-o", f"lowerdir={path},upperdir={upper},workdir={work}", "overlay", path)


class Typed:
    """A command that a person runs on a terminal."""

    def __init__(self, words, become, environment, columns=100):
        self.words, self.text, self.typed_at, self.code = words, "", 0, None
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
                become()
                os.execvpe(words[0], words, environment)
            finally:
                os._exit(127)

    def read(self):
        """Whether something came before its end."""
        check(select.select([self.terminal], [], [], PATIENCE)[0], f"{self.words} says nothing more: {self.text!r}")
        data = b""
        with contextlib.suppress(OSError):  # it has ended
            data = os.read(self.terminal, 65536)
        self.text += data.decode(errors="replace")
        return bool(data)

    def asks(self, text="Password:"):
        """Whether that comes to stand there, after what was typed last."""
        while text not in self.text[self.typed_at:]:
            if not self.read():
                return False
        return True

    def reads(self, text="Password:"):
        check(self.asks(text), f"{self.words}: {text!r} is not in {self.text!r}")

    def types(self, secret):
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.terminal)[3] & termios.ECHO:
            check(time.monotonic() < end, f"{self.words} would show the password")
            time.sleep(0.01)
        self.typed_at = len(self.text)
        os.write(self.terminal, f"{secret}\n".encode())

    def end(self):
        """Its exit code."""
        while self.read():
            pass
        os.close(self.terminal)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    @property
    def screen(self):
        return "\n".join(line.rstrip() for line in screen_of(COLOURS.sub("", self.text))).strip("\n")


class Console:
    """The programs that it starts end with it."""

    def __init__(self, ground):
        self.ground, self.started = os.path.abspath(ground), []
        self.home = os.path.join(self.ground, "home")
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": self.home, "USER": PERSON, "TERM": "xterm",
                            "LANG": "C.UTF-8", "TZ": "UTC"}

    def __enter__(self):
        os.makedirs(self.ground)
        mount("-t", "tmpfs", "-o", "mode=755", "ground", self.ground)
        for path in "/usr", "/etc", "/var":
            lay_over(path, self.ground)
        mount("-t", "tmpfs", "-o", "mode=755", "run", "/run")
        os.makedirs("/run/dbus")
        for name in os.listdir(SERVICES):
            if "PolicyKit1" not in name:  # nothing else of this machine's is started by name
                os.unlink(os.path.join(SERVICES, name))
        run("/usr/bin/meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env={"DESTDIR": "/"})
        run("/usr/sbin/useradd", "--create-home", "--home-dir", self.home, "--groups", "sudo", "--shell", "/bin/sh",
            PERSON)
        run("/usr/sbin/chpasswd", input=f"{PERSON}:{PASSWORD}\n")
        self.start("/usr/bin/dbus-daemon", "--system", "--nofork", "--nopidfile")
        self.waits_for("org.freedesktop.DBus")
        self.start(POLKITD, "--no-debug")
        self.waits_for("org.freedesktop.PolicyKit1")
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            process.wait()

    def start(self, *words, **options):
        """A program of the system's, until the end. What it says is in the ground's `log`."""
        with open(os.path.join(self.ground, "log"), "ab") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.started.append(process)
        return process

    def log(self):
        return read(os.path.join(self.ground, "log")).decode(errors="replace")

    def waits_for(self, name):
        """Until it is on the bus."""
        end = time.monotonic() + PATIENCE
        while subprocess.run(["busctl", "--auto-start=no", "status", name], capture_output=True).returncode:
            check(time.monotonic() < end, f"{name} is not on the bus: {self.log()}")
            time.sleep(0.05)

    def become_person(self):
        """In a child: the person instead of root."""
        entry = pwd.getpwnam(PERSON)
        os.initgroups(PERSON, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.chdir(entry.pw_dir)

    def type(self, *words, **options):
        return Typed(words, self.become_person, self.environment, **options)

    def authenticates(self, *words, password=PASSWORD, **options):
        """Types a command, and the password that it asks for."""
        typed = self.type(*words, **options)
        typed.reads()
        typed.types(password)
        typed.end()
        return typed
