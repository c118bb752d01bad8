# SPDX-License-Identifier: Apache-2.0
"""The agent on a bus of its own.

    with Bus() as bus, bus.agent(device) as agent, bus.client() as client:
        client.do("Install", "tt", 0, 0)       a job, waited for: JobRemoved's arguments
        client.get("State")
        client.refused("org.freedesktop.DBus.Error.AccessDenied", "Remove", "t", 0)

`bus.client(user="nobody")` is another user's. Working folders of tests are short enough for a
socket's path.
"""
import contextlib
import json
import os
import select
import signal
import subprocess
import time

from tap import *

NAME = "org.suture.Manager1"
POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
</policy></busconfig>
"""


class Client:
    """One connection; arguments of calls follow their types."""

    def __init__(self, address, user=None):
        words = [os.path.join(os.path.dirname(__file__), "bus-client"), address]
        if user:
            words = ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", *words]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        check_equal(self.process.stdout.readline(), "ready\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def vanish(self):
        self.process.kill()
        self.process.wait()

    def order(self, op, **more):
        self.process.stdin.write(json.dumps({"op": op, **more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, member, types="", *args, **more):
        return self.order("call", member=member, types=types, args=args, **more)

    def call(self, member, types="", *args, **more):
        answer = self.ask(member, types, *args, **more)
        check("reply" in answer, f"{member}: {answer}")
        return answer["reply"]

    def refused(self, name, member, types="", *args, **more):
        answer = self.ask(member, types, *args, **more)
        check_equal(answer.get("error"), name, f"{member}: {answer}")
        return answer["text"]

    def start(self, member, types="", *args, **more):
        """The job's (id, path)."""
        return self.call(member, types, *args, **more)

    def end_of(self, job, seconds=20):
        answer = self.order("wait", member="JobRemoved", id=job[0], seconds=seconds)
        check("signal" in answer, str(answer))
        return answer["signal"][2][2:]

    def do(self, member, types="", *args, result="done", **more):
        """Starts a job, waits for its end, and returns its report."""
        end = self.end_of(self.start(member, types, *args, **more))
        check_equal(end[0], result, f"{member}: {end}")
        return json.loads(end[3]) if end[3] else None

    def get(self, name=None):
        values = self.order("get")["reply"][0]
        return values if name is None else values[name]

    def waits_for_agent(self, seconds=10):
        end = time.monotonic() + seconds
        while "error" in (answer := self.order("get")):
            check(time.monotonic() < end, f"the agent is not on the bus: {answer}")
            time.sleep(0.02)

    def waits_for(self, name, value, seconds=10):
        end = time.monotonic() + seconds
        while (now := self.get(name)) != value:
            check(time.monotonic() < end, f"{name} is {now!r}, not {value!r}")
            time.sleep(0.02)

    def signals(self):
        return self.order("signals")["signals"]


class BusAgent:
    def __init__(self, device, address, *options):
        self.process = subprocess.Popen(
            [program("sutured"), "--root", device.root, *options],
            stderr=open("agent-says", "w"),
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address})

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(10)
        if kind:
            print(f"# the agent said: {self.read()!r}", flush=True)
        check_equal(code, 0, "the agent's exit code")

    def read(self):
        return read("agent-says").decode()

    def says(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.read():
            check(time.monotonic() < end, f"{text!r} is not in {self.read()!r}")
            time.sleep(0.02)

    def vanish(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Bus:
    def __init__(self):
        self.path = os.path.abspath("bus")
        self.address = f"unix:path={self.path}"
        write("bus.conf", POLICY.format(path=self.path))
        self.others = []

    def __enter__(self):
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--config-file", os.path.abspath("bus.conf"), "--nofork", "--nopidfile",
             "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        check(self.daemon.stdout.readline().startswith("unix:"), "no bus")
        os.chmod(self.path, 0o666)
        return self

    def __exit__(self, *_):
        for other in reversed(self.others):
            other.terminate()
            other.wait()
        self.daemon.terminate()
        self.daemon.wait()

    def client(self, user=None):
        return Client(self.address, user)

    @contextlib.contextmanager
    def agent(self, device, *options):
        """Ready when it has its name."""
        with BusAgent(device, self.address, *options) as agent, self.client() as client:
            client.waits_for_agent()
            yield agent

    def run(self, *words):
        """Another program on this bus, until its end."""
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address})
        self.others.append(process)
        return process
