# SPDX-License-Identifier: Apache-2.0
"""suture-stage: what it believes, what it refuses, and what it leaves behind."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

from tap import *
from world import *

DAY = 24 * 3600


def published(**options):
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}}, **options)
    return vendor


def check_installed(device, data=NEW_TLS, label="(a)"):
    check_equal(device.lib() == data, True, "the library is the repaired one")
    check_equal(device.label(), f"{VERSION} {label}")
    check_equal(device.partial(), {})


def make_delta_impossible(device):
    """The base differs in what a delta reads, so the full image is needed."""
    write(device.path(LIB), changed(OLD_TLS, 0))


@test_in_mount_namespace
def a_delta_is_enough():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        result = device.json("install")
        check_equal(result["used_delta"], True)
        check_installed(device)
        blobs = server.of("blobs")
        check_equal(len(blobs), 1)
        check(blobs[0].sent < 2000, blobs)


@test_in_mount_namespace
def a_base_that_differs_gets_the_full_image():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        check_equal(device.json("install")["used_delta"], False)
        check_installed(device)
        check_equal([a.sent for a in server.of("blobs")],
                    [os.path.getsize(vendor.payloads()["full"])])


@test_in_mount_namespace
def a_bad_delta_falls_back_to_the_full_image():
    for harm in (flip_byte, lambda path: os.truncate(path, os.path.getsize(path) // 2),
                 lambda path: write(path, read(path) + b"more"), os.unlink,
                 lambda path: write(path, b"")):
        fresh_folder()
        vendor = published()
        harm(vendor.payloads()["delta"])
        with Server(vendor.repository) as server:
            device = Device(server.url)
            check_equal(device.json("install")["used_delta"], False)
            check_installed(device)


def recompute_delta(vendor, data):
    """Makes the repository vouch for another delta: what a vendor's own mistake would look like."""
    digest = hashlib.sha256(data).hexdigest()
    write(vendor.path("blobs", digest[:2], digest), data)

    def change(index):
        for payload in index["improvements"][0]["images"][0]["payloads"]:
            if payload["kind"] == "delta":
                payload["sha256"], payload["size"] = digest, len(data)
    vendor.edit_index(change)


@test_in_mount_namespace
def a_signed_delta_that_makes_something_else_falls_back_too():
    vendor = published()
    good = bytearray(read(vendor.payloads()["delta"]))
    for place in range(8, len(good), 41):
        bad = bytearray(good)
        bad[place] ^= 0x55
        recompute_delta(vendor, bytes(bad))
        fresh_folder()
        with Server(vendor.repository) as server:
            device = Device(server.url)
            check_equal(device.json("install")["used_delta"], False, f"byte {place}")
            check_installed(device)


@test_in_mount_namespace
def when_everything_is_damaged_nothing_is_staged():
    vendor = published()
    for path in vendor.payloads().values():
        flip_byte(path)
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        device.refuses("component tls", "not the bytes that were signed", expect=6)
        check_equal(device.partial(), {})
        check_equal(device.generations(), [])
        check(any(e["event"] == "refused" for e in device.json("history")["history"]))
        for path in vendor.payloads().values():
            os.truncate(path, os.path.getsize(path) - 1)
        device.refuses("bytes", "signed", expect=6)
        check_equal(device.partial(), {})
        for path in vendor.payloads().values():
            os.unlink(path)
        device.refuses("the repository has no", "blobs/", expect=1)
        check_equal(device.partial(), {})


@test_in_mount_namespace
def an_interrupted_download_goes_on_where_it_was():
    vendor = published()
    size = os.path.getsize(vendor.payloads()["full"])
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        server.rule("blobs", cut_at(100_000, times=1))
        device.suture("install")
        first, second = server.of("blobs")
        check_equal((first.range, second.range), (None, "bytes=100000-"))
        check_equal(first.sent + second.sent, size)
        check_installed(device)


@test_in_mount_namespace
def it_goes_on_in_a_later_run_too():
    vendor = published()
    size = os.path.getsize(vendor.payloads()["full"])
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        server.rule("blobs", cut_at(20_000, times=4))
        device.refuses("blobs/", expect=1)
        check_equal(sum(a.sent for a in server.of("blobs")), 80_000)
        check_equal(sorted(device.partial().values()), [80_000])
        device.suture("install")
        check_equal([a.range for a in server.of("blobs")],
                    [None, "bytes=20000-", "bytes=40000-", "bytes=60000-", "bytes=80000-"])
        check_equal(sum(a.sent for a in server.of("blobs")), size)
        check_installed(device)


