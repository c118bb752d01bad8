#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays sutured on the bus that DBUS_SYSTEM_BUS_ADDRESS names, for tests of its faces.

    mock_agent.py SOCKET

Methods, signals, properties and their types are those of api/org.suture.Manager1.xml, which it reads:
what is not there cannot be said, and what is there has to be. A test steers it over SOCKET with lines
of JSON; each is answered by one line, {} or {"error": "…"} or what was asked for:

    {"reset": {…}}                    properties as they are at first, but for these; all else forgotten
    {"set": {"State": "idle"}}        changes properties, and tells
    {"status": {…}}                   members of Describe's answer
    {"history": […]}                  the events of `suture history`, newest first
    {"improvements": […]}             those of `suture advisories`, each with all that is known
    {"grant": 5}                      a postponement lasts no longer than until then (microseconds)
    {"refuse": {"Install": ["Metered", "text"]}}    the next call of a method fails with this; with
                                      "always" behind the text each one
    {"hold": true}                    Describe does not answer until false
    {"deny": true}                    nobody may do anything, but for a privileged bridge of Cockpit's
    {"job": {"Progress": 50}}         changes the job that runs
    {"end": {"result": "done", "error": "", "text": "", "report": {}}}    ends it; where none runs (yet),
                                      nothing is done and {"later": true} answered
    {"play": true}                    jobs go on and end by themselves, as an improvement would
    {"calls": true}                   answers with the calls since it was asked last
    {"here": false}                   gives up the name on the bus; true takes it again
    {"startable": true}               the bus gives it the name again for who asks it something
"""
import calendar
import json
import os
import socket
import sys
import time

from gi.repository import Gio, GLib

NAME, PATH = "org.suture.Manager1", "/org/suture/Manager1"
JOB = f"{NAME}.Job"
API = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../api/org.suture.Manager1.xml")
JOBS = {"Check": "check", "Acquire": "acquire", "Install": "install", "InstallFile": "install-file",
        "Remove": "remove", "Preview": "preview"}
READ_ONLY = ["Describe", "GetHistory", "GetAdvisories", "ListJobs"]
BASE = "26.3.1"


def at_first():
    return {"DaemonVersion": "0.1.0", "State": "idle", "Product": "exampleos", "BaseVersion": BASE,
            "Sequence": 0, "Label": "", "DisplayVersion": BASE, "AvailableSequence": 0, "AvailableLabel": "",
            "AvailableState": "none", "PendingSequence": 0, "PendingLabel": "", "RestartNeeded": "none",
            "RestartAtUSec": 0, "AutomaticMode": "install", "AutomaticModeManaged": False,
            "ManualInstallAllowed": True, "RemovalAllowed": True, "ManagedBy": "", "DeferredReasons": [],
            "PostponedUntilUSec": 0, "DeadlineUSec": 0, "LastCheckUSec": int((time.time() - 300) * 1e6),
            "NextCheckUSec": int((time.time() + 3 * 3600) * 1e6), "LastError": ("", "")}


def status_at_first():
    return {"schema": 1, "product": "exampleos", "version": BASE, "base": f"{BASE}_x86_64", "label": BASE,
            "sequence": 0, "fixes": [], "offer": {"state": "none"}, "withdrawn": None, "reverted": None,
            "trial": None, "owed": None, "support": None, "channel": "public",
            "repository": "https://updates.example.org/suture/", "configuration_problem": None,
            "activation": {"directory": [], "cover": [], "image": [], "held": [], "mounted": 0},
            "checks": {"expires": "2026-12-05T08:00:00Z", "fresh": True, "clock_is_behind": False,
                       "failed": None, "problem": None}}


class Failure(Exception):
    """An error of the bus: its name, and a sentence."""


class Interface:
    """An object's interface as the XML has it, with the values of its properties."""

    def __init__(self, bus, info, path, values, on_call):
        self.bus, self.info, self.path, self.values, self.on_call = bus, info, path, values, on_call
        self.types = {each.name: each.signature for each in info.properties}
        missing = set(self.types) - set(values)
        if missing:
            raise Failure("Failed", f"{info.name} lacks {missing}")
        self.id = bus.register_object(path, info, self._called, self._get, None)

    def _called(self, bus, sender, path, interface, method, arguments, invocation):
        try:
            outs = self.info.lookup_method(method).out_args
            answer = self.on_call(sender, method, arguments.unpack(), invocation)
            if answer is not None:
                invocation.return_value(GLib.Variant(f"({''.join(each.signature for each in outs)})", answer))
        except Failure as failure:
            name, text = failure.args
            invocation.return_dbus_error(name if "." in name else f"{NAME}.Error.{name}", text)

    def _get(self, bus, sender, path, interface, name):
        return GLib.Variant(self.types[name], self.values[name])

    def _tells(self, name):
        notes = self.info.lookup_property(name).annotations or []
        return not any(note.value in ("false", "const") for note in notes)

    def set(self, values):
        for name, value in values.items():
            GLib.Variant(self.types[name], value)
        self.values.update(values)
        told = {name: self._get(*[None] * 4, name) for name in values if self._tells(name)}
        if told:
            self.bus.emit_signal(None, self.path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                 GLib.Variant("(sa{sv}as)", (self.info.name, told, [])))

    def emit(self, signal, values):
        types = "".join(each.signature for each in self.info.lookup_signal(signal).args)
        self.bus.emit_signal(None, self.path, self.info.name, signal, GLib.Variant(f"({types})", values))

    def gone(self):
        self.bus.unregister_object(self.id)


