# SPDX-License-Identifier: Apache-2.0
"""The machine of the tour: namespaces of its own, in which Suture is installed as `make install` does it, with a
person who sits at it, a browser program that the base ships, and Cockpit with a browser that shows it."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests/lib"), os.path.join(TOP, "tools/story")]
import machines
import page
from console import AGENT, PASSWORD, PERSON, Console, Typed, missing as console_missing, mount
from tap import check, read, write

CGROUPS = "/sys/fs/cgroup"
UNIT = "webkitd.service"
SERVICE = "/usr/share/dbus-1/system-services/org.suture.Manager1.service"
ROOT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root", "TERM": "xterm", "LANG": "C.UTF-8",
        "TZ": "UTC", "SYSTEMD_OFFLINE": "1"}


def missing():
    """Why there can be no tour here, or None."""
    if not os.path.exists("/usr/bin/pkexec"):
        return "/usr/bin/pkexec is not installed"
    return page.missing() or console_missing()


def clear(group):
    """Removes a control group, as soon as what ends in it is gone."""
    end = time.monotonic() + 10
    for below, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                os.rmdir(below)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


@contextlib.contextmanager
def cgroup(folder):
    """A control group of its own, so that sessions can be told apart; gone afterwards."""
    mount("-t", "cgroup2", "none", folder)
    path = os.path.join(folder, f"suture-tour-{os.getpid()}")
    os.mkdir(path)
    try:
        yield path
    finally:
        clear(path)
        subprocess.run(["umount", folder], check=True)


def run_inside(script, work):
    """Runs the script as the first process of namespaces of its own: whatever it starts ends with it, and
    whatever it mounts or changes in the system is gone. Its exit code."""
    groups = os.path.join(work, "cgroup")
    os.mkdir(groups)
    with cgroup(groups) as group:
        return subprocess.run(
            ["/bin/sh", "-c", f'echo $$ >"{group}/cgroup.procs"; exec "$@"', "sh", "unshare", "--cgroup", "--pid",
             "--fork", "--kill-child", "--mount-proc", sys.executable, script, work], check=False).returncode


def reap(function):
    """As the first process: calls it in a child, and collects what nobody waits for."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = function()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    while (ended := os.wait())[0] != child:
        pass
    return os.waitstatus_to_exitcode(ended[1])


class Session:
    """As systemd-logind notes one, with the group by which polkit and Cockpit know whose it is."""

    def __init__(self, name, uid, properties):
        self.group = f"{CGROUPS}/user.slice/user-{uid}.slice/session-{name}.scope"
        os.makedirs(self.group)
        write(f"/run/systemd/sessions/{name}", f"UID={uid}\nUSER={PERSON}\nACTIVE=1\nSTATE=active\nCLASS=user\n"
              f"SCOPE=session-{name}.scope\nLEADER=1\n{properties}", 0o644)

    def enter(self):
        write(os.path.join(self.group, "cgroup.procs"), f"{os.getpid()}\n")


class Desk(Console):
    """With two sessions of the person: at the machine itself, and over the network in Cockpit."""

    def __enter__(self):
        super().__enter__()
        os.unlink(SERVICE)  # the bus would start it without the service manager that answers here
        mount("-t", "cgroup2", "none", CGROUPS)
        uid = os.stat(self.home).st_uid
        self.here = Session("1", uid, "REMOTE=0\nTYPE=tty\nSERVICE=login\nSEAT=seat0\nVTNR=1\n")
        self.remote = Session("2", uid, "REMOTE=1\nTYPE=web\nSERVICE=cockpit\n")
        write("/run/systemd/seats/seat0", f"IS_SEAT0=1\nACTIVE=1\nACTIVE_UID={uid}\nSESSIONS=1\nUIDS={uid}\n", 0o644)
        write(f"/run/systemd/users/{uid}", f"NAME={PERSON}\nSTATE=active\nDISPLAY=1\nSESSIONS=1 2\n"
              "ACTIVE_SESSIONS=1 2\nSEATS=seat0\n", 0o644)
        return self

    def become_person(self):
        self.here.enter()
        super().become_person()

    def type_as_root(self, *words):
        return Typed(words, lambda: os.chdir("/root"), ROOT)


class Browser(machines.Machine):
    """The base's own browser, which maps the component that is improved; on this machine itself."""

    def __init__(self, manager):
        self.name, self.root, self.process, self.manager = "this machine", "/", None, manager
        self.restart_browser()

    def restart_browser(self):
        """As systemd does it: its job is done when the old process is gone, and a new one is there then."""
        super().restart_browser()
        pid = self.manager.own(UNIT, self.process.pid)
        gone = f"! grep -q '^State:.[^Z]' /proc/{pid}/status 2>/dev/null"
        self.manager.set_job(UNIT, result="done", run=f"kill {pid}; until {gone}; do sleep 0.01; done")


def serve_page(console):
    """Cockpit, whose sessions log in by PAM."""
    port = page.free_port()
    console.start(page.WS, "--no-tls", "--address=127.0.0.1", f"--port={port}", preexec_fn=console.remote.enter,
                  env={**ROOT, "XDG_CONFIG_DIRS": "/etc"})
    return page.wait_for(port)
