#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A refresh that is killed at any of its system calls: what it leaves can be used, and nothing older
is accepted afterwards than before. KILL_SWEEP=all kills at all of them (tests/lib/killsweep.py)."""
import json
import os
import shutil

from killsweep import run_killed, sweep
from tap import *
from world import *

INDEX = f"{PRODUCT}/{BASE_KEY}/public/index.json"


def files(folder):
    """path → bytes of every file below a folder."""
    return {os.path.relpath(os.path.join(place, name), folder): read(os.path.join(place, name))
            for place, _, names in os.walk(folder) for name in names}


def version(data):
    return json.loads(data)["signed"]["version"]


def versions(kept):
    return {path: version(data) for path, data in kept.items() if path.endswith(".json")}


def check_not_older(kept, before):
    for path, number in versions(before).items():
        check(path in kept, f"{path} is gone")
        check(version(kept[path]) >= number, f"{path} went back behind version {number}")


def two_states():
    """A vendor with two states of the repository: "old", and a newer one in which every role has
    changed, root included."""
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    shutil.copytree(vendor.repository, "old")
    vendor.rotate_root(2)
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    vendor.commit({"targets": vendor.targets()})
    return vendor


class Case:
    """A command that brings what a machine keeps from the old state of the repository to the new
    one. Subclasses say what the command is and where it keeps metadata."""

    def __init__(self, server, new):
        self.server, self.new = server, new
        self.serve("old")
        self.prepare()
        self.old = self.metadata(self.folder)
        self.serve(new)
        self.old_rest = self.others(self.folder)
        shutil.copytree(self.folder, "undisturbed", symlinks=True)
        run(*self.command("undisturbed"))
        self.end = self.metadata("undisturbed")
        self.rest = self.others("undisturbed")
        check(self.end != self.old, "the new state is the old one")
        check(all(path in self.end for path in self.old), "a file has vanished")

    def serve(self, folder):
        self.server.folder = folder

    def killed(self, folder):
        self.check_whole(folder)
        left = self.metadata(folder)
        check_not_older(left, self.old)
        # whoever answers now has only the old state
        self.serve("old")
        run(*self.command(folder), expect=None)
        self.serve(self.new)
        self.check_whole(folder)
        check_not_older(self.metadata(folder), left)

    def check_whole(self, folder):
        for path, data in self.metadata(folder).items():
            if not path.endswith(".tmp"):
                check(data in (self.old.get(path), self.end.get(path)), f"{path} is not whole")
        whole = [*self.old_rest.values(), *self.rest.values()]
        for path, data in self.others(folder).items():
            if not path.endswith(".tmp"):
                check(data in whole, f"{path} is not whole")

    def again(self, folder):
        run(*self.command(folder))
        left = self.metadata(folder)
        check_equal(sorted(left), sorted(self.end), "the names of what is kept")
        check(left == self.end, "other bytes than after an undisturbed run")
        check_equal(sorted(self.others(folder)), sorted(self.rest), "the other files")


class TufDownload(Case):
    """suture-tuf, from an old state to a new one, with a target."""

    folder = "tuf"

    def prepare(self):
        for name in "metadata", "targets":
            os.makedirs(os.path.join(self.folder, name))
        run("suture-tuf", "--metadata-dir", f"{self.folder}/metadata", "init",
            "old/metadata/1.root.json")
        run(*self.command(self.folder))

    def command(self, folder):
        return [program("suture-tuf"), "--metadata-dir", f"{folder}/metadata", "--metadata-url",
                f"{self.server.url}metadata/", "--target-name", INDEX, "--target-dir",
                f"{folder}/targets", "--target-base-url", f"{self.server.url}targets/", "download"]

    def metadata(self, folder):
        return files(os.path.join(folder, "metadata"))

    def others(self, folder):
        return files(os.path.join(folder, "targets"))


class SutureCheck(Case):
    """`suture check`, with suture-fetch and suture-stage behind it."""

    folder = "device"

    def prepare(self):
        Device(self.server.url).suture("check")

    def command(self, folder):
        return [program("suture"), "--root", folder, "check"]

    def metadata(self, folder):
        return self.kept(folder, lambda path: path.startswith(("metadata/", "roots/")))

    def others(self, folder):
        # `checked` has the time of the last check, and what has gone wrong since; `lock` what its
        # holder does, which is believed of nobody else
        return self.kept(folder, lambda path: not path.startswith(
            ("metadata/", "roots/", "checked", "lock")))

    def kept(self, folder, is_wanted):
        store = os.path.join(folder, "var/lib/suture")
        return {path: data for path, data in files(store).items() if is_wanted(path)}


def sweep_case(kind, **options):
    vendor = two_states()
    with Server(vendor.repository) as server:
        sweep(kind(server, vendor.repository), **options)


@test
def suture_tuf_killed_anywhere_in_a_refresh_and_a_download():
    sweep_case(TufDownload, share=0.25)


# A kill leaves what was written to the kernel; a power cut leaves what was synchronised.
@test
def everything_is_on_disk_before_it_has_its_name():
    vendor = two_states()
    with Server(vendor.repository) as server:
        case = TufDownload(server, vendor.repository)
        os.remove(os.path.join(case.folder, "targets", os.listdir(f"{case.folder}/targets")[0]))
        code, calls = run_killed(case.command(case.folder), "0", os.path.abspath("calls"))
    check_equal(code, 0, "exit code")
    named = [number for number, call in enumerate(calls) if call in ("linkat", "renameat")]
    check(len(named) > len(case.end), f"{len(named)} files got a name")
    for number in named:
        since = calls[:number]
        written = max(place for place, call in enumerate(since) if call in ("write", "pwrite64"))
        check("fsync" in since[written:], f"{calls[number]} of what is not on disk: {since[-9:]}")


@test
def suture_check_killed_anywhere_in_its_three_programs():
    sweep_case(SutureCheck, share=0.15)


main()
