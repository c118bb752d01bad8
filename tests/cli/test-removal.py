# SPDX-License-Identifier: Apache-2.0
"""What becomes of the services that run what was taken off: by the owner, by the vendor, because of
damage, or because an older improvement came in its place."""
import os
import subprocess

from machine import *

SESSION = {"session-1.scope": {"properties": {"Slice": "user-1000.slice"}}}


def installed(manager, device, *units):
    """Something is on and has settled; users of each unit run it."""
    device.suture("install")
    os.unlink(device.store("trial"))
    for unit in units:
        start_user(manager, device, unit)
    return len(manager.jobs())


@test_in_mount_namespace
def who_runs_what_the_owner_removed_is_restarted():
    with machine({"a.service": {"properties": {"After": ["b.service"]}}, "b.service": {},
                  "kept.service": {}, "base.service": {}, "other.service": {}, **SESSION},
                 config="[restart]\nprotect = kept.*\n") as (vendor, manager, device):
        done = installed(manager, device, "a.service", "b.service", "kept.service", "session-1.scope")
        manager.start("other.service")
        removed = device.json("remove")
        check_equal(manager.jobs()[done:], ["TryRestartUnit b.service", "TryRestartUnit a.service"])
        impact = removed["impact"]
        check_equal((impact["exposed"], impact["left"], removed["scope"], removed["dry_run"],
                     removed["label"]), (4, 2, "services", False, VERSION))
        check_equal({unit["unit"]: unit["action"] for unit in impact["restarts"]["units"]},
                    {"a.service": "restart", "b.service": "restart", "kept.service": "protected",
                     "session-1.scope": "session"})
        check("problem" not in removed, removed)
        # who runs the base runs what is wanted
        done = installed(manager, device, "a.service")
        device.suture("remove")
        start_user(manager, device, "base.service")
        device.suture("install")
        os.unlink(device.store("trial"))
        check_equal(manager.jobs()[done + 1:], ["TryRestartUnit base.service"])


@test_in_mount_namespace
def a_removal_is_told_to_people():
    with machine({"a.service": {}, **SESSION}) as (vendor, manager, device):
        installed(manager, device, "a.service", "session-1.scope")
        has(device.suture("remove").stdout, f"This is {VERSION} again", "stays off",
            "2 processes run what was removed; after the restarts 1.\n", "Restarted: a\n",
            "Still runs it: session-1.scope: user 1000 has to log out and in again\n")
        device.suture("install")
        has(device.suture("remove", bus=False).stdout, f"This is {VERSION} again",
            "Programs that already run keep what was removed until they are restarted.\n")


@test_in_mount_namespace
def a_dry_run_of_a_removal_tells_and_changes_nothing():
    with machine({"a.service": {}, "new.service": {}, "base.service": {}, **SESSION}) as \
            (vendor, manager, device):
        one_line_error(device.suture("remove", "--dry-run", expect=2), "no improvement to remove")
        start_user(manager, device, "base.service")
        manager.set_job("base.service", result="failed")
        done = installed(manager, device, "a.service", "session-1.scope")
        with device.unchanged():
            text = device.suture("remove", "--dry-run").stdout
            preview = device.json("remove", "--dry-run")
        has(text, f"{LABEL_A} would be taken off, and nothing was changed.\n",
            "2 processes run what would be removed.\n", "Would restart: a\n",
            "Still runs it: session-1.scope: user 1000 has to log out and in again\n")
        check_equal((preview["dry_run"], preview["label"], preview["impact"]["exposed"]),
                    (True, LABEL_A, 2))
        check_equal((manager.jobs()[done:], device.label(), device.lib() == NEW_TLS),
                    ([], LABEL_A, True))
        check_equal(device.json("status")["removed"], 0)


