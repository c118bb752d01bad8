# SPDX-License-Identifier: Apache-2.0
"""A disk whose power can be cut at any moment, afterwards.

    with Disk(folder, point) as disk:      # an ext4 file system, mounted on point
        …                                  # programs write below point
        disk.mark({"done": 1})             # what must be there from now on
    log = Log(disk.log)
    replay = Replay(log, folder)
    path = replay.cut(n, "torn", dice)     # the disk as a power cut behind record n may leave it

tests/fault/block-log.c keeps the log; an EmulatorLog is what QEMU kept of a machine's disk. Of a disk
with a cache a power cut leaves everything up to the last flush, and of the writes behind it any part:
"none" of them, "all", or "torn": some 4 KiB pieces of them, without regard to order.

A Disk needs root, FUSE, loop devices and a mount namespace of its own. A loop device lets go by itself when
what is mounted on it goes, and block-log ends with its parent: nothing is left behind even by a test
that is killed."""
import json
import os
import struct
import subprocess
import time

from tap import check, check_equal, program

MODES = ("none", "all", "torn")
SIZE = 320 << 20  # no file system here wants more; nearly all of it is a hole
BLOCK = 4096
WRITE, FLUSH, MARK = 1, 2, 3
HEADER = struct.Struct("=IIQ")
# QEMU's log: a sector with magic, version, how many entries, and the sector's size; then for each
# entry a sector with the place and the length in sectors, and flags, and behind it what was written.
EMULATOR_HEAD, EMULATOR_ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQ")
EMULATOR_MAGIC, EMULATOR_VERSION, SECTOR = 0x6a736677736872, 1, 512
EMULATOR_KINDS = {0: WRITE, 1: FLUSH}  # by the flags
# How a file system is made, and mounted while it is written to. Small journals, no discards, nothing
# left for the kernel to do lazily, and none of the ways in which ext4 mends programs without fsync().
KINDS = {
    "ext4": (("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-N", "1024",
              "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"), "noatime,noauto_da_alloc"),
    "xfs": (("mkfs.xfs", "-q", "-f", "-K", "-l", "size=64m"), "noatime"),
    "btrfs": (("mkfs.btrfs", "-q", "-f", "-K", "-m", "single"), "noatime"),
}


