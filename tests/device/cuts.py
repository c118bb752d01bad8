# SPDX-License-Identifier: Apache-2.0
"""The power is cut at any moment of the device's life, and it boots from what that leaves.

    life = Life(device)                    # of a new device whose power is off
    for cut in life.choose(3, dice):
        life.check(cut, dice)              # boots the device

QEMU logs each write to the state disk and each flush (tests/lib/blocklog.py). The life is one of real
boots; a disk as a cut in it may leave it becomes /var of the same device, which is switched on with it."""
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys

from device import STORE
from harness import has_emulator_fault
from vendor import DEMO_FOLDER, DEMO_LIBRARY
from vm import RUN_SECONDS, Restarted, Timeout

# Behind this folder's own modules, one of which has the name of another there.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from blocklog import MODES, EmulatorLog, Replay, system  # noqa: E402
from storestate import UNFINISHED, Cut, State, Step, choose_places  # noqa: E402
from tap import check, check_equal, read  # noqa: E402

# What is published from course to course, by sequence; the base has none.
LIBRARIES = {None: "base", 1: "good", 2: "boot-crash", 3: "better"}
CRASHES, NEWEST, LAST_COURSE = 2, 3, "c"
# A trial may settle while its store is copied.
TAR_CHANGED, COPY_TRIES = 1, 5


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


def sequence_of(record):
    found = re.search(r"^sequence (\d+)$", record, re.M)
    return int(found[1]) if found else None


