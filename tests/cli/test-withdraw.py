# SPDX-License-Identifier: Apache-2.0
"""The vendor's word that an improvement must stop, from the command line to the device."""
import json
import os
import shutil
import time

from tap import *
from world import *

LABEL_A, LABEL_B = f"{VERSION}-a", f"{VERSION}-b"
SHOWN_A, SHOWN_B = f"{VERSION} (a)", f"{VERSION} (b)"
AUTOMATIC_OFF = "[install]\nautomatic = off\n"


def json_of(vendor, *args, **options):
    value = json.loads(vendor.publish(*args, "--json", **options).stdout)
    check_equal(value["schema"], 1, "schema")
    return value


def withdraw(vendor, label, level, *args, reason="it breaks printing", **options):
    return vendor.publish("withdraw", label, "--level", level, "--reason", reason, *args, **options)


def refused(vendor, *args, words, expect=1, **options):
    before = json.dumps(vendor.index())
    one_line_error(vendor.publish(*args, expect=expect, **options), *words)
    check_equal(json.dumps(vendor.index()), before, "the index after a refusal")


def withdrawals(vendor, channel="public"):
    return vendor.index(channel).get("withdrawals", [])


def images(vendor, number=0):
    """{component: digest}"""
    return {image["component"]: image["sha256"]
            for image in vendor.index()["improvements"][number]["images"]}


def with_a():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    return vendor


@test
def the_word_is_published_and_told():
    vendor = with_a()
    told = json_of(vendor, "withdraw", LABEL_A, "--level", "revert", "--reason", "it breaks printing",
                   env={"SOURCE_DATE_EPOCH": "1900000000"})
    tls = images(vendor)["tls"]
    entry, = told["improvements"]
    for name, value in (("base", "desktop"), ("base_key", BASE_KEY), ("sequence", 1),
                        ("label", SHOWN_A), ("machine_label", LABEL_A), ("level", "revert"),
                        ("reason", "it breaks printing"), ("channels", ["public"]),
                        ("images", [tls])):
        check_equal(entry[name], value, name)
    check_equal((told["verb"], "replacement" in entry), ("withdraw", False))
    check_equal(withdrawals(vendor), [{"sequence": 1, "level": "revert",
                                       "issued": "2030-03-17T17:46:40Z",
                                       "reason": "it breaks printing", "images": [tls]}])
    check_equal(vendor.index()["issued"], "2030-03-17T17:46:40Z")
    for level, words in (("advise", "who has it keeps it"), ("stop", "not become active"),
                         ("revert", "take it off at their next check")):
        fresh_folder()
        done = withdraw(with_a(), LABEL_A, level)
        check(f"Withdrawn ({level}): {SHOWN_A} for base desktop: " in done.stdout and
              words in done.stdout, done.stdout)


@test
def a_level_is_raised_and_never_lowered():
    vendor = with_a()
    withdraw(vendor, LABEL_A, "advise")
    check_equal(withdrawals(vendor)[0].get("images"), None)
    refused(vendor, "withdraw", LABEL_A, "--level", "advise", words=["already"], expect=2)
    vendor.publish("withdraw", LABEL_A, "--level", "stop")  # the reason stays
    check_equal([(w["level"], w["reason"]) for w in withdrawals(vendor)],
                [("stop", "it breaks printing")])
    withdraw(vendor, LABEL_A, "revert", reason="and worse")
    check_equal([(w["level"], w["reason"], w["images"]) for w in withdrawals(vendor)],
                [("revert", "and worse", [images(vendor)["tls"]])])
    for level in "advise", "stop":
        refused(vendor, "withdraw", LABEL_A, "--level", level, "--reason", "all is well",
                words=["level revert", "cannot be taken back", "new letter"])
    # what was forgotten can still be said
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    vendor.publish("withdraw", LABEL_A, "--level", "revert", "--replacement", LABEL_B)
    check_equal([(w["reason"], w["replacement"]) for w in withdrawals(vendor)], [("and worse", 2)])


