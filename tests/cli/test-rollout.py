# SPDX-License-Identifier: Apache-2.0
"""How far a published improvement reaches: ramps, lanes, hold, resume, complete."""
import json
import os
import shutil
import time

from tap import *
from world import *

LABEL, SHOWN = f"{VERSION}-a", f"{VERSION} (a)"
HOUR = 3600
NOW = int(time.time())


def at(hours):
    """The environment of a vendor whose clock shows so many hours from now."""
    return {"env": {"SOURCE_DATE_EPOCH": str(NOW + hours * HOUR)}}


def json_of(vendor, *args, **options):
    value = json.loads(vendor.publish(*args, "--json", **options).stdout)
    check_equal(value["schema"], 1, "schema")
    return value


def refused(vendor, *args, words, expect=1, **options):
    before = json.dumps(vendor.index())
    one_line_error(vendor.publish(*args, expect=expect, **options), *words)
    check_equal(json.dumps(vendor.index()), before, "the index after a refusal")


def drafted(urgency="high"):
    vendor = Vendor()
    vendor.create("tls", {LIB: NEW_TLS})
    if urgency != "high":
        fixes = json.loads(read("fixes.json"))
        write("fixes.json", json.dumps({**fixes, "urgency": urgency}))
        vendor.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                       "--component", "tls", "--base", "desktop=new-1")
    return vendor


def lanes(*lanes):
    write("repository.work/rollout.json", json.dumps({"schema": 1, "lanes": lanes}))


def steps(*pairs):
    return [{"hours": hours, "percent": percent} for hours, percent in pairs]


def rollout_of(vendor, channel="public"):
    return vendor.index(channel)["improvements"][0]["rollout"]


@test
def a_ramp_is_published_and_told():
    vendor = drafted()
    told, = json_of(vendor, "publish", "--ramp", "0:1,24:10,72:100", **at(0))["published"]
    ramp = steps((0, 1), (24, 10), (72, 100))
    check_equal(told["rollout"], {"start": time_text(NOW), "ramp": ramp, "hold": False, "percent": 1})
    check_equal((told["channel"], told["unfixed"]), ("public", []))
    check_equal(rollout_of(vendor), {"start": time_text(NOW), "ramp": ramp})
    vendor.create("xml", {XMLLIB: NEW_XML})
    start = time_text(NOW + 5 * HOUR)
    out = vendor.publish("publish", "--ramp", "1:5", "--start", start, **at(0)).stdout
    check_equal(out, f"Published {VERSION} (b) for base desktop ({BASE_KEY}): "
                     f"5 % after 1 hours from {start}\n")
    check_equal(rollout_of(vendor), {"start": start, "ramp": steps((1, 5))})


@test
def without_a_ramp_it_is_for_all_at_once():
    vendor = drafted()
    check(f": 100 % from {time_text(NOW)}" in vendor.publish("publish", **at(0)).stdout)
    check_equal(rollout_of(vendor), {"start": time_text(NOW)})


@test
def ramps_that_make_no_sense():
    vendor = drafted()
    for ramp in ("", "1", "0:1,", "0:101", "a:1", "0:-1", "9000:1", "0:1;2:3", " 0:1", "0:1.5",
                 ",".join(f"{i}:1" for i in range(33))):
        refused(vendor, "publish", "--ramp", ramp, words=["--ramp", "0:1,24:10,72:100"])
    for ramp in "0:1,0:2", "24:1,2:3", "0:10,24:5":
        refused(vendor, "publish", "--ramp", ramp, words=["must ascend"])
    refused(vendor, "publish", "--start", "tomorrow", words=["2026-11-22T06:00:00Z"])
    refused(vendor, "publish", "--start", time_text(NOW - 1), words=["is over"], **at(0))
    vendor.publish("publish", "--ramp", ",".join(f"{i}:{i}" for i in range(32)))


@test
def what_was_to_be_known_earlier_loses_no_step():
    vendor = drafted()
    fixes = json.loads(read("fixes.json"))
    write("fixes.json", json.dumps({**fixes, "released": time_text(NOW - 50 * HOUR)}))
    vendor.publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", "tls", "--base", "desktop=new-1")
    vendor.publish("publish", "--ramp", "0:1,24:100", **at(0))
    check_equal(vendor.index()["improvements"][0]["published"], time_text(NOW - 50 * HOUR))
    check_equal(rollout_of(vendor)["start"], time_text(NOW))


