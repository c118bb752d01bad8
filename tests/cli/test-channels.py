# SPDX-License-Identifier: Apache-2.0
"""Channels: one letter means one thing, promotion signs the same bytes, rehearsals bring nothing."""
import json
import os
import shutil

from servicemanager import *
from tap import *
from world import *

SHOWN_A, SHOWN_B, SHOWN_C = (f"{VERSION} ({letter})" for letter in "abc")
LABEL_A, LABEL_B, LABEL_C = (f"{VERSION}-{letter}" for letter in "abc")
REHEARSAL = ("--channel", "rehearsal")


def json_of(vendor, *args, **options):
    value = json.loads(vendor.publish(*args, "--json", **options).stdout)
    check_equal(value["schema"], 1, "schema")
    return value


def refused(vendor, *args, words, expect=1, **options):
    before = sorted(os.listdir(vendor.path("metadata"))), read(vendor.path("metadata/timestamp.json"))
    one_line_error(vendor.publish(*args, expect=expect, **options), *words)
    check_equal((sorted(os.listdir(vendor.path("metadata"))),
                 read(vendor.path("metadata/timestamp.json"))), before, "after a refusal")


def published(vendor, channel="public"):
    return vendor.index(channel)["improvements"]


def sequences(vendor, channel="public"):
    return [improvement["sequence"] for improvement in published(vendor, channel)]


def improve(vendor, component, files, *args):
    vendor.create(component, files)
    vendor.publish("publish", *args)


def beta_device(server, name="beta"):
    return Device(server.url, name=name, config="channel = rehearsal")


@test
def the_same_bytes_are_signed_into_another_channel():
    vendor = Vendor()
    vendor.create("tls", {LIB: NEW_TLS})
    vendor.publish("publish", *REHEARSAL, "--ramp", "0:50", env={"SOURCE_DATE_EPOCH": "1790000000"})
    check_equal((sequences(vendor, "rehearsal"), sequences(vendor)), ([1], []))
    blobs = sorted(os.listdir(vendor.path("blobs")))
    told = json_of(vendor, "promote", LABEL_A, "--ramp", "0:1,24:100",
                   env={"SOURCE_DATE_EPOCH": "1795000000"})
    entry, = told["improvements"]
    start = time_text(1795000000)
    ramp = [{"hours": 0, "percent": 1}, {"hours": 24, "percent": 100}]
    for name, value in (("base", "desktop"), ("sequence", 1), ("machine_label", LABEL_A),
                        ("from", "rehearsal"), ("to", "public"),
                        ("rollout", {"start": start, "ramp": ramp, "hold": False, "percent": 1})):
        check_equal(entry[name], value, name)
    before, after = published(vendor, "rehearsal")[0], published(vendor)[0]
    check_equal((after["published"], after["rollout"]), (start, {"start": start, "ramp": ramp}))
    for name in before:
        if name not in ("published", "rollout"):
            check_equal(after[name], before[name], name)
    check_equal(sorted(os.listdir(vendor.path("blobs"))), blobs)
    vendor.publish("resign")
    vendor.publish("check")
    vendor.publish("check", *REHEARSAL)


@test
def a_letter_is_given_away_once():
    vendor = Vendor()
    improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
    improve(vendor, "xml", {XMLLIB: NEW_XML})
    improve(vendor, "tls", {LIB: NEWER_TLS}, "--channel", "nightly")
    check_equal([sequences(vendor, name) for name in ("rehearsal", "public", "nightly")],
                [[1], [2], [3]])
    # what was only ever tried is not what everybody's next one builds on
    check_equal([image["component"] for image in published(vendor)[0]["images"]], ["xml"])
    # but whoever tests has what everybody has
    check_equal([image["component"] for image in published(vendor, "nightly")[0]["images"]],
                ["xml", "tls"])
    vendor.publish("withdraw", LABEL_C, "--level", "stop", "--reason", "x")
    improve(vendor, "tls", {LIB: NEWER_TLS})
    check_equal(sequences(vendor), [4, 2])


@test
def what_is_withdrawn_is_withdrawn_everywhere():
    vendor = Vendor()
    improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
    vendor.publish("promote", LABEL_A)
    told, = json_of(vendor, "withdraw", LABEL_A, "--level", "revert", "--reason",
                    "x")["improvements"]
    check_equal(told["channels"], ["public", "rehearsal"])
    for name in told["channels"]:
        check_equal([(w["sequence"], w["level"]) for w in vendor.index(name)["withdrawals"]],
                    [(1, "revert")])
    # a channel that is opened later knows it, too
    improve(vendor, "xml", {XMLLIB: NEW_XML}, "--channel", "nightly")
    check_equal(vendor.index("nightly")["withdrawals"], vendor.index()["withdrawals"])


