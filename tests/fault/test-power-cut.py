#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power is cut at any moment of a device's life: it boots, nothing that was promised is lost,
and nothing is grafted that is not proved (tests/lib/powercut.py).

POWER_CUTS says at how many places of the life, each with three disks; POWER_CUT_SEED repeats the
choice that was printed, as far as the disk gets the same writes again, which is not quite the case.
bench/power-cut makes more disks, on more file systems, and keeps those that are found wanting."""
import os
import random
import re
import shutil
from collections import Counter

import blocklog
from blocklog import Disk, Log, Replay
from killsweep import temporary_folder
from powercut import Life
from storestate import State
from tap import *
from world import *

CUTS = int(os.environ.get("POWER_CUTS", 20))
SEED = int(os.environ.get("POWER_CUT_SEED") or random.randrange(1 << 32))


def with_folder(function):
    """Where there can be a disk, with a folder in memory for it."""
    def wrapped():
        why = blocklog.missing()
        if why:
            skip(why)
        folder = temporary_folder()
        try:
            function(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    wrapped.__name__ = function.__name__
    return test_in_mount_namespace(wrapped)


@with_folder
def what_was_flushed_is_kept_and_nothing_else(folder):
    with Disk(folder, "disk") as disk:
        disk.mark("empty")
        write("disk/lost", "not synchronised")
        disk.mark("lost")
        write("disk/kept", "synchronised")
        os.sync()
        disk.mark("kept")
    log = Log(disk.log)
    replay = Replay(log, folder)

    def check_files(record, *names):
        image = replay.cut(record, "none", random.Random(SEED))
        blocklog.system("mount", "-t", "ext4", "-o", "loop", image, "disk")
        check_equal(sorted(set(os.listdir("disk")) - {"lost+found"}), sorted(names))
        blocklog.system("umount", "disk")
    empty, lost, kept = [record for record, _ in log.marks]
    check_files(kept, "kept", "lost")
    check_files(lost)
    check_files(empty)


@test
def a_torn_disk_has_some_blocks_of_what_was_not_flushed():
    block = blocklog.BLOCK
    with open("log", "wb") as file:
        for kind, offset, data in ((blocklog.WRITE, 0, b"a" * block), (blocklog.FLUSH, 0, b""),
                                   (blocklog.MARK, 0, b"1"),
                                   (blocklog.WRITE, 0, b"b" * 64 * block)):
            file.write(blocklog.HEADER.pack(kind, len(data), offset) + data)
    log = Log("log")
    check_equal((len(log.records), log.marks), (3, [(2, 1)]))

    def blocks(record, mode):
        with open(Replay(log, ".").cut(record, mode, random.Random(SEED)), "rb") as file:
            data = file.read(64 * block)
        check(all(len(set(data[at:at + block])) == 1 for at in range(0, len(data), block)))
        return data[::block].replace(b"\0", b"")
    for mode in blocklog.MODES:
        check_equal(blocks(0, mode), b"")
        check_equal(blocks(2, mode), b"a")
    check_equal((blocks(3, "none"), blocks(3, "all")), (b"a", b"b" * 64))
    check(0 < blocks(3, "torn").count(b"b") < 64, blocks(3, "torn"))


CALL = re.compile(r'(\d* *)(\w+)\(.*?<([^>]*)>(?:, "([^"]*)"(?:, \d+<([^>]*)>, "([^"]*)")?)?.* = 0$')


def names_not_synchronised(root, *command):
    """The names in the store that a command changed without an fsync() of their folder behind it. What
    is removed because nobody needs it may come back. The guard of a trial, which stays, is not traced."""
    store, waiting = os.path.join(root, "var/lib/suture"), set()
    follow = ["-f"] if command[0] == "suture" else []
    run("/usr/bin/strace", *follow, "-qq", "-y", "-s", "4096", "-o", "calls", "-e",
        "trace=renameat,linkat,unlinkat,fsync", program(command[0]), "--root", root, *command[1:])
    for line in read("calls").decode().splitlines():
        call = CALL.match(line)
        if not call:
            continue
        process, kind, folder, name, to, new_name = call.groups()
        if kind == "fsync":
            waiting -= {(process, path) for _, path in waiting if os.path.dirname(path) == folder}
        elif kind != "unlinkat" or name in ("current", "removed", "trial"):
            path = os.path.join(to or folder, new_name or name)
            waiting |= {(process, path)} if path.startswith(store) else set()
    return sorted(path for _, path in waiting)


# Here every fsync() brings all earlier changes of names to the disk; not every file system does that.
@test_in_mount_namespace
def no_program_ends_before_the_names_that_it_changed_are_on_disk():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        for command in [
                "suture check", "suture install", "suture remove", "suture install", "suture remove",
                "suture-activate --trial 60 switch 1", "suture-activate settle",
                "suture-activate switch 0", "suture-activate --trial 60 select 1",
                "suture-activate apply", "suture-activate revert failed"]:
            check_equal(names_not_synchronised(device.root, *command.split()), [], command)


class Careless(Life):
    """The same programs on a disk that only says that it has written."""

    def live(self):
        self.improve({"tls": {LIB: NEW_TLS}})
        self.step("fetch", lambda: self.device.suture("check"))
        self.step("activate", lambda: run(
            "/usr/bin/strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:retval=0",
            program("suture"), "--root", self.device.root, "install"))

    def check_proved(self, cut):
        """The base where anything is wrong, else what the vendor has published."""
        done = run("suture-activate", "--root", self.device.root, "apply", expect=None)
        check(done.returncode in (0, 3, 6), done.stderr)
        state = State(self.device.store())
        self.check_shown(state.record(state.current) if done.returncode == 0 else "")

    def finds_no_fault(self, cut, image):
        try:
            self.check(cut, image)
        except AssertionError:
            return False
        return True


@with_folder
def broken_promises_are_found_and_nothing_unproved_is_grafted(folder):
    dice = random.Random(SEED)
    with Careless(folder) as life:
        everywhere = life.choose(len(life.log.records), dice)
        end = [cut for cut in everywhere if cut.step.phase == "end"]
        for cut in dice.sample(end, 20):
            with life.disk_after(cut, dice) as image:
                life.boot(cut, image, life.check_proved)
        for cut, is_good in (end[0], False), (end[-1], True):
            with life.disk_after(cut, dice) as image:
                check_equal(life.finds_no_fault(cut, image), is_good, f"record {cut.record}")


@with_folder
def the_power_is_cut_at_any_moment_of_a_life(folder):
    dice = random.Random(SEED)
    with Life(folder) as life:
        cuts = life.choose(CUTS, dice)
        for cut in cuts:
            with life.disk_after(cut, dice) as image:
                life.check(cut, image)
    phases = Counter(cut.step.phase for cut in cuts)
    print(f"# {len(life.log.records)} records of {len(life.steps)} steps; {len(cuts)} disks with "
          f"POWER_CUT_SEED={SEED}: " + ", ".join(f"{name} {count}" for name, count in phases.items()))


main()
