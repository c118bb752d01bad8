# SPDX-License-Identifier: Apache-2.0
"""A device for tests of suture-activate: a root folder with a base, and the means to make
generations for it without a vendor or a stager.

    device = Device()
    device.simple(1)
    device.activate("switch", 1)
"""
import hashlib
import mmap
import os
import re
import signal
import statistics
import struct
import subprocess

from tap import *

LIB = "usr/lib/x86_64-linux-gnu"
SEED = "11" * 32
OS_RELEASE = 'ID=exampleos\nVERSION_ID="26.3.1"\nVARIANT_ID=desktop\n'
BASE = "26.3.1_desktop_" + os.uname().machine
TRACED = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")  # the leak check cannot run under strace
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Device:
    """A root folder with a base, and the means to make generations for it."""

    def __init__(self, *, seal=True):
        self.root = os.path.join(os.getcwd(), "device")
        os.chmod(os.getcwd(), 0o755)
        self.write("usr/lib/os-release", OS_RELEASE)
        self.write(f"{LIB}/number", "0\n")
        self.write(f"{LIB}/kept", "base\n")
        self.write(f"{LIB}/gone", "base\n")
        if seal:
            key = run("tests/make-generation", "--key-of", SEED).stdout
            self.write("usr/lib/suture/seal.conf", f"# pinned\nseal required\nkey {key}")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, data, mode=0o644):
        write(self.path(name), data, mode)

    def read(self, name):
        return read(self.path(name)).decode()

    def image(self, name, files, prepare=None):
        """Builds NAME.erofs of {path: data}; prepare(tree) may change modes and owners."""
        tree = os.path.join(os.getcwd(), name)
        for path, data in files.items():
            write(os.path.join(tree, path), data, 0o644)
        for folder, folders, _ in os.walk(tree):
            os.chmod(folder, 0o755)
        if prepare:
            prepare(tree)
        run("/usr/bin/mkfs.erofs", "-T0", "-Enoinline_data", tree + ".erofs", tree)
        return tree

    def generation(self, sequence, components, *more, key=SEED, base=BASE):
        """components: {name: (tree, [directories])}. Returns the generation's number."""
        images = []
        for component, (tree, directories) in components.items():
            images += ["--image", f"{component}={tree}.erofs={tree}={','.join(directories)}"]
        signing = ["--key", key] if key else []
        return run("tests/make-generation", "--root", self.root, "--product", "exampleos",
                   "--base", base, "--sequence", sequence, *signing, *images, *more).stdout.strip()

    def simple(self, sequence, *more, **options):
        """A generation of one component whose file `number` shows the sequence."""
        tree = self.image(f"tls-{sequence}", {f"{LIB}/number": f"{sequence}\n"})
        return self.generation(sequence, {"tls": (tree, [LIB])}, *more, **options)

    def activate(self, *args, expect=0):
        return run("suture-activate", "--root", self.root, *args, expect=expect)

    def status(self):
        return self.activate("status").stdout

    def mounts(self):
        """Every mount at or below the root, as (point, type, device), sorted."""
        lines = read("/proc/self/mountinfo").decode().splitlines()
        fields = [line.split() for line in lines]
        return sorted((f[4], f[f.index("-") + 1], f[2]) for f in fields
                      if f[4].startswith(self.root))

    def grafts(self):
        return [m for m in self.mounts() if not m[0].startswith(self.path("run/"))]

    def record(self, number):
        return self.path(f"var/lib/suture/generations/{number}")

    def rewrite(self, number, change):
        """Forges a record: changes its text and makes its own digest right again."""
        text = read(self.record(number)).decode()
        body = change(text[:text.rindex("digest ")])
        digest = hashlib.sha256(body.encode()).hexdigest()
        write(self.record(number), f"{body}digest {digest}\n")

    def snapshot(self):
        """Everything that a reader of the base could see."""
        seen = {}
        for folder, folders, files in os.walk(self.path("usr")):
            for name in folders + files:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                data = read(path) if os.path.isfile(path) else b""
                seen[path] = (st.st_dev, st.st_ino, st.st_mode, st.st_uid, data)
        return seen

    def refuses(self, number, *words, expect):
        """switch must fail with one line that holds the words, and change nothing."""
        before = (self.grafts(), self.status().split("held")[0], self.snapshot())
        one_line_error(self.activate("switch", number, expect=expect), *words)
        after = (self.grafts(), self.status().split("held")[0], self.snapshot())
        check_equal(after, before, "the system after a refusal")


def without_output(args, **options):
    return subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def cover(device):
    """What systemd-sysext mounts, made by hand."""
    os.makedirs(device.path("ext/lib/x86_64-linux-gnu"), exist_ok=True)
    device.write(f"ext/{LIB[4:]}/more", "extension\n")
    run("/usr/bin/mount", "-t", "overlay", "sysext", "-o",
        f"ro,lowerdir={device.path('ext')}:{device.path('usr')}", device.path("usr"))


