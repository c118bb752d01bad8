#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What changes a repository, killed at any of its system calls: who reads it then sees the old
repository or the new one, whole, and the next run gets to the same end. KILL_SWEEP=all kills at all
of them (tests/lib/killsweep.py)."""
import json
import os
import shutil

from killsweep import sweep
from tap import *
from world import *

INDEX = f"{PRODUCT}/{BASE_KEY}/public/index.json"
DAY = 86400


def files(folder, without=()):
    """path → bytes of every file below a folder."""
    return {os.path.relpath(os.path.join(place, name), folder): read(os.path.join(place, name))
            for place, _, names in os.walk(folder) for name in names
            if not os.path.relpath(place, folder).startswith(tuple(without))}


class Reader:
    """Whoever reads a repository, each time for the first time: any TUF client, a device, and
    somebody who looks at every byte that the metadata leads to."""

    def __init__(self, root):
        self.root = os.path.abspath("reader-root.json")
        shutil.copy(root, self.root)
        self.server = Server("/nowhere").__enter__()
        self.device = Device(self.server.url, name="reader-device")

    def read(self, repository):
        """The bytes of the index."""
        self.server.folder = repository
        for folder in "reader/metadata", "reader/targets", self.device.store():
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs("reader/targets")
        run("suture-tuf", "--metadata-dir", "reader/metadata", "init", self.root)
        run("suture-tuf", "--metadata-dir", "reader/metadata", "--metadata-url",
            f"{self.server.url}metadata/", "--target-name", INDEX, "--target-dir", "reader/targets",
            "--target-base-url", f"{self.server.url}targets/", "download")
        run("suture-publish", "-C", repository, "--trusted-root", self.root, "check")
        done = self.device.suture("check", expect=None)  # 2: nothing is offered
        check(done.returncode in (0, 2), f"the device: {done.stderr}")
        return read(os.path.join("reader/targets", os.listdir("reader/targets")[0]))


class Change:
    """A command of the vendor's. Subclasses prepare "desk" and say which command; SOURCE_DATE_EPOCH
    makes what it writes the same at each run."""

    folder = "desk"
    share = 0.05

    def __init__(self):
        os.environ["SOURCE_DATE_EPOCH"] = str(int(time.time()))
        os.makedirs("desk")
        self.prepare()
        self.reader = Reader(os.path.join("desk/repository/metadata/1.root.json"))
        self.old = self.reader.read("desk/repository")
        shutil.copytree("desk", "undisturbed", symlinks=True)
        run(*self.command("undisturbed"))
        self.end = files("undisturbed")
        self.new = self.reader.read("undisturbed/repository")

    def publish(self, folder, *words):
        return [program("suture-publish"), "-C", f"{folder}/repository", "--keys",
                f"{folder}/keys", *words]

    def vendor(self):
        """A vendor whose whole desk is in one folder."""
        vendor = Vendor()
        for name in "repository", "repository.work":
            os.rename(name, f"desk/{name}")
        shutil.copytree(keys_folder(), "desk/keys")
        vendor.repository = os.path.abspath("desk/repository")
        vendor.folder = os.getcwd()
        return vendor

    def killed(self, folder):
        seen = self.reader.read(f"{folder}/repository")
        check(seen in (self.old, self.new), "neither the old index nor the new one")

    def again(self, folder):
        done = run(*self.command(folder), expect=None)
        check(done.returncode in (0, 2), f"the next run: exit {done.returncode}: {done.stderr}")
        left = files(folder)
        check_equal(sorted(left), sorted(self.end), "the names of what is there")
        for path, data in left.items():
            check(data == self.end[path], f"{path} has other bytes than after an undisturbed run")


class Publish(Change):
    share = 0.03

    def prepare(self):
        vendor = self.vendor()
        vendor.improve({"tls": {LIB: NEW_TLS}})
        vendor.create("tls", {LIB: NEWER_TLS})

    def command(self, folder):
        return self.publish(folder, "publish")


class Resign(Change):
    def prepare(self):
        self.vendor()

    def command(self, folder):
        return self.publish(folder, "resign")

    def again(self, folder):
        """A timestamp more, where the first one had got through."""
        run(*self.command(folder))
        check_equal(sorted(files(folder)), sorted(self.end), "the names of what is there")


class Rotate(Change):
    """Another key for the timestamp: a new root and the timestamp that it asks for are two renames.
    Between them, and nowhere else, a reader is refused."""

    share = 0.04

    def prepare(self):
        self.vendor()

    def command(self, folder):
        return self.publish(folder, "keys", "rotate", "timestamp")

    def killed(self, folder):
        repository, ready = f"{folder}/repository/metadata", f"{folder}/repository.work/outbox.ready"
        if os.path.exists(f"{repository}/2.root.json") and \
                os.path.exists(f"{ready}/online/timestamp.json"):
            check(os.listdir(f"{ready}/online") == ["timestamp.json"], "more than one rename is left")
            one_line_error(run("suture-publish", "-C", f"{folder}/repository", "--trusted-root",
                               self.reader.root, "check", expect=6), "timestamp")
            return
        super().killed(folder)

    def again(self, folder):
        """Any verb finishes it; the next one may begin anew, with another key."""
        run(*self.publish(folder, "check"))
        self.reader.read(f"{folder}/repository")
        run(*self.publish(folder, "resign"))


class Prune(Change):
    """What is 40 days old goes, while a device reads."""

    share = 0.15

    def prepare(self):
        vendor = self.vendor()
        for number in range(3):
            vendor.improve({"tls": {LIB: changed(OLD_TLS, 1000 * number + 100)}})
        os.environ["SOURCE_DATE_EPOCH"] = str(int(time.time()) + 40 * DAY)

    def command(self, folder):
        return self.publish(folder, "prune")


class Mirror(Change):
    """A copy of yesterday becomes one of today."""

    share = 0.04

    def prepare(self):
        vendor = self.vendor()
        vendor.improve({"tls": {LIB: NEW_TLS}})
        shutil.copy("desk/repository/metadata/1.root.json", "trusted.json")
        self.source = Server(vendor.repository).__enter__()
        self.root = os.path.abspath("trusted.json")
        run(*self.command("copy"))
        vendor.rotate_root(2)
        vendor.commit({"targets": vendor.targets()})
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        os.rename("desk", "vendor")
        self.source.folder = os.path.abspath("vendor/repository")
        os.rename("copy", "desk")

    def command(self, folder):
        return [program("suture-publish"), "mirror", "--trusted-root", self.root, self.source.url,
                f"{folder}/repository"]

    def again(self, folder):
        run(*self.command(folder))
        state = ("repository/.mirror/roots", "repository/.mirror/metadata")
        left, end = files(folder, state), {name: data for name, data in self.end.items()
                                           if not name.startswith(state)}
        left.pop("repository/.mirror/made"), end.pop("repository/.mirror/made")
        check_equal(sorted(left), sorted(end), "the names of what is there")
        check(left == end, "other bytes than after an undisturbed run")


def sweep_case(kind):
    before = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        sweep(kind(), share=kind.share)
    finally:
        os.environ.pop("SOURCE_DATE_EPOCH", None)
        if before:
            os.environ["SOURCE_DATE_EPOCH"] = before


@test
def publish_killed_anywhere():
    sweep_case(Publish)


@test
def resign_killed_anywhere():
    sweep_case(Resign)


@test
def a_rotation_killed_anywhere():
    sweep_case(Rotate)


@test
def prune_killed_anywhere():
    sweep_case(Prune)


@test
def mirror_killed_anywhere():
    sweep_case(Mirror)


main()
