# SPDX-License-Identifier: Apache-2.0
"""What the owner sees: suture status on a terminal and off it, its words for programs, suture history
and suture log."""
import calendar
import os
import re
import time

from machine import *
from terminal import *

BOLD, GREEN, YELLOW, RED, PLAIN = (f"\033[{code}m" for code in (1, 32, 33, 31, 0))
SCREEN = {"TERM": "xterm", "NO_COLOR": None, "LC_ALL": "C.UTF-8"}
NOW = r"\d{4}-\d\d-\d\d \d\d:\d\d"


def show(device, *args, **more):
    text, code = on_a_terminal(program("suture"), "--root", device.root, *args, **{**SCREEN, **more})
    check_equal(code, 0)
    return text.replace("\r\n", "\n")


def words(device):
    status = device.json("status")
    return status["state"], status["health"], status["restart_needed"]


@test_in_mount_namespace
def colours_tell_how_it_stands():
    with World() as (vendor, server, device):
        check(show(device).startswith(f"{BOLD}{PRODUCT} {VERSION}{PLAIN}\n"))
        has(show(device), f"\n{PLAIN}●{PLAIN} Applied: nothing")
        device.suture("check")
        has(show(device), f"\n{YELLOW}●{PLAIN} Applied: nothing")
        device.suture("install")
        has(show(device), f"\n{GREEN}●{PLAIN} Applied: {LABEL_A}")
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot")
        device.suture("install")
        has(show(device), f"{YELLOW}restart needed for {LABEL_B}{PLAIN}\n", f"\n{YELLOW}●{PLAIN} Applied")
        run("suture-activate", "--root", device.root, "apply")
        has(show(device), f"\n{GREEN}●{PLAIN} Applied: {LABEL_B}")
        run("/usr/bin/mount", "-t", "tmpfs", "mine", device.path(TLS))
        text = show(device)
        has(text, f"\n{RED}●{PLAIN} Applied: nothing", f"Selected: {LABEL_B}, which is not applied as",
            f"Graft: /{TLS}  not applied: covered by tmpfs:mine")
        check("restart" not in text, text)
        check_equal(words(device), ("idle", "impaired", "none"))


@test_in_mount_namespace
def colours_and_marks_only_where_they_can_be_shown():
    with World() as (vendor, server, device):
        device.suture("check")
        for more in {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}:
            text = show(device, **more)
            check("\033" not in text and "\n● Applied" in text, text)
        for more in {"LC_ALL": "C"}, {"LC_ALL": None, "LC_CTYPE": "POSIX"}:
            text = show(device, **more)
            check(f"{YELLOW}*{PLAIN} Applied" in text and text.isascii(), text)
        text = device.suture(env=SCREEN | {"NO_COLOR": ""}).stdout
        check("\033" not in text and "\n● Applied" in text, text)
        text = device.suture("-v", env={"LC_ALL": "C", "NO_COLOR": ""}).stdout
        check(text.isascii() and "\n* Applied" in text, text)


@test_in_mount_namespace
def long_lines_are_wrapped_on_a_terminal_alone():
    cves = [f"CVE-2026-{number}" for number in range(1001, 1012)]
    with World(improve=False) as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEW_TLS}}, cves=cves)
        device.suture("check")
        text = device.suture().stdout
        has(text, "    Fixes: CVE-2026-1001, CVE-2026-1002, CVE-2026-1003, CVE-2026-1004 and 7 more "
            "(EXAMPLEOS-2026-0001)\n")
        narrow = show(device, NO_COLOR="1", columns=60)
        check(max(map(len, narrow.split("\n"))) <= 60, narrow)
        check_equal(" ".join(narrow.split()), " ".join(text.split()), "the same words")
        check("\n           " in narrow, narrow)
        has(device.suture("-v").stdout, f"Fixes: {', '.join(cves)} (")
        device.suture("install")
        # what is fixed already is no news of (b)
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, cves=["CVE-2026-2000"], restart="reboot")
        device.suture("check")
        has(device.suture().stdout, f"Available: {LABEL_B}: ", "\n    Fixes: CVE-2026-2000 (EXAMPLEOS-")
        device.suture("install")
        has(device.suture().stdout, f"Staged: {LABEL_B} becomes active at the next restart (a reboot)\n"
            "    Fixes: CVE-2026-2000\n", "suture install --restart")


