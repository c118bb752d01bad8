# SPDX-License-Identifier: Apache-2.0
"""What a scenario holds in its hands: the test device. README.md shows how scenarios use it.

A scenario begins where a *start* is: a function of STARTS brings a device there once in a run, its
memory and disks are saved, and every scenario that names the start goes on from a copy.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess

import host
from image import BLOCK_SIZE
from vm import BUSYBOX, PATIENCE, Machine, Restarted  # BUSYBOX: for scenarios

SAVED = "start"  # the snapshot's name inside the disks
STORE = "/var/lib/suture"
LUKS_TRIES = 20
# /var as in base/etc/fstab, but by the name of its mapping: systemd orders the two by that alone.
ENCRYPTED = ("fstab=no systemd.mount-extra=/dev/mapper/var:/var:ext4:nosuid,nodev,noexec,noatime "
             "systemd.mount-extra=LABEL=repo:/repo:ext4:ro,nosuid,nodev,noexec")
ACTIVATE = "/usr/libexec/suture/suture-activate"
WAIT_SECONDS = 60 * PATIENCE
VERDICT_SECONDS = 90 + WAIT_SECONDS  # the longest window of suture.conf, and the guard's half minute
UPDATE_SECONDS = 180 * PATIENCE


class Device(Machine):
    """A Machine with Suture in it."""

    volume_key = None  # the path of what /var is encrypted with

    # --- power

    def begin(self, start=None):
        """Powers on a new device; or goes on where the device of a start was saved."""
        for path, (size, of) in self.disks().items():
            if start:
                shutil.copyfile(start.path(os.path.basename(path)), path)
            else:
                backing = ["-F", "raw", "-b", of] if of else []
                subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, path, str(size)],
                               check=True)
        if start:
            self.start(SAVED)
            self.run("true")
        else:
            self.boot()

    def encrypt(self):
        """Before begin(): /var is on a LUKS volume."""
        self.volume_key = self.image.path("root/etc/var.key")
        self.factory_state, self.options = self.path("var.luks"), ENCRYPTED
        command = ["qemu-img", "convert", "--object", f"secret,id=key,file={self.volume_key}", "-O", "luks",
                   "-o", "key-secret=key,iter-time=10", self.image.var_disk, self.factory_state]
        # QEMU 7.2 measures how long a key takes, and fails where the kernel took that time for its own.
        for _ in range(LUKS_TRIES):
            if subprocess.run(command, check=False).returncode == 0:
                return
        raise RuntimeError(" ".join(command))

    def boot(self, options=None):
        """Powers on, with these kernel options if there are any; returns when the boot is over."""
        if options is not None:
            self.options = options
        self.start()
        self.wait_for_agent()
        self.wait_until_up()

    def reboot(self):
        self.restart("systemctl --no-block reboot")
        self.wait_until_up()

    def soft_reboot(self):
        self.restart("systemctl --no-block soft-reboot")
        self.wait_until_up()

    def poweroff(self):
        self.send(["systemctl", "--no-block", "poweroff"], 60)
        self.wait_for_end()

    def cut_and_boot(self, options=None):
        """What is not on the disk is lost."""
        self.cut()
        self.boot(options)

    def wait_until_up(self):
        """Until nothing is being started; whether all of it is well is state()'s to tell."""
        self.run("systemctl is-system-running --wait", expect=None, seconds=self.boot_seconds)

    # --- the system

    def state(self):
        """running, or degraded when a unit failed."""
        return self.run("systemctl is-system-running", expect=None).text

    def failed_units(self):
        return self.run("systemctl --failed --plain --no-legend").output.split("\n")[0:-1]

    def journal(self, pattern, boot=0):
        """The lines of this boot's journal, soft-reboots included, that the pattern is found in."""
        text = self.run(f"journalctl --no-pager -b {boot} -o cat").output
        return [line for line in text.splitlines() if re.search(pattern, line)]

    def mounts(self):
        """{where: the rest of the line} of what Suture grafted or keeps below /run/suture."""
        found = {}
        for line in self.run("cat /proc/self/mountinfo").output.splitlines():
            words = line.split()
            if words[4].startswith(("/run/suture", "/usr/lib/")):
                found[words[4]] = " ".join(words[5:])
        return found

    def wait_until(self, command, seconds=WAIT_SECONDS, restarts=0):
        """Until a shell command succeeds in the guest, which may restart so many times by itself."""
        while True:
            try:
                self.run(f"until {command}; do sleep 0.2; done", seconds=seconds, shell=BUSYBOX)
                return
            except Restarted:
                restarts -= 1
                if restarts < 0:
                    raise

    # --- the updater of the base

    def slot(self):
        """The slot that is booted: A or B."""
        return self.get("/run/slot").decode().strip()

    def boot_state(self, slot):
        """Whether RAUC's boot loader would boot that slot: good or bad."""
        return self.run(f"/usr/lib/rauc/slots get-state {slot}").text

    def boot_sector(self):
        """What the boot loader knows of the slots."""
        return self.run("head -c 512 /dev/vde").text

    def update(self, name):
        """Writes one of vendor.UPDATES to the other slot, for the next boot."""
        return self.run(f"rauc install /repo/bundles/{name}.raucb", seconds=UPDATE_SECONDS)

    # --- the demo component

    def demo(self):
        """Which version of libdemo the running demod has: base, good, better; None when it is down."""
        done = self.run("demod ask", expect=None)
        return done.text if done.code == 0 else None

    def restart_demo(self):
        self.run("systemctl restart demod")

    # --- Suture

    def offer(self, course):
        """What `suture install` finds from now on, until the boot ends: one of vendor.COURSES."""
        self.run("until ! umount /srv/repository 2>/dev/null; do :; done; "
                 f"mount --bind /repo/{course} /srv/repository")

    def suture(self, words, **options):
        return self.run(f"suture {words}", **options)

    def install(self, course):
        self.offer(course)
        return json.loads(self.suture("--json install").output)

    def status(self):
        """The JSON of `suture status`."""
        return json.loads(self.suture("--json status").output)

    def exposure(self):
        """The JSON of `suture exposure`."""
        return json.loads(self.suture("--json exposure").output)

    def exposed(self):
        return self.exposure()["exposed"]

    def trial(self):
        """{word: value} of the record of what is on trial; None when nothing is."""
        record = self.run(f"cat {STORE}/trial", expect=None)
        if record.code != 0:
            return None
        return dict(line.split(" ", 1) for line in record.output.splitlines())

    def wait_for_verdict(self):
        """Until nothing is on trial, and the services are where the verdict wants them."""
        self.wait_until(f"! test -e {STORE}/trial && ! systemctl is-active -q suture-trial",
                        VERDICT_SECONDS)

    def history(self):
        """What happened, oldest first: {"event", "text", …} each."""
        text = self.run(f"cat {STORE}/history").output
        return [json.loads(line) for line in text.splitlines()]

    def last_event(self):
        return self.history()[-1]["event"]

    def stored(self):
        """How many images and generations the store keeps."""
        return [len(self.run(f"ls {STORE}/{kind}").output.split()) for kind in ("images", "generations")]

    def activate(self, words, **options):
        return self.run(f"{ACTIVATE} {words}", **options)

    def activation(self):
        """{word: [values]} of `suture-activate status`."""
        found = {}
        for line in self.activate("status").output.splitlines():
            word, _, value = line.partition(" ")
            found.setdefault(word, []).append(value)
        return found

    def reason(self):
        """Why the base is shown; an empty text when there is no reason."""
        return " ".join(self.activation().get("reason", []))

    # --- the state disk, while the power is off

    @contextlib.contextmanager
    def raw_state_disk(self):
        """A copy that tools for file systems can read."""
        raw, source = self.path("var.raw"), [self.state_disk]
        if self.volume_key:
            source = ["--object", f"secret,id=key,file={self.volume_key}", "--image-opts",
                      "driver=luks,key-secret=key,file.driver=qcow2,file.file.driver=file,"
                      f"file.file.filename={self.state_disk}"]
        subprocess.run(["qemu-img", "convert", "-O", "raw", *source, raw], check=True)
        yield raw
        os.unlink(raw)

    def is_clean(self):
        """Whether /var was unmounted, and its file system is whole."""
        with self.raw_state_disk() as raw:
            head = subprocess.run(["dumpe2fs", "-h", raw], check=True, capture_output=True, text=True)
            check = subprocess.run(["e2fsck", "-fn", raw], check=False, capture_output=True)
        return "needs_recovery" not in head.stdout and check.returncode == 0

    def flip_on_disk(self, path, offset):
        """Changes a byte of a file below /var, behind the back of file system and kernel. The power is
        off then."""
        self.run("fsfreeze --freeze /var")  # so that the disk has what the file system knows
        self.cut()
        with self.raw_state_disk() as raw:
            block = subprocess.run(["debugfs", "-R", f"bmap {path.removeprefix('/var')} "
                                    f"{offset // BLOCK_SIZE}", raw], check=True,
                                   capture_output=True, text=True).stdout
            place = int(block) * BLOCK_SIZE + offset % BLOCK_SIZE
            with open(raw, "rb") as file:
                file.seek(place)
                byte = file.read(1)[0]
        subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -q -P {byte ^ 0xff} {place} 1",
                        self.state_disk], check=True)


def start_base(device):
    """A device that was booted for the first time."""
    device.begin()


def start_improved(device):
    """From the base to (a), and it has settled."""
    device.install("a")
    device.wait_for_verdict()


# name: (the start that it goes on from, how)
STARTS = {"base": (None, start_base), "improved": ("base", start_improved),
          "packaged": ("base", host.start_packaged)}
