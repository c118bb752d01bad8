# SPDX-License-Identifier: Apache-2.0
"""The journal of a device.

    journal = Journal(device)
    device.suture("install")
    journal.messages()
"""
import contextlib
import os
import socket
import struct

from tap import check


class Journal:
    """Receives what programs send to the journal of a device."""

    def __init__(self, device):
        folder = device.path("run/systemd/journal")
        os.makedirs(folder)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        here = os.getcwd()
        os.chdir(folder)  # an address is short
        self.socket.bind("socket")
        os.chdir(here)

    def messages(self):
        """What came since the last look, each as {field: value}."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self.parse(self.socket.recv(65536, socket.MSG_DONTWAIT)))
        return messages

    @staticmethod
    def parse(data):
        fields = {}
        while data:
            line, _, rest = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                size = struct.unpack("<Q", rest[:8])[0]
                value, data = rest[8:8 + size], rest[8 + size:]
                check(data.startswith(b"\n"), "a value is not ended")
                data = data[1:]
            else:
                data = rest
            check(name.decode() not in fields, f"{name} comes twice")
            fields[name.decode()] = value.decode()
        return fields
