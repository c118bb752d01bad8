# SPDX-License-Identifier: Apache-2.0
"""A whole repository looked at, by its vendor and by who has a copy; and two publishers at once."""
import subprocess

from world import *
from tap import *

ROLE = f"{PRODUCT}_{BASE_KEY}"


def look(repository, *args, **options):
    return run("suture-publish", "-C", repository, *args, "check", **options)


def told(repository, *args, **options):
    return json.loads(look(repository, "--json", *args, **options).stdout)


def alone(folder="copy"):
    """The options for a copy of which nothing is known but the vendor's root."""
    return folder, "--trusted-root", "root.json"


def vendor_with_fixes():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    shutil.copy(vendor.path("metadata/1.root.json"), "root.json")
    return vendor


def blobs(vendor):
    """path → kind of every payload of the newest improvement, and its notes."""
    newest = vendor.index()["improvements"][0]
    found = {payload["sha256"]: payload["kind"] for image in newest["images"]
             for payload in image["payloads"]}
    found[newest["notes"]["sha256"]] = "notes"
    return {vendor.path("blobs", digest[:2], digest): kind for digest, kind in found.items()}


def counts(out):
    return {name: out[name] for name in ("indexes", "improvements", "images", "blobs", "deltas",
                                         "unsealed", "unapplied")}


@test
def the_vendor_checks_everything_without_keys():
    vendor = vendor_with_fixes()
    out = told(vendor.repository)
    check_equal((out["good"], out["faults"], out["expiring"]), (True, [], []))
    # two improvements with one and two images, which share the payloads of the first
    check_equal(counts(out), {"indexes": 1, "improvements": 2, "images": 3, "blobs": 6, "deltas": 2,
                              "unsealed": 0, "unapplied": 0})
    check_equal(out["bytes"], sum(os.path.getsize(path) for path in
                                  map(lambda name: os.path.join(*name), (
                                      (place, name) for place, _, names in
                                      os.walk(vendor.path("blobs")) for name in names))))


@test
def a_copy_is_checked_by_its_root_alone():
    vendor = vendor_with_fixes()
    shutil.copytree(vendor.repository, "copy")
    out = told(*alone())
    check_equal(counts(out), {"indexes": 1, "improvements": 2, "images": 3, "blobs": 6, "deltas": 0,
                              "unsealed": 3, "unapplied": 2})
    shown = look(*alone()).stdout
    check("Not looked at: 3 seals and 2 deltas" in shown, shown)
    one_line_error(look("copy", expect=3), "copy.work", "missing")
    look(*alone(), "--base", ROLE)
    one_line_error(look(*alone(), "--base", "mars", expect=3), "mars")
    run("suture-publish", "-C", "other", "--keys", "other-keys", "init")
    one_line_error(look("copy", "--trusted-root", "other/metadata/1.root.json", expect=6), "signed by")
    vendor.publish("bundle", "--base", "desktop", "one.tar")
    run("suture-publish", "-C", "copy", "--trusted-root", "root.json", "bundle", "--base", ROLE,
        "two.tar")
    check(read("one.tar") == read("two.tar"), "the bundle of a copy is another one")


@test
def all_faults_are_told_at_once():
    vendor = vendor_with_fixes()
    shutil.copytree(vendor.repository, "copy")
    for place in vendor.repository, "copy":
        names = [os.path.relpath(path, vendor.repository) for path in sorted(blobs(vendor))]
        os.remove(os.path.join(place, names[0]))
        flip_byte(os.path.join(place, names[1]), 20)
    for args in [vendor.repository], alone():
        done = look(*args, expect=6)
        lines = done.stderr.splitlines()
        check_equal(len(lines), 2, done.stderr)
        check(done.stdout.startswith("Not good: "), done.stdout)
        for name, word in zip(names, ("missing", "damaged")):
            check(any(name in line and word in line for line in lines), done.stderr)
        out = told(*args, expect=6)
        check_equal((out["good"], len(out["faults"])), (False, 2))