@test_in_mount_namespace
def parts_of_what_a_newer_one_replaced_are_removed():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        server.rule("blobs", cut_at(20_000, times=8))
        device.suture("install", expect=1)
        old = set(device.partial())
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("install", expect=1)
        check(len(old) == len(device.partial()) == 1 and not old & set(device.partial()),
              device.partial())
        device.suture("install")
        check_installed(device, NEWER_TLS, "(b)")


@test_in_mount_namespace
def what_killed_writers_left_is_removed_but_not_what_the_activator_writes():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        ours = ("generations/1.77.tmp", "removed.77.tmp", "checked.77.tmp", "index.json.77.tmp",
                "metadata/timestamp.json.77.tmp", "roots/2.root.json.77.tmp", "images/0123.tree.77.tmp")
        others = ("current.77.tmp", "trial.77.tmp", "bad/0123.77.tmp")
        for name in ours + others:
            write(device.store(name), "half")
        device.suture("check")
        left = [name for name in ours + others if os.path.exists(device.store(name))]
        check_equal(left, list(others), "what is left")


@test_in_mount_namespace
def a_wrong_part_is_got_anew():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        server.rule("blobs", cut_at(20_000, times=4))
        device.suture("install", expect=1)
        name = next(iter(device.partial()))
        flip_byte(device.store("partial", name), 5000)
        device.suture("install")
        check_equal([a.range for a in server.of("blobs")][-2:], ["bytes=80000-", None])
        check_installed(device)


@test_in_mount_namespace
def servers_without_ranges_or_tags_do():
    vendor = published()
    for options in ({"with_range": False}, {"with_etag": False}):
        fresh_folder()
        with Server(vendor.repository, **options) as server:
            device = Device(server.url)
            make_delta_impossible(device)
            device.suture("check")
            device.suture("check")
            left = [1]

            def once(handler, data, left=left):
                if left[0]:
                    left[0] -= 1
                    return cut_at(50_000)(handler, data)
                return answer(handler, data, server.with_etag, server.with_range)
            server.rule("blobs", once)
            device.suture("install")
            check_installed(device)


@test_in_mount_namespace
def a_refused_range_starts_anew():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        server.rule("blobs", cut_at(20_000, times=4))
        device.suture("install", expect=1)
        server.rules.clear()
        server.rule("blobs", lambda handler, data: status(416)(handler, data)
                    if handler.asked.range else answer(handler, data))
        device.suture("install")
        check_installed(device)


@test_in_mount_namespace
def an_unchanged_repository_costs_one_request():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        first = device.json("check")
        check_equal((first["changed"], first["requests"]), (True, 7), "six files of metadata, and notes")
        server.asked.clear()
        again = device.json("check")
        check_equal((again["changed"], again["requests"]), (False, 1))
        check_equal([a.status for a in server.asked], [304])
        check(again["wire_bytes"] < 800, again)
        os.utime(device.store("metadata/timestamp.etag"), (1, 1))
        check_equal(device.json("check")["changed"], False)
        check_equal(server.asked[-1].status != 304, True, "a full refresh once a day")


KEPT = ("timestamp.json", "snapshot.json", "targets.json", "timestamp.etag")


@test_in_mount_namespace
def what_is_kept_is_never_believed():
    vendor = published()
    vendor.rotate_root(2)
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        role = f"{vendor.base_role()}.json"
        for name in (*KEPT, role, "../roots/2.root.json", "../index.json"):
            good = read(device.store("metadata", name))
            for bad in (good.replace(b"2", b"3", 1), b"", b"garbage", good[:-30], b"{}",
                        good.replace(b"26.3.1", b"26.3.9")):
                write(device.store("metadata", name), bad)
                check_equal(device.json("check")["offer"]["label"], f"{VERSION} (a)",
                            f"with {name} as {bad[:20]}")
                if name != "timestamp.etag":
                    # two of three signatures are enough: one may be damaged
                    kept, meant = json.loads(read(device.store("metadata", name))), json.loads(good)
                    check_equal(kept.get("signed", kept) == meant.get("signed", meant), True, name)
        shutil.rmtree(device.store("metadata"))
        os.unlink(device.store("index.json"))
        device.suture("install")
        check_installed(device)


@test_in_mount_namespace
def an_index_changed_on_disk_installs_nothing():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        index = json.loads(read(device.store("index.json")))
        index["improvements"][0]["images"][0]["sha256"] = "00" * 32
        write(device.store("index.json"), json.dumps(index))
        device.suture("install")
        check_installed(device)