class Agent:
    def __init__(self, bus):
        with open(API, encoding="utf-8") as file:
            node = Gio.DBusNodeInfo.new_for_xml(file.read())
        self.bus, self.job_info = bus, node.lookup_interface(JOB)
        self.manager = Interface(bus, node.lookup_interface(NAME), PATH, at_first(), self.called)
        self.job, self.next_id, self.owner = None, 1, 0
        self.forget()
        self.be_here(True)

    def forget(self):
        self.status, self.history, self.improvements, self.grant = status_at_first(), [], [], None
        self.refusals, self.calls, self.held = {}, [], []
        self.is_holding = self.is_denying = self.is_playing = False

    def be_here(self, is_here):
        if is_here:
            self.owner = Gio.bus_own_name_on_connection(self.bus, NAME, Gio.BusNameOwnerFlags.NONE, None, None)
        else:
            Gio.bus_unown_name(self.owner)

    def be_startable(self, is_startable):
        """By a file beside the socket, in a folder that the bus looks into."""
        folder = os.path.join(os.path.dirname(sys.argv[1]), "services")
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{NAME}.service", "w", encoding="utf-8") as file:
            file.write(f"[D-BUS Service]\nName={NAME if is_startable else NAME + '.Never'}\n"
                       f"Exec=/usr/bin/python3 {os.path.abspath(__file__)} --wake {sys.argv[1]}\n")
        self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                           "ReloadConfig", None, None, 0, 5000, None)

    # What the bus asks

    def ask_bus(self, method, sender):
        return self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  method, GLib.Variant("(s)", (sender,)), None, 0, 1000, None).unpack()[0]

    def authorize(self, sender):
        if not self.is_denying:
            return
        with open(f"/proc/{self.ask_bus('GetConnectionUnixProcessID', sender)}/cmdline", "rb") as file:
            if b"--privileged" not in file.read():
                raise Failure("org.freedesktop.DBus.Error.AccessDenied", "not authorized")

    def refuse(self, method):
        if method in self.refusals:
            name, text, *always = self.refusals[method]
            if not always:
                del self.refusals[method]
            raise Failure(name, text)

    def called(self, sender, method, arguments, invocation):
        if method not in READ_ONLY:
            self.calls.append([method, *arguments])
            self.authorize(sender)
        self.refuse(method)
        if method in JOBS:
            return self.begin(JOBS[method], arguments)
        return getattr(self, f"do_{method}")(invocation, *arguments)

    def begin(self, kind, arguments):
        if kind in ("check", "acquire", "remove") and arguments[-1] & ~6:
            raise Failure("org.freedesktop.DBus.Error.InvalidArgs", "unknown flags")
        if self.job:
            raise Failure("Busy", "another job is running")
        number, self.next_id = self.next_id, self.next_id + 1
        path = f"{PATH}/job/{number}"
        values = {"Id": number, "Type": kind, "Phase": "", "Progress": 0, "BytesDone": 0, "BytesTotal": 0,
                  "Cancellable": True}
        self.job = Interface(self.bus, self.job_info, path, values, self.job_called)
        self.manager.emit("JobNew", (number, path))
        if self.is_playing:
            GLib.timeout_add(20, self.play, kind, list(arguments))
        return number, path

    def job_called(self, sender, method, arguments, invocation):
        self.calls.append([method])
        self.authorize(sender)
        self.refuse(method)
        if not self.job.values["Cancellable"]:
            raise Failure("NothingToCancel", "mounts are being changed")
        GLib.idle_add(self.end, "canceled", "", "", None)
        return ()

    def end(self, result, error, text, report):
        job, self.job = self.job, None
        self.manager.emit("JobRemoved", (job.values["Id"], job.path, result, error, text,
                                         json.dumps(report) if report is not None else ""))
        job.gone()

    def do_Describe(self, invocation):
        if self.is_holding:
            self.held.append(invocation)
            return None
        return (json.dumps(self.status),)

    def do_SetAutomaticMode(self, invocation, mode):
        if mode not in ("install", "download", "off"):
            raise Failure("org.freedesktop.DBus.Error.InvalidArgs", mode)
        if self.manager.values["AutomaticModeManaged"]:
            raise Failure("Managed", "the organization has set it")
        self.manager.set({"AutomaticMode": mode})
        return ()

    def do_Postpone(self, invocation, until):
        granted = min(until, self.grant) if self.grant else until
        self.manager.set({"PostponedUntilUSec": granted, "RestartAtUSec": 0})
        return (granted,)

    def do_GetHistory(self, invocation, limit):
        types = {"Time": "t", "Event": "s", "Generation": "u", "Sequence": "t", "Text": "s"}
        events = [{name: event[name.lower()] for name in types} for event in self.history[:limit or None]]
        for event in events:
            event["Time"] = calendar.timegm(time.strptime(event["Time"], "%Y-%m-%dT%H:%M:%SZ")) * 1000000
        return ([{name: GLib.Variant(types[name], value) for name, value in event.items()} for event in events],)

    def do_GetAdvisories(self, invocation, about, form):
        """The texts come only with those that are asked about, as from `suture advisories`."""
        shown = [each for each in self.improvements if about in ("", str(each["sequence"]))]
        if not shown and about:
            raise Failure("NotFound", f"nothing that this machine knows is about {about}")
        if not about:
            shown = [{name: value for name, value in each.items() if name != "advisories"} for each in shown]
        return (json.dumps({"schema": 1, "about": about or None, "improvements": shown}),)

    def do_ListJobs(self, invocation):
        values = self.job.values if self.job else None
        return ([(values["Id"], values["Type"], values["Progress"], self.job.path)] if values else [],)

    # What an improvement does by itself

    def play(self, kind, arguments):
        if kind == "check":
            self.status["offer"] = {"state": "available", "sequence": 1, "label": f"{BASE} (a)", "cves": ["CVE-2026-1"],
                                    "summary": "A fix", "urgency": "high", "download_bytes": 1000}
            self.manager.set({"State": "available", "AvailableSequence": 1, "AvailableLabel": "(a)",
                              "AvailableState": "available", "LastCheckUSec": int(time.time() * 1e6)})
        if kind == "install":
            self.status.update(fixes=["CVE-2026-1"], offer={"state": "none"})
            self.manager.set({"State": "idle", "Sequence": 1, "Label": "(a)", "DisplayVersion": f"{BASE} (a)",
                              "AvailableSequence": 0, "AvailableLabel": "", "AvailableState": "none"})
        if kind == "remove":
            self.status.update(fixes=[])
            self.manager.set({"State": "idle", "Sequence": 0, "Label": "", "DisplayVersion": BASE})
        self.end("done", "", "", {"schema": 1, "label": f"{BASE} (a)", "grafted": True, "impact": None}
                 if kind != "check" else None)
        return False

    # What the test wants

    def obey(self, wish):
        if ("job" in wish or "end" in wish) and not self.job:
            return {"later": True}
        if "reset" in wish:
            if self.job:
                self.end("failed", "Failed", "the test goes on", None)
            self.forget()
            self.manager.set({**at_first(), **wish["reset"]})
        self.manager.set(wish.get("set", {}))
        self.status.update(wish.get("status", {}))
        self.history = wish.get("history", self.history)
        self.improvements = wish.get("improvements", self.improvements)
        self.grant = wish.get("grant", self.grant)
        self.refusals.update(wish.get("refuse", {}))
        self.is_denying = wish.get("deny", self.is_denying)
        self.is_playing = wish.get("play", self.is_playing)
        if "startable" in wish:
            self.be_startable(wish["startable"])
        if "here" in wish:
            self.be_here(wish["here"])
        if "hold" in wish:
            self.release(wish["hold"])
        if "job" in wish:
            self.job.set(wish["job"])
        if "end" in wish:
            self.end(**{"error": "", "text": "", "report": None, **wish["end"]})
        if "calls" in wish:
            calls, self.calls = self.calls, []
            return {"calls": calls}
        return {}

    def release(self, is_holding):
        self.is_holding = is_holding
        while self.held and not is_holding:
            self.held.pop().return_value(GLib.Variant("(s)", (json.dumps(self.status),)))

    def listen(self, path):
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        GLib.io_add_watch(server.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN, self.accept)
        self.server = server

    def accept(self, descriptor, condition):
        connection, _ = self.server.accept()
        GLib.io_add_watch(connection.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN, self.hear,
                          connection.makefile("rw", encoding="utf-8"), connection)
        return True

    def hear(self, descriptor, condition, lines, connection):
        line = lines.readline()
        if not line:
            return False
        try:
            answer = self.obey(json.loads(line))
        except (Failure, KeyError, TypeError, AttributeError) as error:
            answer = {"error": repr(error)}
        self.bus.flush_sync(None)
        lines.write(json.dumps(answer) + "\n")
        lines.flush()
        return True


def wake(path):
    """What the bus starts: the mock is there already, and takes its name."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b'{"here": true}\n')
        connection.recv(100)


def main():
    if sys.argv[1] == "--wake":
        wake(sys.argv[2])
        return
    agent = Agent(Gio.bus_get_sync(Gio.BusType.SYSTEM))
    agent.listen(sys.argv[1])
    GLib.MainLoop().run()


main()
