#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, shown on real packages: `make demo`.

A vendor has two builds of a library, one security update apart. This turns the update into a signed
improvement for two bases, serves it, and brings a device from "26.3.1" to "26.3.1 (a)" under a
running service and back, then shows that a tampered repository and a truncated download are refused.
Everything happens below build/demo, in a private mount namespace, on loopback.

The story is printed; the figures are in build/demo/report.json.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

import service
import source

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SUTURE_BUILD", os.path.join(TOP, "build"))
DEMO = os.path.join(BUILD, "demo")
PRODUCT, VERSION, VARIANT_VERSION = "exampleos", "26.3.1", "26.3.2"


def say(text=""):
    print(text, flush=True)


def chapter(text):
    say(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def run(program, *args, expect=(0,), env=None):
    """Runs one of our programs; returns the CompletedProcess. Another exit code ends the demo."""
    done = subprocess.run([os.path.join(BUILD, program), *args], text=True, capture_output=True,
                          env=dict(os.environ, **(env or {})))
    if done.returncode not in expect:
        sys.exit(f"demo: {program} {' '.join(args)} ended with {done.returncode}:\n"
                 f"{done.stdout}{done.stderr}")
    return done


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def below(*parts):
    return os.path.join(DEMO, *parts)


def copy_tree(tree, to):
    shutil.copytree(tree, to, symlinks=True)


def os_release(version, variant):
    return (f'NAME="Example OS"\nID={PRODUCT}\nVERSION_ID={version}\n'
            f'PRETTY_NAME="Example OS {version}"\n' + (f"VARIANT_ID={variant}\n" if variant else ""))


class Vendor:
    """The people who ship Example OS."""

    def __init__(self, package):
        self.package = package
        self.repository = below("repository")
        self.keys = below("keys")

    def publish(self, *args, **options):
        return run("suture-publish", "-C", self.repository, "--keys", self.keys, *args, **options)

    def add_base(self, name, version, variant):
        root = below("base-" + name)
        copy_tree(self.package.base_root, root)
        write(os.path.join(root, "etc/os-release"), os_release(version, variant))
        self.publish("base", "add", name, "--root", root, "--os-release",
                     os.path.join(root, "etc/os-release"), "--architecture", os.uname().machine)

    def describe(self):
        write(below("components.json"), json.dumps({
            "schema": 1, "ignore": ["usr/share/doc/**"],
            "components": [{"name": self.package.component, "restart": "services",
                            "directories": self.package.directories,
                            "files": self.package.files}]}, indent=2))
        write(below("fixes.json"), json.dumps({
            "schema": 1, "id": "EXAMPLEOS-2026-0001", "urgency": "high",
            "title": f"Security fixes for {self.package.name}",
            "fixes": [{"cve": cve, "component": self.package.component,
                       "impact": "See the package's changelog.",
                       "description": f"Fixed in {self.package.name} {self.package.new_version}."}
                      for cve in self.package.cves]}, indent=2))

    def create(self):
        arguments = []
        for base in "desktop", "kiosk":
            arguments += self.package.create_arguments(base)
        done = self.publish("create", "--json", "--fixes", below("fixes.json"), "--components",
                            below("components.json"), "--component", self.package.component,
                            *arguments)
        return json.loads(done.stdout)["drafts"]


class Device:
    """A machine: a root folder with a base in it."""

    def __init__(self, base, url):
        self.root = below("device-" + base)
        copy_tree(below("base-" + base), self.root)
        os.makedirs(os.path.join(self.root, "usr/lib/suture"))
        for name in "root.json", "seal.conf":
            shutil.copy(below("repository.work/device", name),
                        os.path.join(self.root, "usr/lib/suture", name))
        self.point_at(url)

    def point_at(self, url):
        write(os.path.join(self.root, "etc/suture/suture.conf"), f"[repository]\nurl = {url}\n")

    def suture(self, *args, **options):
        return run("suture", "--root", self.root, *args, **options)

    def json(self, *args, **options):
        return json.loads(self.suture(*args, "--json", **options).stdout)

    def agent(self, **options):
        return run("sutured", "--root", self.root, "--once", **options)

    def label(self):
        return self.json("status")["label"]

    def exposed(self):
        return self.json("exposure")["exposed"]


def number_in(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else None


def prepare_vendor(package, report):
    chapter("The vendor")
    vendor = Vendor(package)
    vendor.publish("init")
    vendor.add_base("desktop", VERSION, None)
    vendor.add_base("kiosk", VARIANT_VERSION, "kiosk")
    vendor.describe()
    say(f"  Base {VERSION} and its variant {VARIANT_VERSION} ship {package.name} "
        f"{package.old_version}.")
    say(f"  The fix is {package.name} {package.new_version}: {', '.join(package.cves[:4])}"
        + (f" and {len(package.cves) - 4} more" if len(package.cves) > 4 else "") + ".")
    drafts = vendor.create()
    draft = drafts[0]
    sizes = {payload["kind"]: payload["bytes"] for payload in draft["payloads"]}
    report["payload_bytes"] = sizes.get("delta", sizes["full"])
    report["image_bytes"] = draft["image_bytes"]
    say(f"  {draft['files']} changed files: as a package {package.full_bytes:,} bytes, as an "
        f"improvement {report['payload_bytes']:,} bytes "
        f"({package.full_bytes / report['payload_bytes']:.0f} times smaller).")
    return vendor


def bring_up_to_date(vendor, device, daemon, report):
    chapter(f"The device, {device.label()}, with {daemon.name} answering on loopback")
    vendor.publish("publish")
    published = time.monotonic()
    report["metadata_bytes"] = device.json("check")["wire_bytes"]
    report["exposed_before"] = device.exposed()
    say(f"  Published. Exposed: {report['exposed_before']} processes run the vulnerable code.")
    told = device.agent().stderr
    report["switch_us"] = number_in(r"switched in (\d+) microseconds", told)
    report["download_bytes"] = number_in(r"(\d+) bytes downloaded", told)
    report["label"] = device.label()
    say(f"  sutured installed {report['label']} by itself: {report['download_bytes']:,} bytes of "
        f"payload with its HTTP headers, after {report['metadata_bytes']:,} of signed metadata; "
        f"the switch took {report['switch_us']} microseconds.")
    report["exposed_after_graft"] = device.exposed()
    daemon.restart()
    report["exposed_after_restart"] = device.exposed()
    report["publish_to_protected_ms"] = round((time.monotonic() - published) * 1000)
    say(f"  Exposed: {report['exposed_after_graft']} after the graft, "
        f"{report['exposed_after_restart']} after {daemon.name}'s graceful restart; "
        f"{report['publish_to_protected_ms']} ms from published to protected.")
    say("  " + device.suture("status").stdout.strip().replace("\n", "\n  "))
    report["check_bytes"] = device.json("check", expect=(2,))["wire_bytes"]
    say(f"  An idle check costs {report['check_bytes']} bytes, headers included.")


def take_off(device, daemon, report):
    chapter("The owner takes it off")
    device.suture("remove")
    report["label_after_remove"] = device.label()
    daemon.restart()
    report["exposed_after_remove"] = device.exposed()
    device.agent(expect=(2,))
    report["stayed_removed"] = device.label() == VERSION
    say(f"  {report['label_after_remove']} again, {report['exposed_after_remove']} processes exposed "
        f"again; the agent leaves it so until there is a newer one.")


def is_refused(device):
    """Whether an installation fails for the right reason and changes nothing."""
    before = device.label()
    done = device.suture("install", expect=(0, 1, 6))
    say("  " + done.stderr.strip().split("\n")[-1])
    return done.returncode == 6 and device.label() == before


def harm_blobs(repository, harm):
    for folder, _, names in os.walk(os.path.join(repository, "blobs")):
        for name in names:
            harm(os.path.join(folder, name))


def flip_byte(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def cut_in_half(path):
    os.truncate(path, os.path.getsize(path) // 2)


def show_refusals(vendor, report):
    chapter(f"The variant, {VARIANT_VERSION}, and two repositories that lie")
    for key, harm, what in (("tamper_refused", flip_byte, "tampered"),
                            ("truncation_refused", cut_in_half, "truncated")):
        folder = below("repository-" + what)
        copy_tree(vendor.repository, folder)
        harm_blobs(folder, harm)
        with service.web_server(folder, below("web-" + what), below("base-desktop")) as url:
            device = Device("kiosk", url)
            report[key] = is_refused(device)
        shutil.rmtree(device.root)
    with service.web_server(vendor.repository, below("web-good"), below("base-desktop")) as url:
        device = Device("kiosk", url)
        device.agent()
        report["variant_label"] = device.label()
        say(f"  From the honest repository it becomes {report['variant_label']}.")
        device.suture("remove")


def tell_the_end(report):
    good = (report["service_failures"] == 0 and report["exposed_before"] > 0
            and report["exposed_after_restart"] == 0 and report["stayed_removed"]
            and report["label"] == f"{VERSION} (a)" and report["label_after_remove"] == VERSION
            and report["tamper_refused"] and report["truncation_refused"])
    write(below("report.json"), json.dumps(report, indent=2) + "\n")
    chapter("All as it should be." if good else "Something is not as it should be.")
    say(f"  {report['service_requests']:,} requests to the service meanwhile, "
        f"{report['service_failures']} failures.  Figures: {below('report.json')}")
    return 0 if good else 1


def main():
    shutil.rmtree(DEMO, ignore_errors=True)
    os.makedirs(DEMO)
    chapter("A real security update")
    package = source.find(DEMO, TOP, say)
    report = {"package": package.name, "old_version": package.old_version,
              "new_version": package.new_version, "full_bytes": package.full_bytes}
    vendor = prepare_vendor(package, report)
    with service.web_server(vendor.repository, below("web"), below("base-desktop")) as url:
        device = Device("desktop", url)
        with package.start_service(device.root) as daemon, service.Client(daemon) as client:
            bring_up_to_date(vendor, device, daemon, report)
            take_off(device, daemon, report)
        report["service_requests"], report["service_failures"] = client.requests, client.failures
        show_refusals(vendor, report)
    return tell_the_end(report)


if __name__ == "__main__":
    sys.exit(main())