def missing():
    """Why there can be no such disk here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(program("tests/block-log")):
        return "libfuse 3 was not there when the tests were built"
    for path in "/dev/fuse", "/dev/loop-control":
        if not os.path.exists(path):
            return f"the kernel has no {path}"
    return None


def system(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def wait_until(is_true, what):
    for _ in range(1000):
        if is_true():
            return
        time.sleep(0.01)
    raise AssertionError(f"in vain: {what}")


class Disk:
    def __init__(self, folder, point, kind="ext4"):
        self.folder, self.point = os.path.join(folder, "block-log"), point
        self.log = os.path.join(folder, "log")
        image = os.path.join(folder, "live.img")
        os.makedirs(self.folder)
        os.makedirs(point, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(SIZE)
        self.server = subprocess.Popen([program("tests/block-log"), image, self.log, self.folder])
        self._mount(kind)
        self.marks = os.open(os.path.join(self.folder, "mark"), os.O_WRONLY | os.O_CLOEXEC)

    def _mount(self, kind):
        make, options = KINDS[kind]
        disk = os.path.join(self.folder, "disk")
        wait_until(lambda: os.path.exists(disk) or self.server.poll() is not None, disk)
        loop = system("losetup", "--find", "--show", "--direct-io=on", disk)
        try:
            with open(f"/sys/block/{os.path.basename(loop)}/loop/dio", encoding="ascii") as dio:
                check_equal(dio.read().strip(), "1", "direct I/O")
            system(*make, loop)
            system("mount", "-t", kind, "-o", options, loop, self.point)
        finally:
            system("losetup", "--detach", loop)  # when it is not mounted any more

    def __enter__(self):
        return self

    def mark(self, value):
        data = json.dumps(value).encode()
        check_equal(os.write(self.marks, data), len(data), "bytes of a mark")

    def __exit__(self, kind, *_):
        os.close(self.marks)
        if kind:
            self.server.kill()  # the mounts go with the namespace
            return
        system("umount", self.point)
        # the kernel takes the loop device off a moment later
        wait_until(lambda: subprocess.run(["umount", self.folder], check=False,
                                          stderr=subprocess.DEVNULL).returncode == 0, "umount")
        check_equal(self.server.wait(10), 0, "the exit code of block-log")


class Record:
    def __init__(self, kind, offset, data):
        self.kind, self.offset, self.data = kind, offset, data


class Log:
    """`records` in order; `marks` as (number of records before it, value)."""

    def __init__(self, path):
        self.records, self.marks = [], []
        with open(path, "rb") as file:
            self.read(file)

    def read(self, file):
        while header := file.read(HEADER.size):
            kind, length, offset = HEADER.unpack(header)
            data = file.read(length)
            check_equal(len(data), length, "bytes of a record")
            if kind == MARK:
                self.marks.append((len(self.records), json.loads(data)))
            else:
                self.records.append(Record(kind, offset, data))

    def promised(self, number):
        """How many marks had been set when this many records were written."""
        return sum(position <= number for position, _ in self.marks)


class EmulatorLog(Log):
    """What blklogwrites kept. Who runs the emulator adds the marks, as so_far() tells them."""

    def read(self, file):
        for _ in range(self.count(file)):
            file.seek(-file.tell() % SECTOR, os.SEEK_CUR)
            place, length, flags = EMULATOR_ENTRY.unpack(file.read(EMULATOR_ENTRY.size))
            check(flags in EMULATOR_KINDS, f"no support for entries with flags {flags}")
            file.seek(-file.tell() % SECTOR, os.SEEK_CUR)
            data = file.read(length * SECTOR)
            check_equal(len(data), length * SECTOR, "bytes of an entry")
            self.records.append(Record(EMULATOR_KINDS[flags], place * SECTOR, data))

    @staticmethod
    def count(file):
        """How many entries there were at the last flush that has been answered."""
        head = file.read(EMULATOR_HEAD.size)
        if not head:
            return 0
        magic, version, count, sector = EMULATOR_HEAD.unpack(head)
        check_equal((magic, version, sector), (EMULATOR_MAGIC, EMULATOR_VERSION, SECTOR), "a log's head")
        return count

    @classmethod
    def so_far(cls, path):
        """The same while the emulator runs: what its guest has flushed by now is in these."""
        with open(path, "rb") as file:
            return cls.count(file)


def pieces(record):
    for at in range(0, len(record.data), BLOCK):
        yield record.offset + at, record.data[at:at + BLOCK]


class Replay:
    """Disks out of a log. Cuts are made fastest in rising order. `begin` is the disk that the log
    begins with, where that is not an empty one."""

    def __init__(self, log, folder, begin=None):
        self.log, self.folder, self.begin = log, folder, begin
        self.flushed = os.path.join(folder, "flushed.img")
        self._reset()

    def _reset(self):
        self.at = 0  # so many records are in the flushed image
        if self.begin:
            system("cp", "--sparse=always", self.begin, self.flushed)
            return
        with open(self.flushed, "wb") as file:
            file.truncate(SIZE)

    def _advance(self, number):
        """Brings the flushed image to the last flush among the first `number` records."""
        flushes = [n for n in range(number) if self.log.records[n].kind == FLUSH]
        end = flushes[-1] + 1 if flushes else 0
        if end < self.at:
            self._reset()
        with open(self.flushed, "r+b") as file:
            for record in self.log.records[self.at:end]:
                if record.kind == WRITE:
                    os.pwrite(file.fileno(), record.data, record.offset)
        self.at = end

    def cut(self, number, mode, dice):
        """The path of the disk after the first `number` records; it is the caller's to remove."""
        path = os.path.join(self.folder, f"cut-{number}-{mode}.img")
        self._advance(number)
        system("cp", "--sparse=auto", self.flushed, path)
        with open(path, "r+b") as file:
            for record in self.log.records[self.at:number]:
                for offset, data in pieces(record):
                    if mode == "all" or (mode == "torn" and dice.random() < 0.5):
                        os.pwrite(file.fileno(), data, offset)
        return path