@test
def what_cannot_be_withdrawn_like_that():
    vendor = with_a()
    for args in ([], ["--level", "destroy"], ["--level", ""]):
        vendor.publish("withdraw", LABEL_A, "--reason", "x", *args, expect=64)
    for reason in "", "x" * 401, "two\nlines":
        vendor.publish("withdraw", LABEL_A, "--level", "stop", "--reason", reason, expect=64)
    stop = ["--level", "stop", "--reason", "x"]
    refused(vendor, "withdraw", LABEL_A, "--level", "stop", words=["--reason", "why"])
    refused(vendor, "withdraw", LABEL_B, *stop, words=["never published", SHOWN_B], expect=3)
    refused(vendor, "withdraw", "26.4-a", *stop, words=["26.4"], expect=3)
    refused(vendor, "withdraw", LABEL_A, "--base", "phone", *stop, words=["phone"], expect=3)
    for label, words, expect in ((LABEL_A, "cannot replace", 1), ("26.4-b", "cannot replace", 1),
                                 (LABEL_B, "is not published", 3), ("b", "is not published", 3),
                                 ("26.3.1_b", "no label", 1)):
        refused(vendor, "withdraw", LABEL_A, *stop, "--replacement", label, words=[words],
                expect=expect)
    refused(vendor, "withdraw", LABEL_A, "--level", "revert", "--reason", "x", "--component", "xml",
            words=["no component xml"], expect=3)
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    withdraw(vendor, LABEL_B, "advise")
    refused(vendor, "withdraw", LABEL_A, *stop, "--replacement", LABEL_B,
            words=["withdrawn itself"])


def add_base(vendor, name, version, variant):
    write(f"{name}.os-release", f"ID={PRODUCT}\nVERSION_ID={version}\nVARIANT_ID={variant}\n")
    shutil.copytree(base_root(), name, symlinks=True)
    vendor.publish("base", "add", name, "--root", name, "--os-release", f"{name}.os-release",
                   "--architecture", "x86_64")


def in_bulk():
    """(a) of three bases: two variants of one version and another version."""
    vendor = Vendor()
    add_base(vendor, "phone", VERSION, "phone")
    add_base(vendor, "laptop", "26.3.2", "laptop")
    vendor.create("tls", {LIB: NEW_TLS})
    vendor.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", "tls", "--base", "phone=new-1", "--base", "laptop=new-1")
    check_equal(len(json_of(vendor, "publish")["published"]), 3)
    return vendor


def phone_index(vendor):
    """What the newest metadata of the phone's role says of its index."""
    role, = [name for name in vendor.current("snapshot")["meta"] if "_phone_" in name]
    return vendor.current(role[:-len(".json")])["targets"]


@test
def in_bulk_and_by_variant():
    vendor = in_bulk()
    args = ["--level", "stop", "--reason", "x"]
    told = json_of(vendor, "withdraw", LABEL_A, *args, "--base", "phone")["improvements"]
    check_equal([entry["base"] for entry in told], ["phone"])
    check_equal(withdrawals(vendor), [])
    # what one variant has behind it is no obstacle for the others, and is left as it is
    issued = phone_index(vendor)
    told = json_of(vendor, "withdraw", LABEL_A, "26.3.2-a", *args)["improvements"]
    check_equal([entry["base"] for entry in told], ["desktop", "laptop"])
    check_equal([w["level"] for w in withdrawals(vendor)], ["stop"])
    check_equal(phone_index(vendor), issued)
    refused(vendor, "withdraw", LABEL_A, *args, words=["already"], expect=2)
    refused(vendor, "withdraw", LABEL_A, *args, "--base", "laptop", words=["laptop", "26.3.2"],
            expect=3)


@test
def of_several_labels_all_or_none():
    vendor = in_bulk()
    vendor.publish("withdraw", LABEL_A, "26.3.2-b", "--level", "stop", "--reason", "x", expect=3)
    check_equal(withdrawals(vendor), [])
    vendor.publish("hold", LABEL_A, "--base", "phone")
    issued = phone_index(vendor)
    told = json_of(vendor, "hold", LABEL_A, "26.3.2-a")["improvements"]
    check_equal([entry["base"] for entry in told], ["desktop", "laptop"])
    check_equal(phone_index(vendor), issued)


