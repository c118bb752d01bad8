# SPDX-License-Identifier: Apache-2.0
"""suture-trial, with a service manager that answers like systemd, and an activator that only notes
what it is asked for: what suture-activate does then is test-graft.py's."""
import contextlib
import os
import shutil
import subprocess
import time

from servicemanager import *
from tap import *

WINDOW = 4  # seconds: two looks, and the last checks
LIB = "usr/lib/tls/libtls.so"
OLD, NEW = b"old" * 3000, b"new" * 3000
FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainCode": 1,
          "ExecMainStatus": 127}


def boot_id():
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


class Trial:
    """A root whose generation 2 is on trial, and suture-trial beside an activator of its own."""

    def __init__(self, *units, **record):
        self.root = os.path.abspath("root")
        self.programs = os.path.abspath("programs")
        write("root/usr/lib/os-release", "ID=exampleos\nVERSION_ID=1\n")
        os.makedirs("root/run", exist_ok=True)
        os.makedirs("root/var/lib/suture/generations", exist_ok=True)
        self.point_to(2)
        self.record(*units, **record)
        os.makedirs(self.programs, exist_ok=True)
        shutil.copy(program("suture-trial"), self.programs)
        write("programs/suture-activate", f"""#!/bin/sh
[ "$1 $2 $3 $4" = "--root {self.root} --of $(sed -n 's/^generation //p' \\
        {self.root}/var/lib/suture/trial)" ] || exit 64
shift 4
printf '%s\\n' "$*" >> {os.path.abspath("asked")}
rm -f {self.root}/var/lib/suture/trial
[ ! -e {os.path.abspath("refuse")} ] || {{ echo 'suture-activate: cannot' >&2; exit 1; }}
""", 0o755)

    def point_to(self, number):
        link = "root/var/lib/suture/current"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(f"generations/{number}", link)

    def record(self, *units, window=WINDOW, boot_window=600, tries=1, boot=None, age=0,
               generation=2, started=None):
        if started is None:
            started = int(time.clock_gettime(time.CLOCK_BOOTTIME)) - age
        write("root/var/lib/suture/trial", f"suture-trial 1\ngeneration {generation}\nbefore 1\n"
              f"tries {tries}\nwindow {window}\nboot-window {boot_window}\n"
              f"boot {boot or boot_id()} {started}\n" +
              "".join(f"unit {unit}\n" for unit in sorted(units)))

    def health(self, name, text, folder="etc/suture"):
        write(f"root/{folder}/health.d/{name}", f"#!/bin/sh\n{text}\n", 0o755)

    def command(self, manager, *args):
        bus = ["--bus", manager.address] if manager else []
        return [os.path.join(self.programs, "suture-trial"), "--root", self.root, *bus, *args]

    def watch(self, manager=None, *args, expect=0):
        return run(*self.command(manager, *args), expect=expect)

    def asked(self):
        return read("asked").decode().splitlines() if os.path.exists("asked") else []


@contextlib.contextmanager
def in_background(trial, manager):
    process = subprocess.Popen(trial.command(manager), stderr=subprocess.PIPE, text=True)
    yield process
    process.stderr.close()
    process.wait()


def end_of(process, expect):
    text = process.communicate()[1]
    check_equal(process.returncode, expect, text)
    return text


@test
def what_holds_out_settles_at_the_end_and_not_before():
    trial = Trial("a.service", "b.service")
    trial.health("10-web", "date +%s.%N >> checked")
    with ServiceManager({"a.service": {}, "b.service": {}}) as manager:
        start = time.monotonic()
        done = trial.watch(manager)
        check(WINDOW - 3 < time.monotonic() - start < WINDOW + 5, time.monotonic() - start)
        check_equal((trial.asked(), done.stderr), (["settle"], ""))
        check_equal(len(read("checked").splitlines()), 2, "checks")
        check_equal(manager.jobs(), [])


