# SPDX-License-Identifier: Apache-2.0
"""What an installation means for the services of a machine: who is restarted, who is watched, and how
the machine takes what cannot be had while it runs. The service manager answers like systemd."""
import os
import subprocess
import time

from machine import *

@test_in_mount_namespace
def who_used_the_component_is_restarted_and_watched():
    with machine({"a.service": {"properties": {"After": ["b.service"]}}, "b.service": {},
                  "other.service": {}, "sick.service": {"properties": {"ActiveState": "activating",
                                                                       "SubState": "auto-restart"}},
                  "session-1.scope": {"properties": {"Slice": "user-1000.slice"}}}) as \
            (vendor, manager, device):
        for unit in "a.service", "b.service", "sick.service", "session-1.scope":
            start_user(manager, device, unit)
        manager.start("other.service")
        installed = device.json("install")
        check_equal(device.asked("switch"), [trial_options("a.service", "b.service")])
        check_equal(manager.jobs()[-1], "TryRestartUnit a.service")
        check_equal(sorted(manager.jobs()), ["TryRestartUnit a.service", "TryRestartUnit b.service",
                                             "TryRestartUnit sick.service"])
        impact = installed["impact"]
        check_equal((impact["exposed"], impact["left"]), (4, 1))
        check_equal({unit["unit"]: unit["action"] for unit in impact["restarts"]["units"]},
                    {"a.service": "restart", "b.service": "restart", "sick.service": "restart",
                     "session-1.scope": "session"})
        check_equal(installed["trial"], {"seconds": WINDOW, "units": 2})
        check_equal((installed["scope"], installed["grafted"], installed["restarting"]),
                    ("services", True, None))


@test_in_mount_namespace
def a_dry_run_tells_and_changes_nothing():
    with machine({"a.service": {}, "b.service": {},
                  "session-1.scope": {"properties": {"Slice": "user-1000.slice"}}}) as \
            (vendor, manager, device):
        for unit in manager.world["units"]:
            start_user(manager, device, unit)
        text = device.suture("install", "--dry-run").stdout
        for words in (f"{LABEL_A} is downloaded, and nothing was changed.", "while the system runs",
                      "3 processes run replaced code.\n", "Would restart: a, b\n",
                      "Still runs it: session-1.scope: user 1000 has to log out and in again\n"):
            check(words in text, text)
        preview = device.json("install", "--dry-run")
        check_equal((preview["dry_run"], preview["grafted"], preview["impact"]["exposed"]),
                    (True, False, 3))
        check_equal((device.lib(), manager.jobs(), device.asked("switch")), (OLD_TLS, [], []))
        check(not os.path.lexists(device.store("current")), "something was selected")
        check_equal(device.json("install")["grafted"], True)


@test_in_mount_namespace
def failures_are_told_and_the_improvement_stays():
    with machine({"a.service": {}, "b.service": {}}) as (vendor, manager, device):
        for unit in manager.world["units"]:
            start_user(manager, device, unit)
        manager.set_job("a.service", result="failed")
        text = device.suture("install").stdout
        for words in (f"Installed {LABEL_A}", "Restarted: b\n", "Failed: a\n",
                      f"on trial for {WINDOW} seconds, with 2 services watched"):
            check(words in text, text)
        check_equal(device.lib(), NEW_TLS)


@test_in_mount_namespace
def the_owner_decides_what_is_restarted():
    config = "[restart]\nprotect = a.*\n"
    with machine({"a.service": {}, "b.service": {}}, config=config) as (vendor, manager, device):
        for unit in manager.world["units"]:
            start_user(manager, device, unit)
        text = device.suture("install").stdout
        check("Restarted: b\n" in text and "Still runs it: a.service: it is protected" in text, text)
        check_equal(manager.jobs(), ["TryRestartUnit b.service"])
        check_equal(device.asked("switch"), [trial_options("a.service", "b.service")])
    fresh_folder()
    config = "[restart]\nautomatic = off\n"
    with machine({"a.service": {}}, config=config) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        text = device.suture("install").stdout
        check("Would restart: a\n" in text and "1 process runs replaced code.\n" in text, text)
        check_equal(manager.jobs(), [])


@test_in_mount_namespace
def what_holds_out_settles():
    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        device.suture("install")
        check(os.path.exists(device.store("trial")), "no trial")
        wait_for(lambda: not os.path.exists(device.store("trial")), "the trial does not end")
        check("settled" in events(device) and "reverted" not in events(device), events(device))
        check_equal((device.label(), device.lib()), (LABEL_A, NEW_TLS))