@test
def what_cannot_be_promoted():
    vendor = Vendor()
    improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
    refused(vendor, "promote", LABEL_B, words=["lists no", SHOWN_B], expect=3)
    refused(vendor, "promote", LABEL_A, "--from", "nightly", words=["nightly", "lists no"], expect=3)
    refused(vendor, "promote", LABEL_A, "--to", "Public", words=["Public", "no name"])
    refused(vendor, "promote", LABEL_A, "--ramp", "x", words=["--ramp"])
    vendor.publish("promote", LABEL_A, "--to", "rehearsal", expect=64)
    vendor.publish("hold", LABEL_A, *REHEARSAL)
    refused(vendor, "promote", LABEL_A, words=["on hold", "rehearsal", "resume"], expect=5)
    vendor.publish("resume", LABEL_A, *REHEARSAL)
    vendor.publish("promote", LABEL_A)
    refused(vendor, "promote", LABEL_A, words=["public", "already"], expect=2)
    # one that is newer is there
    improve(vendor, "xml", {XMLLIB: NEW_XML}, *REHEARSAL)
    improve(vendor, "tls", {LIB: NEWER_TLS})
    refused(vendor, "promote", LABEL_B, words=[SHOWN_C, "newer", "new letter"])
    # withdrawn meanwhile
    vendor.publish("withdraw", LABEL_B, "--level", "advise", "--reason", "slow")
    refused(vendor, "promote", LABEL_B, words=["withdrawn", "slow"])


@test
def a_promotion_loses_no_fix():
    vendor = Vendor()
    improve(vendor, "xml", {XMLLIB: NEW_XML}, "--channel", "nightly")
    improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
    vendor.publish("promote", LABEL_A, "--from", "nightly")
    refused(vendor, "promote", LABEL_B, words=[XMLLIB, SHOWN_A, "base's again"])


@test
def a_rehearsal_is_for_few():
    vendor = Vendor()
    refused(vendor, "publish", "--rehearsal", words=["everybody", "another channel"])
    vendor.publish("publish", "--base", "desktop", expect=64)
    refused(vendor, "publish", "--rehearsal", *REHEARSAL, "--base", "phone", words=["phone"],
            expect=3)
    told, = json_of(vendor, "publish", "--rehearsal", *REHEARSAL)["published"]
    check_equal((told["label"], told["channel"]), (SHOWN_A, "rehearsal"))
    rehearsal, = published(vendor, "rehearsal")
    check_equal((rehearsal["images"], rehearsal["optional"], rehearsal.get("fixes")),
                ([], {"rehearsal": True}, None))
    refused(vendor, "promote", LABEL_A, words=["rehearsal", "--force"])
    vendor.publish("promote", LABEL_A, "--force")
    check_equal(sequences(vendor), [1])
    vendor.publish("publish", "--rehearsal", "--force")
    check_equal(sequences(vendor), [2, 1])
    for channel in "public", "rehearsal":
        vendor.publish("check", "--channel", channel)
    vendor.publish("bundle", "--base", "desktop", "carried.suture")


@test
def a_rehearsal_leaves_drafts_and_fixes_alone():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.publish("publish", "--rehearsal", *REHEARSAL)
    rehearsal, real = published(vendor, "rehearsal")[0], published(vendor)[0]
    check_equal(rehearsal["fixes"], real["fixes"])
    check_equal([image["sha256"] for image in rehearsal["images"]],
                [image["sha256"] for image in real["images"]])
    check(rehearsal["images"][0]["seal"] != real["images"][0]["seal"], "a seal names its sequence")
    vendor.publish("publish")  # the draft is still there
    check_equal(sequences(vendor), [3, 1])


@test_in_mount_namespace
def a_device_takes_its_channel():
    vendor = Vendor()
    improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
    with Server(vendor.repository) as server:
        device, beta = Device(server.url), beta_device(server)
        device.agent(expect=2)
        beta.agent()
        check_equal((device.label(), beta.label(), beta.lib()), (VERSION, SHOWN_A, NEW_TLS))
        check_equal(beta.json("status")["channel"], "rehearsal")
        vendor.publish("promote", LABEL_A)
        blobs = len(server.of("/blobs/"))
        device.agent()
        beta.agent(expect=2)
        check_equal((device.label(), device.lib()), (SHOWN_A, NEW_TLS))
        # back among all, with the same letter: nothing is to be done
        beta.configure(server.url)
        beta.agent(expect=2)
        check_equal(beta.label(), SHOWN_A)
        vendor.publish("withdraw", LABEL_A, "--level", "revert", "--reason", "x")
        beta.configure(server.url, "channel = rehearsal")
        for each in device, beta:
            each.agent()
            check_equal((each.label(), each.lib()), (VERSION, OLD_TLS))