@test
def a_failed_unit_reverts_at_once_and_is_named():
    trial = Trial("a.service", "b.service", window=600)
    with ServiceManager({"a.service": {}, "b.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            check_equal(trial.asked(), [])
            start = time.monotonic()
            manager.set("b.service", **FAILED)
            text = end_of(process, 1)
        check(time.monotonic() - start < 10)
        [asked] = trial.asked()
        check(asked.startswith("revert b.service failed: its program ended with 127"), asked)
        check("suture-trial: reverted: b.service failed" in text, text)
        check_equal(manager.jobs(), ["RestartUnit b.service"])


@test
def a_unit_that_starts_again_and_again_is_not_up():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {"properties": {"Restart": "on-failure"}}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.set("a.service", NRestarts=1)
            end_of(process, 1)
        check("does not stay up" in trial.asked()[0], trial.asked())


@test
def an_end_that_lasts_an_instant_is_seen():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {"properties": {"Restart": "always"}}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1.3)
            manager.set("a.service", ActiveState="activating", SubState="auto-restart",
                        Result="signal", ExecMainCode=2, ExecMainStatus=11)
            time.sleep(0.4)
            manager.set("a.service", ActiveState="active", SubState="running", Result="success")
            end_of(process, 1)
        check("ended by signal 11" in trial.asked()[0], trial.asked())


def make_record(root):
    """A generation in a store whose one file is the new library; its number."""
    write(f"tls/{LIB}", NEW)
    write("tls.image", bytes(8192))
    image = f"tls=tls.image=tls={os.path.dirname(LIB)}"
    return int(run("tests/make-generation", "--root", root, "--product", "exampleos", "--base",
                   "1_x", "--sequence", "1", "--image", image).stdout)


@test
def services_that_run_what_was_withdrawn_are_restarted():
    if os.geteuid() != 0:
        skip("only root sees what processes map")
    trial = Trial()
    number = make_record(trial.root)
    trial.point_to(number)
    trial.record("down.service", "idle.service", window=600, generation=number)
    write(f"root/{LIB}", NEW)
    write("root/etc/suture/suture.conf", "[restart]\nprotect = kept.*\n")
    write("old", OLD)
    # what the mounts do: the path shows the old file, and processes keep the new one
    with open("programs/suture-activate", "a", encoding="ascii") as script:
        script.write(f"rm -r {trial.root}/var/lib/suture/generations; mv {os.path.abspath('old')} {trial.root}/{LIB}\n")
    units = {name: {} for name in ("user.service", "kept.service", "fine.service")}
    units["idle.service"] = {"properties": {"ActiveState": "inactive", "Type": "dbus",
                                            "TriggeredBy": ["idle.socket"]}}
    with ServiceManager({**units, "down.service": {"properties": FAILED}}) as manager:
        for name in "user.service", "kept.service":
            manager.start(name, program("tests/mapper"), f"root/{LIB}")
        manager.start("fine.service")
        for process in manager.processes[:2]:
            check_equal(process.stdout.readline(), b"mapped\n")
        trial.watch(manager, expect=1)
        check_equal(manager.jobs(), ["RestartUnit down.service", "TryRestartUnit user.service"])


@test
def the_owner_may_want_no_restarts():
    trial = Trial("down.service", window=600)
    write("root/etc/suture/suture.conf", "[restart]\nautomatic = off\n")
    with ServiceManager({"down.service": {"properties": FAILED}}) as manager:
        manager.set_job("down.service", result="failed")
        text = trial.watch(manager, expect=1).stderr
        check("down.service does not come up: failed" in text, text)
        check_equal(manager.jobs(), ["RestartUnit down.service"])


STOPPED = {"ActiveState": "inactive", "SubState": "dead"}


@test
def a_unit_that_somebody_stops_is_no_failure():
    for ends in STOPPED, {**FAILED, "ExecMainStatus": 143}:
        fresh_folder()
        trial = Trial("a.service", "b.service")
        with ServiceManager({"a.service": {}, "b.service": {}}) as manager:
            with in_background(trial, manager) as process:
                time.sleep(1)
                manager.set("a.service", ActiveState="deactivating", SubState="stop-sigterm", Job=7)
                time.sleep(0.3)
                manager.end_job("a.service", Job=0, **ends)
                end_of(process, 0)
            check_equal((trial.asked(), manager.jobs()), (["settle"], []))


@test
def a_unit_that_ends_by_itself_is_one():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}, "other.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.end_job("other.service", **STOPPED)
            manager.end_job("a.service", "canceled", **STOPPED)
            end_of(process, 1)
        check_equal(trial.asked(), ["revert a.service is not active any more"])


@test
def a_unit_that_fails_right_after_somebody_reloaded_or_restarted_it_has_failed():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.end_job("a.service", state="active", **FAILED)
            end_of(process, 1)
        check("a.service failed" in trial.asked()[0], trial.asked())