@test_in_mount_namespace
def what_is_used_in_attacks_comes_first():
    cves = [f"CVE-2026-{number}" for number in range(1001, 1010)]
    with World(improve=False) as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEW_TLS}}, cves=cves, exploited=cves[-1:])
        check_equal(device.json("status")["exploited"], [])
        device.suture("check")
        line = f"    Fixes: {cves[-1]} exploited, {cves[0]}, {cves[1]}, {cves[2]} and 5 more ("
        has(device.suture().stdout, line)
        has(show(device), f"{RED}{cves[-1]} exploited{PLAIN}, ")
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot", cves=["CVE-2026-2000"],
                       exploited=["CVE-2026-2000"])
        device.suture("install")
        # (b) carries over what (a) fixed, whose notes still tell
        has(device.suture().stdout, line, "\n    Fixes: CVE-2026-2000 exploited\n")
        check_equal(sorted(device.json("status")["exploited"]), [cves[-1], "CVE-2026-2000"])
        device.suture("remove")
        check_equal(device.json("status")["offer"]["state"], "removed-by-owner")


@test_in_mount_namespace
def the_state_has_one_word():
    with World() as (vendor, server, device):
        check_equal(words(device), ("idle", None, "none"))
        device.suture("check")
        check_equal(words(device), ("available", None, "none"))
        before = int(time.time())
        device.suture("install")
        check_equal(words(device), ("idle", "healthy", "none"))
        status = device.json("status")
        since = calendar.timegm(time.strptime(status["since"], "%Y-%m-%dT%H:%M:%SZ"))
        check(before <= since <= time.time(), status["since"])
        files = [f for f in os.listdir(device.store("images"))]
        check_equal((status["components"], status["advisory"], status["urgency"], status["bytes"]),
                    (["tls"], "EXAMPLEOS-2026-0001", "high",
                     sum(os.path.getsize(device.store("images", name)) for name in files)))
        server.rule("timestamp", lambda handler, data: head(handler, 503, 0))
        device.suture("check", expect=1)
        check_equal((words(device), device.json("status")["next_check"]),
                    (("failed", "healthy", "none"), None))
        server.rules.clear()
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot", cves=["CVE-2026-2000"])
        device.suture("install")
        check_equal(words(device), ("restart-required", "healthy", "reboot"))
        status = device.json("status")
        check_equal((status["components"], status["since"] is None, sorted(status["selected_fixes"])),
                    (["tls"], False, ["CVE-2026-0001", "CVE-2026-2000"]))
        run("suture-activate", "--root", device.root, "apply")
        check_equal((words(device), device.json("status")["selected_fixes"]),
                    (("idle", "healthy", "none"), []))
        device.suture("remove")
        status = device.json("status")
        check_equal([status[name] for name in ("health", "since", "components", "bytes", "urgency")],
                    [None, None, [], 0, None])


@test_in_mount_namespace
def a_trial_is_a_state_and_a_soft_reboot_a_need():
    with machine({"a.service": {}}) as (vendor, manager, device):
        device.configure(vendor.url, "[trial]\nwindow = 500\n")
        start_user(manager, device, "a.service")
        device.suture("install")
        check_equal(words(device), ("trial", "trial", "none"))
        has(device.suture("status").stdout, ", on trial, 1 component, ")
        run("suture-activate", "--root", device.root, "settle")
        check_equal(words(device), ("idle", "healthy", "none"))
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="soft-reboot")
        device.suture("install")
        check_equal(words(device), ("restart-required", "healthy", "soft-reboot"))
        has(device.suture("status").stdout, "at the next restart (a soft-reboot is enough)\n")