@test_in_mount_namespace
def what_does_harm_is_taken_off_and_its_users_come_back():
    with machine({"a.service": {}, "b.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        device.suture("install")
        start_user(manager, device, "b.service")  # runs the new one
        done = len(manager.jobs())
        start = time.monotonic()
        manager.set("a.service", ActiveState="failed", Result="exit-code", ExecMainCode=1,
                    ExecMainStatus=127)
        wait_for(lambda: device.lib() == OLD_TLS, "the base does not come back")
        taken = time.monotonic() - start
        print(f"# off {taken:.1f} s after the failure", flush=True)
        check(taken < 15, taken)
        wait_for(lambda: len(manager.jobs()) == done + 2, manager.jobs())
        check_equal(manager.jobs()[done:], ["RestartUnit a.service", "TryRestartUnit b.service"])
        [entry] = [e for e in device.json("history")["history"] if e["event"] == "reverted"]
        check("a.service failed: its program ended with 127" in entry["text"], entry)
        check_equal(device.label(), VERSION)
        one_line_error(device.suture("install", expect=5), "failed on this machine before",
                       "a.service failed: its program ended with 127")
        check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def the_agent_does_the_same():
    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        told = device.agent().stderr
        check("1 processes ran replaced code, and 0 still do" in told, told)
        check_equal(manager.jobs(), ["TryRestartUnit a.service"])
        check_equal(device.asked("switch"), [trial_options("a.service")])


@test_in_mount_namespace
def another_root_has_no_services_and_no_trial():
    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        done = device.suture("install", bus=False).stdout
        check("'suture exposure' lists them" in done and "trial" not in done, done)
        check_equal(device.asked("switch"), [[]])
        check_equal(manager.jobs(), [])


@test_in_mount_namespace
def what_takes_a_restart_gets_one_when_asked():
    for scope, soft, way in (("session", True, "soft-reboot"), ("soft-reboot", True, "soft-reboot"),
                             ("soft-reboot", False, "reboot"), ("reboot", True, "reboot")):
        fresh_folder()
        units = {"reboot.target": {}, **({"soft-reboot.target": {}} if soft else {})}
        with machine({"a.service": {}, **units}, improve={"restart": scope}) as \
                (vendor, manager, device):
            start_user(manager, device, "a.service")
            text = device.suture("install", "--dry-run").stdout
            check(f"takes a restart ({scope})" in text and "Still runs it: a.service: " in text, text)
            text = device.suture("install").stdout
            check(f"It takes a restart ({scope}); 'suture install --restart'" in text, text)
            check_equal(device.asked("select"), [trial_options("a.service")])
            check_equal(manager.jobs(), [])
            # nothing is new any more, and a restart is still owed
            restarted = device.json("install", "--restart")
            check_equal((restarted["restarting"], restarted["sequence"]), (way, 1))
            check_equal(manager.jobs(), [f"StartUnit {way}.target"])
            check("restarts now" in device.suture("install", "--restart").stdout)
            check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def a_restart_is_not_made_without_need_or_power():
    with machine({"reboot.target": {}}) as (vendor, manager, device):
        check_equal(device.json("install", "--restart")["restarting"], None)
        device.suture("install", "--restart", expect=2)
        check_equal(manager.jobs(), [])
    fresh_folder()
    with machine({}, improve={"restart": "reboot"}) as (vendor, manager, device):
        done = device.suture("install", "--restart", bus=False, expect=1)
        one_line_error(done, "not this machine's own root")
        one_line_error(device.suture("install", "--restart", expect=3), "reboot.target not found")


@test_in_mount_namespace
def an_older_one_can_be_had_and_the_newer_stays_off():
    with machine({}, improve_all=({LIB: NEW_TLS}, {LIB: NEWER_TLS})) as (vendor, manager, device):
        device.suture("install")
        check_equal(device.label(), LABEL_B)
        stepped = device.json("install", "--sequence", "1")
        check_equal((stepped["label"], stepped["grafted"], device.lib() == NEW_TLS),
                    (LABEL_A, True, True))
        check_equal(device.json("status")["removed"], 2)
        device.agent(expect=2)
        check_equal(device.label(), LABEL_A)
        one_line_error(device.suture("install", "--sequence", "1", expect=2), "installed already")
        one_line_error(device.suture("install", "--sequence", "3", expect=3), "the repository has no")
        # by hand it may come back, and what is newer still comes by itself
        device.suture("install")
        check_equal((device.label(), device.json("status")["removed"]), (LABEL_B, 0))
        device.suture("install", "--sequence", "1")
        vendor.improve({"tls": {LIB: changed(OLD_TLS, 5000)}})
        device.agent()
        check_equal(device.label(), f"{VERSION} (c)")


@test_in_mount_namespace
def an_older_one_after_a_removal_is_what_is_wished():
    with machine({}, improve_all=({LIB: NEW_TLS}, {LIB: NEWER_TLS})) as (vendor, manager, device):
        device.suture("install")
        device.suture("remove")
        device.suture("install", "--sequence", "1")
        check_equal(device.json("status")["removed"], 2)
        device.agent(expect=2)
        check_equal(device.label(), LABEL_A)
        device.suture("install", "--sequence", "2")
        check_equal((device.label(), device.json("status")["removed"]), (LABEL_B, 0))


@test_in_mount_namespace
def a_removal_does_not_wait_for_services():
    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        manager.set_job("a.service", result="never")
        device.configure(vendor.url, "[trial]\nwindow = 120\n")
        process = subprocess.Popen(
            [os.path.join(device.programs, "suture"), "--root", device.root, "--bus",
             manager.address, "install"], stdout=subprocess.DEVNULL)
        wait_for(lambda: manager.jobs(), "nothing is restarted")
        manager.set_job("a.service", result="done")
        device.suture("remove")
        check_equal(device.lib(), OLD_TLS)
        check(process.poll() is None, "the restarts did not take long")
        process.kill()
        process.wait()


@test_in_mount_namespace
def what_was_withdrawn_or_is_not_offered_is_not_to_be_had():
    with machine({}, improve_all=({LIB: NEW_TLS}, {LIB: NEWER_TLS})) as (vendor, manager, device):
        device.suture("install")
        vendor.withdraw(1, "stop", "it breaks printing")
        one_line_error(device.suture("install", "--sequence", "1", expect=3),
                       "the vendor withdrew", "it breaks printing")
        check_equal(device.label(), LABEL_B)
    fresh_folder()
    with machine({}) as (vendor, manager, device):
        device.suture("install", "--sequence", "1")
        check_equal((device.label(), device.json("status")["removed"]), (LABEL_A, 0))


main()
