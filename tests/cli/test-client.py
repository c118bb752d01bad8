# SPDX-License-Identifier: Apache-2.0
"""`suture` for somebody who is not root: by the agent, which asks polkit (tests/lib/fake-polkit)."""
import json
import os
import subprocess
import time

from agentbus import *
from owner import *

OFF = "[install]\nautomatic = off\n"


def suture(bus, *words, user="nobody", expect=0):
    """As that user, on the machine's own root: only the bus says whose agent answers."""
    done = subprocess.run(
        ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", program("suture"),
         *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address})
    check_equal(done.returncode, expect, f"{words}: {done.stdout} {done.stderr}")
    return done


def polkit(bus, *allowed):
    """Says yes to these actions, asks for a password for none."""
    mock = bus.run("/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "polkitd",
                   "--parameters", json.dumps({"allow_unknown": False}))
    import time
    end = time.monotonic() + 10
    while subprocess.run(["busctl", f"--address={bus.address}", "call",
                          "org.freedesktop.PolicyKit1",
                          "/org/freedesktop/PolicyKit1/Authority",
                          "org.freedesktop.DBus.Mock", "SetAllowed", "as", str(len(allowed)),
                          *allowed], capture_output=True).returncode:
        check(time.monotonic() < end, "no polkit")
        time.sleep(0.05)
    return mock


ALL = [f"org.suture.manager1.{name}" for name in ("check", "acquire", "install", "remove",
                                                   "set-automatic", "postpone", "install-file")]


@test_in_mount_namespace
def who_may_does_everything_without_root():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device):
        polkit(bus, *ALL)
        has(suture(bus, "check").stdout, "(a) is available")
        has(suture(bus, "install", "--dry-run").stdout, "nothing was changed")
        has(suture(bus, "install").stdout, f"Installed {LABEL_A}")
        check_equal(device.lib(), NEW_TLS)
        has(suture(bus, "status").stdout, LABEL_A)
        check_equal(json.loads(suture(bus, "status", "--json").stdout), device.json("status"))
        for words in ("advisories",), ("advisories", "a"), ("advisories", "--format", "json"):
            check_equal(suture(bus, *words).stdout, device.suture(*words).stdout, words)
        has(suture(bus, "advisories", "CVE-1999-1", expect=3).stderr, "CVE-1999-1")
        check_equal(json.loads(suture(bus, "advisories", "--format", "openvex").stdout).keys(),
                    json.loads(device.suture("advisories", "--format", "openvex").stdout).keys())
        suture(bus, "install", expect=2)
        has(suture(bus, "automatic", "download").stdout, "download")
        check_equal(device.json("status")["automatic"], "download")
        has(suture(bus, "postpone", "2h").stdout, "until")
        suture(bus, "postpone")
        has(suture(bus, "remove").stdout, f"This is {VERSION} again", "stays off", "restarted")
        check_equal(device.lib(), OLD_TLS)
        vendor.publish("bundle", "--base", "desktop", "one.suture")
        report = json.loads(suture(bus, "install", "--from", "one.suture", "--json").stdout)
        check_equal((report["label"], device.lib()), (LABEL_A, NEW_TLS))


@test_in_mount_namespace
def who_may_not_is_told_so():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device):
        polkit(bus, "org.suture.manager1.check")
        suture(bus, "check")
        for words in (("install",), ("remove",), ("automatic", "off"), ("postpone", "1h")):
            has(suture(bus, *words, expect=4).stderr, "not allowed")
        answer = json.loads(suture(bus, "install", "--json", expect=4).stdout)
        check_equal(answer["error"]["word"], "not-authorised")
        check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def without_an_agent_only_root_may():
    with World(config=OFF) as (vendor, server, device), Bus() as bus:
        has(suture(bus, "install", expect=1).stderr, "sutured is not on the system bus")
        done = suture(bus, "--root", device.root, "install", expect=4)
        has(done.stderr, "only root may do this")


main()
