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
