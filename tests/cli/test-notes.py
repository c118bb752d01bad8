# SPDX-License-Identifier: Apache-2.0
"""What the vendor says of an improvement: that it comes to the device, and is shown there offline."""
import os

from owner import *


def kept(device, base=BASE_KEY):
    """{sequence: path} of the notes in the store."""
    folder = device.store("notes", base)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {int(name.split("-")[0]): os.path.join(folder, name) for name in names}


def blob_of(vendor, at=0):
    digest = vendor.index()["improvements"][at]["notes"]["sha256"]
    return vendor.path("blobs", digest[:2], digest)


def full_check(device, expect=0):
    """As once a day: the repository is asked for all of it."""
    os.utime(device.store("metadata/timestamp.etag"), (1, 1))
    return device.json("check", expect=expect)


@test_in_mount_namespace
def notes_come_with_a_check_and_cost_an_idle_one_nothing():
    with World() as (vendor, server, device):
        device.suture("check")
        [path] = kept(device).values()
        check_equal(read(path), read(blob_of(vendor)))
        check(path.endswith(os.path.basename(blob_of(vendor))), path)
        server.asked.clear()
        check_equal(device.json("check")["requests"], 1)
        check_equal([asked.status for asked in server.asked], [304])
        full_check(device)
        check_equal(server.of("/notes/"), [])  # what is there is not asked for again
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("check")
        check_equal((sorted(kept(device)), len(server.of("/notes/"))), ([1, 2], 1))


@test_in_mount_namespace
def notes_that_do_not_come_keep_nobody_from_an_improvement():
    cases = ((status(404), "the repository has no"),
             (with_data(lambda data: data[:-1] + b" "), "not the bytes that were signed"),
             (with_data(lambda data: data + b" "), "is larger than"),
             (cut_at(10, times=9), "cannot get"))
    with World() as (vendor, server, device):
        for rule, words in cases:
            server.rules[:] = [("/notes/", rule)]
            told = full_check(device) if os.path.exists(device.store("metadata")) else device.json("check")
            has(told["notes_problem"], f"the notes of {LABEL_A} did not come", words)
            check_equal((kept(device), told["offer"]["state"]), ({}, "available"))
        has(device.suture("check").stdout, f"the notes of {LABEL_A} did not come")  # asks nothing
        device.suture("install")
        check_equal(device.label(), LABEL_A)
        has(device.json("status")["checks"]["notes_problem"], "did not come")
        has(device.suture("status").stdout, "did not come")
        server.rules.clear()
        check("notes_problem" not in full_check(device, expect=2))
        check_equal(list(kept(device)), [1])


@test_in_mount_namespace
def a_missing_blob_keeps_no_other_from_coming():
    with World() as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        os.unlink(blob_of(vendor))
        has(device.json("check")["notes_problem"], LABEL_B)
        check_equal(list(kept(device)), [1])


@test_in_mount_namespace
def a_mirror_has_notes_too():
    with World() as (vendor, server, device), Server(vendor.repository) as mirror:
        server.rule("/notes/", status(404))
        device.configure(server.url, f"mirror = {mirror.url}")
        device.suture("check")
        check_equal((list(kept(device)), len(mirror.asked)), ([1], 1))


@test_in_mount_namespace
def notes_that_nobody_can_read_are_told_and_not_kept():
    with World() as (vendor, server, device):
        for text, words in ((b'[{"fixes":[', "expected"), (b'[{"fixes":[],"id":"\\u001b[2J"}]', "notes[0]"),
                            (b'[{"fixes":[],"surprise":1}]', "notes[0]")):
            digest = hashlib.sha256(text).hexdigest()
            write(vendor.path("blobs", digest[:2], digest), text)
            vendor.edit_index(lambda index: index["improvements"][0].update(
                notes={"sha256": digest, "size": len(text)}))
            has(device.json("check")["notes_problem"], f"the notes of {LABEL_A} did not come")
            check_equal(kept(device), {})


@test_in_mount_namespace
def damaged_notes_come_again():
    with World() as (vendor, server, device):
        device.suture("check")
        flip_byte(kept(device)[1])
        full_check(device)
        check_equal(read(kept(device)[1]), read(blob_of(vendor)))


main()