@test_in_mount_namespace
def the_chain_of_roots_is_walked_again_from_the_base():
    vendor = published()
    vendor.rotate_root(2)
    vendor.rotate_root(3)
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        check_equal(sorted(os.listdir(device.store("roots"))),
                    ["2.root.json", "3.root.json"])
        server.asked.clear()
        os.unlink(device.store("metadata/timestamp.etag"))
        device.suture("check")
        check_equal([p for p in server.paths() if "root" in p], ["/metadata/4.root.json"])
        vendor.rotate_root(4)
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.suture("install")
        check_installed(device, label="(b)")


@test_in_mount_namespace
def roots_that_are_not_signed_by_the_old_ones_are_refused():
    vendor = published()
    for signers in (["root-1"], ["targets-1", "snapshot-1"], [], ["root-1", "root-1"]):
        vendor.rotate_root(2, signers=signers)
        with Server(vendor.repository) as server:
            device = Device(server.url)
            device.refuses("root", expect=6)
            check(not os.path.exists(device.store("roots/2.root.json")), signers)
        shutil.rmtree(device.root)
    vendor.rotate_root(2, edit=lambda body: body.update(version=5))
    with Server(vendor.repository) as server:
        Device(server.url).refuses("root", expect=6)


@test_in_mount_namespace
def errors_that_a_server_causes_make_nothing_forgotten():
    # a device that keeps a root could be made to drop what guards it against rollback with it
    vendor = published()
    vendor.rotate_root(2)
    shutil.copytree(vendor.repository, "old")
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        server.folder = "old"
        device.refuses("older", expect=6, verb=("check",))
        write("old/metadata/timestamp.json", "garbage")
        device.refuses("timestamp", expect=6, verb=("check",))
        check_equal(device.json("status")["offer"]["label"], f"{VERSION} (b)")
        server.folder = vendor.repository
        device.suture("install")
        check_installed(device, label="(b)")


@test_in_mount_namespace
def an_older_repository_is_refused():
    vendor = published()
    shutil.copytree(vendor.repository, "old")
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        check_installed(device, label="(b)")
        server.folder = "old"
        device.refuses("older", expect=6, verb=("check",))
        device.refuses("older", expect=6)
        device.agent(expect=6)
        # the timestamp alone is new: what it announces is missing
        shutil.copy(vendor.path("metadata/timestamp.json"), "old/metadata/timestamp.json")
        shutil.rmtree(device.store("metadata"))
        device.refuses("announces", "snapshot", "under way", expect=1, verb=("check",))
        server.folder = vendor.repository
        device.suture("check", expect=2)


@test_in_mount_namespace
def expired_documents_are_refused_with_the_reason():
    for role in ("timestamp", "snapshot", "targets", "delegated"):
        fresh_folder()
        vendor = published()
        name = vendor.base_role() if role == "delegated" else role
        vendor.expire(name)
        with Server(vendor.repository) as server:
            device = Device(server.url)
            device.refuses(name, "expired on", "renew", "clock", expect=6)
            device.refuses("expired", expect=6, verb=("check",))
        shutil.rmtree(device.root)
    vendor.rotate_root(2, edit=lambda body: body.update(expires=time_text(time.time() - 1)))
    with Server(vendor.repository) as server:
        Device(server.url).refuses("root", "expired", expect=6)


@test_in_mount_namespace
def expiry_does_not_touch_what_is_installed():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        vendor.expire("timestamp")
        device.agent(expect=6)
        check_installed(device)
        device.suture("remove")
        check_equal(device.label(), VERSION)


@test_in_mount_namespace
def a_timestamp_that_expires_while_nothing_changes_is_noticed():
    vendor = published()
    vendor.expire("timestamp", time.time() + 3)
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        time.sleep(3.5)
        device.refuses("timestamp", "expired", expect=6)
        check_equal(server.asked[-1].path, "/metadata/timestamp.json")


@test_in_mount_namespace
def a_clock_before_the_signing_time_does():
    vendor = published(at=time.time() + 300 * DAY)  # all of it is good for a year
    with Server(vendor.repository) as server:
        device = Device(server.url)
        # its roll-out starts when it was published: that time was signed, so it is over
        device.suture("install")
        check_installed(device)