@test
def a_letter_alone_replaces_in_every_version():
    vendor = in_bulk()
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", "xml", "--base", "phone=new-2", "--base", "laptop=new-2")
    vendor.publish("publish")
    told = json_of(vendor, "withdraw", LABEL_A, "26.3.2-a", "--level", "stop", "--reason", "x",
                   "--replacement", "b")["improvements"]
    check_equal([(entry["base"], entry["replacement"]) for entry in told],
                [("desktop", LABEL_B), ("phone", LABEL_B), ("laptop", "26.3.2-b")])


@test
def what_stays_on_offer_is_not_to_blame():
    vendor = with_a()
    vendor.improve({"xml": {XMLLIB: NEW_XML}})
    before = images(vendor)
    check_equal(sorted(before), ["tls", "xml"])
    refused(vendor, "withdraw", LABEL_B, "--level", "revert", "--reason", "x", "--component", "tls",
            words=[SHOWN_A, "same image of component tls"])
    withdraw(vendor, LABEL_B, "revert")
    check_equal(withdrawals(vendor)[0]["images"], [before["xml"]])
    # now nothing stays that has it
    withdraw(vendor, LABEL_A, "revert")
    check_equal(withdrawals(vendor)[1]["images"], [before["tls"]])


@test
def the_next_one_builds_on_the_newest_good_one():
    vendor = with_a()
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.improve({"tls": {LIB: NEWER_TLS}})
    withdraw(vendor, LABEL_B, "revert")
    vendor.create("xml", {f"{XML}/other": "new\n"}, cves=["CVE-2026-0009"])
    done = vendor.publish("publish", "--json")
    published, = json.loads(done.stdout)["published"]
    check_equal((published["label"], published["unfixed"]),
                (f"{VERSION} (c)", ["CVE-2026-0003", "CVE-2026-0002"]))
    check_equal(done.stderr.count("does not fix"), 2)
    index = vendor.index()
    check_equal([i["sequence"] for i in index["improvements"]], [3, 1])  # and not the withdrawn one
    found = {image["component"]: image["sha256"] for image in index["improvements"][0]["images"]}
    check_equal(found["tls"], images(vendor, 1)["tls"])
    check_equal(sorted(fix["cve"] for fix in index["improvements"][0]["fixes"]),
                ["CVE-2026-0001", "CVE-2026-0009"])
    vendor.publish("check")


@test
def the_same_bytes_come_back_only_on_purpose():
    vendor = with_a()
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.publish("publish")
    withdraw(vendor, LABEL_B, "revert")
    again = ["create", "--fixes", "fixes.json", "--components", "components.json", "--component",
             "xml", "--base", "desktop=new-2"]
    vendor.publish(*again)
    refused(vendor, "publish", words=["component xml", "to the byte", SHOWN_B, "--force"])
    vendor.publish("publish", "--force")
    check_equal(withdrawals(vendor)[0].get("images"), None)
    check_equal(sorted(images(vendor)), ["tls", "xml"])


@test_in_mount_namespace
def a_device_goes_back_and_takes_the_better_one():
    vendor = with_a()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        check_equal(device.label(), SHOWN_A)
        withdraw(vendor, LABEL_A, "revert", reason="printing stops")
        done = device.agent()
        check(f"withdrew {SHOWN_A}: printing stops" in done.stderr, done.stderr)
        check_equal((device.label(), device.lib()), (VERSION, OLD_TLS))
        device.agent(expect=2)
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.agent()
        check_equal((device.label(), device.lib()), (SHOWN_B, NEWER_TLS))
        # (b) turns out bad, too, and nothing lower is good: the base again
        withdraw(vendor, LABEL_B, "revert")
        device.agent()
        check_equal((device.label(), device.lib()), (VERSION, OLD_TLS))