@test_in_mount_namespace
def the_owner_may_want_no_restarts():
    with machine({"a.service": {}}, config="[restart]\nautomatic = off\n") as \
            (vendor, manager, device):
        done = installed(manager, device, "a.service")
        has(device.suture("remove").stdout, "1 process runs what was removed.\n",
            "Would restart: a\n")
        check_equal((manager.jobs()[done:], device.lib() == OLD_TLS), ([], True))


@test_in_mount_namespace
def what_is_withdrawn_is_run_by_nobody_either():
    with machine({"a.service": {}, "kept.service": {}}, config="[restart]\nprotect = kept.*\n") as \
            (vendor, manager, device):
        done = installed(manager, device, "a.service", "kept.service")
        vendor.withdraw(1, "revert")
        has(device.agent().stderr, "withdrew", "2 processes ran what was taken off, and 1 still do",
            "kept.service still runs it: it is protected; restart it when it suits")
        check_equal((manager.jobs()[done:], device.lib() == OLD_TLS),
                    (["TryRestartUnit a.service"], True))


@test_in_mount_namespace
def what_is_damaged_and_cannot_be_had_is_run_by_nobody_either():
    with machine({"a.service": {}}) as (vendor, manager, device):
        done = installed(manager, device, "a.service")
        device.configure("http://127.0.0.1:1/")
        for name in device.images():
            flip_byte(device.store("images", name))
        has(device.agent(expect=1).stderr, "the image of tls is damaged",
            "1 processes ran what was taken off, and 0 still do")
        check_equal((manager.jobs()[done:], device.lib() == OLD_TLS),
                    (["TryRestartUnit a.service"], True))


@test_in_mount_namespace
def a_step_back_takes_off_what_only_the_newer_one_had():
    with machine({"tls.service": {}, "xml.service": {}}) as (vendor, manager, device):
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        done = installed(manager, device, "tls.service")
        pid = manager.start("xml.service", program("tests/mapper"), device.path(XMLLIB))
        check_equal(manager.processes[-1].stdout.readline(), b"mapped\n")
        ends_with_job(manager, "xml.service", pid)
        # (a) has the same tls as (b)
        stepped = device.json("install", "--sequence", "1")
        check_equal((stepped["label"], stepped["impact"]["exposed"], stepped["impact"]["left"]),
                    (LABEL_A, 1, 0))
        check_equal(manager.jobs()[done:], ["TryRestartUnit xml.service"])


@test_in_mount_namespace
def who_may_run_removed_scripts_is_restarted():
    with machine({"a.service": {}}, improve_all=()) as (vendor, manager, device):
        write("python", read(program("tests/mapper")) + b"python", 0o755)
        os.makedirs(device.path("usr/bin"), exist_ok=True)
        os.rename("python", device.path("usr/bin/python"))
        vendor.improve({"tls": {f"{TLS}/script.py": "print('fixed')\n"}}, hosts=["usr/bin/python"])
        device.suture("install")
        os.unlink(device.store("trial"))
        pid = manager.start("a.service", device.path("usr/bin/python"))
        check_equal(manager.processes[-1].stdout.readline(), b"mapped\n")
        ends_with_job(manager, "a.service", pid)
        impact = device.json("remove")["impact"]
        check_equal((impact["exposed"], impact["left"], manager.jobs()[-1:]),
                    (1, 0, ["TryRestartUnit a.service"]))


@test_in_mount_namespace
def a_removal_succeeds_whatever_becomes_of_services():
    with machine({"a.service": {}}) as (vendor, manager, device):
        installed(manager, device, "a.service")
        manager.set_job("a.service", result="failed")
        has(device.suture("remove").stdout, f"This is {VERSION} again", "Failed: a\n")
        check_equal(device.lib(), OLD_TLS)
        installed(manager, device)
        os.unlink(os.path.join(device.programs, "suture-restart"))
        done = device.suture("remove")
        has(done.stderr, "services were not restarted", "suture-restart")
        has(done.stdout, f"This is {VERSION} again")
        check_equal((device.lib() == OLD_TLS, device.label()), (True, VERSION))