@test
def every_kind_of_blob_is_looked_at():
    for kind in "full", "delta", "notes":
        fresh_folder()
        vendor = vendor_with_fixes()
        path = next(path for path, found in blobs(vendor).items() if found == kind)
        flip_byte(path, os.path.getsize(path) // 2)
        one_line_error(look(vendor.repository, expect=6), os.path.basename(path), "damaged")


@test
def what_is_signed_and_wrong_all_the_same_is_found():
    """Damage is one thing, a publisher that goes wrong another: every signature here is good."""
    def swap(one, other):
        one["payloads"], other["payloads"] = other["payloads"], one["payloads"]

    cases = {
        "another image": lambda index: swap(*index["improvements"][0]["images"]),
        "the seal of component tls": lambda index: index["improvements"][0]["images"][0].update(
            seal=index["improvements"][1]["images"][0]["seal"][::-1]),
        "another": lambda index: index.update(channel="rehearsal"),
    }
    for word, change in cases.items():
        fresh_folder()
        vendor = vendor_with_fixes()
        vendor.edit_index(change)
        done = look(vendor.repository, expect=6)
        if word == "another":
            word = "holds the index of"
        check(word in done.stderr, f"{word!r} is not in {done.stderr!r}")


@test
def all_channels_are_looked_at():
    vendor = vendor_with_fixes()
    for component, data in ("tls", NEWER_TLS), ("xml", changed(OLD_XML, 7000)):
        vendor.create(component, {LIB if component == "tls" else XMLLIB: data})
    vendor.publish("publish", "--channel", "rehearsal")
    out = told(vendor.repository)
    check_equal((out["indexes"], out["improvements"]), (2, 3))
    index = json.loads(read(next(
        os.path.join(place, name) for place, _, names in os.walk(vendor.path("targets"))
        for name in names if place.endswith("rehearsal"))))
    digest = index["improvements"][0]["images"][0]["payloads"][0]["sha256"]
    flip_byte(vendor.path("blobs", digest[:2], digest), 9)
    one_line_error(look(vendor.repository, expect=6), digest)
    one_line_error(look(vendor.repository, "--channel", "mars", expect=6), digest)


@test
def expiry_is_told_before_and_after():
    vendor = vendor_with_fixes()
    vendor.expire("targets", time.time() + 5 * 86400)
    done = look(vendor.repository)
    check("targets" in done.stderr and "renew targets" in done.stderr, done.stderr)
    shutil.copytree(vendor.repository, "copy")
    check_equal([w["role"] for w in told(*alone())["expiring"]], ["targets"])
    vendor.expire(ROLE)
    done = look(vendor.repository, expect=6)
    check(ROLE in done.stderr and "expired on" in done.stderr, done.stderr)


@test
def what_is_not_current_any_more_is_told():
    vendor = vendor_with_fixes()
    check_equal(told(vendor.repository)["unlisted"], 0)
    write(vendor.path("blobs/ab", "ab" * 32), "nobody's")
    out = told(vendor.repository)
    check_equal((out["unlisted"], out["unlisted_bytes"]), (1, len("nobody's")))
    check("1 files of 8 bytes are not current" in look(vendor.repository).stdout, "not told")


@test
def an_interrupted_publication_is_finished_first():
    vendor = vendor_with_fixes()
    vendor.create("tls", {LIB: NEWER_TLS})
    vendor.publish("publish")
    work = vendor.repository + ".work"
    os.makedirs(f"{work}/outbox.ready/online")
    timestamp = vendor.path("metadata/timestamp.json")
    os.rename(timestamp, f"{work}/outbox.ready/online/timestamp.json")
    look(vendor.repository)
    check(os.path.exists(timestamp), "the timestamp is not there")


@test
def half_a_file_of_a_killed_run_is_never_published():
    vendor = vendor_with_fixes()
    key = os.path.join(keys_folder(), "snapshot-1.pem")
    os.rename(key, "snapshot-1.pem")
    try:
        vendor.publish("renew", "targets", expect=5)
    finally:
        os.rename("snapshot-1.pem", key)
    halves = ("metadata/2.targets.json.77.tmp", "work/device/root.json.77.tmp", "note.json.77.tmp")
    for half in halves:
        write(os.path.join(vendor.repository + ".work/outbox", half), "{")
    vendor.publish("resign")
    left = [name for place in (vendor.repository, vendor.repository + ".work")
            for _, _, names in os.walk(place) for name in names]
    check_equal([name for name in left if name.endswith(".tmp")], [])
    check_equal(vendor.current("targets")["version"], 3)


# -- two at once --

def start(vendor, *args):
    return subprocess.Popen([program("suture-publish"), "-C", vendor.repository, "--keys",
                             keys_folder(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


@test
def two_publishers_at_once_come_one_after_the_other():
    vendor = vendor_with_fixes()
    write("other/usr/lib/os-release", OS_RELEASE.replace(VERSION, "26.3.0"))
    vendor.publish("base", "add", "other", "--root", "other", "--os-release",
                   "other/usr/lib/os-release", "--architecture", MACHINE)
    other = f"{PRODUCT}_26.3.0_{MACHINE}"
    versions = {role: vendor.current(role)["version"] for role in (ROLE, other)}
    done = {"desktop": 0, "other": 0}
    for _ in range(12):
        running = {base: start(vendor, "renew", base) for base in done}
        checking = start(vendor, "check")
        for base, process in running.items():
            _, complaint = process.communicate()
            check(process.returncode in (0, 5), f"{base}: {process.returncode} {complaint}")
            check(process.returncode == 0 or "another suture-publish" in complaint, complaint)
            done[base] += process.returncode == 0
        out, complaint = checking.communicate()
        check_equal(checking.returncode, 0, f"a check meanwhile: {out}{complaint}")
        check(sum(process.returncode == 0 for process in running.values()) > 0, "none of both")
    check_equal({role: vendor.current(role)["version"] for role in versions},
                {ROLE: versions[ROLE] + done["desktop"], other: versions[other] + done["other"]})
    vendor.create("tls", {LIB: NEWER_TLS})
    both = start(vendor, "publish"), start(vendor, "renew", "other")
    codes = [(process.communicate(), process.returncode)[1] for process in both]
    check(sorted(codes) in ([0, 0], [0, 5]), f"exit {codes}")
    if codes[0] == 5:
        vendor.publish("publish")
    check_equal(vendor.index()["improvements"][0]["sequence"], 3)
    look(vendor.repository)


main()
