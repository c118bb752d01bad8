# SPDX-License-Identifier: Apache-2.0
"""What happens to an improvement whose image is damaged on the disk after it was installed."""
import json
import mmap
import os

from tap import *
from world import *


def damage(device):
    """Flips a bit in the middle of each image in the store."""
    for name in device.images():
        with open(device.store("images", name), "r+b") as file:
            file.seek(os.path.getsize(file.name) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))


def events(device):
    return [json.loads(line) for line in read(device.store("history")).decode().splitlines()]


@test_in_mount_namespace
def what_is_damaged_is_taken_off_and_obtained_again():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        check_equal(device.lib(), NEW_TLS)
        with open(device.path(LIB), "rb") as file:
            # a process that still maps the old mount must not keep the damaged one in use
            held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC)
        damage(device)
        said = device.agent().stderr
        check("the image of tls is damaged on the disk" in said, said)
        check_equal(device.lib(), NEW_TLS)
        damaged = [e for e in events(device) if e["event"] == "damaged"]
        check_equal([(e["text"], e["sequence"]) for e in damaged], [("tls", 1)])
        check_equal(device.label(), "26.3.1 (a)")
        del held
        check("damaged" not in device.agent(expect=2).stderr)


@test_in_mount_namespace
def what_is_damaged_and_cannot_be_obtained_leaves_the_base():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
    damage(device)
    device.agent(expect=1)
    check_equal(device.lib(), OLD_TLS)
    check_equal(device.label(), "26.3.1")
    with Server(vendor.repository) as server:
        device.configure(server.url)
        device.agent()
        check_equal(device.lib(), NEW_TLS)


@test_in_mount_namespace
def a_damaged_record_is_named_with_two_ways_out():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        for verb, lib in ("install", NEW_TLS), ("remove", OLD_TLS):
            device = Device(server.url)
            device.agent()
            run("suture-activate", "--root", device.root, "detach")
            record = device.store("generations", "1")
            write(record, read(record).replace(b"\nsequence 1\n", b"\nsequence 2\n"))
            done = run("suture-activate", "--root", device.root, "apply", expect=6)
            one_line_error(done, f"{record} is damaged", "digest does not match",
                           "'suture install' obtains", "'suture remove' goes back")
            check_equal(device.lib(), OLD_TLS)
            device.suture(verb)
            check_equal(device.lib(), lib, verb)
            run("suture-activate", "--root", device.root, "apply")
            fresh_folder()


@test_in_mount_namespace
def what_the_owner_chose_comes_again_and_nothing_newer():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        device.suture("install", "--sequence", "1")
        for _ in range(2):
            damage(device)
            said = device.agent().stderr
            check("26.3.1 (a) was damaged on the disk and was obtained again" in said, said)
            check_equal((device.label(), device.lib() == NEW_TLS), ("26.3.1 (a)", True))
            check_equal(device.json("status")["removed"], 2)
        check_equal([e["event"] for e in events(device)].count("repaired"), 2)
        device.agent(expect=2)
        # a repair that needs a network waits for one
        damage(device)
        device.configure("http://127.0.0.1:1/")
        device.agent(expect=1)
        device.agent(expect=1)
        check_equal(device.lib(), OLD_TLS)
        device.configure(server.url)
        device.agent()
        check_equal((device.label(), device.json("status")["removed"]), ("26.3.1 (a)", 2))
        # and nothing is owed any more
        device.suture("remove")
        device.agent(expect=2)
        check_equal(device.label(), "26.3.1")


@test_in_mount_namespace
def a_repair_needs_no_leave_to_install():
    for automatic in "off", "download":
        fresh_folder()
        vendor = Vendor()
        vendor.improve({"tls": {LIB: NEW_TLS}})
        with Server(vendor.repository) as server:
            device = Device(server.url, config=f"[install]\nautomatic = {automatic}\n")
            device.suture("install")
            vendor.improve({"xml": {XMLLIB: NEW_XML}})
            damage(device)
            said = device.agent().stderr
            check("26.3.1 (a) was damaged on the disk and was obtained again" in said, said)
            check_equal((device.label(), device.lib() == NEW_TLS), ("26.3.1 (a)", True))
            # where a boot found it first
            run("suture-activate", "--root", device.root, "detach")
            damage(device)
            run("suture-activate", "--root", device.root, "apply", "--placement", "late", expect=6)
            check_equal(device.lib(), OLD_TLS)
            device.agent()
            check_equal((device.label(), device.lib() == NEW_TLS), ("26.3.1 (a)", True))


