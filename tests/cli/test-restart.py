# SPDX-License-Identifier: Apache-2.0
"""suture-restart, with a service manager that is not systemd but answers like it."""
import json
import os
import subprocess

from servicemanager import *
from tap import *

SYSTEMD = "/usr/lib/systemd/systemd"


def restart(manager, *args, pids=(), **options):
    return run("suture-restart", "--bus", manager.address, *args,
               input="".join(f"{pid}\n" for pid in pids), **options)


def restart_json(manager, *args, pids=(), **options):
    return json.loads(restart(manager, "--json", *args, pids=pids, **options).stdout)


def by_unit(report):
    return {unit["unit"]: unit for unit in report["units"]}


def a_machine():
    """Two services that are ordered, one that reloads, and everything that is not restarted."""
    write("r.service", "[Unit]\nX-Suture-Reload=yes\n")
    user = {"Slice": "user-1000.slice"}
    return ServiceManager({
        "a.service": {"properties": {"After": ["b.service"]}},
        "b.service": {},
        "r.service": {"properties": {"CanReload": True, "FragmentPath": os.path.abspath("r.service")}},
        "kept.service": {},
        "dbus.service": {},
        "session-2.scope": {"properties": user},
        "user@1000.service": {"properties": user},
        "init.scope": {"properties": {"Slice": "-.slice"}},
        "limit.service": {"properties": {"StartLimitIntervalUSec": 2**62, "StartLimitBurst": 1}},
    })


def start_all(manager):
    return {unit: manager.start(unit) for unit in manager.world["units"]}


@test
def a_plan_names_every_unit_and_touches_none():
    with a_machine() as manager:
        pids = start_all(manager)
        second = manager.start("a.service")
        report = restart_json(manager, "--protect", "kept.*", "plan",
                              pids=[*pids.values(), second])
        units = by_unit(report)
        check_equal({name: unit["action"] for name, unit in units.items()}, {
            "a.service": "restart", "b.service": "restart", "r.service": "reload",
            "kept.service": "protected", "dbus.service": "protected",
            "session-2.scope": "session", "user@1000.service": "user-service",
            "init.scope": "reexecute", "limit.service": "at-limit"})
        check_equal((units["b.service"]["batch"], units["a.service"]["batch"]), (0, 1))
        check_equal(sorted(units["a.service"]["pids"]), sorted([pids["a.service"], second]))
        check_equal((report["schema"], report["scope"], report["batches"], report["gone"]),
                    (1, "services", 2, 0))
        check_equal(units["session-2.scope"]["user"], 1000)
        check("log out" in units["session-2.scope"]["advice"])
        check("failed" not in report and "result" not in units["a.service"])
        check_equal(manager.jobs(), [])


@test
def a_run_restarts_in_order_and_each_once():
    with a_machine() as manager:
        pids = start_all(manager)
        order = [pids[name] for name in ("a.service", "b.service", "r.service", "kept.service",
                                         "session-2.scope", "a.service")]
        report = restart_json(manager, "--protect", "kept.service", "run", pids=order)
        check_equal(sorted(manager.jobs()[:2]), ["ReloadUnit r.service", "TryRestartUnit b.service"])
        check_equal(manager.jobs()[2:], ["TryRestartUnit a.service"])
        units = by_unit(report)
        check_equal(report["failed"], 0)
        for name in "a.service", "b.service", "r.service":
            check_equal((units[name]["result"], units[name]["failed"]), ("done", False))
            check(units[name]["ms"] < 60_000)
        for name in "kept.service", "session-2.scope":
            check("result" not in units[name])


@test
def what_fails_is_told_and_ends_the_run():
    with a_machine() as manager:
        pids = start_all(manager)
        manager.set_job("b.service", result="failed")
        order = [pids[name] for name in ("a.service", "b.service", "r.service")]
        report = restart_json(manager, "run", pids=order, expect=1)
        units = by_unit(report)
        check_equal({name: unit["result"] for name, unit in units.items()},
                    {"a.service": "not-tried", "b.service": "failed", "r.service": "done"})
        check_equal(report["failed"], 2)
        check("TryRestartUnit a.service" not in manager.jobs())
        text = restart(manager, "run", pids=order, expect=1).stdout
        check("failed       b.service (restart, " in text and "not-tried    a.service" in text, text)


@test
def what_takes_too_long_goes_on_without_us():
    with a_machine() as manager:
        pids = start_all(manager)
        manager.set_job("b.service", result="never")
        report = restart_json(manager, "--timeout", "0", "run", pids=[pids["b.service"]])
        check_equal((report["units"][0]["result"], report["failed"]), ("unfinished", 0))