@test_in_mount_namespace
def a_removal_is_told_before_services_are_looked_after():
    with machine({"a.service": {}}) as (vendor, manager, device):
        done = installed(manager, device, "a.service")
        manager.set_job("a.service", result="never")
        process = subprocess.Popen(
            [os.path.join(device.programs, "suture"), "--root", device.root, "--bus",
             manager.address, "remove"], stdout=subprocess.PIPE, text=True)
        has(process.stdout.readline(), f"This is {VERSION} again")
        check_equal(device.lib(), OLD_TLS)
        wait_for(lambda: len(manager.jobs()) > done, "nothing is restarted")
        check(process.poll() is None, "nobody waits for the restart")
        # the lock is free, so that the owner may go on
        device.suture("install", bus=False)
        process.kill()
        process.communicate()


@test_in_mount_namespace
def what_a_restart_of_the_machine_needs_waits_for_it():
    with machine({"a.service": {}}, improve={"restart": "reboot"}) as (vendor, manager, device):
        device.suture("install")
        run("suture-activate", "--root", device.root, "apply")
        done = len(manager.jobs())
        start_user(manager, device, "a.service")
        text = device.suture("remove").stdout
        has(text, f"This is {VERSION} again",
            "Still runs it: a.service: the machine has to restart: 'systemctl reboot'")
        check_equal((manager.jobs()[done:], device.lib() == OLD_TLS), ([], True))


@test_in_mount_namespace
def units_that_take_long_are_no_units_that_were_not_tried():
    with machine({"a.service": {}, "b.service": {}, "c.service": {"properties": {
            "After": ["b.service"]}}}) as (vendor, manager, device):
        for unit in "a.service", "b.service", "c.service":
            start_user(manager, device, unit)
        manager.set_job("a.service", result="never")
        manager.set_job("b.service", result="failed")
        has(device.suture("install").stdout, "Still restarting, which goes on by itself: a\n",
            "Failed: b\n", "Not tried, since others failed: c\n")


def is_watched(device):
    return run("/usr/bin/flock", "-n", device.path("run/suture.trial"), "true", expect=None).returncode == 1


@test_in_mount_namespace
def what_was_mended_is_watched_though_the_rest_of_an_installation_fails():
    with machine({"a.service": {}}) as (vendor, manager, device):
        device.configure(vendor.url, "[trial]\nwindow = 60\n")
        device.suture("install", bus=False)
        check(not is_watched(device), "below another root nobody watches")
        # an interrupted switch: selected, on trial and not mounted
        run("suture-activate", "--root", device.root, "switch", "0")
        run("suture-activate", "--root", device.root, "--trial", "60", "switch", "1")
        run("/usr/bin/umount", device.path(TLS))
        device.configure("http://127.0.0.1:1/", "[trial]\nwindow = 60\n")
        has(device.suture("install", expect=1).stderr, f"a switch to {LABEL_A} was interrupted",
            "cannot be reached")
        check_equal(device.lib(), NEW_TLS)
        wait_for(lambda: is_watched(device), "nobody watches the trial")


@test_in_mount_namespace
def what_fails_after_the_switch_is_told_and_services_are_looked_after():
    with machine({"a.service": {}}) as (vendor, manager, device):
        start_user(manager, device, "a.service")
        write(device.store("history"))
        run("/usr/bin/mount", "--bind", device.store("history"), device.store("history"))
        run("/usr/bin/mount", "-o", "remount,bind,ro", device.store("history"))
        done = device.suture("install")
        has(done.stdout, f"Installed {LABEL_A}", "Restarted: a\n", "on trial")
        has(done.stderr, "it is not in the history", "Read-only file system")
        has(device.json("status")["label"], LABEL_A)
        start_user(manager, device, "a.service")
        done = device.json("remove")
        has(done["problem"], "it is not in the history", "Read-only file system")
        check_equal((done["impact"]["left"], device.lib() == OLD_TLS), (0, True))
        check_equal(manager.jobs(), ["TryRestartUnit a.service"] * 2)


main()
