# SPDX-License-Identifier: Apache-2.0
"""A random walk of a device with its agent, after each step of which all places have to agree
(agreement.py).

    with Walk(seed) as walk:       Walk(seed, page_every=10): at every tenth step the Cockpit page, too
        walk.go(100)
    print(walk.done, walk.states, walk.disagreements)

Needs a mount namespace of its own. The walk is the same for the same seed, but for what runs at the
same time.
"""
import collections
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import agreement
import conditions
from agentbus import *
from journal import Journal
from machine import cut_power, kill_guards, ServiceManager, start_user
from owner import *
from page import Page, cockpit

LONG = "[check]\ninterval = 604800\n[trial]\nwindow = 3\nboot-window = 3\n"
REST_SECONDS = 8  # within which all places have to agree; the keeper may pause for some of them
BATTERY = "sys/class/power_supply/BAT0"
ACTIVE = ("checking", "downloading", "staging", "installing", "removing")
COVER = "cover"
LETTERS = 26


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def stamp_of(path):
    with contextlib.suppress(FileNotFoundError):
        return os.lstat(path).st_ino, os.lstat(path).st_mtime_ns


class Managed(Device):
    """Where the services are looked after by a manager, or None."""

    def bus_options(self):
        return ["--bus", self.manager.address] if self.manager else []

    def suture(self, *args, **options):
        return super().suture(*self.bus_options(), *args, **options)


