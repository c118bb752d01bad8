# SPDX-License-Identifier: Apache-2.0
"""What suture and sutured do with an offer: roll-outs, withdrawals, and what waits for a restart or for its
users."""
import subprocess
import time

from owner import *


@test_in_mount_namespace
def no_improvement_is_no_mystery():
    with World(improve=False) as (vendor, server, device):
        has(device.suture("install", expect=2).stderr, f"no improvement is offered for {VERSION}")
        check_equal(device.suture("check", expect=2).stdout, "Up to date: nothing newer is offered.\n")
        has(device.agent(expect=2).stderr, "no improvement is offered")
        has(device.suture("exposure").stdout, "No improvement is known")
        check_equal(offer_of(device)["state"], "none")


def roll_out(vendor, rollout):
    vendor.edit_index(lambda index: index["improvements"][0].update(rollout=rollout))


@test_in_mount_namespace
def reasons_for_waiting_are_told():
    with World() as (vendor, server, device):
        now = time_text(time.time() - 10)
        for rollout, state, words in (
                ({"start": now, "ramp": [{"hours": 0, "percent": 0}]}, "waits-for-rollout",
                 "this machine's turn has not come"),
                ({"start": time_text(time.time() + 3600)}, "waits-for-rollout", "has not come"),
                ({"start": now, "hold": True}, "on-hold", "holds the roll-out")):
            roll_out(vendor, rollout)
            one_line_error(device.agent(expect=5), words)
            device.refuses(words, expect=5)  # by hand, too: the percent is a true cap
            check_equal(offer_of(device)["state"], state)
            has(device.suture("status").stdout, f"Offered: {LABEL_A}", words)
            has(device.suture("check", expect=2).stdout, words)
        roll_out(vendor, {"start": now})
        vendor.edit_index(lambda index: index["improvements"][0].update(requires=["warp-drive"]))
        one_line_error(device.agent(expect=5), "needs a newer system", "warp-drive")
        check_equal(offer_of(device)["state"], "needs-newer-base")
        has(device.suture("status").stdout, "warp-drive")
        vendor.edit_index(lambda index: index["improvements"][0].update(requires=["erofs"]))
        device.agent()
        check_equal(device.label(), LABEL_A)


@test_in_mount_namespace
def a_requirement_blocks_no_other_improvement():
    with World() as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        vendor.edit_index(lambda index: index["improvements"][0].update(requires=["warp-drive"]))
        device.agent()
        check_equal(device.label(), LABEL_A)
        has(device.suture("status").stdout, f"Offered: {LABEL_B}", "warp-drive")


@test_in_mount_namespace
def a_machine_keeps_its_place_in_the_queue():
    with World() as (vendor, server, device):
        roll_out(vendor, {"start": time_text(time.time() - 10),
                          "ramp": [{"hours": 0, "percent": 50}]})
        states = set()
        for number in range(16):
            write(device.path("etc/machine-id"), f"{number:032x}\n")
            first = device.json("check", expect=None)["offer"]["state"]
            check_equal(offer_of(device)["state"], first)
            states.add(first)
        check_equal(states, {"available", "waits-for-rollout"})


@test_in_mount_namespace
def withdrawals_are_obeyed_by_their_level():
    with World() as (vendor, server, device):
        device.agent()
        vendor.withdraw(1, "advise")
        device.agent(expect=2)
        check_equal(device.label(), LABEL_A)
        status = device.json("status")
        check_equal((status["withdrawn"]["level"], status["withdrawn"]["reason"]),
                    ("advise", "it breaks printing"))
        has(device.suture("status").stdout, f"Withdrawn: the vendor withdrew {LABEL_A}",
            "breaks printing", "suture remove")
        vendor.edit_index(lambda index: index["withdrawals"][0].update(level="stop"))
        device.agent(expect=2)
        check_equal(device.label(), LABEL_A)
        vendor.edit_index(lambda index: index["withdrawals"][0].update(level="revert"))
        has(device.agent().stderr, f"withdrew {LABEL_A}: it breaks printing; this is {VERSION} again")
        check_equal(device.label(), VERSION)
        check(device.lib() == OLD_TLS)
        check("withdrawn" in events(device))
        device.agent(expect=2)
        device.suture("install", expect=2)
        check_equal(device.label(), VERSION)