@test
def what_somebody_stopped_is_not_started_by_a_revert():
    trial = Trial("a.service", "b.service", "c.service", window=600)
    with ServiceManager({f"{name}.service": {} for name in "abc"}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.end_job("a.service", **STOPPED)
            manager.end_job("c.service", **STOPPED)
            time.sleep(0.5)
            manager.set("c.service", ActiveState="active", InactiveExitTimestampMonotonic=2)
            time.sleep(0.5)
            manager.put("c.service", **FAILED)
            manager.set("b.service", **FAILED)
            end_of(process, 1)
        check_equal(manager.jobs(), ["RestartUnit b.service", "RestartUnit c.service"])


@test
def a_restart_at_the_end_has_the_rest_of_the_window():
    for comes_up in True, False:
        fresh_folder()
        trial = Trial("a.service", window=5)
        # the last checks begin two seconds before the end, and take half a second
        trial.health("10-web", f"cd {os.getcwd()}; sleep 0.5; [ -e seen ] && touch again; touch seen")
        with ServiceManager({"a.service": {}}) as manager:
            with in_background(trial, manager) as process:
                while not os.path.exists("seen"):
                    time.sleep(0.02)
                manager.set("a.service", ActiveState="inactive", Job=8)
                while not os.path.exists("again"):
                    time.sleep(0.02)
                time.sleep(0.3)
                manager.set("a.service", ActiveState="activating", InactiveExitTimestampMonotonic=9)
                time.sleep(0.3)
                check_equal(trial.asked(), [])
                if comes_up:
                    manager.end_job("a.service", ActiveState="active", Job=0)
                end_of(process, 0 if comes_up else 1)
            check_equal(trial.asked(), ["settle" if comes_up else "revert a.service does not get ready"])


@test
def a_manager_that_executes_itself_anew_at_the_end_is_waited_for():
    trial = Trial("a.service", "b.service", window=5)
    trial.health("10-web", f"touch {os.path.abspath('checked')}")
    with ServiceManager({"a.service": {}, "b.service": {}}) as manager:
        with in_background(trial, manager) as process:
            while not os.path.exists("checked"):
                time.sleep(0.02)
            manager.world["state"] = "hang-up"
            manager.save()
            time.sleep(5)
            check_equal(trial.asked(), [])
            manager.world["state"] = "running"
            # and what happened meanwhile is seen
            manager.set("b.service", **FAILED)
            end_of(process, 1)
        check("b.service failed" in trial.asked()[0], trial.asked())


@test
def a_manager_that_is_gone_during_the_last_checks_is_asked_again():
    trial = Trial("a.service", window=4)
    trial.health("10-web", f"cd {os.getcwd()}; [ -e seen ] && {{ touch again; sleep 0.5; }}; touch seen")
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as process:
            while not os.path.exists("again"):
                time.sleep(0.02)
            manager.world["state"] = "hang-up"
            manager.save()
            manager.set("a.service", **FAILED)
            time.sleep(1)
            manager.world["state"] = "running"
            manager.save()
            end_of(process, 1)
        check("a.service failed" in trial.asked()[0], trial.asked())


@test
def a_unit_that_cannot_be_read_just_now_is_passed_over():
    trial = Trial("a.service", "b.service", window=600)
    with ServiceManager({"a.service": {}, "b.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.set_readable("a.service", False)
            time.sleep(1.5)
            check_equal((process.poll(), trial.asked()), (None, []))
            manager.set("b.service", **FAILED)  # the others are looked at all the same
            end_of(process, 1)
        check("b.service failed" in trial.asked()[0], trial.asked())
        check_equal(manager.jobs(), ["RestartUnit b.service"])


@test
def a_unit_that_cannot_be_read_in_the_end_says_nothing():
    trial = Trial("a.service", window=2)
    with ServiceManager({"a.service": {"unreadable": True}}) as manager:
        trial.watch(manager)
    check_equal(trial.asked(), ["settle"])


@test
def restarts_of_before_do_not_count():
    trial = Trial("a.service", window=600)
    now = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    with ServiceManager({"a.service": {"properties": {
            "Restart": "on-failure", "NRestarts": 5, "InactiveExitTimestampMonotonic": now}}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            check_equal(trial.asked(), [])
            manager.set("a.service", NRestarts=6)
            end_of(process, 1)
        check("started again 1 times" in trial.asked()[0], trial.asked())


@test
def checks_that_take_most_of_the_window_are_made_once_and_that_is_told():
    trial = Trial("a.service", window=6)
    trial.health("10-web", f"date >> {os.path.abspath('checked')}; sleep 4")
    with ServiceManager({"a.service": {}}) as manager:
        start = time.monotonic()
        done = trial.watch(manager)
        check(4.5 < time.monotonic() - start < 7.9, time.monotonic() - start)
    check_equal(trial.asked(), ["settle"])
    check_equal(len(read("checked").splitlines()), 1, "checks")
    one_line_error(done, "no time for a second run in the trial's 6")


@test
def a_unit_that_fails_after_checks_of_that_kind_is_seen():
    trial = Trial("a.service", window=7)
    trial.health("10-web", "sleep 4")
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(5)
            manager.set("a.service", **FAILED)
            end_of(process, 1)
    check("a.service failed" in trial.asked()[0], trial.asked())


@test
def checks_that_outlast_the_window_fail_before_the_guard_acts():
    trial = Trial(window=2)
    for number in range(5):
        trial.health(f"{number}0-slow", "sleep 20")
    start = time.monotonic()
    trial.watch(None, "--health-timeout", "600", expect=1)
    check(time.monotonic() - start < 2 + 15, time.monotonic() - start)
    [asked] = trial.asked()
    check(asked.startswith("revert the health check 00-slow did not end within the trial's time"),
          asked)


@test
def a_check_that_leaves_something_behind_is_good():
    trial = Trial(window=2)
    trial.health("10-web", f"(sleep 4; touch {os.path.abspath('left')}) &")
    trial.watch(None, "--health-timeout", "1")
    check_equal(trial.asked(), ["settle"])
    time.sleep(4)
    check(not os.path.exists("left"), "it was not ended")


@test
def what_was_not_watched_may_fail():
    trial = Trial("a.service", window=2)
    with ServiceManager({"a.service": {}, "other.service": {"properties": FAILED}}) as manager:
        trial.watch(manager)
        check_equal(trial.asked(), ["settle"])


@test
def a_check_that_fails_reverts_whenever_it_does():
    for number, text in enumerate(["exit 1", "[ -e seen ] && exit 1; touch seen"]):
        fresh_folder()
        trial = Trial(window=3)
        trial.health("10-web", f"cd {os.getcwd()}; {text}")
        trial.health("20-fine", "exit 0", "usr/lib/suture")
        done = trial.watch(expect=1)
        check_equal(trial.asked(), ["revert the health check 10-web ended with 1"], number)
        check("so only health.d counts" in done.stderr, done.stderr)


@test
def a_unit_whose_end_a_check_found_is_named():
    trial = Trial("a.service", window=600)
    trial.health("10-web", f"cd {os.getcwd()}; touch checked; sleep 0.5; exit 1")
    with ServiceManager({"a.service": {"properties": {"ActiveState": "activating", "NRestarts": 3,
                                                      "Restart": "on-failure"}}}) as manager:
        with in_background(trial, manager) as process:
            while not os.path.exists("checked"):
                time.sleep(0.02)
            time.sleep(0.7)
            manager.set("a.service", NRestarts=4)
            end_of(process, 1)
    check_equal(trial.asked(), ["revert a.service does not stay up: it was started again 1 times"])


@test
def checks_wait_for_a_service_that_is_just_being_restarted():
    trial = Trial("a.service", window=6)
    trial.health("10-web", f"cd {os.getcwd()}; touch checked; test -e up")
    with ServiceManager({"a.service": {"properties": {
            "ActiveState": "activating", "Job": 8, "InactiveExitTimestampMonotonic": 9}}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1.5)
            check(not os.path.exists("checked"), "a service that is not there yet was asked")
            write("up", "")
            manager.end_job("a.service", ActiveState="active", Job=0)
            end_of(process, 0)
    check_equal(trial.asked(), ["settle"])
    check(os.path.exists("checked"), "nothing was checked")


@test
def a_check_that_hangs_fails():
    trial = Trial(window=3)
    trial.health("10-web", "exec sleep 100")
    trial.watch(None, "--health-timeout", "1", expect=1)
    check_equal(trial.asked(), ["revert the health check 10-web took more than 1 seconds"])


@test
def without_a_service_manager_the_checks_decide():
    trial = Trial("a.service", window=2)
    done = trial.watch()
    check_equal(trial.asked(), ["settle"])
    check_equal(len(done.stderr.splitlines()), 1, done.stderr)


@test
def a_boot_that_is_not_complete_fails_and_its_checks_wait():
    trial = Trial("a.service", window=3)
    trial.health("10-web", f"touch {os.path.abspath('checked')}")
    with ServiceManager({"a.service": {}}, state="starting") as manager:
        trial.watch(manager, expect=1)
        check_equal(trial.asked(), ["revert the system did not finish starting in 3 seconds"])
        check(not os.path.exists("checked"))


@test
def a_boot_that_completes_in_time_settles():
    trial = Trial("a.service", window=1, boot_window=8, tries=0)
    with ServiceManager({"a.service": {"properties": {"ActiveState": "activating"}}},
                        state="starting") as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.world["state"] = "degraded"
            manager.set("a.service", ActiveState="active")
            end_of(process, 0)
        check_equal(trial.asked(), ["settle"])


@test
def a_shutdown_judges_nothing():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.world["state"] = "stopping"
            manager.set("a.service", ActiveState="inactive", SubState="dead")
            end_of(process, 0)
        check_equal(trial.asked(), [])


@test
def another_record_is_watched_in_its_place():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}, "b.service": {"properties": FAILED}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            trial.record("b.service", window=600, started=1)
            end_of(process, 1)
        check("revert b.service failed" in trial.asked()[0], trial.asked())


@test
def a_record_that_goes_ends_the_watch():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}}) as manager, in_background(trial, manager) as process:
        time.sleep(1)
        os.unlink("root/var/lib/suture/trial")
        end_of(process, 0)
    check_equal(trial.asked(), [])


@test
def what_nobody_has_to_watch():
    for change in ({"boot": "0" * 36}, {"boot": "-", "started": 0}, {"generation": 3}):
        trial = Trial()
        trial.record(window=600, **change)
        trial.watch(expect=2)
    os.unlink("root/var/lib/suture/trial")
    trial.watch(expect=2)
    write("root/var/lib/suture/trial", "suture-trial 1\n")
    one_line_error(trial.watch(expect=6), "trial")
    check_equal(trial.asked(), [])


@test
def a_window_that_is_over_is_judged_at_once():
    trial = Trial("a.service", age=1000)
    with ServiceManager({"a.service": {"properties": {"ActiveState": "inactive"}}}) as manager:
        start = time.monotonic()
        trial.watch(manager, expect=1)
        check(time.monotonic() - start < 5)
        check_equal(trial.asked(), ["revert a.service is not active any more"])


@test
def a_manager_that_goes_away_for_good_is_a_failure():
    trial = Trial("a.service", window=4)
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as process:
            time.sleep(1)
            manager.hang_up()
            end_of(process, 1)
    check_equal(trial.asked(), ["revert the service manager does not answer any more"])


@test
def an_activator_that_refuses_is_told():
    trial = Trial(window=1)
    write("refuse")
    check("cannot" in trial.watch(expect=1).stderr)
    check_equal(trial.asked(), ["settle"])


@test
def the_background_goes_on_alone():
    trial = Trial(window=2)
    check_equal(trial.watch(None, "--background").stderr, "")
    end = time.monotonic() + 20
    while not trial.asked():
        check(time.monotonic() < end, "nothing settles")
        time.sleep(0.1)
    check_equal(trial.asked(), ["settle"])


@test
def the_background_is_a_unit_where_there_can_be_one():
    trial = Trial(window=2)
    with ServiceManager({"suture-trial.service": {"properties": {"LoadState": "not-found"}}}) as \
            manager:
        trial.watch(manager, "--background")
        check_equal(manager.jobs(), ["StartTransientUnit suture-trial.service"])
    time.sleep(3)
    check_equal(trial.asked(), [])


@test
def a_second_watcher_waits_for_the_first():
    trial = Trial("a.service", window=600)
    with ServiceManager({"a.service": {}}) as manager:
        with in_background(trial, manager) as first, in_background(trial, manager) as second:
            time.sleep(1)
            manager.set("a.service", **FAILED)
            codes = {first.wait(), second.wait()}
        check_equal(codes, {1, 2})
        check_equal(len(trial.asked()), 1)


main()
