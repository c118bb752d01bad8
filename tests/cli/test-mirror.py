# SPDX-License-Identifier: Apache-2.0
"""Copies of a repository that are made by following its signed metadata."""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess

from advisories import *
from tap import *
from world import *

STATE = ".mirror"


def root_of(vendor):
    """The root that a mirror is told to trust: the first one, as devices have it."""
    return vendor.path("metadata/1.root.json")


def mirror(source, *args, folder="copy", root="trusted.json", **options):
    return run("suture-publish", "mirror", "--trusted-root", root, *args, source, folder, **options)


def told(source, *args, **options):
    return json.loads(mirror(source, "--json", *args, **options).stdout)


def served(folder):
    """path → bytes of all that a web server would give away on purpose."""
    return {os.path.relpath(os.path.join(place, name), folder): read(os.path.join(place, name))
            for place, folders, names in os.walk(folder) for name in names
            if not os.path.relpath(place, folder).startswith(STATE)}


def vendor_with_a_fix(**options):
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}}, **options)
    shutil.copy(root_of(vendor), "trusted.json")
    os.chmod(vendor.folder, 0o755)  # suture-fetch is an unprivileged user
    return vendor


def current_files(vendor):
    """What the vendor's newest metadata leads to, by the publisher's own bundle."""
    vendor.publish("bundle", "--base", "desktop", "listed.tar")
    names = subprocess.run(["tar", "-tf", "listed.tar"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    return {name: read(vendor.path(name)) for name in names}


@test_in_mount_namespace
def a_mirror_is_as_good_as_the_vendor():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        out = told(server.url)
        check_equal((out["bases"], out["indexes"], out["removed"]), (1, 1, 0))
        check_equal(out["files"], len(served("copy")))
        again = told(server.url.rstrip("/"))
        check_equal((again["files"], again["bytes"]), (0, 0), "a second run")
    check_equal(served("copy"), current_files(vendor))
    with Server(os.path.abspath("copy")) as server:
        device = Device(server.url)
        device.suture("install")
        check_equal((device.label(), device.lib()), (f"{VERSION} (a)", NEW_TLS))
        device.suture("remove")


@test_in_mount_namespace
def a_device_believes_a_mirror_no_more_than_the_vendor():
    vendor = vendor_with_a_fix()
    mirror(vendor.repository)
    for name in served("copy"):
        if name.startswith("blobs/"):
            flip_byte(os.path.join("copy", name))
    with Server(os.path.abspath("copy")) as server:
        device = Device(server.url)
        device.refuses("not the bytes that were signed", expect=6)
        flip_byte("copy/metadata/timestamp.json", 100)
        device.refuses("timestamp", expect=6)


@test
def folders_bundles_and_mirrors_can_be_mirrored():
    vendor = vendor_with_a_fix()
    mirror(vendor.repository)
    mirror("copy", folder="copy of the copy")
    vendor.publish("bundle", "--base", "desktop", "carried.tar")
    mirror("carried.tar", folder="from-a-stick")
    for folder in "copy of the copy", "from-a-stick":
        check_equal(served(folder), served("copy"), folder)
    done = run("suture-publish", "-C", "copy of the copy", "--trusted-root", "trusted.json", "check")
    check(done.stdout.startswith("Good: 1 indexes, 1 improvements"), done.stdout)


@test
def a_mirror_follows_its_source():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        mirror(server.url)
        for version in 2, 3:
            vendor.rotate_root(version)
        vendor.commit({"targets": vendor.targets()})
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        vendor.withdraw(1, "revert")
        asked = len(server.asked)
        mirror(server.url)
        check(not [p for p in server.paths()[asked:] if p.startswith("/blobs/") and
                   os.path.basename(p) in {os.path.basename(n) for n in server.paths()[:asked]}],
              "a blob that was there is fetched again")
    now = served("copy")
    for name, data in current_files(vendor).items():
        check(now.get(name) == data, f"{name} is not there, or other bytes")
    with Server(os.path.abspath("copy")) as server:
        check_equal(Device(server.url).json("check")["offer"]["sequence"], 2)


@test
def a_part_of_a_repository():
    vendor = vendor_with_a_fix()
    write("other/usr/lib/os-release", OS_RELEASE.replace(VERSION, "26.3.0"))
    vendor.publish("base", "add", "other", "--root", "other", "--os-release",
                   "other/usr/lib/os-release", "--architecture", MACHINE)
    other = f"{PRODUCT}_26.3.0_{MACHINE}"
    out = told(vendor.repository, "--base", other)
    check_equal((out["bases"], out["indexes"]), (1, 1))
    names = set(served("copy"))
    check(not [n for n in names if n.startswith("blobs/") or BASE_KEY in n], names)
    options = ["-C", "copy", "--trusted-root", "trusted.json"]
    run("suture-publish", *options, "--base", other, "check")
    one_line_error(run("suture-publish", *options, "check", expect=6), BASE_KEY, "missing")
    one_line_error(mirror(vendor.repository, "--base", "mars", expect=3), "mars", f"as {PRODUCT}_")
    check_equal(told(vendor.repository)["bases"], 2)
    run("suture-publish", *options, "check")


# -- what it does not believe --

def refuses(source, *words, expect=6, **options):
    """Nothing of the copy changes, and one line says why."""
    before = served("copy") if os.path.exists("copy") else None
    one_line_error(mirror(source, expect=expect, **options), *words)
    if before is not None:
        check_equal(served("copy"), before, "the copy after a refusal")
    else:
        check(not os.path.exists("copy/metadata/timestamp.json"), "it shows a copy")


def blob_of(vendor):
    return vendor.index()["improvements"][0]["images"][0]["payloads"][0]["sha256"]


@test
def a_source_that_lies_is_found():
    vendor = vendor_with_a_fix()
    digest = blob_of(vendor)
    rules = {rf"/blobs/../{digest}": (digest, 6), r"timestamp\.json": ("timestamp", 6),
             r"\.index\.json": ("index.json", 6), r"snapshot\.json": ("snapshot", 6)}
    for pattern, (word, code) in rules.items():
        with Server(vendor.repository) as server:
            server.rule(pattern, with_data(lambda data: data[:-9] + b"x" + data[-8:]))
            refuses(server.url, word, expect=code)
            shutil.rmtree("copy")
    with Server(vendor.repository) as server:
        mirror(server.url)
    check_equal(served("copy"), current_files(vendor))


@test
def a_source_without_end_costs_no_more_than_was_signed():
    vendor = vendor_with_a_fix()
    for pattern in r"timestamp\.json", r"\.index\.json", r"/(blobs|notes)/":
        with Server(vendor.repository) as server:
            server.rule(pattern, endless)
            refuses(server.url, expect=1)
        size = sum(os.path.getsize(os.path.join(place, name))
                   for place, _, names in os.walk("copy") for name in names)
        check(size < 2_000_000, f"{size} bytes are left")


@test
def an_older_repository_does_not_come_back():
    vendor = vendor_with_a_fix()
    shutil.copytree(vendor.repository, "older")
    vendor.rotate_root(2)
    vendor.commit({"targets": vendor.targets()})
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    mirror(vendor.repository)
    refuses("older", "older than one that was seen")
    vendor.expire("timestamp")
    refuses(vendor.repository, "timestamp", "expired on")


@test
def another_vendors_root_is_not_believed():
    vendor = vendor_with_a_fix()
    run("suture-publish", "-C", "theirs", "--keys", "their-keys", "init")
    refuses(vendor.repository, "timestamp", "signed by 0", root="theirs/metadata/1.root.json")
    one_line_error(mirror(vendor.repository, root="nowhere.json", expect=3), "nowhere.json")
    one_line_error(run("suture-publish", "mirror", vendor.repository, "copy", expect=64),
                   "--trusted-root")


@test
def what_is_announced_and_missing_is_told():
    vendor = vendor_with_a_fix()
    digest = blob_of(vendor)
    os.rename(vendor.path("blobs", digest[:2], digest), "aside")
    refuses(vendor.repository, digest, expect=3)
    os.rename("aside", vendor.path("blobs", digest[:2], digest))
    mirror(vendor.repository)
    refuses("http://127.0.0.1:9", "cannot be reached", expect=1)
    refuses("no/such/folder", "no/such/folder", expect=3)


# -- what tells of fixes, which nobody signed --

FEED = "advisories/feed.json"
PAGE = "advisories/example-2026-0001.html"


def publisher_with_a_fix():
    publisher = Publisher()
    publisher.release(fixes(1))
    shutil.copy(root_of(publisher), "trusted.json")
    os.chmod(publisher.folder, 0o755)
    return publisher


def tells_of_fixes(publisher):
    """What a mirror has of it: all but what is its own host's business."""
    files = publisher.public_files()
    del files[".well-known/security.txt"]
    return files


def unsigned(folder="copy"):
    return {name: data for name, data in served(folder).items() if name.startswith(("advisories/", "."))}


def look(**options):
    return run("suture-publish", "-C", "copy", "--trusted-root", "trusted.json", "--json", "check", **options)


def asked_for(server, start):
    return {path.lstrip("/") for path in server.paths()[start:]
            if path.startswith(("/advisories/", "/.well-known"))}


@test
def advisories_are_copied_and_only_what_changed_again():
    publisher = publisher_with_a_fix()
    with Server(publisher.repository) as server:
        out = told(server.url)
        check_equal((out["advisories"], out["advisory_faults"]), (len(tells_of_fixes(publisher)) - 1, []))
        check_equal(unsigned(), tells_of_fixes(publisher))
        check_equal(json.loads(look().stdout)["advisories"], 1)
        start = len(server.asked)
        check_equal(told(server.url)["files"], 0)
        check_equal(asked_for(server, start), {FEED})
        # a killed run goes on: what is here is not fetched again
        os.remove(f"copy/{PAGE}")
        flip_byte("copy/advisories/index.html")
        start = len(server.asked)
        check_equal(told(server.url)["files"], 2)
        check_equal(asked_for(server, start), {FEED, PAGE, "advisories/index.html"})
        before = tells_of_fixes(publisher)
        publisher.release(fixes(2, {**FIX, "cve": "CVE-2026-2"}), {LIB: NEWER_TLS})
        start = len(server.asked)
        mirror(server.url)
        now = tells_of_fixes(publisher)
        check_equal(asked_for(server, start), {name for name in now if before.get(name) != now[name]} | {FEED})
    check_equal(unsigned(), now)
    look()
    for source, folder in ("copy", "copy of the copy"), (f"file://{os.path.abspath('copy')}", "by address"):
        check_equal(told(source, folder=folder)["advisory_faults"], [])
        check_equal(unsigned(folder), now)
    publisher.publish("bundle", "--base", "desktop", "carried.tar")
    check_equal(told("carried.tar", folder="from-a-stick")["advisory_faults"], [])
    mirror(publisher.repository, "--signed-only", folder="signed")
    check_equal(unsigned("signed"), {})


@test
def an_advisory_that_lies_fails_nothing_else():
    publisher = publisher_with_a_fix()
    csaf = os.path.relpath(publisher.csaf_path(), publisher.repository)
    with Server(publisher.repository) as server:
        server.rule(re.escape(PAGE), with_data(lambda data: data.replace(b"Same", b"Sane")))
        server.rule(re.escape(csaf) + "$", endless)
        os.rename(publisher.path("advisories/example-2026-0001.txt"), "aside")
        done = mirror(server.url)
        check("All that is signed is here" in done.stdout, done.stdout)
        lines = done.stderr.splitlines()
        check_equal(len(lines), 3, done.stderr)
        for name, word in ((PAGE, "not the file"), (csaf, ""), ("example-2026-0001.txt", "")):
            check(any(name in line and word in line for line in lines), done.stderr)
        check_equal({name: data for name, data in served("copy").items() if name not in unsigned()},
                    current_files(publisher))
    done = look(expect=6)
    check_equal({fault.split(" is ")[0] for fault in json.loads(done.stdout)["faults"]},
                {PAGE, csaf, "advisories/example-2026-0001.txt"})
    os.rename("aside", publisher.path("advisories/example-2026-0001.txt"))
    check_equal(told(publisher.repository)["advisory_faults"], [])
    check_equal(unsigned(), tells_of_fixes(publisher))
    look()


@test
def a_feed_reaches_no_other_place():
    publisher = publisher_with_a_fix()
    feed = publisher.feed()
    def with_file(**members):
        return json.dumps({**feed, "files": [{**feed["files"][0], **members}]}).encode()
    cases = [with_file(path=path) for path in (
        "../escaped.html", "/tmp/escaped.html", "metadata/timestamp.json", "advisories/.htaccess",
        "advisories/x.php", ".well-known/security.txt", ".well-known/csaf/../x.html", FEED)]
    cases += [with_file(size=1 << 40), b"{", b"[]", b"{}", json.dumps({**feed, "schema": 2}).encode(),
              json.dumps({**feed, "files": [
                  {"path": f"advisories/{i}.html", "size": 1 << 24, "sha256": "0" * 64}
                  for i in range(65)]}).encode()]
    mirror(publisher.repository, "--signed-only")
    before = served("copy")
    for case in cases:
        with Server(publisher.repository) as server:
            server.rule(re.escape(FEED), with_data(lambda _, case=case: case))
            [fault] = told(server.url)["advisory_faults"]
            check("feed.json" in fault and "no advisory is copied" in fault, fault)
            check_equal(asked_for(server, 0), {FEED})
        check_equal(served("copy"), before, str(case[:99]))


@test
def strangers_files_stay_and_its_own_go():
    publisher = publisher_with_a_fix()
    write("copy/advisories/index.html", "somebody's own")
    write("copy/advisories/more.html", "somebody's own")
    [fault] = told(publisher.repository)["advisory_faults"]
    check("advisories/index.html is here, and no mirror made it" in fault, fault)
    with Server(publisher.repository) as server:
        # the vendor takes a file back
        listed = publisher.feed()
        listed["files"] = [entry for entry in listed["files"] if entry["path"] != PAGE]
        server.rule(re.escape(FEED), with_data(lambda _: json.dumps(listed).encode()))
        mirror(server.url)
        check(os.path.exists(f"copy/{PAGE}"), "gone without being asked")
        check_equal(told(server.url, "--prune")["removed"], 1)
    check(not os.path.exists(f"copy/{PAGE}"), "still there")
    for name in "index", "more":
        check_equal(read(f"copy/advisories/{name}.html"), b"somebody's own")
    # where nobody tells of fixes any more, what is here stays
    shutil.rmtree(publisher.path("advisories"))
    check_equal(told(publisher.repository, "--prune")["removed"], 0)


# -- interruptions --

@test
def a_blob_goes_on_where_it_was_broken_off():
    vendor = vendor_with_a_fix()
    largest = max((name for name in served(vendor.repository) if name.startswith("blobs/")),
                  key=lambda name: os.path.getsize(vendor.path(name)))
    size = os.path.getsize(vendor.path(largest))
    partial = os.path.join("copy", STATE, "partial", os.path.basename(largest))
    write(partial, read(vendor.path(largest))[:size // 2])
    with Server(vendor.repository) as server:
        mirror(server.url)
        check_equal([a.range for a in server.of(largest)], [f"bytes={size // 2}-"])
    shutil.rmtree("copy")
    write(partial, b"what another source sent" * 10)
    write(os.path.join("copy", STATE, "partial", "0" * 64), b"of an improvement that is gone")
    with Server(vendor.repository) as server:
        mirror(server.url)
        check_equal([a.range for a in server.of(largest)], ["bytes=240-", None])
    check_equal(served("copy"), current_files(vendor))
    check(not os.path.exists(os.path.join("copy", STATE, "partial")), "something half is left")


@test
def one_at_a_time():
    vendor = vendor_with_a_fix()
    mirror(vendor.repository)
    lock = os.open(os.path.join("copy", STATE), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    refuses(vendor.repository, "another mirror is at work on copy", expect=5)


@test
def its_downloader_ends_with_it():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        server.rule(r"/blobs/", stall(after=1000))
        process = subprocess.Popen([program("suture-publish"), "mirror", "--trusted-root",
                                    "trusted.json", server.url, "copy"])
        while not server.of(r"/blobs/"):
            time.sleep(0.02)
        children = read(f"/proc/{process.pid}/task/{process.pid}/children").split()
        check_equal(len(children), 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for _ in range(100):
            if not os.path.exists(f"/proc/{int(children[0])}"):
                break
            time.sleep(0.05)
        check(not os.path.exists(f"/proc/{int(children[0])}"), "suture-fetch goes on")
    check(not os.path.exists("copy/metadata/timestamp.json"), "half a copy is shown")
    mirror(vendor.repository)


# -- what it removes --

@test
def a_repository_that_is_no_mirror_is_left_alone():
    vendor = vendor_with_a_fix()
    shutil.copytree(vendor.repository, "own")
    before = served("own")
    one_line_error(mirror(vendor.repository, folder="own", expect=1), "no mirror made")
    check_equal(served("own"), before)


@test
def what_others_put_under_a_blobs_name_is_not_believed():
    vendor = vendor_with_a_fix()
    digest = blob_of(vendor)
    name = f"blobs/{digest[:2]}/{digest}"
    write(os.path.join("copy", name), b"x" * os.path.getsize(vendor.path(name)))
    mirror(vendor.repository)
    check_equal(served("copy"), current_files(vendor))


@test
def only_what_it_made_is_removed():
    vendor = vendor_with_a_fix()
    mirror(vendor.repository)
    first = set(served("copy"))
    foreign = f"blobs/00/{'0' * 64}"
    write(os.path.join("copy", foreign), "somebody's")
    write("copy/index.html", "hello")
    for data in NEWER_TLS, NEW_TLS, NEWER_TLS:
        vendor.improve({"tls": {LIB: data}})
    mirror(vendor.repository)
    check_equal(first - set(served("copy")), set(), "gone without being asked")
    one_line_error(mirror(vendor.repository, "--prune", "--keep-days", "3", expect=1), "7 days")
    out = told(vendor.repository, "--prune")
    check_equal(out["removed"], 0, "what was current a minute ago")
    later = {"SOURCE_DATE_EPOCH": str(int(time.time()) + 40 * 86400)}
    out = told(vendor.repository, "--prune", env=later)
    left = set(served("copy"))
    check(out["removed"] > 0, out)
    check({foreign, "index.html"} <= left, left)
    check_equal({name for name in left if name not in (foreign, "index.html")},
                set(current_files(vendor)))
    mirror(vendor.repository)
    run("suture-publish", "-C", "copy", "--trusted-root", "trusted.json", "check")


main()
