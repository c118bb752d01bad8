# SPDX-License-Identifier: Apache-2.0
"""What tests of the owner's programs share.

    with World() as (vendor, server, device):
        has(device.suture("install").stdout, f"Installed {LABEL_A}")
"""
import os

from tap import *
from world import *

LABEL_A, LABEL_B = f"{VERSION} (a)", f"{VERSION} (b)"


class World:
    """A vendor who has published (a), a web server and a device."""

    def __init__(self, *, improve=True, config="", **options):
        self.vendor = Vendor()
        if improve:
            self.vendor.improve({"tls": {LIB: NEW_TLS}}, **options)
        self.server = Server(self.vendor.repository)
        self.config = config

    def __enter__(self):
        self.server.__enter__()
        return self.vendor, self.server, Device(self.server.url, config=self.config)

    def __exit__(self, *what):
        self.server.__exit__(*what)


def offer_of(device):
    return device.json("status")["offer"]


def events(device):
    return [entry["event"] for entry in device.json("history")["history"]]


def has(text, *words):
    for word in words:
        check(word in text, f"{word!r} is not in:\n{text}")


def is_base(device):
    return device.lib() == OLD_TLS and not os.path.lexists(device.store("current"))
