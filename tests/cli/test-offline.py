# SPDX-License-Identifier: Apache-2.0
"""Machines that no network reaches: a repository that is carried, as a folder or as a bundle."""
import os
import shutil
import subprocess

from tap import *
from world import *


def bundle_of(repository, name="carried.suture"):
    """What doc/format/bundle.md tells people without suture-publish to do."""
    files = sorted(os.path.relpath(os.path.join(folder, file), repository)
                   for folder, _, files in os.walk(repository) for file in files)
    subprocess.run(["tar", "--format=ustar", "--owner=0", "--group=0", "--mtime=@0", "-C", repository,
                    "-cf", name, *files], check=True)
    os.chmod(name, 0o644)
    return name


def vendor_with_a_fix():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    return vendor


class Isolated(Device):
    """A machine without network and without configuration."""

    def __init__(self, name="device"):
        super().__init__("http://127.0.0.1:9/", name=name)
        shutil.rmtree(self.path("etc/suture"))


@test_in_mount_namespace
def a_folder_or_a_bundle_is_enough():
    vendor = vendor_with_a_fix()
    os.makedirs("a stick/50% off")
    bundle = bundle_of(vendor.repository, "a stick/50% off/carried #1.suture")
    for number, source in enumerate([vendor.repository, bundle, os.path.relpath(vendor.repository)]):
        device = Isolated(f"device-{number}")
        checked = device.json("check", "--from", source)
        check_equal(checked["offer"]["state"], "available")
        device.suture("install", "--from", source)
        check_equal((device.label(), device.lib()), (f"{VERSION} (a)", NEW_TLS), source)
        device.suture("remove")


@test_in_mount_namespace
def the_chain_of_roots_comes_along():
    vendor = vendor_with_a_fix()
    for version in range(2, 6):
        vendor.rotate_root(version)
    vendor.commit({"targets": vendor.targets()})
    device = Isolated()
    device.suture("install", "--from", bundle_of(vendor.repository))
    check_equal(device.label(), f"{VERSION} (a)")


@test_in_mount_namespace
def a_bundle_is_verified_as_the_network_is():
    vendor = vendor_with_a_fix()
    older = bundle_of(vendor.repository, "older.suture")
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    device = Isolated()
    device.suture("check", "--from", bundle_of(vendor.repository))
    one_line_error(device.suture("install", "--from", older, expect=6), "older than one that was seen")
    vendor.expire("timestamp")
    one_line_error(device.suture("install", "--from", bundle_of(vendor.repository), expect=6),
                   "timestamp", "expired on")
    flip_byte(older, 100)
    one_line_error(device.suture("install", "--from", older, expect=6), older, "damaged")
    check_equal(device.lib(), OLD_TLS, "what runs")


@test_in_mount_namespace
def what_is_missing_is_told():
    device = Isolated()
    one_line_error(device.suture("check", "--from", "no/such/stick", expect=3), "no/such/stick")
    write("empty.suture", b"")
    os.chmod("empty.suture", 0o644)
    one_line_error(device.suture("check", "--from", "empty.suture", expect=6), "empty.suture")
    os.makedirs("folder")
    one_line_error(device.suture("check", "--from", "folder", expect=3), "no repository at", "folder")
    write("secret.suture", b"x" * 1024, 0o600)
    os.chmod("secret.suture", 0o600)
    done = device.suture("check", "--from", "secret.suture", expect=None)
    check(done.returncode != 0 and "secret.suture" in done.stderr, done.stderr)


@test_in_mount_namespace
def a_wrong_address_in_the_configuration_does_not_matter():
    vendor = vendor_with_a_fix()
    device = Device("htp://127.0.0.1:9/")
    device.suture("install", "--from", vendor.repository)
    check_equal(device.label(), f"{VERSION} (a)")


main()