class Mapper:
    """A process that executes a file until it is closed."""

    def __init__(self, path):
        self.process = subprocess.Popen([program("tests/mapper"), path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        check_equal(self.process.stdout.readline(), "mapped\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Inside:
    """A shell in a mount namespace of its own, as a service has one."""

    def __init__(self, propagation):
        self.process = subprocess.Popen(
            ["unshare", "-m", "--propagation", propagation, "sh", "-c",
             "echo ready; while read file; do cat $file; done"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check_equal(self.process.stdout.readline(), "ready\n")

    def read(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def exposed(device, number):
    lines = run("tests/list-exposure", device.root, number).stdout.splitlines()
    figures = re.fullmatch(r"processes=(\d+) .*microseconds=(\d+)", lines[-1])
    print(f"# {figures[1]} processes looked at in {int(figures[2]) / 1000:.1f} ms", flush=True)
    return lines[:-1]


def killed_at(device, call, when, *verb):
    """Runs a verb that is killed as it makes the given system call for the n-th time."""
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                           f"inject={call}:signal=KILL:when={when}",
                           program("suture-activate"), "--root", device.root, *map(str, verb)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=TRACED)
    return done.returncode == -signal.SIGKILL


def hammer(device, switches, *options):
    """Replaces the graft again and again under two readers; returns (reads, failures, stale,
    microseconds of each move)."""
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    write("state", struct.pack("QQ", 1, 1))
    file = open("state", "r+b")
    state = mmap.mmap(file.fileno(), 16)
    readers = [subprocess.Popen([program("tests/hammer"), device.path(f"{LIB}/number"), "state",
                                 "stop"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    times = []
    for n in range(2, switches + 2):
        state[0:8] = struct.pack("Q", n)
        done = device.activate(*options, "switch", 1 if n % 2 else 2)
        state[8:16] = struct.pack("Q", n)
        times.append(int(done.stdout.split("microseconds=")[1]))
    write("stop")
    counts = [list(map(int, reader.communicate()[0].split())) for reader in readers]
    print(f"# {switches} replacements {' '.join(options)}: {sum(c[0] for c in counts)} reads, "
          f"move median {statistics.median(times):.0f} us, max {max(times)} us", flush=True)
    return [sum(column) for column in zip(*counts)]


def two_directories(device):
    """Generations 1 and 2 of a component in two directories."""
    device.write("usr/sbin/number", "0\n")
    for sequence in (1, 2):
        tree = device.image(f"ssh-{sequence}", {f"{LIB}/number": f"{sequence}\n",
                                                "usr/sbin/number": f"{sequence}\n"})
        device.generation(sequence, {"ssh": (tree, [LIB, "usr/sbin"])})


def numbers(device):
    return device.read(f"{LIB}/number") + device.read("usr/sbin/number")


CHANGING_CALLS = ("move_mount", "umount2", "rename,renameat", "fsmount", "open_tree",
                  "mount_setattr", "mkdir,mkdirat", "fsconfig")


def sweep_kills(device, *, piles=False):
    """A switch to another generation that is killed at any call is finished by the next verb. Where
    grafts pile up until the base is shown, it is shown before each. After two_directories()."""
    base = len(device.grafts())
    device.activate("switch", 1)
    mounts, kills = len(device.grafts()), 0
    for call in CHANGING_CALLS:
        for when in range(1, 60):
            if piles:
                device.activate("switch", 0)
                check_equal(len(device.grafts()), base)
            device.activate("switch", 1)
            if not killed_at(device, call, when, "switch", 2):
                break
            kills += 1
            current = os.readlink(device.path("var/lib/suture/current"))[-1]
            device.activate("apply")
            check_equal(numbers(device), f"{current}\n" * 2, f"{call} {when}")
            if not piles:
                check_equal(len(device.grafts()), mounts, f"{call} {when}")
                check("held" not in device.status(), f"{call} {when}")
    device.activate("switch", 0)
    check_equal(len(device.grafts()), base)
    print(f"# {kills} kills repaired", flush=True)
    check(kills >= 20, f"only {kills} kills")


def sweep_failures(device, *, piles=False):
    """A switch in which any call fails says why, in one line, and changes nothing. As sweep_kills()."""
    base = len(device.grafts())
    device.activate("switch", 1)
    mounts, failures = len(device.grafts()), 0
    for call in (*CHANGING_CALLS, "fsync", "statx"):
        device.activate("switch", 0)
        check_equal(len(device.grafts()), base)
        for when in range(1, 60):
            if piles:
                device.activate("switch", 0)
                check_equal(len(device.grafts()), base)
            device.activate("switch", 1)
            done = subprocess.run(
                ["strace", "-qq", "-o", "trace", "-e", f"trace={call}", "-e",
                 f"inject={call}:error=EIO:when={when}", program("suture-activate"), "--root",
                 device.root, "switch", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=TRACED)
            if done.returncode == 0:
                check_equal(numbers(device), "2\n" * 2, f"{call} {when}")
                if b"INJECTED" not in read("trace"):
                    break
                continue  # it did not matter: collecting, or the history
            failures += 1
            one_line_error(done)
            check_equal(numbers(device), "1\n" * 2, f"{call} {when}: {done.stderr}")
            check_equal(os.readlink(device.path("var/lib/suture/current")), "generations/1")
            # where the step between attach and detach failed, the new one stays below it, unseen
            check(piles or call in ("umount2", "statx") or len(device.grafts()) == mounts,
                  f"{call} {when}")
            check_equal(len(re.findall(r"state=on graft=\w+ generation=1", device.status())), 2)
    device.activate("switch", 0)
    check_equal(len(device.grafts()), base)
    print(f"# {failures} failures undone", flush=True)
    check(failures >= 20, f"only {failures} failures")