@test_in_mount_namespace
def a_lower_sequence_is_no_downgrade():
    vendor = with_a()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.agent()
        check_equal(device.label(), SHOWN_B)
        withdraw(vendor, LABEL_B, "revert", "--replacement", LABEL_A)
        device.agent()
        check_equal((device.label(), device.lib(), read(device.path(XMLLIB))),
                    (SHOWN_A, NEW_TLS, OLD_XML))


@test_in_mount_namespace
def what_is_off_obeys_too():
    vendor = with_a()
    with Server(vendor.repository) as server:
        device = Device(server.url, config=AUTOMATIC_OFF)
        device.suture("install")
        withdraw(vendor, LABEL_A, "revert")
        check(SHOWN_A in device.agent().stderr)
        check_equal((device.label(), device.json("status")["automatic"]), (VERSION, "off"))


@test_in_mount_namespace
def a_withdrawal_that_arrives_by_hand():
    """Through a copied repository and a bundle, on machines without network and agent."""
    vendor = with_a()
    vendor.publish("bundle", "--base", "desktop", "first.suture")
    withdraw(vendor, LABEL_A, "revert")
    vendor.publish("bundle", "--base", "desktop", "second.suture")
    shutil.copytree("repository", "mirror")
    for number, source in enumerate(("mirror", "second.suture")):
        device = Device("http://127.0.0.1:9/", name=f"device-{number}")
        device.suture("install", "--from", "first.suture")
        check_equal(device.label(), SHOWN_A)
        done = device.suture("install", "--from", source)
        check(f"withdrew {SHOWN_A}" in done.stderr and not done.stdout, done.stderr + done.stdout)
        check_equal((device.label(), device.lib()), (VERSION, OLD_TLS), source)
        # an old medium does not bring it back
        device.suture("install", "--from", "first.suture", expect=6)
        check_equal(device.label(), VERSION)
        vendor.publish("check")


@test_in_mount_namespace
def a_withdrawal_comes_through_a_mirror():
    vendor = with_a()
    with Server(vendor.repository) as server, Server(os.path.abspath("copy")) as mirror:
        device = Device(server.url, config=f"mirror = {mirror.url}")
        device.agent()
        check_equal(device.label(), SHOWN_A)
        withdraw(vendor, LABEL_A, "revert")
        shutil.copytree("repository", "copy")
        server.rule("", status(503))
        check(f"withdrew {SHOWN_A}" in device.agent().stderr)
        check_equal((device.label(), device.lib()), (VERSION, OLD_TLS))
        check(mirror.of("index.json"), "the mirror was not asked")


@test_in_mount_namespace
def a_re_issued_letter_installs_with_what_it_shares():
    vendor = Vendor()
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.create("tls", {LIB: NEW_TLS})
    vendor.publish("publish")
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        withdraw(vendor, LABEL_A, "revert", "--component", "tls")
        device.agent()
        check_equal(device.label(), VERSION)
        vendor.create("xml", {XMLLIB: NEW_XML})
        vendor.create("tls", {LIB: NEWER_TLS})
        vendor.publish("publish")
        device.agent()
        check_equal((device.label(), device.lib(), read(device.path(XMLLIB))),
                    (SHOWN_B, NEWER_TLS, NEW_XML))


@test_in_mount_namespace
def an_image_that_was_blamed_is_not_installed_under_any_letter():
    """Also where the vendor forgot that another letter has it."""
    vendor = with_a()
    with Server(vendor.repository) as server:
        device, fresh = Device(server.url), Device(server.url, name="fresh")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.agent()
        vendor.edit_index(lambda index: index.update(withdrawals=[{
            "sequence": 9, "level": "revert", "issued": time_text(time.time()),
            "reason": "it leaks", "images": [images(vendor)["tls"]]}]))
        fresh.agent(expect=2)
        check_equal(fresh.json("status")["offer"]["state"], "none")
        fresh.refuses("withdrew 26.3.1 (a): it leaks", expect=3, verb=("install", "--sequence", "1"))
        device.refuses("withdrew 26.3.1 (a): it leaks", expect=3, verb=("install", "--sequence", "1"))


main()
