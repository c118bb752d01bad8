# SPDX-License-Identifier: Apache-2.0
"""`suture` for somebody who is not root: by the agent, which asks polkit (tests/lib/fake-polkit)."""
import contextlib
import json
import os
import select
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
def nobodys_questions_keep_others_from_asking():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device), \
            contextlib.ExitStack() as stack:
        deaf = bus.run("/usr/bin/python3", "-c",
                       "import dbus, time; dbus.SystemBus().request_name('org.freedesktop.PolicyKit1');"
                       "print('ready', flush=True); time.sleep(60)")
        check_equal(deaf.stdout.readline(), "ready\n")
        guests = [stack.enter_context(bus.client("nobody")) for _ in range(9)]
        other = stack.enter_context(bus.client("daemon"))
        for each in [*guests[:8], other]:
            each.process.stdin.write(
                json.dumps({"op": "call", "member": "Check", "types": "t", "args": [0]}) + "\n")
            each.process.stdin.flush()
            if each is guests[7]:
                time.sleep(0.3)
                guests[8].refused(f"{NAME}.Error.Busy", "Check", "t", 0)
        check_equal(select.select([other.process.stdout], [], [], 0.3)[0], [])
        deaf.terminate()
        for each in [*guests[:8], other]:
            has(json.loads(each.process.stdout.readline())["error"], "AccessDenied")


@test_in_mount_namespace
def nobodys_locks_keep_others_from_having_one():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.agent(device), \
            bus.client("nobody") as guest, bus.client("daemon") as other:
        polkit(bus, "org.suture.manager1.inhibit")
        lock = {"member": "Inhibit", "types": "ss", "args": ["a test", "it runs"]}
        for _ in range(8):
            check("reply" in guest.order("keep", **lock), "refused")
        check_equal(guest.order("keep", **lock)["error"], f"{NAME}.Error.Busy")
        check("reply" in other.order("keep", **lock), "refused to another")
        guest.order("release")
        end = time.monotonic() + 10
        while "error" in guest.order("keep", **lock):
            check(time.monotonic() < end, "they do not end")
            time.sleep(0.05)


@test_in_mount_namespace
def nobody_waits_for_an_agent_that_went_away():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.client() as client:
        server.rule("blobs", stall(20))
        agent = BusAgent(device, bus.address)
        client.waits_for_agent()
        polkit(bus, *ALL)
        asking = subprocess.Popen(
            ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
             program("suture"), "install"], stderr=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address})
        while not server.of("blobs"):
            time.sleep(0.02)
        agent.vanish()
        has(asking.communicate(timeout=10)[1], "sutured went away")
        check_equal(asking.returncode, 1)


@test_in_mount_namespace
def without_an_agent_only_root_may():
    with World(config=OFF) as (vendor, server, device), Bus() as bus:
        has(suture(bus, "install", expect=1).stderr, "sutured is not on the system bus")
        done = suture(bus, "--root", device.root, "install", expect=4)
        has(done.stderr, "only root may do this")


main()
