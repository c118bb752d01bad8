# SPDX-License-Identifier: Apache-2.0
"""suture status while an improvement has to prove itself, and after it did not."""
import calendar
import fcntl
import time

from machine import *

UMOUNT = "/usr/bin/umount"


def boot(device):
    cut_power(device)
    run("suture-activate", "--root", device.root, "apply", "--placement", "late")


@test_in_mount_namespace
def a_trial_is_shown_with_its_end():
    with machine({"a.service": {}}) as (vendor, manager, device):
        device.configure(vendor.url, "[trial]\nwindow = 500\nboot-window = 77\n")
        check_equal((device.json("status")["trial"], device.json("status")["reverted"]), (None, None))
        start_user(manager, device, "a.service")
        device.suture("install")
        trial = device.json("status")["trial"]
        check_equal((trial["generation"], trial["label"], trial["before"], trial["state"], trial["units"]),
                    (1, LABEL_A, VERSION, "running", 1))
        check(300 < trial["seconds_left"] <= 500, trial)
        until = calendar.timegm(time.strptime(trial["until"], "%Y-%m-%dT%H:%M:%SZ"))
        check(300 < until - time.time() < 505, trial)
        has(device.suture("status").stdout, f"Applied: {LABEL_A}", "Trial: until ",
            "more seconds; 1 service is watched, and what fails leads back to 26.3.1\n")
        kill_guards(device)
        run("suture-activate", "--root", device.root, "settle")
        check_equal(device.json("status")["trial"], None)
        check("Trial:" not in device.suture("status").stdout)


@test_in_mount_namespace
def what_is_just_being_installed_waits_for_no_restart():
    with machine({"a.service": {}}) as (vendor, manager, device):
        device.suture("install")
        run(UMOUNT, device.path(TLS))  # selected and not mounted, as between the steps of a switch
        with open(device.store("lock"), "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(b"installing")
            lock.flush()
            status = device.json("status")
            check_equal((status["state"], status["restart_needed"]), ("installing", "none"))
            lock.seek(0)
            lock.write(b"checking\0\0")
            lock.flush()
            check_equal(device.json("status")["restart_needed"], "soft-reboot")


@test_in_mount_namespace
def a_revert_is_shown_with_its_reason():
    with machine({"a.service": {}}, config="") as (vendor, manager, device):
        device.suture("install")
        kill_guards(device)
        run("suture-activate", "--root", device.root, "settle")
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("install")
        has(device.suture("status").stdout, f"leads back to {LABEL_A}\n")
        run("suture-activate", "--root", device.root, "revert", "a.service failed: it ended with 127")
        status = device.json("status")
        check_equal((status["trial"], status["reverted"]["label"], status["reverted"]["why"],
                     status["label"]), (None, LABEL_B, "a.service failed: it ended with 127", LABEL_A))
        text = device.suture("status").stdout
        has(text, f"Applied: {LABEL_A}", f"Reverted: {LABEL_B} was taken off (20",
            " UTC): a.service failed: it ended with 127\n")
        check("Reason:" not in text, text)
        # until something else happens
        device.suture("remove")
        check_equal(device.json("status")["reverted"], None)


@test_in_mount_namespace
def a_boot_tries_once_and_says_why_it_went_back():
    with machine({"a.service": {}}, improve={"restart": "reboot"}) as (vendor, manager, device):
        device.suture("install")
        trial = device.json("status")["trial"]
        check_equal((trial["state"], "until" in trial), ("waits", False))
        has(device.suture("status").stdout, f"Staged: {LABEL_A}", f"Trial: {LABEL_A} is tried at the next restart",
            f"leads back to {VERSION}\n")
        boot(device)
        trial = device.json("status")["trial"]
        check_equal((trial["state"], device.lib() == NEW_TLS), ("running", True))
        check(20 < trial["seconds_left"] <= 77, trial)
        boot(device)
        check_equal(device.lib(), OLD_TLS)
        has(device.suture("status").stdout, "Applied: nothing", f"Reverted: {LABEL_A} was taken off",
            "it did not prove itself before the machine went down")
        check_equal(device.json("status")["trial"], None)


@test_in_mount_namespace
def a_revert_on_another_base_is_no_news():
    with machine({"a.service": {}}) as (vendor, manager, device):
        device.suture("install")
        run("suture-activate", "--root", device.root, "revert", "it broke")
        check(device.json("status")["reverted"])
        write(device.path("usr/lib/os-release"), OS_RELEASE.replace("26.3.1", "26.3.9"))
        check_equal(device.json("status")["reverted"], None)
        check("Reverted" not in device.suture("status").stdout)


@test_in_mount_namespace
def what_was_damaged_is_shown_as_owed():
    with machine({}) as (vendor, manager, device):
        device.suture("install", bus=False)
        device.configure("http://127.0.0.1:1/")
        for name in device.images():
            flip_byte(device.store("images", name))
        device.agent(expect=1)
        check_equal(device.json("status")["owed"], {"sequence": 1, "label": LABEL_A})
        has(device.suture("status").stdout, "Applied: nothing", f"Owed: {LABEL_A} was damaged on the disk")
        device.configure(vendor.url)
        device.agent()
        check_equal((device.json("status")["owed"], device.label()), (None, LABEL_A))


main()
