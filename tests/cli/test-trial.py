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
