# SPDX-License-Identifier: Apache-2.0
"""Random states of a device, and an oracle of who is exposed in them.

    State(seed).check()       in a private mount namespace, in an empty working directory

A state is a base, a few generations, and steps in a random order: generations are switched, base
files are deleted or replaced, processes are started, some with a mount namespace, a root or copies of
their own, and open more files later. The oracle knows no device and no inode of what is grafted: it
reads the bytes that each process has mapped, through /proc/PID/map_files, and every version of every
file has bytes of its own. What belongs to a container is known because the state made it.
"""
import hashlib
import itertools
import os
import random
import subprocess

from grafting import Device, LIB
from tap import *

FOLDERS = (LIB, "usr/sbin", "usr/lib/app")
MAPPER = read(program("tests/mapper"))


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def nearest(path, wanted):
    """Of the wanted paths with the same last name those that have most of their end in common."""
    def common(other):
        pairs = zip(reversed(path.split("/")), reversed(other.split("/")))
        return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))
    named = [other for other in wanted if os.path.basename(other) == os.path.basename(path)]
    return [other for other in named if common(other) == max(map(common, named))]


class Process:
    """One mapper with its options, or a copy of it (`exe`)."""
    started = set()  # what other tests run on this machine at the same time is none of ours

    def __init__(self, how, files, *, exe=None):
        self.how, self.files = how, list(files)
        arguments = [exe or program("tests/mapper"), *how, *files]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.started.add(self.pid)
        self.wait_mapped()

    def wait_mapped(self):
        if self.process.stdout.readline() != "mapped\n":
            raise AssertionError(f"mapper {self.how} {self.files}: {self.process.stderr.read()}")

    def open(self, path):
        self.files.append(path)
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        self.wait_mapped()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def mapped(self):
        """(device and inode, digest) of every file that it has mapped executable."""
        seen = set()
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            lines = [line.split(None, 5) for line in maps]
        for line in lines:
            if "x" in line[1] and line[4] != "0":
                link = f"/proc/{self.pid}/map_files/{line[0]}"
                st = os.stat(link)
                seen.add(((st.st_dev, st.st_ino), digest_of(read(link))))
        return seen