@test_in_mount_namespace
def windows_are_told_in_the_machines_time():
    with World() as (vendor, server, device):
        check_equal(device.json("status")["window"], None)
        check("Window:" not in device.suture().stdout)
        device.configure(server.url, "[install]\nwindow = 00:00-24:00\n")
        check_equal(device.json("status")["window"]["open"], True)
        has(device.suture().stdout, "   Window: open now, ")
        day = time.strftime("%a", time.gmtime(time.time() + 3 * 86400))
        device.configure(server.url, f"[install]\nwindow = {day} 03:00-05:00\n")
        env = {"TZ": "XYZ-6"}
        window = device.json("status", env=env)["window"]
        check_equal((window["open"], window["opens"][11:]), (False, "21:00:00Z"))
        has(device.suture(env=env).stdout, "   Window: opens 20", " 03:00 XYZ, for what restarts")


def waits(device):
    return [(why["reason"], why["text"]) for why in device.json("status")["deferred"]]


@test_in_mount_namespace
def every_reason_for_waiting_is_told():
    with World(config="[install]\nautomatic = off\n") as (vendor, server, device):
        check_equal(waits(device), [])
        device.suture("check")
        for mode in "off", "download":
            device.configure(server.url, f"[install]\nautomatic = {mode}\n")
            [(reason, text)] = waits(device)
            check_equal(reason, "automatic-off")
            has(device.suture("status").stdout, f"    Waits: {text}\n", f"automatic = {mode}")
        device.configure(server.url)
        check_equal(waits(device), [])
        device.suture("install")
        device.suture("remove")
        run("suture-activate", "--root", device.root, "pause")
        check_equal([reason for reason, _ in waits(device)], ["removed", "base-change"])
        text = device.suture("status").stdout
        check_equal(text.count("    Waits: "), 2, text)
        run("suture-activate", "--root", device.root, "resume")
        vendor.publish("rollout", "hold", expect=None)


@test_in_mount_namespace
def a_restart_that_is_counted_down_to_is_told():
    with World(config="[install]\nautomatic = off\n", restart="reboot") as (vendor, server, device):
        device.suture("install")
        for left in 50, -1:  # the second: of an agent that ended before it could take it back
            at = int(time.time()) + left
            write(device.path("run/sutured/waiting"), f"sequence 1\nwaits -\nnext-check 0\nrestart-at {at}\n")
            check_equal(device.json("status")["restart_at"], time_text(at) if left > 0 else None)
            text = device.suture("status").stdout
            check_equal(re.findall("Restarts: in [45][0-9] seconds.*suture postpone 1h", text) != [], left > 0, text)


@test_in_mount_namespace
def history_is_in_the_machines_time():
    with World() as (vendor, server, device):
        device.suture("install")
        device.suture("remove")
        utc = device.json("history")["history"][0]["time"]
        shown = time.strftime("%Y-%m-%d %H:%M XYZ", time.gmtime(
            calendar.timegm(time.strptime(utc, "%Y-%m-%dT%H:%M:%SZ")) + 6 * 3600))
        env = {"TZ": "XYZ-6"}
        lines = device.suture("history", env=env).stdout.splitlines()
        check(lines[0].startswith(f"{shown}  activated    (a): 1 directory in "), lines)
        has(lines[1], "installed    26.3.1 (a) (generation 1)")
        check_equal(len(lines), 4)
        has(device.suture("status", env=env).stdout, " XYZ, next from ")
        newest = device.suture("history", "--limit", 2, env=env).stdout.splitlines()
        check_equal(newest, lines[2:])
        check_equal(len(device.json("history", "--limit", "1")["history"]), 1)
        check_equal(device.suture("history", "--limit", 0, env=env).stdout.splitlines(), lines)
        for since, count in (shown[:10], 4), (shown[:16], 4), ("2999-01-01", 0):
            history = device.json("history", "--since", since, env=env)["history"]
            check_equal(len(history), count, since)
        check_equal(device.suture("history", "--since", "2999-01-01").stdout, "Nothing happened since then.\n")
        one_line_error(device.suture("history", "--since", "soon", expect=64), "soon", "2026-11-20 10:12")


