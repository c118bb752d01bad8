# SPDX-License-Identifier: Apache-2.0
"""What holds the agent up: the machine's conditions, as other services tell them, and the policy."""
import contextlib
import os
import time

from agentbus import *
from conditions import *
from owner import *

LONG = "[check]\ninterval = 604800\n"


@contextlib.contextmanager
def desk(config, *mocks, policy=None):
    with World(config=LONG + config) as (vendor, server, device), Bus() as bus, \
            bus.client() as client:
        if policy:
            os.makedirs(device.path("etc/suture/policy.d"))
            write(device.path("etc/suture/policy.d/50.conf"), policy)
        mocks = [mock(bus) for mock in mocks]
        yield (vendor, server, device, bus, client, *mocks)


@test_in_mount_namespace
def metered_waits_until_it_is_not():
    with desk("[install]\nmetered = wait\n", network) as (_, server, device, bus, client, mock):
        mock.set(NETWORK, "/org/freedesktop/NetworkManager", NETWORK, Metered=("u", 1))
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["metered"])
            check_equal(server.of("blobs"), [])
            check_equal([each["reason"] for each in device.json("status")["deferred"]],
                        ["metered"])
            client.refused(f"{NAME}.Error.Metered", "Install", "tt", 0, 0)
            mock.set(NETWORK, "/org/freedesktop/NetworkManager", NETWORK, Metered=("u", 2))
            client.waits_for("Label", "(a)")
            client.waits_for("DeferredReasons", [])


@test_in_mount_namespace
def small_ones_come_on_metered_connections_too():
    small = "[install]\nmetered = small\nmetered-max = %s\n"
    with desk(small % "100", network) as (_, server, device, bus, client, mock):
        mock.set(NETWORK, "/org/freedesktop/NetworkManager", NETWORK, Metered=("u", 3))
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["metered"])
            device.configure(server.url, LONG + small % "1M")
            client.do("Check", "t", 0)
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def a_low_battery_holds_up_everybody_but_who_may_override():
    with desk("[install]\nbattery = 30\n", power) as (_, server, device, bus, client, mock):
        set_battery(mock, 10)
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["battery-low"])
            for call in (("Install", "tt", 0, 0), ("Acquire", "t", 0), ("Preview", "s", "install")):
                client.refused(f"{NAME}.Error.OnBattery", *call)
            client.do("Install", "tt", 0, 4)
            check_equal(client.get("Label"), "(a)")


@test_in_mount_namespace
def on_a_battery_it_waits_where_the_owner_says_so():
    with desk("[install]\non-battery = wait\n", power) as (_, server, device, bus, client, mock):
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["on-battery"])
            device.configure(server.url, LONG + "[install]\non-battery = go\n")
            client.do("Check", "t", 0)
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def batteries_are_read_from_the_kernel_where_no_upower_is():
    with desk("[install]\nbattery = 30\n") as (_, server, device, bus, client):
        supply = device.path("sys/class/power_supply/BAT0")
        os.makedirs(supply)
        for name, value in (("type", "Battery"), ("status", "Discharging"), ("capacity", "12")):
            write(os.path.join(supply, name), value + "\n")
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["battery-low"])
            write(os.path.join(supply, "capacity"), "90\n")
            client.do("Check", "t", 0)
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def nobody_is_disturbed_at_work():
    with desk("[install]\nidle = yes\nidle-load = 100\n", lambda bus: Mock(bus, "logind").wait(LOGIN)) as \
            (_, server, device, bus, client, mock):
        mock.set(LOGIN, "/org/freedesktop/login1", f"{LOGIN}.Manager", IdleHint=("b", "false"))
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["not-idle"])
            mock.set(LOGIN, "/org/freedesktop/login1", f"{LOGIN}.Manager",
                     IdleHint=("b", "true"))
            client.waits_for("Label", "(a)", seconds=20)


def closed_window():
    """Two hours of another half of the day."""
    hour = (time.localtime().tm_hour + 12) % 22
    return f"{hour:02}:00-{hour + 1:02}:00"


@test_in_mount_namespace
def outside_of_the_window_it_is_downloaded_only():
    with desk(f"[install]\nwindow = {closed_window()}\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["window"])
            end = time.monotonic() + 10
            while not device.json("status")["offer"].get("downloaded"):
                check(time.monotonic() < end, "nothing was downloaded")
                time.sleep(0.1)
            check_equal(device.lib(), OLD_TLS)
            client.do("Install", "tt", 0, 0)  # the owner may at any time


@test_in_mount_namespace
def the_owner_postpones_and_thinks_again():
    with desk("[install]\nautomatic = off\n") as (_, server, device, bus, client):
        with bus.agent(device):
            until = int(time.time() + 3600) * 1_000_000
            [granted] = client.call("Postpone", "t", until)
            check(0 < granted <= until, f"{granted} of {until}")
            device.configure(server.url, LONG)
            client.do("Check", "t", 0)
            client.waits_for("DeferredReasons", ["postponed"])
            check_equal(client.get("PostponedUntilUSec"), granted)
            check_equal(device.lib(), OLD_TLS)
            [granted] = client.call("Postpone", "t", (int(time.time()) + 10 ** 9) * 1_000_000)
            check(granted < (time.time() + 366 * 86400) * 1_000_000, "postponed for ever")
            check_equal(client.call("Postpone", "t", int(time.time() * 1_000_000) + 1), [0])
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def a_delay_lets_others_go_first():
    with desk("[install]\ndelay = 7d\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.waits_for("DeferredReasons", ["delay"])
            check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def what_is_urgent_enough_waits_for_no_delay():
    with desk("[install]\ndelay = 7d\ndelay-unless = high\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def what_the_organisation_says_counts():
    with desk("", policy="[manage]\norganisation = Example Ltd\n[install]\nautomatic = off\n"
              "allow = no\nremoval = no\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.do("Check", "t", 0)
            client.waits_for("AvailableLabel", "(a)")
            shown = client.get()
            check_equal([shown[name] for name in (
                "AutomaticMode", "AutomaticModeManaged", "ManualInstallAllowed", "RemovalAllowed",
                "ManagedBy")], ["off", True, False, False, "Example Ltd"])
            managed = f"{NAME}.Error.Managed"
            has(client.refused(managed, "Install", "tt", 0, 0), "Example Ltd")
            has(client.refused(managed, "SetAutomaticMode", "s", "install"), "Example Ltd")
            end = client.end_of(client.start("Remove", "t", 0))
            check_equal(end[:2], ["failed", "Managed"])
            check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def a_deadline_that_is_over_counts_more():
    past = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() - 3600))
    with desk("", policy="[install]\nautomatic = off\nallow = no\n[enforce]\n"
              f"require = newest {past}\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def the_mode_is_the_owners():
    with desk("[install]\nautomatic = off\n") as (_, server, device, bus, client):
        with bus.agent(device):
            client.do("Check", "t", 0)
            client.call("SetAutomaticMode", "s", "install")
            client.waits_for("Label", "(a)")
            check_equal(client.get("AutomaticMode"), "install")
            check_equal(device.json("status")["automatic"], "install")


main()
