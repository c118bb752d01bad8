#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""doc/keys.md: every command in it, in its order, and what devices make of it."""
import functools
import glob
import json
import os
import re
import shutil
import sys

import world
from guide import Guide
from tap import *
from world import LIB, MACHINE, NEW_TLS, PRODUCT, VERSION, Device, Server, canonical

OLD_BASE_ROLE = f"{PRODUCT}_{VERSION}_{MACHINE}"


guide = Guide("doc/keys.md", MACHINE)
follow = guide.follow


def publish(*args, **more):
    return run("suture-publish", "-C", "www", "--keys", "keys", *args, **more)


def told(*args):
    return json.loads(publish("--json", *args).stdout)


def roles():
    return {role["base"] if role.get("base") else role["role"]: role for role in told("keys")["roles"]}


# -- what the page says of ordinary days --

@functools.cache
def at_the_beginning():
    """What `init` and `base add` leave. The image gets its files, as the page says."""
    folder = os.path.join(world.shared_folder(), "first")
    os.mkdir(folder)
    here = os.getcwd()
    os.chdir(folder)
    world.fill("base", world.BASE_FILES)
    follow("The first keys")
    for name in "root.json", "seal.conf":
        write(f"base/usr/lib/suture/{name}", read(f"www.work/device/{name}"), 0o644)
    os.chdir(here)
    return folder


@functools.cache
def after_the_ceremony():
    folder = os.path.join(world.shared_folder(), "ceremony")
    shutil.copytree(at_the_beginning(), folder, symlinks=True)
    here = os.getcwd()
    os.chdir(folder)
    follow("The ceremony: three people, three machines")
    os.chdir(here)
    return folder


def start(folder):
    os.chmod(".", 0o755)
    shutil.copytree(folder, ".", symlinks=True, dirs_exist_ok=True)


def device_of(server, name, base="base"):
    """A machine with the base's files, its first root and its list of seal keys."""
    device = Device(server.url, name=name)
    for file in "root.json", "seal.conf":
        write(device.path("usr/lib/suture", file), read(f"{base}/usr/lib/suture/{file}"))
    write(device.path("usr/lib/os-release"), read(f"{base}/usr/lib/os-release"))
    return device


def refreshes(device, folder="www"):
    """A check that believes what the folder has now."""
    done = device.suture("check", expect=None)
    check(done.returncode in (0, 2), f"check: exit {done.returncode}: {done.stderr}")
    [kept] = glob.glob(device.store("**/timestamp.json"), recursive=True)
    check_equal(read(kept), read(f"{folder}/metadata/timestamp.json"), "the kept timestamp")


@test_in_mount_namespace
def the_ceremony_leaves_three_people_two_of_whom_must_sign():
    start(at_the_beginning())
    with Server("www") as server:
        device = device_of(server, "device")
        refreshes(device)
        out = follow("The ceremony: three people, three machines")
        check("root 3 needs 1 more signature, of alice (" in out, out)
        check("root 4 needs 1 more signature, of " in out, out)
        refreshes(device)
        refreshes(device_of(server, "late"))
    found = roles()
    check_equal([key["name"] for key in found["root"]["keys"]], ["alice", "bob", "carol"])
    check_equal((found["root"]["version"], found["root"]["threshold"]), (4, 2))
    check_equal([key["held"] for key in found["root"]["keys"] + found["targets"]["keys"]],
                [False] * 4)
    check_equal(read("www.work/device/root.json"), read("www/metadata/4.root.json"))


@test_in_mount_namespace
def every_day_and_every_year():
    start(after_the_ceremony())
    before = roles()
    with Server("www") as server:
        device = device_of(server, "device")
        refreshes(device)
        follow("Every day")
        refreshes(device)
    after = roles()
    for role, versions in (("root", 1), ("targets", 1), ("desktop", 1)):
        check_equal(after[role]["version"], before[role]["version"] + versions, role)


# -- thieves --

def signed(body, *keys):
    """An envelope; each key is FOLDER/NAME."""
    signatures = []
    for key in keys:
        folder, name = os.path.split(key)
        done = run("suture-sign", "--keys", folder, "sign", name, input=canonical(body), text=False)
        signatures += json.loads(done.stdout)
    return json.dumps({"signatures": signatures, "signed": body})


def newest(folder, role):
    names = glob.glob(f"{folder}/metadata/*.{role}.json")
    return max(names, key=lambda name: int(os.path.basename(name).split(".")[0]))


def body_of(path):
    return json.loads(read(path))["signed"]