class Life:
    def __init__(self, device):
        self.device, self.steps, self.marks = device, [], []
        self.store = device.path("suture")  # its last copy
        device.log = device.path("var.log")
        self.live()
        device.log, self.log = None, EmulatorLog(device.log)
        self.log.marks = self.marks
        self.replay = Replay(self.log, device.folder, device.factory_state)
        self.check_log()

    def check_log(self):
        """Nothing is missing in the log: all of it makes the disk as the life left it."""
        path = self.replay.cut(len(self.log.records), "all", None)
        system("qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", path, self.device.state_disk)
        os.remove(path)

    # What happens.

    def step(self, phase, function, *words, **between):
        function(*words)
        self.marks.append((EmulatorLog.so_far(self.device.log), phase))
        self.steps.append(Step(phase, self.state(), between))

    def live(self):
        device = self.device
        self.marks.append((0, "begin"))
        self.steps.append(Step("begin", State(self.store), {}))
        self.step("boot", device.begin)
        self.fetch("a")
        self.step("stage", device.suture, "install --dry-run")
        self.step("activate", device.suture, "install")
        self.step("settle", device.wait_for_verdict)
        self.step("boot", device.reboot)
        self.fetch("b-boot-crash")
        self.step("stage", device.suture, "install --dry-run")
        self.step("select", device.suture, "install")
        tried = self.steps[-1].state.trial.replace("\ntries 1\n", "\ntries 0\n")
        self.step("trial", self.fail_in_a_boot, trial=[tried])
        self.fetch(LAST_COURSE)
        self.step("activate", device.suture, "install")
        self.step("settle", device.wait_for_verdict)
        self.step("remove", device.suture, "remove")
        self.step("end", device.poweroff)

    def fetch(self, course):
        self.device.offer(course)
        self.step("fetch", self.device.suture, "check")

    def fail_in_a_boot(self):
        self.device.reboot()
        self.device.wait_for_verdict()
        check_equal(self.device.last_event(), "reverted", "the last event")

    def state(self):
        """Of the guest's store; without power of what it was last."""
        if not self.device.process:
            return self.steps[-1].state
        for _ in range(COPY_TRIES):
            code, packed, error = self.device.exchange(
                ["/bin/sh", "-c", f"! test -e {STORE} || exec tar -C {os.path.dirname(STORE)} -cf - suture"],
                int(RUN_SECONDS))
            if code != TAR_CHANGED:
                break
        check_equal(code, 0, error)
        shutil.rmtree(self.store, ignore_errors=True)
        if packed:
            subprocess.run(["tar", "-C", self.device.folder, "-xf", "-"], input=packed, check=True)
        return State(self.store)

    # When the power is cut.

    def choose(self, count, dice):
        """Cuts at so many places, each in one mode."""
        return [Cut(record, dice.choice(MODES), number, self.steps[number])
                for record, number in choose_places(self.log, self.steps, count, dice)]

    def state_on(self, image):
        """Of the store on a disk, as a mount would find it: what the journal has is done first."""
        copy = image + ".copy"
        system("cp", "--sparse=always", image, copy)
        mended = subprocess.run(["e2fsck", "-fy", copy], check=False, capture_output=True, text=True)
        check(mended.returncode in (0, 1), f"e2fsck: {mended.stdout}")
        shutil.rmtree(self.store, ignore_errors=True)
        system("debugfs", "-R", f"rdump {STORE.removeprefix('/var')} {self.device.folder}", copy)
        os.remove(copy)
        return State(self.store)

    def check(self, cut, dice):
        image = self.replay.cut(cut.record, cut.mode, dice)
        try:
            found = self.state_on(image)
            cut.step.check(self.steps[cut.number - 1].state, found)
            self.check_images()
            self.boot(image, lambda: self.check_boot(found))
        except (AssertionError, Restarted, Timeout) as error:
            raise AssertionError(f"cut at record {cut.record} of {len(self.log.records)} ({cut.mode}), "
                                 f"in {cut.step.phase}: {error}") from None
        finally:
            self.device.cut()
            os.remove(image)

    def finds_what_is_lost(self):
        """Whether a disk from before the first installation is told from one of the end."""
        record = next(position for position, phase in self.marks if phase == "stage")
        image = self.replay.cut(record, "all", None)
        found = self.state_on(image)
        os.remove(image)
        try:
            self.steps[-1].check(self.steps[-2].state, found)
        except AssertionError:
            return True
        return False

    def boot(self, image, look):
        """Calls look() where the device was switched on with this disk: again where the emulator, and
        not the device, made the boot fail."""
        device = self.device
        for is_last in False, True:
            device.cut()
            with contextlib.suppress(FileNotFoundError):
                os.remove(device.path("serial"))
            device.factory_state = image
            try:
                device.begin()
                look()
                return
            except Exception:
                if is_last or not has_emulator_fault(device):
                    raise

    # What holds then.

    def check_images(self):
        """What has the name of an image is that to the byte."""
        folder = os.path.join(self.store, "images")
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".erofs"):
                check_equal(digest(os.path.join(folder, name)) + ".erofs", name, "an image")

    def check_boot(self, found):
        device, shown = self.device, found.shown_by_a_boot()
        if sequence_of(found.record(shown)) == CRASHES:  # on trial, and not for long
            device.wait_for_verdict()
            shown = re.search("^before (.*)$", found.trial, re.M)[1]
        check_equal(device.state(), "running", "the machine")
        check_equal(device.failed_units(), [], "failed units")
        check_equal(device.activation()["mounted"], [shown], "the generation of the boot")
        check_equal(self.state().current, shown, "`current` after the boot")
        self.check_shown(sequence_of(found.record(shown)))
        self.check_it_goes_on()

    def check_shown(self, sequence):
        """The library is the vendor's of this sequence, in its folder and in the daemon that runs."""
        device, library = self.device, LIBRARIES[sequence]
        tree = os.path.join("vendor/rebuilt", library) if sequence else "root"
        path = os.path.join(DEMO_FOLDER, DEMO_LIBRARY)
        check_equal(device.run(f"sha256sum < /{path}").text.split()[0],
                    digest(device.image.path(tree, path)), "the library's bytes")
        check_equal(device.demo(), library, "demod's library")

    def check_it_goes_on(self):
        """The newest improvement can be installed and removed, and nothing unfinished is left."""
        device = self.device
        device.offer(LAST_COURSE)
        done = device.suture("install", expect=None)
        check(done.code in (0, 2), f"install: {done.code} {done.error}")
        check_equal(device.status()["sequence"], NEWEST,
                    f"the newest sequence, after {device.history()[-1]['text']!r}")
        self.check_shown(NEWEST)
        self.state()
        self.check_images()
        left = [name for place, _, files in os.walk(self.store) for name in files
                if UNFINISHED.search(name) or os.path.basename(place) == "partial"]
        check_equal(left, [], "what is left of downloads and writers")
        device.suture("remove")
        device.restart_demo()
        self.check_shown(None)