@test_in_mount_namespace
def a_withdrawal_goes_back_to_the_one_before():
    with World() as (vendor, server, device):
        device.agent()
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.agent()
        vendor.withdraw(2, "revert")
        device.agent()
        check_equal(device.label(), LABEL_A)
        check(device.lib() == NEW_TLS)
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.agent()
        check_equal(device.label(), f"{VERSION} (c)")


@test_in_mount_namespace
def a_withdrawal_counts_even_where_its_successor_cannot_be_had():
    with World() as (vendor, server, device):
        device.agent()
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        for path in vendor.payloads().values():
            flip_byte(path)
        vendor.withdraw(1, "revert")
        device.agent(expect=6)
        check_equal(device.label(), VERSION)
        check(device.lib() == OLD_TLS)


@test_in_mount_namespace
def withdrawn_before_it_was_installed():
    for level in "advise", "stop", "revert":
        fresh_folder()
        with World() as (vendor, server, device):
            vendor.withdraw(1, level)
            device.agent(expect=2)
            device.suture("install", expect=2)
            check_equal(device.label(), VERSION)


@test_in_mount_namespace
def what_needs_a_restart_waits_for_it():
    with World(restart="reboot") as (vendor, server, device):
        has(device.agent().stderr, f"{LABEL_A} is staged", "next restart")
        check_equal(device.label(), VERSION)
        check(device.lib() == OLD_TLS)
        has(device.suture("status").stdout, f"Staged: {LABEL_A} becomes active at the next restart",
            "Applied: nothing")
        device.agent(expect=2)
        run("suture-activate", "--root", device.root, "apply")
        check_equal(device.label(), LABEL_A)
        check(device.lib() == NEW_TLS)
        check("Staged" not in device.suture("status").stdout)
        check_equal(events(device)[:2], ["selected", "staged"])


@test_in_mount_namespace
def what_is_staged_can_be_removed_and_stopped():
    with World(restart="reboot") as (vendor, server, device):
        has(device.suture("install").stdout, "staged", "next restart")
        device.suture("remove")
        run("suture-activate", "--root", device.root, "apply")
        check_equal(device.label(), VERSION)
        device.suture("install")
        vendor.withdraw(1, "stop")
        has(device.agent().stderr, "withdrew", "will not become active")
        run("suture-activate", "--root", device.root, "apply")
        check_equal(device.label(), VERSION)
        device.agent(expect=2)


@test_in_mount_namespace
def what_waits_for_a_restart_over_what_is_live():
    with World() as (vendor, server, device):
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot")
        has(device.suture("install").stdout, "staged")
        has(device.suture("status").stdout, f"Applied: {LABEL_A}", f"Staged: {LABEL_B}")
        device.agent(expect=2)  # which does not graft what waits
        check_equal(device.label(), LABEL_A)
        vendor.withdraw(2, "stop")
        has(device.agent().stderr, f"withdrew {LABEL_B}", "will not become active")
        run("suture-activate", "--root", device.root, "apply")
        check_equal(device.label(), LABEL_A)
        check_equal(read(device.path(XMLLIB)), OLD_XML)
        check("Staged" not in device.suture("status").stdout)


@test_in_mount_namespace
def what_is_stopped_goes_even_where_the_mounts_are_mixed():
    with World() as (vendor, server, device):
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.suture("install")
        vendor.withdraw(2, "stop")
        device.suture("check", expect=None)
        run("/usr/bin/umount", device.path(XML))
        check_equal(device.json("status")["activation"]["mounted"], "mixed")
        has(device.agent().stderr, f"withdrew {LABEL_B}")
        run("suture-activate", "--root", device.root, "apply")
        check_equal(device.label(), LABEL_A)


@test_in_mount_namespace
def parts_that_must_not_mix_wait_for_their_users():
    with World(mix="forbidden") as (vendor, server, device):
        mapper = subprocess.Popen([program("tests/mapper"), device.path(LIB)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        mapper.stdout.readline()
        done = device.suture("install", expect=5)
        one_line_error(done, "tls is in use", str(mapper.pid))
        check_equal(device.label(), VERSION)
        check(device.lib() == OLD_TLS)
        mapper.stdin.close()
        mapper.wait()
        device.suture("install")
        check_equal(device.label(), LABEL_A)


main()