class Walk:
    def __init__(self, seed, page_every=0):
        self.random = random.Random(seed)
        self.seed, self.stack, self.page, self.page_every = seed, contextlib.ExitStack(), None, page_every
        self.done, self.states = collections.Counter(), collections.Counter()
        self.disagreements, self.known = [], []
        self.waits, self.pages = [], 0  # seconds until all agreed; how often the page was read
        base = {LIB: digest_of(OLD_TLS), XMLLIB: digest_of(OLD_XML)}
        self.contents = {0: base}  # digests of files, by sequence: what the vendor signed
        self.covers, self.locks, self.told = [], 0, []

    def __enter__(self):
        self.vendor = Vendor()
        self.server = self.stack.enter_context(Server(self.vendor.repository))
        self.manager = self.stack.enter_context(ServiceManager({"a.service": {}})) if self.seed % 2 else None
        self.device = Managed(self.server.url, config=LONG)
        self.device.manager = self.manager
        os.makedirs(self.device.path(agreement.METRICS))
        for name, value in (("type", "Battery"), ("status", "Discharging"), ("capacity", "90")):
            write(self.device.path(BATTERY, name), value + "\n")
        self.journal, self.messages, self.may_forget = Journal(self.device), [], False
        self.bus = self.stack.enter_context(Bus())
        self.network = conditions.network(self.bus)
        self.client = self.stack.enter_context(self.bus.client())
        self.start_agent()
        if self.page_every:
            self.page = self.open_page()
        self.vendor_improves()
        self.operations = [(weight, getattr(self, name)) for weight, name in OPERATIONS]
        return self

    def open_page(self):
        folder = os.path.abspath("desk")
        url = self.stack.enter_context(cockpit(folder, self.bus.address))
        page = self.stack.enter_context(Page(url, folder))
        page.load()
        return page

    def __exit__(self, *_):
        self.end_agent()
        kill_guards(self.device)
        self.stack.close()
        run("suture-activate", "--root", self.device.root, "detach", expect=None)

    def go(self, count):
        weights = [weight for weight, _ in self.operations]
        for step in range(count):
            [(_, operation)] = self.random.choices(self.operations, weights)
            name = operation.__name__
            self.has_succeeded = False
            try:
                before = self.history()
                operation()
            except AssertionError as error:
                self.note(step, name, [f"the step itself: {error}"])
            self.done[name] += 1
            self.rest(step, name, before)

    # What is compared

    def history(self):
        return len(self.device.json("history")["history"])

    def tell_as_systemd_does(self):
        """What suture-facts.path watches."""
        unit = read(os.path.join(SOURCE, "data/systemd/suture-facts.path")).decode()
        stamps = [stamp_of(self.device.path(path)) for path in re.findall(r"^PathChanged=/(.*)", unit, re.M)]
        if stamps != self.told:
            self.told = stamps
            self.device.suture("facts", expect=None)

    def differences(self, history_before):
        device, client = self.device, self.client
        jobs = client.call("ListJobs")[0]
        status = device.json("status")
        if jobs or status["state"] in ACTIVE:
            return [f"no rest: {jobs}, {status['state']}"], status
        found = [
            *agreement.bus(client, status),
            # what cannot be grafted fails again by itself, after whatever somebody asked
            *(agreement.no_error(client) if self.has_succeeded and status["health"] != "impaired" else ()),
            *agreement.screen(device, status),
            *agreement.facts(device, status),
            *agreement.happened(device, client),
            *agreement.advisories(device, client, status),
            *agreement.decided(device, status),
            *self.page_differs(status),
            *agreement.files(device, status, self.contents[status["sequence"]]),
            *agreement.exposure(device, status),
            *agreement.mounts(device, status, self.uncovered(status["sequence"])),
            *self.journal_differs(history_before)]
        return found or [*agreement.described(client, status)], status  # which makes the agent look

    def page_differs(self, status):
        """On a sample: a browser takes longer than all the rest."""
        if not self.page or sum(self.done.values()) % self.page_every:
            return
        self.pages += 1
        yield from agreement.page(self.page, status)

    def uncovered(self, sequence):
        """What a cover shows of a component that is not improved is nobody's business."""
        base, covered = self.contents[0], [os.path.relpath(path, self.device.root) for path in self.covers]
        return {path: data for path, data in self.contents[sequence].items()
                if data != base[path] or os.path.dirname(path) not in covered}

    def journal_differs(self, before):
        new = [(entry["event"], str(entry["sequence"])) for entry in
               self.device.json("history")["history"][before:]]
        self.messages += [(message["SUTURE_EVENT"], message["SUTURE_SEQUENCE"])
                          for message in self.journal.messages()
                          if message["SUTURE_EVENT"] not in ("check-failed", "policy-mistake")]
        if self.may_forget:  # it died before it told
            new = [event for event in new if event in self.messages]
        yield from agreement.differ("the journal", self.messages, new)

    def rest(self, step, name, history_before):
        start = time.monotonic()
        while True:
            self.tell_as_systemd_does()
            found, status = self.differences(history_before)
            seconds = time.monotonic() - start
            if not found or seconds > REST_SECONDS or (seconds > 1 and found == self.known):
                break
            time.sleep(0.1)
        self.messages, self.may_forget = [], False
        if os.environ.get("AGREEMENT_TRACE"):
            print(f"# {step} {name}: {status['sequence']} of {status['selected']}, {status['state']}, "
                  f"{status['health']}, {status['activation']}", flush=True)
        self.waits.append(seconds)
        self.states[(status["state"], status["health"] or "-", status["offer"]["state"])] += 1
        for why in status["deferred"]:
            self.states[("deferred", why["reason"])] += 1
        if found and found != self.known:
            self.note(step, name, found)
            if os.environ.get("AGREEMENT_SHOWS"):
                print(json.dumps(status, indent=1), self.agent.read())
            self.device.suture("facts", expect=None)
            self.client.call("Describe")
        self.known = found

    def note(self, step, name, found):
        self.disagreements.append((self.seed, step, name, found))
        print(f"seed {self.seed}, step {step}, {name}:", *found, sep="\n    ", flush=True)

    # By the owner at a terminal

    def cli(self, *words):
        self.device.suture(*words, expect=None)

    def cli_check(self):
        time.sleep(1)  # what failed in this second counts more
        asked = self.device.suture("check", expect=None)
        self.has_succeeded = asked.returncode in (0, 2)

    def cli_install(self):
        self.cli("install")

    def cli_install_sequence(self):
        self.cli("install", "--sequence", self.any_sequence())

    def cli_download(self):
        self.cli("install", "--download-only")

    def cli_dry_run(self):
        self.cli(self.random.choice(("install", "remove")), "--dry-run")

    def cli_remove(self):
        self.cli("remove")

    def cli_maintain(self):
        self.cli("maintain")

    def cli_automatic(self):
        self.cli("automatic", self.random.choice(("install", "download", "off")))

    def cli_postpone(self):
        self.cli("postpone", *self.random.choice((["1h"], ["--clear"])))

    def any_sequence(self):
        return self.random.choice(list(self.contents)[1:] or [1])

    # By the bus

    def ask(self, member, types="", *args):
        """A job, if that is allowed, until its end."""
        answer = self.client.ask(member, types, *args)
        if len(answer.get("reply", ())) == 2:
            self.client.end_of(answer["reply"], 60)

    def bus_check(self):
        self.ask("Check", "t", 0)

    def bus_install(self):
        self.ask("Install", "tt", self.random.choice((0, 0, self.any_sequence())), 0)

    def bus_acquire(self):
        self.ask("Acquire", "t", 0)

    def bus_remove(self):
        self.ask("Remove", "t", 0)

    def bus_preview(self):
        self.ask("Preview", "s", self.random.choice(("install", "remove")))

    def bus_automatic(self):
        self.client.ask("SetAutomaticMode", "s", self.random.choice(("install", "install", "download", "off")))

    def bus_postpone(self):
        until = self.random.choice((0, 0, int(time.time() + 7200) * 1_000_000))
        self.client.ask("Postpone", "t", until)

    def bus_inhibit(self):
        if self.locks:
            self.client.order("release")
            self.locks = 0
        else:
            self.client.order("keep", member="Inhibit", types="ss", args=["a test", "it runs"])
            self.locks = 1

    def bus_cancel(self):
        answer = self.client.ask("Install", "tt", 0, 0)
        if "reply" in answer:
            time.sleep(self.random.uniform(0, 0.1))
            self.client.ask("Cancel", path=answer["reply"][1], interface=f"{NAME}.Job")
            self.client.end_of(answer["reply"], 60)

    # By the vendor

    def vendor_improves(self):
        number = max(self.contents) + 1
        if number > LETTERS:
            return
        component = self.random.choice(("tls", "xml"))
        path, old = {"tls": (LIB, OLD_TLS), "xml": (XMLLIB, OLD_XML)}[component]
        restart = self.random.choice(("services", "services", "services", "soft-reboot", "reboot"))
        self.vendor.create(component, {path: changed(old, 2000 + 100 * number)}, restart=restart)
        ramp = ["--ramp", "0:1,24:100"] if self.random.random() < 0.15 else []
        self.vendor.publish("publish", *ramp)
        self.note_contents(number, "public")

    def vendor_rehearses(self):
        number = max(self.contents) + 1
        if number <= LETTERS:
            self.vendor.publish("publish", "--rehearsal", "--channel", "rehearsal")
            self.note_contents(number, "rehearsal")

    def note_contents(self, number, channel):
        newest = self.vendor.index(channel)["improvements"][0]
        check_equal(newest["sequence"], number, "what was published")
        self.contents[number] = self.contents[0] | {
            file["path"]: file["sha256"] for image in newest.get("images", ()) for file in image["files"]}

    def vendor_withdraws(self):
        level = self.random.choice(("advise", "stop", "revert"))
        self.publisher("withdraw", self.letter(), "--level", level, "--reason", "it breaks printing")

    def vendor_holds(self):
        self.publisher("hold", self.letter())

    def vendor_resumes(self):
        self.publisher("resume", self.letter())

    def vendor_lets_expire(self):
        self.vendor.expire("timestamp")

    def vendor_resigns(self):
        self.publisher("resign")

    def letter(self):
        """Of one of the newest, mostly."""
        number = max(1, max(self.contents) - self.random.choice((0, 0, 0, 1)))
        return f"{VERSION}-{chr(ord('a') + number - 1)}"

    def publisher(self, *words):
        self.vendor.publish(*words, expect=None)

    # By the world

    def server_goes_down(self):
        if not self.server.rules:
            self.server.rule("", status(503))

    def server_comes_up(self):
        self.server.rules.clear()

    def battery(self):
        write(self.device.path(BATTERY, "capacity"), self.random.choice(("5\n", "90\n", "90\n")))

    def metered(self):
        conditions.set_metered(self.network, self.random.random() < 0.4)

    def a_service_starts(self):
        if self.manager and os.path.exists(self.device.path(LIB)):
            start_user(self.manager, self.device, "a.service")

    def policy(self):
        path = self.device.path("etc/suture/policy.d/50.conf")
        text = self.random.choice((
            "", "", "[manage]\norganisation = Example Ltd\n[install]\nremoval = no\n",
            "[manage]\norganisation = Example Ltd\n[install]\nallow = no\nautomatic = off\n",
            "[install]\nautomatic = download\n"))
        write(path + ".new", text)
        os.replace(path + ".new", path)

    def config(self):
        channel = self.random.choice(("", "", "channel = rehearsal\n"))
        install = self.random.choice(("", "", "automatic = off\n", "battery = 30\nmetered = wait\n",
                                      "metered = wait\n", "delay = 7d\n", "nonsense = 1\n"))
        self.device.configure(self.server.url, f"{channel}{LONG}[install]\n{install}")

    def someone_covers(self):
        path = self.device.path(self.random.choice((TLS, XML)))
        run("/usr/bin/mount", "-t", "tmpfs", COVER, path)
        self.covers.append(path)

    def someone_uncovers(self):
        while self.covers:
            run("/usr/bin/umount", self.covers.pop(), expect=None)

    def someone_unmounts_a_graft(self):
        run("/usr/bin/umount", self.device.path(self.random.choice((TLS, XML))), expect=None)

    def someone_pauses(self):
        run("suture-activate", "--root", self.device.root, "pause", expect=None)

    def someone_resumes(self):
        run("suture-activate", "--root", self.device.root, "resume", expect=None)

    def an_image_rots(self):
        if self.device.images():
            flip_byte(self.device.store("images", self.random.choice(self.device.images())))

    def power_cut(self):
        """A process of the job dies at any time, and the agent may."""
        words = self.random.choice((("install",), ("remove",), ("maintain",), ("check",)))
        job = subprocess.Popen([program("suture"), "--root", self.device.root, *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.25))
        job.kill()
        job.wait()
        end = time.monotonic() + 20
        while self.helpers():  # who was started ends with it, or by itself
            check(time.monotonic() < end, f"still there: {self.helpers()}")
            time.sleep(0.02)
        self.may_forget = True

    def helpers(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = read(f"/proc/{pid}/cmdline").split(b"\0")
                name = os.path.basename(words[0])
                if self.device.root.encode() in words and name not in (b"sutured", b"suture-keeper") \
                        and b"guard" not in words:
                    found.append((pid, words))
        return found

    def agent_restarts(self):
        self.end_agent()
        self.start_agent()

    def agent_dies(self):
        self.agent.vanish()
        self.may_forget, self.locks = True, 0
        self.client.order("release")
        self.start_agent()

    def boot(self):
        self.end_agent()
        self.someone_uncovers()
        cut_power(self.device)
        for name in os.listdir(self.device.path("run")):
            path = self.device.path("run", name)
            if name != "systemd":
                (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
        run("suture-activate", "--root", self.device.root, "apply", "--placement", "late", expect=None)
        self.device.suture("facts", expect=None)
        self.start_agent()

    def end_agent(self):
        """With it, its keeper."""
        self.locks = 0
        if self.agent.process.poll() is None:
            self.agent.process.terminate()
        check_equal(self.agent.process.wait(30), 0, "the agent's exit code")

    def start_agent(self):
        self.agent = BusAgent(self.device, self.bus.address, *self.device.bus_options())
        self.client.order("release")
        self.client.waits_for_agent()


OPERATIONS = [
    (3, "cli_check"), (7, "cli_install"), (3, "cli_install_sequence"), (2, "cli_download"),
    (1, "cli_dry_run"), (1, "cli_remove"), (3, "cli_maintain"), (2, "cli_automatic"), (2, "cli_postpone"),
    (4, "bus_check"), (7, "bus_install"), (2, "bus_acquire"), (1, "bus_remove"), (1, "bus_preview"),
    (3, "bus_automatic"), (2, "bus_postpone"), (2, "bus_inhibit"), (2, "bus_cancel"),
    (8, "vendor_improves"), (1, "vendor_rehearses"), (2, "vendor_withdraws"), (1, "vendor_holds"), (2, "vendor_resumes"),
    (1, "vendor_lets_expire"), (4, "vendor_resigns"),
    (1, "server_goes_down"), (5, "server_comes_up"), (2, "battery"), (2, "metered"), (3, "a_service_starts"),
    (2, "policy"), (2, "config"),
    (2, "someone_covers"), (3, "someone_uncovers"), (2, "someone_unmounts_a_graft"),
    (1, "someone_pauses"), (4, "someone_resumes"), (1, "an_image_rots"), (3, "power_cut"), (2, "agent_restarts"),
    (1, "agent_dies"), (3, "boot")]
