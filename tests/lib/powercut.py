# SPDX-License-Identifier: Apache-2.0
"""A device's life on a disk whose power is cut at any moment of it, and what must hold of every disk
that this leaves.

    with Life(folder) as life:             # the real programs, once
        for cut in life.choose(20, dice):
            with life.disk_after(cut, dice) as image:
                life.check(cut, image)

storestate.py has what is promised. Needs what Disk needs (blocklog.py)."""
import contextlib
import hashlib
import os
import re
import signal

from blocklog import MODES, Disk, Log, Replay, system, wait_until
from storestate import UNFINISHED, Cut, State, Step, choose_places
from tap import check, check_equal, in_mount_namespace, read, run
from world import *

TRIAL = ("--trial", "120", "--boot-window", "120")


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


def guards(root):
    """The processes that guard a trial there."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = read(f"/proc/{process}/cmdline").split(b"\0")
            if b"guard" in words and root.encode() in words:
                found.append(int(process))
    return found


class Life:
    """`kind`: of file system (blocklog.KINDS)."""

    def __init__(self, folder, kind="ext4"):
        self.folder, self.kind = folder, kind
        self.steps, self.published, self.images = [], {}, {}
        self.vendor = Vendor()
        self.server = Server(self.vendor.repository)

    def __enter__(self):
        self.server.__enter__()
        self.device = Device(self.server.url)
        with Disk(self.folder, self.device.path("var"), self.kind) as self.disk:
            self.step("begin", lambda: None)
            self.live()
            self.step("end", self.shut_down)
        self.log = Log(self.disk.log)
        self.replay = Replay(self.log, self.folder)
        check_equal(len(self.log.marks), len(self.steps), "marks")
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    # What happens.

    def step(self, phase, function, **between):
        function()
        for name in self.device.images():
            self.images[name] = digest(self.device.store("images", name))
            check(name.endswith(".tree") or name == f"{self.images[name]}.erofs", name)
        self.steps.append(Step(phase, State(self.device.store()), between))
        self.disk.mark(phase)

    def improve(self, components):
        self.vendor.improve(components)
        for improvement in self.vendor.index()["improvements"]:
            self.published[improvement["sequence"]] = {
                file["path"]: file["sha256"]
                for image in improvement["images"] for file in image["files"]}

    def agent(self, automatic="install", **options):
        self.device.configure(self.server.url, f"[install]\nautomatic = {automatic}\n")
        self.device.agent(**options)

    def interrupted_download(self):
        """Leaves a part, which the next try goes on with."""
        self.server.rule("blobs/", cut_at(20, times=100))
        self.agent("download", expect=1)
        check(self.device.partial(), "nothing is left of a download")
        self.server.rules.clear()

    def activate(self, *words):
        run("suture-activate", "--root", self.device.root, *words)

    def shut_down(self):
        """Leaves nothing that keeps the disk busy: a guard would see that a moment later."""
        self.activate("detach")
        for process in guards(self.device.root):
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: not guards(self.device.root), "the end of the guard")

    def restart(self):
        self.shut_down()
        self.activate("apply", "--placement", "late")

    def live(self):
        device, first, second, third = self.device, "1", "2", "3"
        self.improve({"tls": {LIB: NEW_TLS}})
        self.step("fetch", lambda: device.suture("check"))
        self.step("stage", lambda: self.agent("download"))
        self.step("activate", lambda: device.suture("install"))
        self.improve({"tls": {LIB: NEWER_TLS}, "xml": {XMLLIB: NEW_XML}})
        self.step("fetch", lambda: device.suture("check"))
        self.step("stage", self.interrupted_download)
        self.step("stage", lambda: self.agent("download"))
        self.step("trial", lambda: self.activate(*TRIAL, "switch", second))
        self.step("settle", lambda: self.activate("settle"))
        self.step("remove", lambda: device.suture("remove"))
        self.step("activate", lambda: device.suture("install"))
        self.step("select", lambda: self.activate("select", first))
        self.step("activate", lambda: self.activate("switch", first))
        self.step("select", lambda: self.activate(*TRIAL, "select", second))
        self.step("trial", self.restart)
        self.step("settle", lambda: self.activate("settle"))
        self.vendor.withdraw(2, "revert")
        self.step("withdraw", self.agent, current=["0"])
        self.improve({"tls": {LIB: changed(NEWER_TLS, 50_000)},
                      "xml": {XMLLIB: changed(NEW_XML, 5_000)}})
        self.step("stage", lambda: self.agent("download"))
        self.step("trial", lambda: self.activate(*TRIAL, "switch", third))
        self.step("revert", lambda: self.activate("revert", "tls.service failed"))
        self.improve({"tls": {LIB: changed(NEWER_TLS, 60_000)},
                      "xml": {XMLLIB: changed(NEW_XML, 6_000)}})
        self.step("activate", self.agent)
        self.step("remove", lambda: device.suture("remove"))

    # When the power is cut.

    def choose(self, count, dice):
        """Cuts at so many places, each in all modes."""
        return [Cut(record, mode, number, self.steps[number])
                for record, number in choose_places(self.log, self.steps, count, dice) for mode in MODES]

    @contextlib.contextmanager
    def disk_after(self, cut, dice):
        image = self.replay.cut(cut.record, cut.mode, dice)
        try:
            yield image
        finally:
            os.remove(image)

    # What holds then.

    def boot(self, cut, image, look):
        """Calls look(cut) where the disk is mounted and nothing else is, as at a boot."""
        def boot():
            system("mount", "-t", "tmpfs", "boot", self.device.path("run"))
            system("mount", "-t", self.kind, "-o", "loop", image, self.device.path("var"))
            try:
                look(cut)
            except AssertionError as error:
                raise AssertionError(f"{self.kind}, cut at record {cut.record} ({cut.mode}), in "
                                     f"{cut.step.phase}: {error}") from None
            finally:
                self.shut_down()
                system("umount", self.device.path("run"), self.device.path("var"))
        in_mount_namespace(boot)

    def check(self, cut, image):
        self.boot(cut, image, self.check_all)

    def check_all(self, cut):
        state = State(self.device.store())
        cut.step.check(self.steps[cut.number - 1].state, state)
        self.check_images()
        self.check_apply(state)
        self.check_it_goes_on()

    def check_images(self):
        """What has the name of an image, or of an image's tree, is that to the byte."""
        for name in self.device.images():
            check_equal(digest(self.device.store("images", name)), self.images.get(name), name)

    def check_apply(self, state):
        done = run("suture-activate", "--root", self.device.root, "apply", "--placement", "late")
        shown = re.match(r"applied generation=(\d+) ", done.stdout)[1]
        check_equal(shown, state.shown_by_a_boot(), "the generation of the boot")
        self.check_shown(state.record(shown))
        after = State(self.device.store())
        check_equal(after.current, shown, "`current` after the boot")
        check(not after.trial or "\ntries 0\n" in after.trial, "a boot without a try")

    def check_shown(self, record):
        """Every file of the record is the vendor's, all others are the base's."""
        files = {path: said for said, path in re.findall(r"^file (\S+) \S+ (\S+)$", record, re.M)}
        sequence = re.search(r"^sequence (\d+)$", record, re.M)
        check_equal(files, self.published[int(sequence[1])] if sequence else {}, "files of the record")
        for path in BASE_FILES:
            wanted = files.get(path) or digest(os.path.join(base_root(), path))
            check_equal(digest(self.device.path(path)), wanted, path)

    def check_it_goes_on(self):
        """The newest improvement can be installed and removed, and nothing unfinished is left."""
        device = self.device
        device.configure(self.server.url)
        done = device.suture("install", expect=None)
        check(done.returncode in (0, 2), f"install: {done.stderr}")
        check_equal(device.json("status")["sequence"], max(self.published), "the newest sequence")
        state = State(device.store())
        self.check_shown(state.record(state.current))
        self.check_images()
        check_equal(device.partial(), {}, "what is left of downloads")
        left = [name for _, _, files in os.walk(device.store()) for name in files
                if UNFINISHED.search(name)]
        check_equal(left, [], "what is left of writers")
        device.suture("remove")
        self.check_shown("")
