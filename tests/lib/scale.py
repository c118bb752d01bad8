# SPDX-License-Identifier: Apache-2.0
"""A vendor with many bases and a long past, as quickly as it can be made.

    desk = ManyBases(10)
    for number in range(200):
        desk.improve(number)

Each round mends one of three components for every base, by one `create` and one `publish`: so every
base has improvements of three images, two of which are carried over, and a list of fixes that grows
with each. Files are small, because their sizes are the blobs' and no metadata's; there are as many as
a larger component has. The desk is in the present folder.
"""
import json
import os
import shutil
import time

from tap import run, write

COMPONENTS = {"tls": 2, "web": 40, "print": 8}  # and how many files each has
PRODUCT = "exampleos"
MACHINE = os.uname().machine


def version(base):
    return f"26.3.{base}"


def text(component, file, state):
    return f"{component} {file} {state}\n" * 40


class ManyBases:
    """`create_seconds` and `publish_seconds` are those of each round, by the clock."""

    def __init__(self, bases):
        self.bases = [f"base-{number}" for number in range(bases)]
        self.create_seconds, self.publish_seconds = [], []
        for number, base in enumerate(self.bases):
            self.make_tree(base, number)
        write("components.json", json.dumps({"schema": 1, "components": [
            {"name": name, "directories": [f"usr/lib/{name}"], "files": [f"usr/lib/{name}/**"],
             "restart": "services"} for name in COMPONENTS]}))
        self.publish("init")
        for number, base in enumerate(self.bases):
            shutil.copytree("repository.work/device", f"{base}/usr/lib/suture")
            self.publish("base", "add", base, "--root", base, "--os-release",
                         f"{base}/usr/lib/os-release", "--architecture", MACHINE)

    def make_tree(self, base, number):
        write(f"{base}/usr/lib/os-release",
              f'NAME="Example OS"\nID={PRODUCT}\nVERSION_ID={version(number)}\n')
        for component, count in COMPONENTS.items():
            for file in range(count):
                write(f"{base}/usr/lib/{component}/file-{file}", text(component, file, "old"))

    def publish(self, *args, **options):
        return run("suture-publish", "-C", "repository", "--keys", "keys", *args, **options)

    def rebuild(self, base, component, number):
        """The base with the whole component mended."""
        shutil.copytree(base, f"new/{base}", symlinks=True)
        for file in range(COMPONENTS[component]):
            write(f"new/{base}/usr/lib/{component}/file-{file}",
                  text(component, file, f"mended for the time {number}"))
        return f"{base}=new/{base}"

    def create(self, number):
        component = list(COMPONENTS)[number % len(COMPONENTS)]
        write("fixes.json", json.dumps({
            "schema": 1, "id": f"EXAMPLEOS-2026-{number:04}", "urgency": "high",
            "title": f"A length is checked in {component}",
            "fixes": [{"cve": f"CVE-2026-{number + 1000}", "component": component,
                       "impact": "A visitor could run code.",
                       "description": "A length was not checked."}]}))
        words = ["create", "--fixes", "fixes.json", "--component", component]
        for base in self.bases:
            words += ["--base", self.rebuild(base, component, number)]
        start = time.monotonic()
        self.publish(*words)
        self.create_seconds.append(time.monotonic() - start)
        shutil.rmtree("new")

    def improve(self, number):
        self.create(number)
        start = time.monotonic()
        self.publish("publish")
        self.publish_seconds.append(time.monotonic() - start)

    def metadata_sizes(self, base=0):
        """What a device of a base that has nothing yet must fetch: {name: bytes}. By the names that
        signed metadata gives, as a device goes."""
        def document(name):
            path = os.path.join("repository", name)
            sizes[name] = os.path.getsize(path)
            with open(path, encoding="utf-8") as file:
                return json.load(file)
        sizes = {}
        key = f"{version(base)}_{MACHINE}"
        role, target = f"{PRODUCT}_{key}", f"{PRODUCT}/{key}/public"
        meta = document("metadata/timestamp.json")["signed"]["meta"]
        number = meta["snapshot.json"]["version"]
        meta = document(f"metadata/{number}.snapshot.json")["signed"]["meta"]
        document(f"metadata/{meta['targets.json']['version']}.targets.json")
        body = document(f"metadata/{meta[f'{role}.json']['version']}.{role}.json")["signed"]
        digest = body["targets"][f"{target}/index.json"]["hashes"]["sha256"]
        document(f"targets/{target}/{digest}.index.json")
        return sizes

    def device_root(self, folder, url, base=0):
        """A machine with the base on it."""
        shutil.copytree(self.bases[base], folder)
        write(f"{folder}/etc/suture/suture.conf", f"[repository]\nurl = {url}\n")
        return folder
