# SPDX-License-Identifier: Apache-2.0
"""The vendor of the test device: a repository for every course that its improvements may take.

On the device all of them lie below /repo, under the names of COURSES.
"""
import json
import lzma
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
DEMO_FOLDER, DEMO_LIBRARY = "usr/lib/demo", "libdemo.so.1"
LIBC_FOLDER = "usr/lib/x86_64-linux-gnu"
MODULE = "dummy.ko.xz"
BASE = "device"

# What is published one after another: (a), (b).
COURSES = {
    "none": [],
    "a": ["good"],
    "b": ["good", "better"],
    "crash": ["crash"],
    "missing": ["missing"],
    "b-crash": ["good", "crash"],
    "b-missing": ["good", "missing"],
    "b-boot-crash": ["good", "boot-crash"],
    "c": ["good", "boot-crash", "better"],
    "libc": ["broken-libc"],
    "updated": ["good"],  # and then the first of UPDATES comes
    "boot-good": ["boot-good"],
    "soft-good": ["soft-good"],
    "boot-crash": ["boot-crash"],
    "boot-libc": ["boot-broken-libc"],
    "module": ["boot-module"],
}
# Bases that come as a whole: which version each says that it is, and its library.
UPDATES = {"26.3.2": ("26.3.2", "fixed"), "rebuilt": ("26.3.1", "other")}
# How the library of each is compiled. What begins with a word of SCOPES takes a restart of that kind.
FLAGS = {"crash": ["-DCRASHES"], "missing": ["-DLACKS_SYMBOL"]}
SCOPES = {"boot": "reboot", "soft": "soft-reboot"}
SIGNATURE_END = b"~Module signature appended~\n"
UNDEFINED = b"\x0f\x0b"  # ud2: whoever executes it gets SIGILL


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def scope_of(version):
    return SCOPES.get(version.partition("-")[0], "services")


def kind_of(version):
    return version.partition("-")[2] if version.partition("-")[0] in SCOPES else version


def compile_library(path, version):
    kind = kind_of(version)
    call("cc", "-O2", "-Wall", "-fPIC", "-shared", f'-DVERSION="{kind}"', *FLAGS.get(kind, []),
         f"-Wl,-soname,{DEMO_LIBRARY}", "-o", path, f"{HERE}/demo/libdemo.c")


def component_of(version):
    return {"broken-libc": "libc", "module": "module"}.get(kind_of(version), "demo")


def modules_folder(root):
    return f"usr/lib/modules/{os.listdir(f'{root}/usr/lib/modules')[0]}/kernel/drivers/net"


def components(version, root):
    def component(name, folder, files):
        return {"name": name, "directories": [folder], "files": [f"{folder}/{files}"],
                "restart": scope_of(version)}

    return {"schema": 1, "components": [component("demo", DEMO_FOLDER, "**"),
                                        component("libc", LIBC_FOLDER, "**"),
                                        component("module", modules_folder(root), MODULE)]}


def file_offset(path, symbol):
    """Where the code of a function of a library stands in its file."""
    found = re.search(rf"([0-9a-f]+) +\d+ FUNC +GLOBAL +DEFAULT +\d+ {symbol}@",
                      call("readelf", "-W", "--dyn-syms", path))
    address = int(found[1], 16)
    for line in call("readelf", "-W", "--program-headers", path).splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = int(words[1], 16), int(words[2], 16), int(words[4], 16)
            if start <= address < start + size:
                return offset + address - start
    raise RuntimeError(f"{path} does not load {symbol}")


def break_libc(path):
    """A libc that every program loads and none gets through."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    place = file_offset(path, "__libc_start_main")
    data[place:place + len(UNDEFINED)] = UNDEFINED
    return bytes(data)


def build_id(data):
    """Of a kernel module: its 20 bytes."""
    header = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
    place = data.index(header) + len(header)
    return data[place:place + 20]


def rebuild_module(path):
    """The same code under another build-id, which is what tells modules apart. It has no signature, as
    nobody else has Debian's key: a kernel that is not locked down loads it."""
    with lzma.open(path) as file:
        data = file.read()
    if data.endswith(SIGNATURE_END):
        # in front of it: the length of the signature, as the last of 12 bytes (linux/module_signature.h)
        end = len(data) - len(SIGNATURE_END)
        data = data[:end - 12 - int.from_bytes(data[end - 4:end], "big")]
    return lzma.compress(data.replace(build_id(data), build_id(data)[::-1]), check=lzma.CHECK_CRC32)


