# SPDX-License-Identifier: Apache-2.0
"""A vendor's desk for program tests: a base tree, a rebuild of it, components, fixes, a repository."""
import hashlib
import json
import os
import shutil
import time

from tap import *

OLD_TIME = 1700000000
NEW_TIME = 1750000000
EPOCH_TIME = int(time.time()) - 20 * 86400  # a timestamp of then has expired, a root has not
EPOCH = {"SOURCE_DATE_EPOCH": str(EPOCH_TIME)}

COMPONENTS = {
    "schema": 1,
    "ignore": ["usr/share/doc/**"],
    "components": [
        {"name": "demo", "directories": ["usr/sbin", "usr/lib/demo"],
         "files": ["usr/lib/demo/**", "usr/sbin/demo*"], "restart": "services",
         "after": ["daemon-reload"]},
        {"name": "net", "directories": ["usr/lib/net"], "files": ["usr/lib/net/**"],
         "restart": "none", "mix": "forbidden"},
    ],
}
FIXES = {
    "schema": 1, "id": "EXAMPLE-2026-0001", "title": "Fixes for the demo", "urgency": "high",
    "fixes": [
        {"cve": "CVE-2026-1000", "component": "demo", "impact": "A guest could become root.",
         "description": "A length was not checked."},
        {"cve": "CVE-2026-1001", "component": "net", "impact": "Names could be forged.",
         "description": "A random number was not random."},
    ],
}


def write_json(path, value):
    write(path, json.dumps(value, indent=2))


def age(tree, seconds):
    """Gives everything in a tree one time."""
    for place, folders, names in os.walk(tree, topdown=False):
        for name in folders + names:
            os.utime(os.path.join(place, name), (seconds, seconds), follow_symlinks=False)
    os.utime(tree, (seconds, seconds))


def os_release(version="26.3.1", more=""):
    return f'NAME="Example OS"\nID=exampleos\nVERSION_ID={version}\n{more}'


def make_base(tree="base", version="26.3.1"):
    write(f"{tree}/usr/lib/os-release", os_release(version))
    os.makedirs(f"{tree}/etc")
    os.symlink("../usr/lib/os-release", f"{tree}/etc/os-release")
    write(f"{tree}/etc/demo.conf", "level=1\n")
    write(f"{tree}/usr/sbin/demod", b"old program " * 1000, mode=0o755)
    write(f"{tree}/usr/sbin/other", "another's program\n", mode=0o755)
    write(f"{tree}/usr/lib/demo/data", "old data\n" * 500)
    write(f"{tree}/usr/lib/demo/sub/plugin", "old plugin\n" * 300)
    write(f"{tree}/usr/lib/demo/old-helper", "goes away\n")
    os.symlink("data", f"{tree}/usr/lib/demo/link")
    write(f"{tree}/usr/lib/net/resolver", "old resolver\n" * 400)
    write(f"{tree}/usr/share/doc/demo/changes", "first\n")
    age(tree, OLD_TIME)


def rebuild(base="base", tree="new", change=True):
    """A copy of the base, with the demo component mended."""
    shutil.copytree(base, tree, symlinks=True)
    if change:
        write(f"{tree}/usr/lib/demo/data", "new data\n" * 500)
        write(f"{tree}/usr/sbin/demod", b"new program " * 1000, mode=0o755)
    age(tree, NEW_TIME)
    return tree


def publish(*args, **more):
    return run("suture-publish", "-C", "repo", "--keys", "keys", *args, **more)


def create(*args, component="demo", base="small=new", **more):
    return publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", component, "--base", base, *args, **more)


def needs_root():
    if os.geteuid() != 0:
        skip("needs root: images keep owners and security attributes")


def told(*args, **more):
    return json.loads(publish("--json", *args, **more).stdout)


def release(component="demo", tree="new", env=None):
    create(component=component, base=f"small={tree}", env=env)
    publish("publish", env=env)


def add_base(name="small", tree="base", *args, **more):
    return publish("base", "add", name, "--root", tree, "--os-release",
                   f"{tree}/usr/lib/os-release", "--architecture", "x86_64", *args, **more)


def begin(env=None):
    """A repository with one base, `small`."""
    make_base()
    write_json("components.json", COMPONENTS)
    write_json("fixes.json", FIXES)
    publish("init", env=env)
    add_base(env=env)


def digests(*trees):
    """path → SHA-256 of every file below the trees."""
    found = {}
    for tree in trees:
        for place, _, names in os.walk(tree):
            for name in names:
                path = os.path.join(place, name)
                found[path] = hashlib.sha256(read(path)).hexdigest()
    return found


def index(key="26.3.1_x86_64", channel="public"):
    """The newest index of a base: the one that the newest metadata of its role lists."""
    role = f"exampleos_{key}".replace("+", "~")
    names = [n for n in os.listdir("repo/metadata") if n.endswith(f".{role}.json")]
    newest = max(names, key=lambda n: int(n.split(".")[0]))
    target = f"exampleos/{key}/{channel}/index.json"
    entry = json.loads(read(f"repo/metadata/{newest}"))["signed"]["targets"][target]
    folder, name = os.path.split(target)
    return json.loads(read(f"repo/targets/{folder}/{entry['hashes']['sha256']}.{name}"))


def blob(digest):
    return f"repo/blobs/{digest[:2]}/{digest}"


def rotated_repository():
    """A repository with a fix in it whose every role, root included, has had its keys rotated: for
    clients that are not ours. Its first root is repo/metadata/1.root.json, its folder repo/."""
    begin()
    write("base/usr/lib/suture/seal.conf", read("repo.work/device/seal.conf"))
    age("base", OLD_TIME)
    rebuild()
    create()
    publish("publish")
    for role in "timestamp", "snapshot", "targets", "small", "seal":
        publish("keys", "rotate", role)
    for key in "root-1", "root-2", "root-3":
        publish("keys", "rotate", "root", key)
    return os.path.abspath("repo")
