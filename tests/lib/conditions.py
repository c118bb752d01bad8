# SPDX-License-Identifier: Apache-2.0
"""The services that tell the agent of a machine's conditions, played by python-dbusmock.

    mock = network(bus)
    set_metered(mock, True)
"""
import json
import subprocess
import time

from tap import check, check_equal

NETWORK, POWER, LOGIN = ("org.freedesktop.NetworkManager", "org.freedesktop.UPower",
                         "org.freedesktop.login1")
METERED = {True: 1, False: 2}  # NMMetered



class Mock:
    """A service of python-dbusmock on the bus."""

    def __init__(self, bus, template, parameters=None):
        self.bus = bus
        self.process = bus.run("/usr/bin/python3", "-m", "dbusmock", "--system", "--template",
                               template, "--parameters", json.dumps(parameters or {}))

    def busctl(self, *words, expect=0):
        done = subprocess.run(["busctl", f"--address={self.bus.address}", *words],
                              capture_output=True, text=True)
        return done

    def wait(self, name):
        end = time.monotonic() + 10
        while self.busctl("status", name).returncode:
            check(time.monotonic() < end, f"no {name}")
            time.sleep(0.05)
        return self

    def set(self, name, path, interface, **properties):
        """Sets them, and tells so."""
        words = []
        for key, (kind, value) in properties.items():
            words += [key, kind, str(value)]
        for key, (kind, value) in properties.items():  # one that the template has is left
            self.busctl("call", name, path, "org.freedesktop.DBus.Mock", "AddProperty", "ssv",
                        interface, key, kind, str(value))
        done = self.busctl("call", name, path, "org.freedesktop.DBus.Mock", "UpdateProperties",
                           "sa{sv}", interface, str(len(properties)), *words)
        check_equal(done.returncode, 0, done.stderr)


def network(bus):
    return Mock(bus, "networkmanager").wait(NETWORK)


def power(bus):
    mock = Mock(bus, "upower", {"OnBattery": True, "HibernateAllowed": False}).wait(POWER)
    set_battery(mock, 80)
    return mock


def set_battery(mock, percent):
    mock.busctl("call", POWER, "/org/freedesktop/UPower", "org.freedesktop.DBus.Mock",
                "SetupDisplayDevice", "iiddddxxbsu", "2", "2", str(percent), "50", "100", "10",
                "0", "0", "true", "battery", "3")


def set_metered(mock, is_metered):
    mock.set(NETWORK, "/org/freedesktop/NetworkManager", NETWORK, Metered=("u", METERED[is_metered]))