def forge(role, stolen):
    """A copy of the repository in which the next version of the role is signed with a stolen key, and
    all that stands above it with the present ones: as if the publishing machine were fooled."""
    shutil.rmtree("evil", ignore_errors=True)
    shutil.copytree("www", "evil")
    online = {name: "keys/" + roles()[name]["keys"][-1]["name"] for name in ("snapshot", "timestamp")}
    online[role] = stolen
    snapshot, timestamp = body_of(newest("evil", "snapshot")), body_of("evil/metadata/timestamp.json")
    if role not in online or role == "root" or online[role] == stolen and role not in (
            "snapshot", "timestamp"):
        body = body_of(newest("evil", role))
        body["version"] += 1
        write(f"evil/metadata/{body['version']}.{role}.json", signed(body, stolen))
        if role != "root":
            snapshot["meta"][f"{role}.json"]["version"] = body["version"]
    if role != "timestamp":
        snapshot["version"] += 1
        write(f"evil/metadata/{snapshot['version']}.snapshot.json",
              signed(snapshot, online["snapshot"]))
        timestamp["meta"]["snapshot.json"]["version"] = snapshot["version"]
    timestamp["version"] += 1
    write("evil/metadata/timestamp.json", signed(timestamp, online["timestamp"]))
    return "evil"


def believes(device, folder, *words):
    """Whether the device takes what this folder serves. Words: of the refusal that is expected."""
    with Server(folder) as server:
        device.configure(server.url)
        if not words:
            return refreshes(device, folder)
        return device.refuses(*words, expect=6, verb=("check",))


# -- the drills --

def drill(title, lost=None):
    start(after_the_ceremony())
    with Server("www") as server:
        device = device_of(server, "device")
        refreshes(device)
        if lost:
            os.unlink(lost)
        out = follow(title)
        refreshes(device)
        refreshes(device_of(server, "late"))
    publish("check")
    return out


def replaced(role, name):
    names = [key["name"] for key in roles()[role]["keys"]]
    check(name not in names, f"{name} is still of {role}: {names}")


@test_in_mount_namespace
def a_lost_key_of_timestamp_is_replaced():
    out = drill("Lost: the key of timestamp", "keys/timestamp-1.pem")
    check("there is no key timestamp-1 (" in out, out)
    replaced("timestamp", "timestamp-1")


@test_in_mount_namespace
def a_lost_key_of_snapshot_is_replaced():
    drill("Lost: the key of snapshot", "keys/snapshot-1.pem")
    replaced("snapshot", "snapshot-1")


@test_in_mount_namespace
def a_lost_key_of_a_base_is_replaced():
    drill("Lost: the key of a base's role", f"keys/{OLD_BASE_ROLE}-1.pem")
    replaced("desktop", f"{OLD_BASE_ROLE}-1")


@test_in_mount_namespace
def a_lost_key_of_targets_is_replaced():
    drill("Lost: the key of targets", "vault/targets-1.pem")
    replaced("targets", "targets-1")


@test_in_mount_namespace
def a_lost_key_of_root_is_replaced():
    drill("Lost: one key of root", "carol/carol.pem")
    check_equal([key["name"] for key in roles()["root"]["keys"]], ["alice", "bob", "dora"])


@test_in_mount_namespace
def without_a_majority_of_root_nothing_changes_and_all_goes_on():
    start(after_the_ceremony())
    before = roles()["root"]
    for key in "bob/bob.pem", "carol/carol.pem":
        os.unlink(key)
    with Server("www") as server:
        device = device_of(server, "device")
        refreshes(device)
        follow("Lost: the majority of root")
        refreshes(device)
    check_equal(roles()["root"], before)
    check(os.path.exists("www2/metadata/timestamp.json"), "no new repository")


def forget_what_the_thief_announced():
    """What was forged above the stolen key was genuine, and has versions that the next would not
    reach. Under a new root with other keys devices forget it."""
    for role in "snapshot", "timestamp":
        publish("keys", "rotate", role, expect=5)
        [waiting] = told("pending")["waiting"][:1]
        for key in "alice", "bob":
            run("suture-publish", "-C", "www", "--keys", key, "sign", waiting["file"])
        publish("accept", waiting["file"])


def leak(title, role, stolen, *words):
    """Before the drill devices believe the stolen key, behind it those that have refreshed do not."""
    start(after_the_ceremony())
    shutil.copytree(os.path.dirname(stolen), "stolen")
    thiefs = f"stolen/{os.path.basename(stolen)}"
    with Server("www") as server:
        device, fooled = (device_of(server, name) for name in ("device", "fooled"))
        refreshes(device)
        believes(fooled, forge(role, thiefs))
        follow(title)
        refreshes(device)
    believes(device, forge(role, thiefs), *words)
    publish("check")
    if role != "timestamp":
        forget_what_the_thief_announced()
    believes(device, "www")


@test_in_mount_namespace
def a_leaked_key_of_timestamp_is_refused_afterwards():
    leak("Leaked: the key of timestamp", "timestamp", "keys/timestamp-1", "timestamp", "signed by 0")