@test
def a_manager_that_goes_away_is_an_error():
    with a_machine() as manager:
        pids = start_all(manager)
        manager.set_job("b.service", result="hang-up")
        done = restart(manager, "--json", "run", pids=[pids["b.service"]], expect=1)
        one_line_error(done, "service manager")
        check_equal(json.loads(done.stdout)["units"][0]["result"], "unfinished")


@test
def process_1_executes_itself_when_all_else_went_well():
    if not os.access(SYSTEMD, os.X_OK):
        skip("systemd is not installed")
    with a_machine() as manager:
        pids = start_all(manager)
        both = [pids["init.scope"], pids["b.service"]]
        check_equal(by_unit(restart_json(manager, "run", pids=both))["init.scope"]["result"], "done")
        manager.set_job("b.service", result="failed")
        units = by_unit(restart_json(manager, "run", pids=both, expect=1))
        check_equal(units["init.scope"]["result"], "not-tried")


@test
def other_scopes_restart_nothing():
    with a_machine() as manager:
        pids = start_all(manager)
        for scope, word in (("none", "nothing"), ("session", "log out"),
                            ("soft-reboot", "soft-reboot"), ("reboot", "systemctl reboot")):
            report = restart_json(manager, "--scope", scope, "run", pids=[pids["a.service"]])
            check_equal((report["scope"], report["units"][0]["action"]), (scope, "waits"))
            check(word in report["units"][0]["advice"], report)
        check_equal(manager.jobs(), [])


@test
def what_runs_the_plan_is_not_restarted_by_it():
    with a_machine() as manager:
        pids = start_all(manager)
        process = subprocess.Popen(
            [program("suture-restart"), "--bus", manager.address, "--json", "run"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        manager.own("a.service", process.pid)
        output = process.communicate(f"{pids['a.service']}\n")[0]
        check_equal(process.returncode, 0)
        check_equal(json.loads(output)["units"][0]["action"], "own")
        check_equal(manager.jobs(), [])


@test
def processes_without_units_and_those_that_are_gone():
    with a_machine() as manager:
        gone = subprocess.Popen(["true"])
        gone.wait()
        report = restart_json(manager, "run", pids=[os.getpid(), gone.pid])
        check_equal(report["gone"], 1)
        check_equal([(unit["unit"], unit["action"], unit["pids"]) for unit in report["units"]],
                    [(None, "process", [os.getpid()])])
        check_equal(restart(manager, "plan").stdout, "Nothing has to be restarted.\n")


@test
def without_a_service_manager_everybody_is_told_so():
    nowhere = "unix:path=/nonexistent/bus"
    report = json.loads(run("suture-restart", "--bus", nowhere, "--json", "run",
                            input=f"{os.getpid()}\n").stdout)
    check_equal((report["manager"], report["units"][0]["action"]), (False, "process"))
    done = run("suture-restart", "--bus", nowhere, "plan", input=f"{os.getpid()}\n")
    check("Nobody manages services here" in done.stdout, done.stdout)
    one_line_error(run("suture-restart", "--bus", nowhere, "reboot", expect=3), "no service manager")


@test
def restarting_the_machine_takes_the_shorter_way_where_there_is_one():
    with ServiceManager({"reboot.target": {}}) as manager:
        for scope in "session", "soft-reboot", "reboot":
            check_equal(restart(manager, "--scope", scope, "reboot").stdout, "reboot\n")
        manager.set("soft-reboot.target")
        for scope, way in (("session", "soft-reboot"), ("soft-reboot", "soft-reboot"),
                           ("reboot", "reboot")):
            check_equal(restart(manager, "--scope", scope, "reboot").stdout, way + "\n")
        check_equal(manager.jobs(), ["StartUnit reboot.target"] * 3 +
                    ["StartUnit soft-reboot.target"] * 2 + ["StartUnit reboot.target"])


@test
def what_is_not_a_list_of_processes_is_refused():
    with a_machine() as manager:
        for text in "0\n", "-1\n", "1 2\n", "a\n", "4194305\n", "\n", " 1\n":
            one_line_error(run("suture-restart", "--bus", manager.address, "run", input=text,
                               expect=1), "not a process's number")
        for verb in "plan", "run", "reboot":
            one_line_error(restart(manager, "--scope", "everything", verb, expect=64),
                           "unknown scope everything")
        check_equal(manager.jobs(), [])


main()