@test
def the_lane_of_an_urgency():
    slow = {"urgency": "high", "ramp": steps((0, 1), (48, 100))}
    for urgency, more, expected in (
            ("high", [], slow["ramp"]), ("critical", [], None), ("low", [], None),
            ("critical", [{"urgency": "critical", "ramp": steps((0, 50))}], steps((0, 50))),
            ("high", [{"channel": "rehearsal", "urgency": "high", "ramp": steps((0, 7))}],
             slow["ramp"])):
        fresh_folder()
        vendor = drafted(urgency)
        lanes(slow, *more)
        vendor.publish("publish", **at(0))
        check_equal(rollout_of(vendor).get("ramp"), expected, urgency)
    # the command line counts more, and another channel has lanes of its own
    fresh_folder()
    vendor = drafted()
    lanes(slow, {"channel": "rehearsal", "urgency": "high", "ramp": steps((0, 7))})
    vendor.publish("publish", "--channel", "rehearsal", **at(0))
    check_equal(rollout_of(vendor, "rehearsal")["ramp"], steps((0, 7)))
    vendor.publish("promote", LABEL, "--ramp", "0:100", **at(0))
    check_equal(rollout_of(vendor)["ramp"], steps((0, 100)))


@test
def the_sample_is_read():
    vendor = drafted()
    shutil.copy(os.path.join(SOURCE, "examples/rollout.json"), "repository.work/rollout.json")
    vendor.publish("publish")
    check_equal(rollout_of(vendor)["ramp"], steps((0, 5), (12, 100)))


@test
def lanes_that_cannot_be_read():
    vendor = drafted()
    for text, words in (
            ("{", ["rollout.json"]), ('{"schema": 2, "lanes": []}', ["schema"]),
            ('{"schema": 1, "lanes": [], "more": 1}', ["more"]),
            ('{"schema": 1, "lanes": [{"urgency": "mild", "ramp": []}]}', ["urgency"]),
            ('{"schema": 1, "lanes": [{"urgency": "low"}]}', ["ramp", "missing"]),
            ('{"schema": 1, "lanes": [{"urgency": "low", "channel": "../x", "ramp": []}]}',
             ["channel"])):
        write("repository.work/rollout.json", text)
        refused(vendor, "publish", words=words, expect=6)
    # a lane that is not needed today is looked at, too
    lanes({"urgency": "low", "ramp": steps((5, 1), (4, 2))})
    refused(vendor, "publish", words=["urgency low", "does not ascend"], expect=6)
    lanes({"urgency": "low", "ramp": []}, {"channel": "public", "urgency": "low", "ramp": []})
    refused(vendor, "publish", words=["urgency low", "twice"], expect=6)


@test
def a_hold_stops_the_clock():
    vendor = drafted()
    vendor.publish("publish", "--ramp", "0:1,24:10,72:100", **at(-100))
    vendor.publish("hold", LABEL, **at(-75))
    held = vendor.index()
    check_equal(held["improvements"][0]["rollout"]["hold"], True)
    check_equal(held["issued"], time_text(NOW - 75 * HOUR))
    vendor.publish("resign", **at(-10))
    told = json_of(vendor, "resume", LABEL, **at(0))
    entry, = told["improvements"]
    check_equal((told["verb"], entry["base"], entry["base_key"], entry["sequence"], entry["label"],
                 entry["machine_label"], entry["channel"]),
                ("resume", "desktop", BASE_KEY, 1, SHOWN, LABEL, "public"))
    # 25 hours had passed when it was stopped, and 25 have now
    check_equal((entry["rollout"]["start"], entry["rollout"]["percent"]),
                (time_text(NOW - 25 * HOUR), 10))
    check_equal(rollout_of(vendor), {"start": time_text(NOW - 25 * HOUR),
                                     "ramp": steps((0, 1), (24, 10), (72, 100))})
    check("optional" not in vendor.index()["improvements"][0], "nothing of the hold is left")
    # a second hold is added to the first
    vendor.publish("hold", LABEL, **at(10))
    vendor.publish("resume", LABEL, **at(20))
    check_equal(rollout_of(vendor)["start"], time_text(NOW - 15 * HOUR))


@test
def a_hold_outlasts_other_changes():
    """Its beginning is its own, whatever is signed meanwhile."""
    vendor = drafted()
    vendor.publish("publish", "--ramp", "0:1,24:100", **at(-100))
    vendor.publish("hold", LABEL, **at(-90))
    vendor.create("xml", {XMLLIB: NEW_XML})
    vendor.publish("publish", **at(-50))
    vendor.publish("resume", LABEL, **at(0))
    older = vendor.index()["improvements"][1]
    check_equal(older["rollout"]["start"], time_text(NOW - 10 * HOUR))