class State:
    def __init__(self, seed):
        self.seed, self.random = seed, random.Random(seed)
        self.device = Device()
        self.contents = {}   # digest: the path whose version it is
        self.versions = {}   # path: how many there are
        self.generations = [None]  # by number: {path: digest, or None where it is removed}
        self.processes, self.log = [], []
        self.copies = {}  # device and inode of each of the container's files: its path
        self.twins = self.random.random() < 0.3  # names that stand in two folders
        self.make_base()
        self.make_container()
        for number in range(1, self.random.randint(2, 4)):
            self.make_generation(number)

    def new_version(self, path):
        """Bytes that no other file has; what lies in sbin can be executed."""
        number = self.versions[path] = self.versions.get(path, 0) + 1
        tag = f"{path} version {number}\n".encode()
        data = MAPPER + tag if path.startswith("usr/sbin") else tag * self.random.randint(1, 400)
        self.contents[digest_of(data)] = path
        return data

    def make_base(self):
        self.paths = []
        for index, folder in enumerate(FOLDERS):
            for n in range(self.random.randint(2, 5)):
                name = f"lib{n}.so" if self.twins else f"lib{index}-{n}.so"
                self.paths.append(f"{folder}/{name}")
        for path in self.paths:
            self.device.write(path, self.new_version(path), 0o755)
        os.makedirs("base")
        run("/usr/bin/mount", "--bind", self.device.root, "base")  # the base, whatever is grafted

    def make_container(self):
        """Other files of the same names, beside the device or in it: some with the base's bytes, some
        with bytes of their own."""
        self.container = self.random.choice((os.path.abspath("container"),
                                             self.device.path("srv/container")))
        for path in self.paths:
            data = read(self.device.path(path))
            if self.random.random() < 0.5:
                data = self.new_version(path)
            write(f"{self.container}/{path}", data, 0o755)
            st = os.stat(f"{self.container}/{path}")
            self.copies[st.st_dev, st.st_ino] = path

    def make_generation(self, number):
        """A component for some of the folders, each with a new version of some files, the version of
        an older generation of others, and without others. A folder may change nothing that is in use,
        so that its overlay is only rebuilt."""
        wanted, components = {}, {}
        for index, folder in enumerate(FOLDERS):
            if self.random.random() < 0.3:
                continue
            files, removed = self.choose_changes(folder)
            if not files and not removed:
                files[f"{folder}/new{number}.so"] = self.new_version(f"{folder}/new{number}.so")
            components[f"part{index}"] = (self.make_image(f"image-{number}-{index}", folder, files,
                                                          removed), [folder])
            wanted.update({path: digest_of(data) for path, data in files.items()})
            wanted.update({path: None for path in removed})
        if not components:
            return
        self.device.generation(number, components, "--any-base")  # it changes, too
        self.generations.append(wanted)

    def choose_changes(self, folder):
        files, removed = {}, []
        for path in self.paths:
            if not path.startswith(folder + "/") or self.random.random() < 0.4:
                continue
            chance = self.random.random()
            if chance < 0.15:
                removed.append(path)
            elif chance < 0.35 and self.version_of_before(path):
                files[path] = self.version_of_before(path)
            else:
                files[path] = self.new_version(path)
        return files, removed

    def version_of_before(self, path):
        """What the newest generation that has the file wants, unchanged."""
        for wanted in reversed(self.generations[1:]):
            if wanted.get(path):
                return next(iter(read(os.path.join(tree, path)) for tree in sorted(os.listdir("."))
                                 if tree.startswith("image-") and os.path.isfile(
                                     os.path.join(tree, path)) and
                                 digest_of(read(os.path.join(tree, path))) == wanted[path]))
        return None

    def make_image(self, name, folder, files, removed):
        def prepare(tree):
            os.makedirs(f"{tree}/{folder}", exist_ok=True)
            for path in files:
                os.chmod(f"{tree}/{path}", 0o755)
            for path in removed:
                os.mknod(f"{tree}/{path}", 0o600 | 0o020000, 0)
        return self.device.image(name, files, prepare)

    # steps

    def switch(self):
        options = ["--without", "beneath"] if self.random.random() < 0.2 else []
        number = self.random.randrange(len(self.generations))
        self.log.append(f"switch {number} {options}")
        self.device.activate(*options, "switch", number)

    def detach(self):
        self.log.append("detach")
        self.device.activate("detach")

    def change_base(self):
        """Through a mount of its own, as nothing can be written below a graft."""
        path = self.random.choice(self.paths)
        full = f"base/{path}"
        how = self.random.choice(("delete", "replace", "overwrite"))
        self.log.append(f"{how} {path}")
        if how == "delete" and os.path.exists(full):
            os.unlink(full)
        elif how == "overwrite" and os.path.exists(full) and "sbin" not in path:
            with open(full, "r+b") as file:  # the very bytes that are mapped change
                file.truncate()
                file.write(self.new_version(path))
        else:
            write(full + ".new", self.new_version(path), 0o755)
            os.rename(full + ".new", full)

    def live_files(self):
        """Some files that the device shows now."""
        shown = [path for path in self.paths if os.path.exists(self.device.path(path))]
        return self.random.sample(shown, min(len(shown), self.random.randint(1, 3)))

    def start(self):
        how = self.random.choice((self.start_plain, self.start_plain, self.start_program,
                                  self.start_in_namespace, self.start_in_namespace,
                                  self.start_in_device, self.start_in_container,
                                  self.start_with_hosts_files, self.start_covered,
                                  self.start_beside))
        how()

    def add(self, how, files, **options):
        self.log.append(f"start {how} {files} {options}")
        process = Process(how, files, **options)
        self.log[-1] += f" = {process.pid}"
        self.processes.append(process)

    def in_device(self, files):
        return [self.device.path(path) for path in files]

    def start_plain(self):
        self.add([], self.in_device(self.live_files()))

    def start_program(self):
        shown = [path for path in self.paths if path.startswith("usr/sbin") and
                 os.path.exists(self.device.path(path))]
        if shown:
            self.add([], self.in_device(self.live_files()),
                     exe=self.device.path(self.random.choice(shown)))

    def start_in_namespace(self):
        self.add([self.random.choice(("-s", "-p"))], self.in_device(self.live_files()))

    def start_in_device(self):
        """As in the machine itself: the device's root is the root."""
        how = self.random.choice((["-c", self.device.root], ["-p", "-r", self.device.root],
                                  ["-s", "-c", self.device.root]))
        self.add(how, ["/" + path for path in self.live_files()])

    def start_in_container(self):
        how = self.random.choice((["-c", self.container], ["-p", "-r", self.container],
                                  ["-s", "-c", self.container]))
        self.add(how, ["/" + path for path in self.random.sample(self.paths, 2)])

    def start_with_hosts_files(self):
        """A container that is given a folder of the device."""
        folder = self.random.choice(FOLDERS)
        shown = [path for path in self.paths if path.startswith(folder + "/") and
                 os.path.exists(self.device.path(path))]
        if shown:
            how = ["-p", "-b", f"{self.device.path(folder)}:{self.container}/{folder}"]
            how += self.random.choice((["-c", self.container], ["-r", self.container]))
            self.add(how, ["/" + self.random.choice(shown)])

    def start_covered(self):
        """A service whose namespace has the container's files where the device has others."""
        folder = self.random.choice(FOLDERS)
        names = [path for path in self.paths if path.startswith(folder + "/")]
        how = ["-p", "-b", f"{self.container}/{folder}:{self.device.path(folder)}"]
        self.add(how, self.in_device([self.random.choice(names)]))

    def start_beside(self):
        """A process of the host that only uses files of the same name."""
        self.add([], [f"{self.container}/{self.random.choice(self.paths)}"])

    def open_later(self):
        simple = [p for p in self.processes if not p.how or p.how in (["-s"], ["-p"])]
        if not simple:
            return
        process = self.random.choice(simple)
        path = self.device.path(self.random.choice(self.paths))
        if os.path.exists(f"/proc/{process.pid}/root{path}"):
            self.log.append(f"open {path} in {process.pid}")
            process.open(path)

    def run_steps(self):
        steps = [self.start] * 5 + [self.switch] * 4 + [self.change_base] * 2 + [self.open_later] * 2
        for _ in range(self.random.randint(6, 14)):
            self.random.choice(steps)()
        if not self.twins and self.random.random() < 0.1:
            self.detach()

    # the oracle

    def is_apart(self, process):
        """Whether its root or its namespace is another than ours; the device's root is ours."""
        def same(path, other):
            a, b = os.stat(path), os.stat(other)
            return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
        root = f"/proc/{process.pid}/root/"
        home = same(root, "/") or same(root, self.device.root)
        return not home or not same(f"/proc/{process.pid}/ns/mnt", "/proc/self/ns/mnt")

    def expected(self, wanted):
        exposed, copies = set(), set()
        for process in self.processes:
            for identity, digest in process.mapped():
                path = self.contents.get(digest)
                if identity in self.copies and self.is_apart(process):
                    copies.update((process.pid, path) for path in nearest(self.copies[identity], wanted)
                                  if wanted[path] != digest)
                elif identity not in self.copies and path in wanted and wanted[path] != digest:
                    exposed.add((process.pid, path))
        return exposed, copies

    def found(self, number):
        exposed, copies = set(), set()
        for line in run("tests/list-exposure", self.device.root, number).stdout.splitlines()[:-1]:
            words = dict(word.split("=", 1) for word in line.split(" ") if "=" in word)
            if int(words["pid"]) in Process.started:
                (copies if words["kind"] == "copy" else exposed).add((int(words["pid"]),
                                                                      words["path"]))
        return exposed, copies

    def compare(self):
        """Returns how many processes are exposed, and how many copies there are, in all generations
        together."""
        counts = [0, 0]
        for number, wanted in enumerate(self.generations[1:], 1):
            expected, found = self.expected(wanted), self.found(number)
            for i, what in enumerate(("exposed", "copies")):
                missing, extra = expected[i] - found[i], found[i] - expected[i]
                if missing or extra:
                    raise AssertionError(self.tell(f"generation {number}, {what}: missing {missing}, "
                                                   f"too many {extra}"))
                counts[i] += len(expected[i])
        return counts

    def tell(self, what):
        """How the state came about, and what is wrong."""
        lines = [f"state {self.seed}", *self.log, what]
        return "\n".join(lines).replace(os.getcwd() + "/", "")

    def check(self):
        try:
            self.run_steps()
            return self.compare()
        finally:
            for process in self.processes:
                process.close()
            self.device.activate("detach", expect=None)
            run("/usr/bin/umount", "base")