@test_in_mount_namespace
def what_cannot_be_had_again_is_told_once():
    for change, why in ((lambda index: index["improvements"].pop(), "the repository has no 26.3.1 (a)"),
                        (lambda index: index.update(withdrawals=[{
                            "sequence": 1, "level": "stop", "issued": "2026-11-28T00:00:00Z",
                            "reason": "it breaks printing"}]),
                         "the vendor withdrew 26.3.1 (a): it breaks printing")):
        fresh_folder()
        vendor = Vendor()
        vendor.improve({"tls": {LIB: NEW_TLS}})
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        with Server(vendor.repository) as server:
            device = Device(server.url)
            device.suture("install")
            device.suture("install", "--sequence", "1")
            vendor.edit_index(change)
            damage(device)
            said = device.agent(expect=None).stderr
            check("the image of tls is damaged" in said, said)
            check(f"26.3.1 (a) was damaged on the disk and cannot be had again: {why}" in said, said)
            check_equal((device.label(), device.json("status")["removed"]), ("26.3.1", 2))
            [entry] = [e for e in events(device) if e["event"] == "given-up"]
            check(why in entry["text"], entry)
            said = device.agent(expect=2).stderr
            check("damaged" not in said, said)


@test_in_mount_namespace
def what_is_owed_can_be_removed_and_replaced():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        damage(device)
        device.configure("http://127.0.0.1:1/")
        device.agent(expect=1)
        device.suture("remove")
        check_equal(device.json("status")["removed"], 1)
        device.configure(server.url)
        device.agent(expect=2)
        check_equal((device.label(), device.lib() == OLD_TLS), ("26.3.1", True))
        device.suture("remove", expect=2)
        device.suture("install")
        damage(device)
        device.configure("http://127.0.0.1:1/")
        device.agent(expect=1)
        device.configure(server.url)
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("install")
        check_equal(device.label(), "26.3.1 (b)")
        device.agent(expect=2)
        check(not os.path.exists(device.store("lost")), "something is still owed")


@test_in_mount_namespace
def a_debt_that_cannot_be_written_keeps_nothing_damaged_on():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config="[install]\nautomatic = off\n")
        device.suture("install")
        os.makedirs(device.store("lost", "x"))
        damage(device)
        said = device.agent().stderr
        check("the image of tls is damaged" in said, said)
        check("it will not come again by itself: " in said, said)
        check_equal((device.label(), device.lib() == OLD_TLS), ("26.3.1", True))


@test_in_mount_namespace
def what_is_on_stays_where_what_was_to_follow_cannot_be_had():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        before = set(device.images())
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot")
        device.suture("install")
        [new] = set(device.images()) - before
        flip_byte(device.store("images", new))
        vendor.withdraw(2, "stop")
        said = device.agent(expect=None).stderr
        check("26.3.1 (b) was damaged on the disk and cannot be had again" in said, said)
        check_equal((device.label(), device.json("status")["selected"]), ("26.3.1 (a)", 1))
        device.agent(expect=2)
        check_equal((device.label(), device.lib() == NEW_TLS), ("26.3.1 (a)", True))


@test_in_mount_namespace
def what_the_owner_installs_is_whole():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        damage(device)
        done = device.suture("install")
        check("the image of tls is damaged" in done.stderr, done.stderr)
        check("Installed 26.3.1 (a)" in done.stdout, done.stdout)
        check_equal(device.lib(), NEW_TLS)
        device.agent(expect=2)


@test_in_mount_namespace
def a_boot_with_a_damaged_image_shows_the_base_and_says_why():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        run("suture-activate", "--root", device.root, "detach")
        damage(device)
        run("suture-activate", "--root", device.root, "apply", "--placement", "late", expect=6)
        check_equal(device.lib(), OLD_TLS)
        check("the image of tls is damaged" in device.json("status")["activation"]["reason"])
        device.agent()
        check_equal(device.lib(), NEW_TLS)


@test_in_mount_namespace
def a_damaged_hash_tree_is_made_again():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        trees = [name for name in os.listdir(device.store("images")) if name.endswith(".tree")]
        if not trees:
            skip("the store's file system keeps trees itself")
        path = device.store("images", trees[0])
        whole = read(path)
        os.unlink(path)
        write(path, whole[:-1])
        device.agent()
        check_equal((read(path), device.lib()), (whole, NEW_TLS))


@test_in_mount_namespace
def a_hash_tree_goes_with_its_image():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        first = os.listdir(device.store("images"))
        kinds = {name.rsplit(".")[-1] for name in first}
        check(kinds in ({"erofs"}, {"erofs", "tree"}), first)
        for seed in 1, 2:
            vendor.improve({"tls": {LIB: changed(NEW_TLS, 5000 * seed)}})
            device.agent()
        check(not set(first) & set(os.listdir(device.store("images"))), "the first image, or its tree, is still there")


main()
