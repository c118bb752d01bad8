#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tuf-js, a client that others have written, reads what suture-publish wrote."""
import node
from vendor import *
from world import Server, with_data

INDEX = "exampleos/26.3.1_x86_64/public/index.json"


class TufJs:
    """A machine with tuf-js, which trusts a vendor's first root."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        for name in self.metadata, self.targets:
            os.makedirs(name)
        shutil.copy("repo/metadata/1.root.json", f"{self.metadata}/root.json")

    @property
    def metadata(self):
        return f"{self.folder}/metadata"

    @property
    def targets(self):
        return f"{self.folder}/targets"

    def download(self, **more):
        command = node.script("tuf-js-client.js")
        return run(*command, "--metadata-dir", self.metadata, "--metadata-url",
                   f"{self.server.url}metadata/", "--target-name", INDEX, "--target-dir",
                   self.targets, "--target-base-url", f"{self.server.url}targets/", "download",
                   env=node.ENVIRONMENT, **more)

    def version(self, role):
        return json.loads(read(f"{self.metadata}/{role}.json"))["signed"]["version"]

    def check_reads(self):
        """The newest state is accepted: every top-level role of it, and the index."""
        self.download()
        for role in "root", "timestamp", "snapshot", "targets":
            check_equal(self.version(role), newest(role), f"the version of {role}")
        got = [json.loads(read(f"{self.targets}/{name}")) for name in os.listdir(self.targets)]
        check(index() in got, "the index is not the newest")


def newest(role):
    if role == "timestamp":
        return json.loads(read("repo/metadata/timestamp.json"))["signed"]["version"]
    return max(int(name.split(".")[0]) for name in os.listdir("repo/metadata")
               if name.split(".")[1:] == [role, "json"])


def release(level):
    tree = rebuild(tree=f"new-{level}", change=False)
    write(f"{tree}/usr/lib/demo/data", f"data {level}\n" * 500)
    age(tree, NEW_TIME)
    write_json("fixes.json", {**FIXES, "id": f"EXAMPLE-2026-{level:04}"})
    create(base=f"small={tree}")
    publish("publish")


# What a vendor does next, in this order. A client has to follow each; and so has one that sleeps
# through all of it, with the first root.
STATES = {
    "a new repository with a base": lambda: None,
    "an improvement": lambda: release(1),
    "timestamp and snapshot renewed": lambda: publish("resign"),
    "a second improvement": lambda: release(2),
    "a new key for timestamp": lambda: publish("keys", "rotate", "timestamp"),
    "a new key for snapshot": lambda: publish("keys", "rotate", "snapshot"),
    "a new key for targets": lambda: publish("keys", "rotate", "targets"),
    "a new key for the base's role": lambda: publish("keys", "rotate", "small"),
    "a new key for root": lambda: publish("keys", "rotate", "root", "root-1"),
    "another new key for root": lambda: publish("keys", "rotate", "root", "root-2"),
    "an improvement under all new keys": lambda: release(3),
}


def needs():
    if why := node.missing():
        skip(why)
    if os.geteuid() != 0:
        skip("needs root: images keep owners and security attributes")


@test
def tuf_js_follows_all_that_a_vendor_does():
    needs()
    begin()
    with Server("repo") as server:
        old = TufJs(server, "old")
        for state, change in STATES.items():
            change()
            try:
                old.check_reads()
            except AssertionError as error:
                raise AssertionError(f"{state}: {error}") from error
        TufJs(server, "fresh").check_reads()


@test
def tuf_js_refuses_what_was_changed_on_the_way():
    needs()
    begin()
    with Server("repo") as server:
        for role in "timestamp", "snapshot", "targets", "exampleos_26.3.1_x86_64", "index":
            client = TufJs(server, f"client-of-{role}")
            server.rule(f"{role}.json", with_data(lambda data: data.replace(b"26", b"27")))
            client.download(expect=1)
            server.rules.clear()
            client.download()


main()
