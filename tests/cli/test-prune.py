# SPDX-License-Identifier: Apache-2.0
"""What a repository does not need any more, and what it does."""
from world import *
from tap import *

DAY = 86400


def days_ago(days):
    return time.time() - days * DAY


def at(seconds):
    return {"SOURCE_DATE_EPOCH": str(int(seconds))}


def prune(vendor, *args, **options):
    """Without keys: it needs none."""
    return run("suture-publish", "-C", vendor.repository, *args, "prune", **options)


def told(vendor, *args, **options):
    return json.loads(prune(vendor, "--json", *args, **options).stdout)


def files(folder):
    return {os.path.relpath(os.path.join(place, name), folder)
            for place, _, names in os.walk(folder) for name in names}


def data(seed):
    return changed(OLD_TLS, 1000 * seed, 1000 * seed + 500)


def old_vendor():
    """One who began 120 days ago."""
    vendor = Vendor()
    for name in "repository", "repository.work":
        shutil.rmtree(name)
    vendor.publish("init", env=at(days_ago(120)))
    vendor.publish("base", "add", "desktop", "--root", base_root(), "--os-release",
                   os.path.join(base_root(), "usr/lib/os-release"), "--architecture", MACHINE,
                   env=at(days_ago(120)))
    return vendor


def vendor_with_a_past(ages=(100, 80, 60, 10, 1)):
    """Improvements that were published so many days ago. Returns what was current behind each."""
    vendor = old_vendor()
    seen = []
    for number, age in enumerate(ages, 1):
        vendor.improve({"tls": {LIB: data(number)}}, at=days_ago(age))
        vendor.publish("bundle", "--base", "desktop", "x.tar", env=at(days_ago(age)))
        listed = run("/usr/bin/tar", "-tf", "x.tar").stdout.split()
        seen.append(set(listed) - {"metadata/timestamp.json"})
    vendor.publish("resign")
    return vendor, seen


@test
def what_was_current_within_the_days_to_keep_stays():
    vendor, seen = vendor_with_a_past()
    before = files(vendor.repository)
    # the improvement of 60 days ago was current until 10 days ago
    needed = seen[2] | seen[3] | seen[4]
    dry = told(vendor, "--dry-run")
    check_equal(files(vendor.repository), before, "after a dry run")
    check_equal((dry["removed"], dry["files"]), (False, sorted(dry["files"], key=lambda f: f["file"])))
    out = told(vendor)
    check_equal((out["removed"], out["files"], out["bytes"]), (True, dry["files"], dry["bytes"]))
    left = files(vendor.repository)
    check_equal(needed - left, set(), "needed and gone")
    gone = {entry["file"] for entry in out["files"]}
    check_equal(gone, before - left)
    check((seen[0] | seen[1]) - needed <= gone | {"metadata/1.root.json"}, "unneeded and there")
    check_equal(told(vendor)["files"], [], "a second time")
    vendor.publish("check")


@test
def fewer_days_remove_more_and_the_first_ones_are_spared():
    vendor, seen = vendor_with_a_past()
    one_line_error(prune(vendor, "--keep-days", "6", expect=1), "7 days")
    prune(vendor, "--keep-days", "8")
    left = files(vendor.repository)
    check_equal((seen[3] | seen[4]) - left, set(), "needed and gone")
    check(f"metadata/{len(seen) + 2}.snapshot.json" in left, left)
    vendor.publish("check")
    vendor.improve({"tls": {LIB: data(9)}})
    vendor.publish("check")


@test_in_mount_namespace
def a_device_behind_a_cache_with_the_timestamp_of_before_is_served():
    vendor, _ = vendor_with_a_past((100, 60, 5))
    before = read(vendor.path("metadata/timestamp.json"))
    for number in 7, 8, 9:
        vendor.improve({"tls": {LIB: data(number)}})
    check(told(vendor)["files"], "there is nothing that could be missed")
    with Server(vendor.repository) as server:
        server.rule(r"timestamp\.json", with_data(lambda _: before))
        device = Device(server.url)
        device.suture("install")
        check_equal(device.lib(), data(3))
        device.suture("remove")


@test
def roots_and_strangers_stay():
    vendor, _ = vendor_with_a_past()
    vendor.rotate_root(2)
    vendor.commit({"targets": vendor.targets()})
    strangers = ["index.html", "advisories/EXAMPLE.html", "metadata/README", "blobs/index.html",
                 "targets/robots.txt", "metadata/1.root.json", "metadata/2.root.json",
                 "blobs/ab/not-a-digest", ".well-known/csaf/provider-metadata.json"]
    for name in strangers:
        if not os.path.exists(vendor.path(name)):
            write(vendor.path(name), "mine")
    write(vendor.path("blobs/ab", "ab" * 32), "nobody's")
    write(vendor.path("metadata/timestamp.json.123.tmp"), "half")
    out = prune(vendor).stdout
    left = files(vendor.repository)
    check_equal(set(strangers) - left, set(), "gone")
    check(f"blobs/ab/{'ab' * 32}" in out and f"blobs/ab/{'ab' * 32}" not in left, out)
    check("metadata/timestamp.json.123.tmp" not in left, "what a killed run left")
    vendor.publish("check")


@test
def the_same_on_every_copy_whatever_the_times_of_files():
    vendor, _ = vendor_with_a_past()
    shutil.copytree(vendor.repository, "copy")
    shutil.copytree(vendor.repository + ".work", "copy.work")
    for place, _, names in os.walk("copy"):
        for name in names:
            os.utime(os.path.join(place, name), (1, 1))
    first = prune(vendor).stdout
    check_equal(run("suture-publish", "-C", "copy", "prune").stdout, first)
    check_equal(files("copy"), files(vendor.repository))


@test
def damage_that_hides_what_is_needed_stops_it():
    vendor, _ = vendor_with_a_past()
    before = files(vendor.repository)
    index = vendor.index_path()[1]
    good = read(index)
    write(index, good[:-2] + b" }")
    one_line_error(prune(vendor, expect=6), os.path.basename(index), "damaged")
    check_equal(files(vendor.repository), before, "after a refusal")
    write(index, good)
    prune(vendor)


@test
def a_change_that_waits_comes_first():
    vendor, _ = vendor_with_a_past()
    before = files(vendor.repository)
    key = os.path.join(keys_folder(), "targets-1.pem")
    os.rename(key, "targets-1.pem")
    try:
        vendor.publish("renew", "targets", expect=5)
        one_line_error(prune(vendor, expect=5), "waits")
    finally:
        os.rename("targets-1.pem", key)
    check_equal(files(vendor.repository), before)
    run("suture-publish", "-C", vendor.repository, "abandon")
    prune(vendor)


main()