def journalctl(device, *args, **options):
    """The words that journalctl is asked with."""
    write("bin/journalctl", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n", 0o755)
    path = f"{os.path.abspath('bin')}:{os.environ['PATH']}"
    return device.suture("log", *args, env={"PATH": path}, **options).stdout.splitlines()


@test_in_mount_namespace
def log_asks_for_all_programs_and_units():
    with World(improve=False) as (vendor, server, device):
        asked = journalctl(device)
        units = {name.removesuffix(".in") for name in os.listdir(os.path.join(SOURCE, "data/systemd"))
                 if name.endswith(".service.in")}
        for name in "_SYSTEMD_UNIT", "UNIT":
            told = {word.partition("=")[2] for word in asked if word.startswith(name + "=")}
            check({unit for unit in units if "@" not in unit} <= told, f"{name}: {units - told}")
        slices = {"system-" + unit.partition("@")[0].replace("-", r"\x2d") + ".slice"
                  for unit in units if "@" in unit}
        check_equal({w.partition("=")[2] for w in asked if w.startswith("_SYSTEMD_SLICE=")}, slices)
        for at, word in enumerate(asked):
            if word.startswith(("UNIT=", "SYSLOG_IDENTIFIER=")):
                check(asked[at - 1] in ("_PID=1", "_UID=0"), "anybody can name himself so")
        built = re.findall(r"executable\('(suture[a-z-]*)'", read(os.path.join(SOURCE, "meson.build")).decode())
        # the vendor's, and what people call and read themselves
        others = {"suture-publish", "suture-sign", "suture-delta", "suture-tuf", "suture-client", "suture-notify"}
        programs = {name for name in built if not name.endswith("-shared")} - others
        check_equal({w.partition("=")[2] for w in asked if w.startswith("SYSLOG_ID")}, programs)
        check_equal(asked[0], f"--root={device.root}")
        asked = journalctl(device, "-f", "--since", "-2h; --flush", "--limit", "5", "--json")
        check_equal(asked[1:5], ["--since=-2h; --flush", "--lines=5", "--follow", "--output=json"])
        check("--root=/" not in run("suture", "log", env={"PATH": os.path.abspath("bin")}).stdout)


@test_in_mount_namespace
def without_a_journal_log_is_the_history():
    with World() as (vendor, server, device):
        device.suture("install")
        nowhere = {"PATH": "/nonexistent"}
        done = device.suture("log", env=nowhere)
        check_equal(done.stdout, device.suture("history").stdout)
        has(done.stderr, "no journalctl")
        check_equal(len(device.json("log", "--limit", "1", env=nowhere)["history"]), 1)
        one_line_error(device.suture("log", "-f", expect=3, env=nowhere), "no journalctl", "suture history")


@test_in_mount_namespace
def every_exit_code_of_the_manual_comes():
    with World() as (vendor, server, device):
        def codes(*verbs):
            return [device.suture(*verb, expect=None).returncode for verb in verbs]

        conf = device.path("etc/suture/suture.conf")
        check_equal(codes(("remove",), ("check",), ("install", "--sequence", "9")), [2, 0, 3])
        check_equal(codes(("frobnicate",), ("--progress", "x"), ("status", "--ready")), [64, 64, 5])
        check_equal(codes(("exposure", "--cve", "CVE-1")), [0 if not device.json("exposure")["sequence"] else 3])
        nobody = run("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                     program("suture"), "--root", device.root, "install", expect=None)
        check_equal(nobody.returncode, 4)
        with open(device.store("lock")) as lock:
            import fcntl
            fcntl.flock(lock, fcntl.LOCK_EX)
            check_equal(codes(("install",)), [5])
        for path in vendor.payloads().values():
            flip_byte(path)
        check_equal(codes(("install",)), [6])
        server.rule("timestamp", lambda handler, data: head(handler, 503, 0))
        check_equal(codes(("install",)), [1])
        os.unlink(conf)
        check_equal(codes(("install",), ("status",)), [3, 0])


main()
