# SPDX-License-Identifier: Apache-2.0
"""The person at a desktop is told once, by a notification, of what went on in the background."""
import os
import re
import subprocess
import time

from agentbus import *
from owner import *

OFF = "[install]\nautomatic = off\n"


class Desktop:
    """A session's bus with a notification service that writes down what it is asked to show."""

    def __init__(self):
        write("session.conf", POLICY.format(path=os.path.abspath("session")))
        self.address = f"unix:path={os.path.abspath('session')}"
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--config-file", "session.conf", "--nofork", "--nopidfile",
             "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.daemon.stdout.readline()
        self.board = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--session", "--template",
             "notification_daemon", "-l", "shown"],
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address})
        end = time.monotonic() + 10
        while subprocess.run(["busctl", f"--address={self.address}", "status",
                              "org.freedesktop.Notifications"], capture_output=True).returncode:
            check(time.monotonic() < end, "no notification service")
            time.sleep(0.05)

    def shown(self):
        """Titles, oldest first."""
        return re.findall(r'Notify "[^"]*" \d+ "[^"]*" "([^"]*)"', read("shown").decode())

    def waits_for(self, titles):
        end = time.monotonic() + 10
        while self.shown() != titles:
            check(time.monotonic() < end, f"{self.shown()}, not {titles}")
            time.sleep(0.05)

    def session(self, bus):
        """What the desktop starts when somebody logs in."""
        return subprocess.Popen([program("suture-notify")], env={
            **os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
            "DBUS_SESSION_BUS_ADDRESS": self.address, "XDG_STATE_HOME": os.path.abspath("state")})

    def end(self):
        for process in self.board, self.daemon:
            process.terminate()
            process.wait()


@test_in_mount_namespace
def everything_is_told_once():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device), \
            bus.client() as client:
        desktop = Desktop()
        first = desktop.session(bus)
        end = time.monotonic() + 10
        while not os.path.exists("state/suture/told"):
            check(time.monotonic() < end, "nothing is remembered")
            time.sleep(0.05)
        check_equal(desktop.shown(), [])  # the base is no news
        client.do("Install", "tt", 0, 0)
        desktop.waits_for([f"{LABEL_A} was installed"])
        first.terminate()
        first.wait()
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.suture("install")  # while nobody is logged in
        second = desktop.session(bus)
        desktop.waits_for([f"{LABEL_A} was installed", f"{LABEL_B} was installed"])
        second.terminate()
        second.wait()
        third = desktop.session(bus)
        client.do("Remove", "t", 0)
        desktop.waits_for([f"{LABEL_A} was installed", f"{LABEL_B} was installed",
                           "This system is 26.3.1 again"])
        third.terminate()
        third.wait()
        desktop.end()


@test_in_mount_namespace
def a_deadline_is_told_in_advance_and_only_what_the_policy_lets():
    managed = "etc/suture/policy.d/50.conf"
    def policy(minutes, warn, level):
        by = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 60 * minutes))
        write(device.path(managed), f"[enforce]\nrequire = 26.3.1-a {by}\nwarn = {warn}\n"
              f"[notify]\nlevel = {level}\n")
        client.waits_for("DeadlineUSec", int(time.mktime(time.strptime(by, "%Y-%m-%dT%H:%M"))) * 1_000_000)

    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device), \
            bus.client() as client:
        client.do("Check", "t", 0)
        desktop = Desktop()
        session = desktop.session(bus)
        policy(120, "10min 1h", "deadline-only")
        time.sleep(1)
        check_equal(desktop.shown(), [])
        policy(121, "10min 3h", "none")
        time.sleep(1)
        check_equal(desktop.shown(), [])
        policy(122, "10min 3h", "deadline-only")
        end = time.monotonic() + 10
        while not desktop.shown():
            check(time.monotonic() < end, "nobody is told")
            time.sleep(0.05)
        [title] = desktop.shown()
        check(title.startswith(f"{LABEL_A} will be installed by "), title)
        session.terminate()
        session.wait()
        desktop.end()


main()