@test_in_mount_namespace
def a_leaked_key_of_snapshot_is_refused_afterwards():
    leak("Leaked: the key of snapshot", "snapshot", "keys/snapshot-1", "snapshot", "signed by 0")
    replaced("timestamp", "timestamp-1")


@test_in_mount_namespace
def a_leaked_key_of_a_base_is_refused_afterwards():
    leak("Leaked: the key of a base's role", OLD_BASE_ROLE, f"keys/{OLD_BASE_ROLE}-1",
         OLD_BASE_ROLE, "signed by 0")


@test_in_mount_namespace
def a_leaked_key_of_targets_is_refused_afterwards():
    leak("Leaked: the key of targets", "targets", "vault/targets-1", "targets", "signed by 0")


@test_in_mount_namespace
def one_leaked_key_of_root_is_never_enough():
    start(after_the_ceremony())
    with Server("www") as server:
        device = device_of(server, "device")
        refreshes(device)
        believes(device, forge("root", "carol/carol"), "root", "signed by 1 of the 2")
        device.configure(server.url)
        follow("Leaked: one key of root")
        refreshes(device)
    believes(device, forge("root", "carol/carol"), "root", "signed by 0 of the 2")
    # together with a key that counts it is still not enough
    body = body_of("evil/metadata/6.root.json")
    write("evil/metadata/6.root.json", signed(body, "carol/carol", "alice/alice"))
    believes(device, "evil", "root", "signed by 1 of the 2")
    believes(device, "www")


def improve(*bases):
    """An improvement for bases whose new trees differ from the old ones in one library."""
    write("components.json", json.dumps({"schema": 1, "components": [
        {"name": "tls", "directories": ["usr/lib/tls"], "files": ["usr/lib/tls/**"],
         "restart": "services"}]}))
    write("fixes.json", json.dumps({
        "schema": 1, "id": "EXAMPLEOS-2026-0001", "urgency": "high", "title": "A fix",
        "fixes": [{"cve": "CVE-2026-0001", "component": "tls", "impact": "Bad.",
                   "description": "Good."}]}))
    options = []
    for name, tree in bases:
        shutil.copytree(tree, f"new-{name}", symlinks=True)
        write(f"new-{name}/{LIB}", NEW_TLS, 0o644)
        options += ["--base", f"{name}=new-{name}"]
    publish("create", "--fixes", "fixes.json", "--component", "tls", *options)
    publish("publish")


@test_in_mount_namespace
def a_leaked_key_of_seal_is_refused_by_the_next_images():
    if not glob.glob("/usr/*bin/mkfs.erofs"):
        skip("mkfs.erofs is not installed")
    start(after_the_ceremony())
    shutil.copytree("base", "base2", symlinks=True)
    write("base2/usr/lib/os-release", read("base/usr/lib/os-release").replace(b"26.3.1", b"26.3.2"))
    follow("Leaked: the key of seal")
    [root] = [base["root"] for base in json.loads(read("www.work/bases.json"))["bases"]
              if base["name"] == "desktop"]
    improve(("desktop", root), ("desktop2", "base2"))
    publish("check")
    with Server("www") as server:
        old, new = device_of(server, "old"), device_of(server, "new", "base2")
        for device in old, new:
            device.suture("install")
            check_equal(device.lib(), NEW_TLS)
        # the old key's seal, on a machine whose image lists only the new one
        careful = device_of(server, "careful")
        write(careful.path("usr/lib/suture/seal.conf"), read("base2/usr/lib/suture/seal.conf"))
        done = careful.suture("install", expect=None)
        check(done.returncode in (1, 6), f"exit {done.returncode}: {done.stderr}")
        check("seal" in done.stderr, done.stderr)
        check(careful.lib() != NEW_TLS, "an image with a revoked seal was grafted")
    # without the old key nothing is sealed for the old base
    os.unlink("keys/seal-1.pem")
    shutil.rmtree("new-desktop")
    shutil.copytree(root, "new-desktop", symlinks=True)
    write(f"new-desktop/{LIB}", NEW_TLS + b"more", 0o644)
    publish("create", "--fixes", "fixes.json", "--component", "tls", "--base", "desktop=new-desktop")
    one_line_error(publish("publish", expect=3), "there is no key seal-1 (", "in keys",
                   "base desktop")


@test
def no_section_is_left_out():
    if len(sys.argv) == 1:
        check_equal(sorted(set(guide.sections()) - guide.followed - in_children), [])


# Sections that only tests in a namespace of their own follow, which are other processes.
in_children = {title for title in guide.sections() if re.match("Lost|Leaked|Every day", title)}

# Made here, once: what a test's own process makes is gone with it.
after_the_ceremony()
main()