@test_in_mount_namespace
def old_signatures_are_refused():
    vendor = published(at=time.time() - 8 * DAY)
    with Server(vendor.repository) as server:
        Device(server.url).refuses("timestamp", "expired", expect=6)


def rewrite(vendor, name, change):
    path = vendor.path("metadata", name)
    document = json.loads(read(path))
    change(document)
    write(path, json.dumps(document))


@test_in_mount_namespace
def unsigned_and_forged_documents_are_refused():
    vendor = published()
    shutil.copytree(vendor.repository, "good")
    names = ("timestamp.json", f"{vendor.current('snapshot')['version']}.snapshot.json",
             f"{vendor.targets()['version']}.targets.json",
             f"{vendor.current(vendor.base_role())['version']}.{vendor.base_role()}.json")
    changes = (lambda d: d.update(signatures=[]),
               lambda d: d["signatures"][0].update(sig="00" * 64),
               lambda d: d["signatures"][0].update(keyid="00" * 32),
               lambda d: d["signed"].update(expires="2099-01-01T00:00:00Z"),
               lambda d: d.pop("signatures"))
    for name in names:
        for change in changes:
            shutil.rmtree(vendor.repository)
            shutil.copytree("good", vendor.repository)
            rewrite(vendor, name, change)
            with Server(vendor.repository) as server:
                device = Device(server.url)
                device.refuses(expect=6)
            shutil.rmtree(device.root)


@test_in_mount_namespace
def metadata_is_bounded():
    vendor = published()
    for pattern in ("timestamp.json", "snapshot.json", r"\d\.targets.json", "index.json"):
        with Server(vendor.repository) as server:
            device = Device(server.url)
            server.rule(pattern, endless)
            device.refuses(expect=1, verb=("check",))
            for asked in server.of(pattern):
                check(asked.sent < 30_000_000, asked)
        shutil.rmtree(device.root)


@test_in_mount_namespace
def an_index_for_another_base_is_refused():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        kept = read(device.store("index.json"))
        for name, value in (("base", "26.3.2_x86_64"), ("product", "otheros"),
                            ("channel", "rehearsal")):
            good = vendor.index()
            vendor.write_index(canonical(dict(good, **{name: value})))
            device.refuses(value, expect=6)
            check_equal(read(device.store("index.json")), kept)
            check_equal(device.json("status")["offer"]["sequence"], 1)
            vendor.write_index(canonical(good))


@test_in_mount_namespace
def an_index_from_the_future_waits_for_a_newer_system():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        kept = read(device.store("index.json"))
        vendor.write_index(canonical(dict(vendor.index(), version=2, wonders=[1])))
        device.refuses("newer", expect=1)
        check_equal(read(device.store("index.json")), kept)


@test_in_mount_namespace
def malformed_indexes_are_refused():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        for data in (b"{}", b"garbage", b"", canonical(dict(vendor.index(), surprise=1))):
            good = canonical(vendor.index()) if data else good
            vendor.write_index(data)
            device.refuses(expect=6)
            vendor.write_index(good)
        device.suture("install")
        check_installed(device)


@test_in_mount_namespace
def requirements_and_encodings_that_are_unknown_wait():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)

        def encode(index):
            for payload in index["improvements"][0]["images"][0]["payloads"]:
                payload["encoding"] = "quantum-1"
        good = canonical(vendor.index())
        vendor.edit_index(encode)
        device.refuses("component tls", "no form", expect=1)
        vendor.write_index(good)
        device.suture("install")


@test_in_mount_namespace
def a_withdrawn_or_unlisted_improvement_is_not_staged():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        vendor.withdraw(1, "advise")
        pair = subprocess.run(
            ["/usr/bin/python3", "-c", STAGE_ALONE, program("suture-fetch"),
             program("suture-stage"), device.root, server.url, "1"],
            text=True, capture_output=True)
        check_equal(pair.returncode, 3, pair.stderr)
        one_line_error(pair, "withdrew", "breaks printing")
        pair = subprocess.run(
            ["/usr/bin/python3", "-c", STAGE_ALONE, program("suture-fetch"),
             program("suture-stage"), device.root, server.url, "2"],
            text=True, capture_output=True)
        check_equal(pair.returncode, 3, pair.stderr)
        one_line_error(pair, "no improvement", "2")