@test
def complete_is_for_everybody():
    vendor = drafted()
    vendor.publish("publish", "--ramp", "0:1", "--start", time_text(NOW + 9 * HOUR), **at(0))
    check_equal(vendor.publish("complete", LABEL, **at(1)).stdout,
                f"Complete: {SHOWN} for base desktop is for everybody\n")
    check_equal(rollout_of(vendor), {"start": time_text(NOW + HOUR)})


@test
def nonsense_is_refused_with_a_sentence():
    vendor = drafted()
    for verb in "hold", "resume", "complete":
        refused(vendor, verb, LABEL, words=["lists no", SHOWN], expect=3)
    vendor.publish("publish", "--ramp", "0:1")
    for verb in "hold", "resume", "complete":
        for label in "a", "26.3.1", "26.3.1-", "26.3.1-1", "26.3.1 (a)", "26.3.1-A":
            refused(vendor, verb, label, words=[label, "no label"])
        refused(vendor, verb, "27.0-a", words=["no registered base", "27.0"], expect=3)
        refused(vendor, verb, f"{VERSION}-b", words=["lists no", "(b)"], expect=3)
        refused(vendor, verb, LABEL, "--base", "tablet", words=["tablet"], expect=3)
        refused(vendor, verb, LABEL, "--channel", "beta", words=["beta", "lists no"], expect=3)
        vendor.publish(verb, expect=64)
    refused(vendor, "hold", LABEL, f"{VERSION}-b", words=["lists no"], expect=3)  # and (a) neither
    refused(vendor, "resume", LABEL, words=["not on hold"], expect=2)
    check_equal(vendor.publish("hold", LABEL).stdout,
                f"On hold: {SHOWN} for base desktop; nobody more is let in\n")
    refused(vendor, "hold", LABEL, words=["on hold already"], expect=2)
    refused(vendor, "complete", LABEL, words=["on hold", "resume it first"], expect=5)
    vendor.publish("resume", LABEL)
    vendor.publish("complete", LABEL)
    refused(vendor, "complete", LABEL, words=["for everybody already"], expect=2)
    vendor.publish("withdraw", LABEL, "--level", "advise", "--reason", "slow")
    for verb in "hold", "resume", "complete":
        refused(vendor, verb, LABEL, words=["withdrawn", "slow"])


@test
def the_same_commands_give_the_same_bytes():
    vendor, found = drafted(), []
    for name in "first", "second":
        for folder in "repository", "repository.work":
            shutil.copytree(folder, f"{name}/{folder}")
        vendor.repository = os.path.abspath(f"{name}/repository")
        for number, args in enumerate((["publish", "--ramp", "0:1,9:100"], ["hold", LABEL],
                                       ["resume", LABEL], ["complete", LABEL],
                                       ["withdraw", LABEL, "--level", "stop", "--reason", "x"])):
            vendor.publish(*args, **at(number))
        found.append({os.path.relpath(os.path.join(place, file), vendor.repository):
                      read(os.path.join(place, file))
                      for place, _, files in os.walk(vendor.repository) for file in files})
    check_equal(*found)


@test_in_mount_namespace
def a_device_sees_each_step_at_its_next_check():
    vendor = drafted()
    vendor.publish("publish", "--ramp", "0:0,48:100", **at(-100))
    with Server(vendor.repository) as server:
        early, device = Device(server.url, name="early"), Device(server.url)
        early.suture("install")  # 100 hours have passed
        vendor.publish("hold", LABEL, **at(-90))
        one_line_error(device.agent(expect=5), "holds the roll-out")
        check_equal(device.json("status")["offer"]["state"], "on-hold")
        early.agent(expect=2)
        check_equal(early.label(), SHOWN)  # who has it keeps it
        vendor.publish("resume", LABEL)
        one_line_error(device.agent(expect=5), "turn has not come")  # ten hours have passed
        check_equal(device.json("status")["offer"]["state"], "waits-for-rollout")
        check_equal(early.label(), SHOWN)
        vendor.publish("complete", LABEL)
        device.agent()
        check_equal((device.label(), early.label(), device.lib()), (SHOWN, SHOWN, NEW_TLS))


@test
def the_clock_of_a_ramp_does_not_wait_for_signatures():
    vendor = drafted()
    os.makedirs("away")
    shutil.copytree(keys_folder(), "keys")
    os.rename(f"keys/{vendor.base_role()}-1.pem", "away/key.pem")
    done = run("suture-publish", "-C", vendor.repository, "--keys", "keys", "publish", "--ramp",
               "0:1,24:100", expect=5, **at(0))
    one_line_error(done, f"counts from {time_text(NOW)}", "--start")
    run("suture-publish", "-C", vendor.repository, "--keys", "keys", "abandon")
    done = run("suture-publish", "-C", vendor.repository, "--keys", "keys", "publish", expect=5)
    check_equal(done.stderr, "")


main()