@test_in_mount_namespace
def a_rehearsal_on_a_device():
    vendor = Vendor()
    vendor.publish("publish", "--rehearsal", *REHEARSAL)
    with Server(vendor.repository) as server:
        device, other = beta_device(server), Device(server.url)
        state = device.state()
        check(f"{SHOWN_A} is available: A rehearsal" in device.suture("check").stdout)
        check("nothing was changed" in device.suture("install", "--dry-run").stdout)
        done = device.suture("install", "--json")
        installed = json.loads(done.stdout)
        check_equal((installed["label"], installed["generation"], installed["grafted"]),
                    (SHOWN_A, 0, True))
        check_equal(device.state(), state)  # nothing is grafted, and nothing is kept
        status = device.json("status")
        check_equal((status["label"], status["sequence"], status["selected"], status["fixes"],
                     status["offer"], status["activation"]["mounted"]),
                    (SHOWN_A, 1, 1, [], {"state": "none"}, 0))
        text = device.suture("status").stdout
        for words in f"Applied: {SHOWN_A}, which brings nothing", "suture remove":
            check(words in text, text)
        check_equal([(entry["event"], entry["sequence"])
                     for entry in device.json("history")["history"]],
                    [("deactivated", 0), ("installed", 1)])
        device.agent(expect=2)
        other.agent(expect=2)
        check_equal(device.json("exposure")["exposed"], 0)
        device.suture("files", expect=2)
        run("suture-activate", "--root", device.root, "apply")  # a restart
        check_equal(device.label(), SHOWN_A)
        # the owner's way back
        device.suture("remove")
        check_equal((device.label(), device.json("status")["removed"]), (VERSION, 1))
        check_equal(device.json("status")["offer"]["state"], "removed-by-owner")
        device.agent(expect=2)
        device.suture("remove", expect=2)
        device.suture("install")
        check_equal(device.label(), SHOWN_A)
        # the vendor's
        vendor.publish("withdraw", LABEL_A, "--level", "revert", "--reason", "it was a test")
        check(f"withdrew {SHOWN_A}: it was a test" in device.agent().stderr)
        check_equal(device.label(), VERSION)
        device.agent(expect=2)


@test_in_mount_namespace
def a_rehearsal_troubles_no_service():
    vendor = Vendor()
    vendor.publish("publish", "--rehearsal", *REHEARSAL)
    with Server(vendor.repository) as server, ServiceManager({}) as manager:
        device = beta_device(server)
        for more in ["--dry-run"], []:
            told = device.json("--bus", manager.address, "install", *more)
            exposed = (told["impact"] or {"exposed": 0})["exposed"]
            check_equal((told["label"], told["trial"], exposed, "problem" in told),
                        (SHOWN_A, None, 0, False), more)
        check_equal(manager.jobs(), [])
        check_equal(device.label(), SHOWN_A)


@test_in_mount_namespace
def from_a_rehearsal_to_the_real_thing_and_back():
    vendor = Vendor()
    vendor.publish("publish", "--rehearsal", *REHEARSAL)
    with Server(vendor.repository) as server:
        device = beta_device(server)
        device.agent()
        improve(vendor, "tls", {LIB: NEW_TLS}, *REHEARSAL)
        device.agent()
        check_equal((device.label(), device.lib()), (SHOWN_B, NEW_TLS))
        vendor.publish("promote", LABEL_B)
        check_equal(sequences(vendor), [2])
        vendor.publish("withdraw", LABEL_B, "--level", "revert", "--reason", "x")
        device.agent()  # (a) is what is left: nothing
        check_equal((device.label(), device.lib()), (SHOWN_A, OLD_TLS))
        device.agent(expect=2)


@test_in_mount_namespace
def a_rehearsal_with_a_fix_installed_keeps_the_fix():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.agent()
        vendor.publish("publish", "--rehearsal", *REHEARSAL)
        device.configure(server.url, "channel = rehearsal")
        device.agent()
        check_equal((device.label(), device.lib()), (SHOWN_B, NEW_TLS))
        check_equal(len(server.of("/blobs/")), 1)  # which was there already
        device.suture("remove")
        check_equal((device.label(), device.lib()), (VERSION, OLD_TLS))


@test_in_mount_namespace
def a_damaged_note_is_no_rehearsal():
    vendor = Vendor()
    vendor.publish("publish", "--rehearsal", *REHEARSAL)
    with Server(vendor.repository) as server:
        device = beta_device(server)
        device.suture("install")
        write(device.store("rehearsed"), "junk\n")
        check_equal(device.label(), VERSION)
        device.agent()
        check_equal(device.label(), SHOWN_A)


main()
