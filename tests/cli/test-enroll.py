# SPDX-License-Identifier: Apache-2.0
"""First trust: a machine whose base brings no root pins one by its digest."""
import hashlib
import os
import time

from tap import *
from world import *


def digest_of(vendor, version=1):
    return hashlib.sha256(read(vendor.path(f"metadata/{version}.root.json"))).hexdigest()


class Plain(Device):
    """A machine whose base knows nothing of Suture's vendor."""

    def __init__(self, url):
        super().__init__(url)
        os.remove(self.path("usr/lib/suture/root.json"))
        os.remove(self.path("usr/lib/suture/seal.conf"))

    def trusted(self):
        return sorted(set(os.listdir(self.path("etc/suture"))) - {"suture.conf"})


def vendor_with_a_fix():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    return vendor


@test_in_mount_namespace
def a_pinned_root_is_enough_to_begin():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Plain(server.url)
        one_line_error(device.suture("check", expect=3), "root.json", "suture enroll")
        done = device.suture("enroll", digest_of(vendor))
        check("trusts the vendor at " + server.url in done.stdout, done.stdout)
        check_equal(device.trusted(), ["root.json"], "etc/suture")
        check(not os.path.exists(device.store("pinned.json")), "the store has it still")
        device.suture("install")
        check_equal(device.label(), f"{VERSION} (a)")
        check_equal(device.json("history")["history"][0]["event"], "enrolled")
        # the chain of roots is followed from there
        vendor.rotate_root(2)
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("install")
        check_equal(device.label(), f"{VERSION} (b)")


@test_in_mount_namespace
def any_published_root_can_be_pinned():
    vendor = vendor_with_a_fix()
    for version in 2, 3, 4:
        expires = time_text(time.time() + (-60 if version == 2 else 3600))
        vendor.rotate_root(version, edit=lambda body: body.update(expires=expires))
    vendor.commit({"targets": vendor.targets()})
    with Server(vendor.repository) as server:
        device = Plain(server.url)
        told = device.json("enroll", digest_of(vendor, 3))
        check_equal(told["repository"], server.url)
        check_equal(hashlib.sha256(read(device.path("etc/suture/root.json"))).hexdigest(),
                    digest_of(vendor, 3))
        check_equal(device.trusted(), ["root.json"], "etc/suture")
        device.suture("install")


@test_in_mount_namespace
def nothing_is_trusted_with_another_digest():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Plain(server.url)
        one_line_error(device.suture("enroll", "0" * 64, expect=6), "no root metadata", "digest")
        one_line_error(device.suture("enroll", "no-digest", expect=64), "not a SHA-256")
        # a root with the right digest that does not verify by itself
        body = vendor.metadata("1.root.json")
        vendor.write_signed("1.root.json", "root", body, signers=["targets-1"])
        one_line_error(device.suture("enroll", digest_of(vendor), expect=6), "root: signed by 0")
        check_equal(device.trusted(), [], "etc/suture")
        # a good root, and a repository that does not verify by it
        vendor.write_signed("1.root.json", "root", body)
        vendor.expire("timestamp")
        one_line_error(device.suture("enroll", digest_of(vendor), expect=6), "timestamp")
        check_equal(device.trusted(), [], "etc/suture")
        one_line_error(device.suture("check", expect=3), "suture enroll")


@test_in_mount_namespace
def a_root_that_did_not_change_is_not_the_pinned_one():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Plain(server.url)
        server.rule("root", status(304, b""))
        one_line_error(device.suture("enroll", digest_of(vendor), expect=1), "304", "1.root.json")
        check_equal(device.trusted(), [], "etc/suture")


@test_in_mount_namespace
def trust_is_not_replaced():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Plain(server.url)
        device.suture("enroll", digest_of(vendor))
        one_line_error(device.suture("enroll", digest_of(vendor), expect=1), "trusts a vendor already",
                       "etc/suture/root.json")
        other = Device(server.url, name="other")
        one_line_error(other.suture("enroll", digest_of(vendor), expect=1), "trusts a vendor already",
                       "usr/lib/suture/root.json")


main()