# What the manager does: the two programs, connected.
STAGE_ALONE = """
import os, socket, subprocess, sys
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
fetch, stage, root, url, sequence = sys.argv[1:]
def start(end, *args):
    return subprocess.Popen(args, pass_fds=[3], preexec_fn=lambda: os.dup2(end.fileno(), 3))
b.send(b"SETTINGS 1\\ntimeout 0\\nbandwidth 0\\nredirects same\\nbackground no\\n")
one = start(a, fetch)
two = start(b, stage, "--root", root, "--url", url, "stage", sequence)
a.close(), b.close()
code = two.wait()
one.wait()
sys.exit(code)
"""


@test_in_mount_namespace
def mistakes_on_the_command_line():
    one_line_error(run("suture-stage", expect=64), "a verb is missing")
    one_line_error(run("suture-stage", "refresh", expect=64), "--url")
    one_line_error(run("suture-stage", "--url", "http://x/", "frob", expect=64), "frob")
    for sequence in "0", "-1", "x", "99999999999999999999":
        one_line_error(run("suture-stage", "--url", "http://x/", "stage", sequence, expect=64))
    one_line_error(run("suture-stage", "--url", "http://x/", "--root", "/nonexistent", "refresh",
                       expect=3), "/nonexistent")


def mount_small(device, size):
    os.makedirs(device.store(), exist_ok=True)
    run("/usr/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "none", device.store())


def fill_disk(device, leave):
    fd = os.open(device.store("ballast"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except OSError:
        os.ftruncate(fd, max(os.fstat(fd).st_size - leave, 0))
    os.close(fd)


@test_in_mount_namespace
def a_disk_that_is_too_small_is_told():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        mount_small(device, "4M")
        device.refuses("var/lib/suture", "MB free", "needs 17 MB", "free some space", expect=1)
        check_equal(server.of("blobs"), [])
        check_equal(device.partial(), {})


@test_in_mount_namespace
def a_disk_that_is_full_is_told():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        mount_small(device, "24M")
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        fill_disk(device, 0)
        device.refuses("var/lib/suture", "no space", "bytes of", expect=1)
        check_installed(device)
        check_equal(device.json("status")["sequence"], 1)
        os.unlink(device.store("ballast"))
        device.suture("install")
        check_installed(device, label="(b)")


@test_in_mount_namespace
def a_disk_that_fills_up_meanwhile_is_told():
    vendor = published()
    size = os.path.getsize(vendor.payloads()["full"])
    with Server(vendor.repository) as server:
        device = Device(server.url)
        make_delta_impossible(device)
        mount_small(device, "20M")

        def fill_first(handler, data):
            fill_disk(device, size // 2)
            return answer(handler, data)
        server.rule("blobs", fill_first)
        device.refuses("var/lib/suture", "MB free", "component tls needs", expect=1)
        kept = sum(device.partial().values())
        os.unlink(device.store("ballast"))
        server.rules.clear()
        device.suture("install")
        check(0 < kept < size, f"{kept} bytes are kept")
        check_equal(server.asked[-1].range, f"bytes={kept}-")
        check_installed(device)


@test_in_mount_namespace
def the_next_delta_reads_the_pristine_base():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        check_installed(device)
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        server.asked.clear()
        result = device.json("install")
        check_equal(result["used_delta"], True, "it was read through the graft")
        check_installed(device, NEWER_TLS, "(b)")
        check(sum(a.sent for a in server.of("blobs")) < 3000, server.of("blobs"))


@test_in_mount_namespace
def a_damaged_image_is_obtained_again():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        check_equal(device.generations(), ["1"])
        image = device.store("images", device.images()[0])
        good = read(image)
        for harm in (lambda: flip_byte(image), lambda: os.unlink(image),
                     lambda: write(image, good[:4096])):
            run("suture-activate", "--root", device.root, "detach")
            harm()
            run("suture-activate", "--root", device.root, "apply", expect=None)
            check_equal(device.label(), VERSION)
            device.agent()
            check_equal(read(image), good)
            check_installed(device)
            check_equal(device.generations(), ["1"])
        flip_byte(image)  # while it is mounted
        device.suture("install")
        check_equal(read(image), good)
        device.suture("install", expect=2)


@test_in_mount_namespace
def a_record_that_cannot_be_read_locks_nobody_out():
    vendor = published()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        record = device.store("generations/1")
        os.chmod(record, 0o644)
        write(record, "garbage\n")
        device.suture("status")
        device.suture("remove")
        check_equal(device.lib() == OLD_TLS, True)
        device.suture("install")
        check_installed(device)
        write(device.store("generations", os.path.basename(os.readlink(device.store("current")))),
              "garbage\n")
        device.agent()
        check_installed(device)


main()