def fixes(number, component):
    return {"schema": 1, "id": f"EXAMPLEOS-2026-{number:04}", "urgency": "high",
            "title": "Security fixes for the demo",
            "fixes": [{"cve": f"CVE-2026-{number:04}", "component": component, "impact": "Bad.",
                       "description": "Good."}]}


class Vendor:
    """Keys and what is published with them, below one folder."""

    def __init__(self, build, folder, root):
        self.build, self.folder, self.root = build, folder, root
        self.repositories = os.path.join(folder, "repositories")
        os.makedirs(self.repositories)
        self.publish("none", "init")

    def publish(self, course, *arguments):
        call(os.path.join(self.build, "suture-publish"), "-C",
             os.path.join(self.repositories, course), "--work", self.work(course), "--keys",
             os.path.join(self.folder, "keys"), *arguments)

    def work(self, course):
        return os.path.join(self.folder, "work", course)

    def device_files(self):
        """The folder of what goes to /usr/lib/suture of the image."""
        return os.path.join(self.work("none"), "device")

    def make_repositories(self):
        """All courses for the base; returns how many bytes are on the repository's disk."""
        root = self.root
        self.publish("none", "base", "add", BASE, "--root", root, "--os-release",
                     f"{root}/usr/lib/os-release", "--architecture", "x86_64")
        for course, versions in COURSES.items():
            for number, version in enumerate(versions, 1):
                self.improve(course, number, version)
        self.publish("updated", "base", "add", "update", "--root", self.update("26.3.2"), "--os-release",
                     f"{self.update('26.3.2')}/usr/lib/os-release", "--architecture", "x86_64",
                     "--includes", "26.3.1-a")
        return sum(os.path.getsize(os.path.join(place, name))
                   for place, _, names in os.walk(self.repositories) for name in names)

    def improve(self, course, number, version):
        if not os.path.exists(self.work(course)):
            shutil.copytree(self.work("none"), self.work(course))
            shutil.copytree(os.path.join(self.repositories, "none"),
                            os.path.join(self.repositories, course))
        component = component_of(version)
        self.publish(course, "create", "--component", component,
                     "--fixes", self.write("fixes.json", fixes(number, component)),
                     "--components", self.write("components.json", components(version, self.root)),
                     "--base", f"{BASE}={self.rebuild(version)}")
        self.publish(course, "publish")

    def update(self, name):
        """The tree of a base of UPDATES."""
        version, library = UPDATES[name]
        tree = os.path.join(self.folder, "rebuilt", library)
        if os.path.exists(tree):
            return tree
        self.rebuild(library)
        path = os.path.join(tree, "usr/lib/os-release")
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"(VERSION_ID=|Example OS )[0-9.]+", rf"\g<1>{version}", file.read())
        os.unlink(path)  # the base's own has the same inode
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return tree

    def rebuild(self, version):
        """The tree of the base, of hard links, with this version of the library."""
        tree = os.path.join(self.folder, "rebuilt", version)
        if os.path.exists(tree):
            return tree
        os.makedirs(os.path.dirname(tree), exist_ok=True)
        call("cp", "-al", self.root, tree)
        component = component_of(version)
        if component == "libc":
            self.replace(os.path.join(tree, LIBC_FOLDER, "libc.so.6"), break_libc)
        elif component == "module":
            self.replace(os.path.join(tree, modules_folder(tree), MODULE), rebuild_module)
        else:
            path = os.path.join(tree, DEMO_FOLDER, DEMO_LIBRARY)
            os.unlink(path)
            compile_library(path, version)
        return tree

    @staticmethod
    def replace(path, new):
        """By a file of the same mode with what new(path) returns: the base's own has the same inode."""
        data, mode = new(path), os.stat(path).st_mode
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file)
        return path
