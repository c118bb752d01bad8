# SPDX-License-Identifier: Apache-2.0
"""When the agent restarts the machine, and what holds it up."""
import contextlib
import time

from agentbus import *
from owner import *
from servicemanager import *

LONG = "[check]\ninterval = 604800\n"
MACHINE = "[restart]\nautomatic = machine\n"
REBOOT = "StartUnit reboot.target"


@contextlib.contextmanager
def desk(config, policy, *options):
    """An improvement that takes a restart is offered."""
    with ServiceManager({"reboot.target": {}}) as manager, \
            World(config=LONG + config, restart="reboot") as (vendor, server, device), \
            Bus() as bus, bus.client() as client:
        os.makedirs(device.path("etc/suture/policy.d"))
        write(device.path("etc/suture/policy.d/50.conf"), policy)
        with bus.agent(device, "--bus", manager.address, *options) as agent:
            yield vendor, server, device, manager, bus, client


def overdue(seconds):
    past = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() - 3600))
    return f"[enforce]\nrequire = newest {past}\ncountdown = {seconds}s\n"


def waits_for_countdown(client):
    end = time.monotonic() + 10
    while not (at := client.get("RestartAtUSec")):
        check(time.monotonic() < end, "no countdown")
        time.sleep(0.02)
    return at


def waits_for_restart(manager, seconds=15):
    end = time.monotonic() + seconds
    while REBOOT not in manager.jobs():
        check(time.monotonic() < end, f"no restart: {manager.jobs()}")
        time.sleep(0.02)


@test_in_mount_namespace
def who_postpones_keeps_no_enforced_restart_off():
    with desk("", overdue(600)) as (vendor, server, device, manager, bus, client):
        at = waits_for_countdown(client)
        time.sleep(1.1)
        client.call("Postpone", "t", 0)
        client.call("Postpone", "t", int(time.time() + 3600) * 1_000_000)
        check_equal(client.get("RestartAtUSec"), at)


@test_in_mount_namespace
def who_postpones_ends_a_countdown_that_no_deadline_began():
    with desk(MACHINE, "[enforce]\ncountdown = 10min\n") as \
            (vendor, server, device, manager, bus, client):
        waits_for_countdown(client)
        client.call("Postpone", "t", int(time.time() + 3600) * 1_000_000)
        check_equal(client.get("RestartAtUSec"), 0)
        client.waits_for("DeferredReasons", ["postponed"])


@test_in_mount_namespace
def what_comes_up_meanwhile_ends_the_countdown():
    with desk(MACHINE, "[enforce]\ncountdown = 10min\n") as \
            (vendor, server, device, manager, bus, client):
        waits_for_countdown(client)
        client.order("keep", member="Inhibit", types="ss", args=["a backup", "it runs"])
        check_equal(client.get("RestartAtUSec"), 0)
        client.order("release")
        waits_for_countdown(client)


@test_in_mount_namespace
def what_changed_while_it_ran_down_counts_at_its_end():
    with desk(MACHINE, "[enforce]\ncountdown = 2s\n") as \
            (vendor, server, device, manager, bus, client):
        waits_for_countdown(client)
        device.configure(server.url, LONG)  # by an editor, which tells nobody
        client.waits_for("DeferredReasons", ["restart-off"])
        check_equal([client.get("RestartAtUSec"), REBOOT in manager.jobs()], [0, False])


@test_in_mount_namespace
def a_restart_is_asked_for_one_installation():
    with desk("[install]\nautomatic = off\n", "[enforce]\ncountdown = 10min\n") as \
            (vendor, server, device, manager, bus, client):
        client.do("Install", "tt", 0, 1)
        waits_for_countdown(client)
        client.do("Remove", "t", 0)
        check_equal(client.get("RestartAtUSec"), 0)
        vendor.improve({"tls": {LIB: NEWER_TLS}}, restart="services")
        client.do("Install", "tt", 0, 1)
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot")
        client.do("Install", "tt", 0, 0)
        client.waits_for("DeferredReasons", ["automatic-off", "restart-off"])
        check_equal(client.get("RestartAtUSec"), 0)


@test_in_mount_namespace
def what_was_asked_for_is_not_forgotten_while_it_is_held_up():
    with desk("[install]\nautomatic = off\n", "[enforce]\ncountdown = 10min\n",
              "--idle-exit", "1") as (vendor, server, device, manager, bus, client):
        client.order("keep", member="Inhibit", types="ss", args=["a backup", "it runs"])
        server.rule("timestamp", status(500))
        job = client.start("Check", "t", 0)
        asked = client.start("Install", "tt", 0, 1)
        check_equal(client.end_of(job)[0], "failed")
        server.rules.clear()
        check_equal(client.end_of(asked)[0], "done")
        client.order("release")
        waits_for_countdown(client)


@test_in_mount_namespace
def a_restart_takes_no_network_and_brings_nothing_else():
    with desk("", "[install]\nallow = no\n" + overdue(2)) as \
            (vendor, server, device, manager, bus, client):
        waits_for_countdown(client)
        server.rule("", status(500))
        waits_for_restart(manager)


main()
