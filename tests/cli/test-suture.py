# SPDX-License-Identifier: Apache-2.0
"""suture and sutured: the owner's side, with everything behind it."""
import contextlib
import fcntl
import functools
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import time

from tap import *
from world import *

LABEL_A, LABEL_B = f"{VERSION} (a)", f"{VERSION} (b)"


class World:
    """A vendor who has published (a), a web server and a device."""

    def __init__(self, *, improve=True, config="", **options):
        self.vendor = Vendor()
        if improve:
            self.vendor.improve({"tls": {LIB: NEW_TLS}}, **options)
        self.server = Server(self.vendor.repository)
        self.config = config

    def __enter__(self):
        self.server.__enter__()
        return self.vendor, self.server, Device(self.server.url, config=self.config)

    def __exit__(self, *what):
        self.server.__exit__(*what)


def offer_of(device):
    return device.json("status")["offer"]


def events(device):
    return [entry["event"] for entry in device.json("history")["history"]]


def has(text, *words):
    for word in words:
        check(word in text, f"{word!r} is not in:\n{text}")


@test_in_mount_namespace
def the_journey_in_text():
    with World() as (vendor, server, device):
        status = device.suture().stdout
        has(status, f"{PRODUCT} {VERSION}\n", f"Base: {VERSION}  ({BASE_KEY})", "Applied: nothing",
            "last check never", "suture check")
        check_equal(device.suture("history").stdout, "Nothing happened yet.\n")
        has(device.suture("exposure").stdout, "No improvement is known")
        has(device.suture("check").stdout, f"{LABEL_A} is available: Fixes for tls", "bytes",
            "suture install")
        has(device.suture("status").stdout, f"Available: {LABEL_A}: Fixes for tls (high, ",
            "bytes to download", "Fixes: CVE-2026-0001", "suture install")
        has(device.suture("install").stdout, f"Installed {LABEL_A}: ", "bytes downloaded",
            "suture exposure")
        status = device.suture("status").stdout
        has(status, f"{PRODUCT} {LABEL_A}\n", f"Applied: {LABEL_A}", "Fixes: CVE-2026-0001",
            f"Graft: /{TLS}  on", "verified by digest", "suture remove", "UTC")
        check("Available" not in status, status)
        has(device.suture("install", expect=2).stderr, "is installed, and nothing newer is offered")
        check_equal(device.suture("check", expect=2).stdout, "Up to date: nothing newer is offered.\n")
        has(device.suture("remove").stdout, f"This is {VERSION} again", "stays off")
        has(device.suture("remove", expect=2).stderr, "no improvement to remove")
        status = device.suture("status").stdout
        has(status, f"Offered: {LABEL_A}", "downloaded already", "removed by the owner",
            "'suture install' brings it back")
        has(device.suture("history").stdout, "installed", "removed", LABEL_A, "(generation 1)")


@test_in_mount_namespace
def the_journey_in_json():
    with World() as (vendor, server, device):
        status = device.json("status")
        for name, value in (("product", PRODUCT), ("version", VERSION), ("base", BASE_KEY),
                            ("label", VERSION), ("machine_label", VERSION), ("sequence", 0),
                            ("selected", 0), ("removed", 0), ("automatic", "install"),
                            ("channel", "public"), ("repository", server.url),
                            ("last_check", None), ("fixes", []), ("withdrawn", None)):
            check_equal(status[name], value, name)
        check_equal(status["offer"], {"state": "none"})
        checked = device.json("check")
        check_equal((checked["changed"], checked["offer"]["state"]), (True, "available"))
        check_equal(checked["offer"]["downloaded"], False)
        exposure = device.json("exposure")
        check_equal((exposure["exposed"], exposure["entries"], exposure["label"]), (0, [], LABEL_A))
        installed = device.json("install")
        for name, value in (("label", LABEL_A), ("sequence", 1), ("generation", 1),
                            ("grafted", True), ("used_delta", True)):
            check_equal(installed[name], value, name)
        check(installed["payload_bytes"] < 2000 < installed["wire_bytes"] + 2000, installed)
        status = device.json("status")
        for name, value in (("label", LABEL_A), ("machine_label", f"{VERSION}-a"), ("sequence", 1),
                            ("selected", 1), ("fixes", ["CVE-2026-0001"])):
            check_equal(status[name], value, name)
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["last_check"]))
        check_equal(status["activation"]["directory"][0]["path"], TLS)
        removed = device.json("remove")
        check_equal((removed["label"], removed["switch_us"] >= 0), (VERSION, True))
        check_equal(device.json("status")["removed"], 1)
        check_equal(events(device), ["activated", "installed", "deactivated", "removed"])
        for entry in device.json("history")["history"]:
            check_equal(sorted(entry), ["event", "generation", "sequence", "text", "time"])
        check_equal(device.suture("install", "--json").stderr, "")


@test_in_mount_namespace
def exposure_names_the_processes():
    with World() as (vendor, server, device):
        device.suture("check")
        mapper = subprocess.Popen([program("tests/mapper"), device.path(LIB)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check_equal(mapper.stdout.readline(), "mapped\n")
        for remedy, state in ("install it, then restart it", "offered"), ("restart it", "applied"):
            has(device.suture("exposure").stdout, "1 of ", f" code that {LABEL_A} replaces; {remedy}:",
                str(mapper.pid), "mapper", "library", f"/{LIB}", "CVE-2026-0001", "Never covered: ")
            exposure = device.json("exposure")
            check_equal((exposure["state"], exposure["exposed"], exposure["pids"]),
                        (state, 1, [mapper.pid]))
            device.suture("install", expect=None)
        entry, = exposure["entries"]
        check_equal((entry["pid"], entry["kind"], entry["component"], entry["cves"], entry["root"]),
                    (mapper.pid, "library", "tls", ["CVE-2026-0001"], "/"))
        check_equal([(group["cve"], group["pids"]) for group in exposure["cves"]],
                    [("CVE-2026-0001", [mapper.pid])])
        check_equal([(group["unit"], group["pids"]) for group in exposure["units"]],
                    [(entry["unit"], [mapper.pid])])
        mapper.stdin.close()
        mapper.wait()
        check_equal(device.json("exposure")["exposed"], 0)


@test_in_mount_namespace
def exposure_to_one_cve():
    with World() as (vendor, server, device):
        device.suture("--cve", "CVE-2026-9", "exposure")  # nothing is known yet
        device.suture("check")
        mapper = subprocess.Popen([program("tests/mapper"), device.path(LIB)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check_equal(mapper.stdout.readline(), "mapped\n")
        check_equal(device.json("--cve", "CVE-2026-0001", "exposure")["pids"], [mapper.pid])
        for other in "CVE-2026-000", "CVE-2026-00011", "VE-2026-0001":
            has(device.suture("--cve", other, "exposure", expect=3).stderr, LABEL_A, "does not fix")
        mapper.stdin.close()
        mapper.wait()


@test_in_mount_namespace
def exposure_names_who_may_run_old_scripts_and_old_modules():
    with World(improve=False) as (vendor, server, device):
        script, module = f"{TLS}/script.py", f"{TLS}/x.ko"
        write("python", read(program("tests/mapper")) + b"python", 0o755)
        os.makedirs(device.path("usr/bin"), exist_ok=True)
        os.rename("python", device.path("usr/bin/python"))
        vendor.improve({"tls": {script: "print('fixed')\n", module: "no ELF file"}},
                       hosts=["usr/bin/python"])
        device.suture("check")
        write(device.path("sys/module/x/initstate"), "live\n")
        host = subprocess.Popen([device.path("usr/bin/python")], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        check_equal(host.stdout.readline(), "mapped\n")
        for _ in "before", "after":
            exposure = device.json("exposure")
            check_equal((exposure["exposed"], exposure["may_run_pids"]), (0, [host.pid]))
            check_equal([entry["path"] for entry in exposure["modules"]], [module])
            check_equal([(group["cve"], group["pids"], group["may_run_pids"])
                         for group in exposure["cves"]], [("CVE-2026-0001", [], [host.pid])])
            check_equal(exposure["not_covered"]["read-once"], 0)
            has(device.suture("exposure").stdout, "No process maps code",
                "1 process may still run old scripts", str(host.pid), "1 may",
                f"Reboot needed: the kernel has not loaded the fixed /{module}", "CVE-2026-0001")
            device.suture("install", expect=None)
        host.stdin.close()
        host.wait()
        time.sleep(0.02)
        with subprocess.Popen([device.path("usr/bin/python")], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as host:
            check_equal(host.stdout.readline(), "mapped\n")
            check_equal(device.json("exposure")["may_run_pids"], [])


@test_in_mount_namespace
def exposure_tells_of_containers_with_copies_of_their_own():
    with World() as (vendor, server, device):
        device.suture("check")
        write(f"container/{LIB}", "a copy" * 1000)
        mapper = subprocess.Popen([program("tests/mapper"), "-c", os.path.abspath("container"),
                                   "/" + LIB], text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        check_equal(mapper.stdout.readline(), "mapped\n")
        exposure = device.json("exposure")
        check_equal(exposure["exposed"], 0)
        # another run of this test, at the same time on this machine, has containers too
        copy, = [copy for copy in exposure["copies"] if copy["pid"] == mapper.pid]
        check_equal((copy["kind"], copy["path"], copy["root"], copy["cves"]),
                    ("copy", LIB, os.path.abspath("container"), ["CVE-2026-0001"]))
        has(device.suture("exposure").stdout, "No process maps code", "Not covered: containers",
            str(mapper.pid), f"(root {os.path.abspath('container')})")
        mapper.stdin.close()
        mapper.wait()


@test_in_mount_namespace
def exposure_tells_what_it_does_not_cover():
    with World(improve=False) as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEW_TLS, f"{TLS}/script": "#!/bin/sh\necho fixed\n",
                                f"{TLS}/kept": "fixed\n"}})
        kinds = [file["kind"] for image in vendor.index()["improvements"][0]["images"]
                 for file in image["files"]]
        counts = {kind: kinds.count(kind) for kind in ("read-once", "kernel", "data")}
        check(sum(counts.values()) == 2, kinds)
        for verb in "check", "install", "status":
            device.suture(verb)
            exposure = device.json("exposure")
            check_equal((exposure["exposed"], exposure["not_covered"]), (0, counts))
            has(device.suture("exposure").stdout, "No process maps code", "Not covered: ",
                "cannot be seen")


@test_in_mount_namespace
def what_the_owner_removed_stays_removed():
    with World() as (vendor, server, device):
        device.agent()
        check_equal(device.label(), LABEL_A)
        device.suture("remove")
        for _ in range(3):
            has(device.agent(expect=2).stderr, "removed by the owner")
            check_equal(device.label(), VERSION)
        check_equal(offer_of(device)["state"], "removed-by-owner")
        has(device.suture("check", expect=2).stdout, "removed by the owner")
        device.suture("install")
        check_equal(device.label(), LABEL_A)
        check_equal(device.json("status")["removed"], 0)
        device.suture("remove")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.agent()
        check_equal(device.label(), LABEL_B)
        check(device.lib() == NEW_TLS, "(b) carries over what (a) fixed")
        check(read(device.path(XMLLIB)) == NEW_XML)


@test_in_mount_namespace
def one_improvement_of_two_components():
    with World(improve=False) as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEW_TLS}, "xml": {XMLLIB: NEW_XML}})
        done = device.suture("install").stdout
        has(done, "Downloading tls", "Applying tls", "Downloading xml", "Applying xml")
        check(device.lib() == NEW_TLS and read(device.path(XMLLIB)) == NEW_XML)
        status = device.json("status")
        check_equal(sorted(d["path"] for d in status["activation"]["directory"]), [TLS, XML])
        check_equal(status["fixes"], ["CVE-2026-0001", "CVE-2026-0002"])
        device.suture("remove")
        check(device.lib() == OLD_TLS and read(device.path(XMLLIB)) == OLD_XML)


@test_in_mount_namespace
def one_after_the_other():
    with World() as (vendor, server, device):
        device.agent()
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        has(device.agent().stderr, f"installed {LABEL_B}", "microseconds")
        check(device.lib() == NEWER_TLS)
        check_equal(device.json("status")["machine_label"], f"{VERSION}-b")
        device.agent(expect=2)
        vendor.improve({"tls": {LIB: NEW_TLS}})
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.agent()
        check_equal(device.label(), f"{VERSION} (d)")
        check(len(device.generations()) <= 2, device.generations())


@test_in_mount_namespace
def automatic_is_the_owners_choice():
    with World(config="[install]\nautomatic = download\n") as (vendor, server, device):
        has(device.agent().stderr, f"{LABEL_A} is downloaded", "suture install")
        check_equal(device.label(), VERSION)
        check_equal(len(device.images()), 1)
        has(device.agent(expect=2).stderr, "downloaded already")
        has(device.suture("status").stdout, "downloaded already", "Automatic: download")
        check_equal(events(device), ["downloaded"])
        server.asked.clear()
        device.suture("install")
        check_equal(server.of("blobs"), [])
        check_equal(device.label(), LABEL_A)
        device.suture("remove")
        device.configure(server.url, "[install]\nautomatic = off\n")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.agent()
        check_equal((device.label(), offer_of(device)["label"]), (VERSION, LABEL_B))
        check_equal(len(device.images()), 1)
        device.configure(server.url)
        device.agent()
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def mistakes_in_the_configuration_are_told_with_their_line():
    with World() as (vendor, server, device):
        conf = "etc/suture/suture.conf"
        for text, *words in (("[repository]\nurl = ftp://x/\n", ":2: ", "url must be"),
                             ("[install]\nautomatic = perhaps\n", ":2: ", "download or off"),
                             ("\n\ncolour = red\n", ":3: ", "unknown key colour")):
            write(device.path(conf), text)
            for verb in ("check",), ("install",):
                device.refuses(device.path(conf) + words[0], *words[1:], expect=1, verb=verb)
            one_line_error(device.agent(expect=1), *words)
            has(device.suture("status").stdout, "Config: " + device.path(conf) + words[0],
                *words[1:], "Automatic: not known")
            status = device.json("status")
            has(status["configuration_problem"], *words)
            check_equal([status[name] for name in ("automatic", "channel", "repository")], [None] * 3)
        write(device.path(conf), "")
        device.refuses("names no repository", "set url in its section [repository]", expect=3)
        os.unlink(device.path(conf))
        device.refuses(device.path(conf), "is missing", expect=3)
        has(device.suture("status").stdout, "is missing")
        write(device.path("usr/lib/suture/suture.conf"), f"[repository]\nurl = {server.url}\n")
        device.suture("install")
        check_equal(device.json("status")["configuration_problem"], None)


@test_in_mount_namespace
def the_way_back_needs_no_configuration():
    with World() as (vendor, server, device):
        conf = device.path("etc/suture/suture.conf")
        for break_it in lambda: write(conf, "[repository]\nurl = htp://x\n"), lambda: os.unlink(conf):
            device.configure(server.url)
            device.suture("install")
            break_it()
            check_equal(device.label(), LABEL_A)
            for verb in "status", "history", "exposure":
                device.suture(verb)
            device.agent(expect=None)
            check_equal(device.label(), LABEL_A)
            has(device.suture("remove").stdout, f"This is {VERSION} again")
            check(is_base(device))
        device.configure(server.url)
        device.suture("install")
        vendor.withdraw(1, "revert")
        device.suture("check", expect=None)
        os.unlink(conf)
        has(device.agent(expect=3).stderr, f"withdrew {LABEL_A}", "is missing")
        check(is_base(device))


@test_in_mount_namespace
def mistakes_on_the_command_line():
    one_line_error(run("suture", "frobnicate", expect=64), "frobnicate", "--help")
    one_line_error(run("suture", "--frob", expect=64), "--frob")
    one_line_error(run("suture", "install", "now", expect=64), "now")
    one_line_error(run("suture", "--progress-fd", "x", "check", expect=64), "x")
    one_line_error(run("sutured", "now", expect=64), "now")
    one_line_error(run("suture", "--root", "/nonexistent", "status", expect=3), "/nonexistent")
    for name in "suture", "sutured", "suture-stage", "suture-fetch":
        has(run(name, "--help").stdout, f"{name}: ", "Usage:")
        has(run(name, "--version").stdout, name)


def as_nobody(*args):
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *args],
                          text=True, capture_output=True)


@test_in_mount_namespace
def only_root_may():
    with World() as (vendor, server, device):
        device.suture("install")
        for verb in "status", "check", "install", "remove", "exposure":
            with device.unchanged():
                done = as_nobody(program("suture"), "--root", device.root, verb)
                check_equal(done.returncode, 4, verb)
                one_line_error(done, "only root", "sudo")
        done = as_nobody(program("sutured"), "--root", device.root, "--once")
        check_equal(done.returncode, 4)
        one_line_error(done, "only root")
        check_equal(as_nobody(program("suture"), "--root", device.root, "history").returncode, 0)


@test_in_mount_namespace
def two_at_once_do_not_meet():
    with World() as (vendor, server, device):
        device.suture("check")
        with open(device.store("lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for verb in ("install",), ("check",), ("remove",):
                device.refuses("another Suture program", "try again", expect=5, verb=verb)
            one_line_error(device.agent(expect=5), "another Suture program")
            device.suture("status")
        server.rule("blobs", drip(16, 0.2))
        first = subprocess.Popen([program("sutured"), "--root", device.root, "--once"],
                                 stderr=subprocess.DEVNULL)
        while not server.of("blobs"):
            time.sleep(0.02)
        device.refuses("another Suture program", expect=5)
        check_equal(first.wait(60), 0)
        check_equal(device.label(), LABEL_A)


def remove_during(device, server, pattern, *command):
    """Something is on, the command hangs in a download, and the owner wants it off."""
    server.rules.clear()
    run("suture-activate", "--root", device.root, "switch", 1)
    server.rule(pattern, stall(10))
    server.asked.clear()
    busy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not server.of(pattern):
        time.sleep(0.02)
    start = time.monotonic()
    has(device.suture("remove").stdout, f"This is {VERSION} again")
    took = time.monotonic() - start
    check(took < 3, f"{pattern}: the removal took {took:.1f} s")
    has(busy.communicate(timeout=10)[1], "removal goes first")
    check_equal(busy.returncode, 5)
    check(is_base(device))


@test_in_mount_namespace
def a_removal_waits_for_no_slow_server():
    with World() as (vendor, server, device):
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        for pattern in "timestamp", "blobs":
            for command in (["sutured", "--root", device.root, "--once"],
                            ["suture", "--root", device.root, "install"]):
                remove_during(device, server, pattern, program(command[0]), *command[1:])
        server.rules.clear()
        device.suture("install")
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def a_repository_that_is_down_is_told():
    with World() as (vendor, server, device):
        device.suture("install")
        device.configure("http://127.0.0.1:1/")
        for verb in ("check",), ("install",):
            device.refuses("http://127.0.0.1:1/ cannot be reached", "suture.conf", expect=1, verb=verb)
        one_line_error(device.agent(expect=1), "http://127.0.0.1:1/")
        check_equal(device.label(), LABEL_A)
        device.suture("status")
        device.suture("remove")
        device.configure(server.url + "elsewhere/")
        device.refuses("no repository at", "elsewhere/", "suture.conf", expect=3)
        device.configure(server.url)
        server.rule("timestamp", status(503))
        device.refuses("status 503", expect=1, verb=("check",))


@test_in_mount_namespace
def a_base_that_does_not_match_is_told():
    with World() as (vendor, server, device):
        write(device.path("usr/lib/os-release"), OS_RELEASE.replace("26.3.1", "26.3.9"))
        for verb in ("check",), ("install",):
            device.refuses(f"26.3.9_{MACHINE}", PRODUCT, "public", expect=3, verb=verb)
        one_line_error(device.agent(expect=3), f"26.3.9_{MACHINE}")
        write(device.path("usr/lib/os-release"), OS_RELEASE)
        device.configure(server.url, "channel = rehearsal\n")
        device.refuses("channel rehearsal", expect=3)
        os.unlink(device.path("usr/lib/os-release"))
        device.refuses("os-release", "names the base", expect=3)


@test_in_mount_namespace
def an_improvement_dies_with_its_base():
    with World() as (vendor, server, device):
        device.suture("install")
        run("suture-activate", "--root", device.root, "detach")
        write(device.path("usr/lib/os-release"), OS_RELEASE.replace("26.3.1", "26.3.9"))
        done = run("suture-activate", "--root", device.root, "apply")
        has(done.stderr, "the base is shown", "belongs to exampleos 26.3.1_")
        check_equal(device.json("status")["label"], "26.3.9")
        check_equal(offer_of(device), {"state": "none"})
        has(device.suture("status").stdout, "Applied: nothing", "26.3.9", "Reason:")
        device.suture("remove")
        device.suture("remove", expect=2)


@test_in_mount_namespace
def progress_for_programs():
    with World() as (vendor, server, device):
        server.rule("blobs", drip(100, 0.15))
        read_end, write_end = os.pipe()
        done = subprocess.Popen([program("suture"), "--root", device.root, "install", "--json",
                                 "--progress-fd", str(write_end)], pass_fds=[write_end], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            lines = [json.loads(line) for line in pipe]
        out, err = done.communicate()
        check_equal((done.returncode, err), (0, ""))
        check_equal(json.loads(out)["label"], LABEL_A)
        for phase in "download", "apply":
            of_phase = [line for line in lines if line["phase"] == phase]
            check(of_phase, f"no {phase}")
            check_equal(of_phase, sorted(of_phase, key=lambda line: line["done"]))
            for line in of_phase:
                check_equal(sorted(line), ["component", "done", "phase", "total"])
                check(line["done"] <= line["total"] and line["component"] == "tls", line)
        check(lines[-1]["done"] == lines[-1]["total"], lines[-1])


@test_in_mount_namespace
def a_reader_of_progress_may_go_away():
    with World() as (vendor, server, device):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([program("suture"), "--root", device.root, "install",
                               "--progress-fd", str(write_end)], pass_fds=[write_end],
                              capture_output=True, text=True)
        check_equal((done.returncode, done.stderr), (0, ""))
        check_equal(device.label(), LABEL_A)


@test_in_mount_namespace
def nothing_of_the_callers_reaches_the_downloader():
    with World() as (vendor, server, device):
        server.rule("blobs", drip(50, 0.3))
        secret = os.open(device.path(LIB), os.O_RDWR)
        os.dup2(secret, 40)
        process = subprocess.Popen([program("suture"), "--root", device.root, "install"],
                                   pass_fds=[40, secret], stdout=subprocess.DEVNULL)
        while not server.of("blobs"):
            time.sleep(0.02)
        children = read(f"/proc/{process.pid}/task/{process.pid}/children").decode().split()
        check_equal(len(children), 2)
        for child in children:
            opened = {int(fd): os.readlink(f"/proc/{child}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{child}/fd")}
            check(device.path(LIB) not in opened.values(), opened)
        check_equal(process.wait(), 0)


def on_a_terminal(*args):
    """What a program prints on a terminal of 80 columns, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(args[0], args)
    text = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def screen_of(text):
    """What is left to read on the terminal."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = "" if part.startswith("\033[K") else part + shown[len(part):]
            if part.startswith("\033[K"):
                shown = part[len("\033[K"):]
        lines.append(shown)
    return lines


@test_in_mount_namespace
def progress_on_a_terminal():
    with World() as (vendor, server, device):
        server.rule("blobs", drip(50, 0.12))
        text, code = on_a_terminal(program("suture"), "--root", device.root, "install")
        check_equal(code, 0)
        bars = re.findall(r"(Downloading|Applying) +tls +\[([= ]{30})\] +(\d+)%", text)
        check(len(bars) >= 3, text)
        check_equal({kind for kind, _, _ in bars}, {"Downloading", "Applying"})
        check_equal(bars[-1][1:], ("=" * 30, "100"))
        check(max(len(line) for part in text.split("\n") for line in part.split("\r")) < 80, text)
        lines = screen_of(text)
        check(lines[0].startswith(f"Installed {LABEL_A}"), lines)
        check(not any("[=" in line for line in lines), lines)
        server.rules.clear()
        for path in vendor.payloads().values():
            flip_byte(path)
        device.suture("remove")
        for image in device.images():
            os.unlink(device.store("images", image))
        text, code = on_a_terminal(program("suture"), "--root", device.root, "install")
        check_equal(code, 6)
        check(screen_of(text)[0].startswith("suture: the download for component tls"), text)


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


@test_in_mount_namespace
def the_agent_goes_round():
    with World(config="[check]\ninterval = 1\n") as (vendor, server, device):
        agent = Agent(device)
        has(agent.line(), f"installed {LABEL_A}")
        has(agent.line(), "nothing newer")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        while "installed" not in (line := agent.line()):
            has(line, "nothing newer")
        has(line, LABEL_B)
        check_equal(agent.end(), 0)
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def the_agent_ends_at_once():
    with World(config="[check]\ninterval = 604800\n") as (vendor, server, device):
        for how in signal.SIGTERM, signal.SIGINT:
            agent = Agent(device)
            agent.line()
            check_equal(agent.end(how), 0)
        device.suture("remove")
        device.suture("check", expect=2)
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        server.rule("blobs", stall(10))
        server.asked.clear()
        agent = Agent(device)
        while not server.of("blobs"):
            time.sleep(0.02)
        check_equal(agent.end(), 0)  # in the middle of a download
        server.rules.clear()
        device.agent()
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def the_agent_survives_a_bad_configuration():
    with World(config="[check]\ninterval = 1\n") as (vendor, server, device):
        agent = Agent(device)
        agent.line()
        device.configure(server.url, "[check]\ninterval = 1\nspeed = 9\n")
        while "nothing newer" in (line := agent.line()):
            pass
        has(line, "suture.conf:6: unknown key speed")
        device.configure(server.url, "[check]\ninterval = 1\n")
        while "speed" in (line := agent.line()):
            pass
        has(line, "nothing newer")
        check_equal(agent.end(), 0)


def files_with(root, word):
    """The files below a root that hold a word, names included."""
    found = []
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(folder, name)
            if word in name.encode() or (os.path.isfile(path) and not os.path.islink(path)
                                         and word in read(path)):
                found.append(os.path.relpath(path, root))
    return found


@test_in_mount_namespace
def no_label_reaches_what_machines_read():
    with World() as (vendor, server, device):
        before = read(device.path("usr/lib/os-release"))
        device.agent()
        check_equal(device.label(), LABEL_A)
        check_equal(read(device.path("usr/lib/os-release")), before)
        check_equal([path for path in files_with(device.root, b"(a)")
                     if not path.startswith(("var/lib/suture", "run/suture"))], [])
        check_equal([path for path in files_with(device.root, f"{VERSION}-a".encode())
                     if not path.startswith(("var/lib/suture", "run/suture"))], [])
        for asked in server.asked:
            check("(a)" not in f"{asked.agent} {asked.path}", asked)


@contextlib.contextmanager
def activator_at_rest(device):
    """A switch that was begun is brought to its end, whoever began it: it must not end while two
    things are looked at, one after the other."""
    os.makedirs(device.path("run"), exist_ok=True)
    with open(device.path("run/suture.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@test_in_mount_namespace
def kills_at_any_moment_are_survived():
    """The store is on a real file system here; power cuts are simulated elsewhere."""
    with World() as (vendor, server, device):
        dice = random.Random(20261122)
        server.rule("blobs", drip(20, 0.01))
        kills = rounds = 0
        while kills < 16 and rounds < 300:
            rounds += 1
            device.suture("remove", expect=None)
            for image in device.images() if rounds % 3 else []:
                if not os.path.exists(device.path("run/suture/image", image[:64])):
                    os.unlink(device.store("images", image))
            process = subprocess.Popen([program("suture"), "--root", device.root, "install"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, 0.25))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
            with activator_at_rest(device):
                label = device.label()
                check(label in (VERSION, LABEL_A), label)
                check(device.lib() == (NEW_TLS if label == LABEL_A else OLD_TLS), label)
        check(kills >= 16, f"only {kills} kills in {rounds} rounds")
        for _ in range(20):
            done = device.suture("install", expect=None)
            if done.returncode != 5:
                break
            time.sleep(0.1)  # what the killed one started is at its end
        check(done.returncode in (0, 2), done.stderr)
        check_equal(device.label(), LABEL_A)
        check(device.lib() == NEW_TLS)
        check_equal(device.partial(), {})
        device.suture("remove")
        check(device.lib() == OLD_TLS)


def is_base(device):
    return device.lib() == OLD_TLS and not os.path.lexists(device.store("current"))


@test_in_mount_namespace
def an_interrupted_switch_is_finished():
    with World() as (vendor, server, device):
        device.suture("install")
        activate = functools.partial(run, "suture-activate", "--root", device.root)
        # selected and not mounted
        activate("detach")
        has(device.agent().stderr, f"a switch to {LABEL_A} was interrupted")
        check(device.lib() == NEW_TLS)
        activate("detach")
        has(device.suture("install").stdout, f"Installed {LABEL_A}")
        check(device.lib() == NEW_TLS)
        check("repaired" in events(device))
        device.agent(expect=2)
        # mounted and not selected
        os.unlink(device.store("current"))
        has(device.suture("remove").stdout, f"This is {VERSION} again")
        check(is_base(device))
        has(device.suture("remove", expect=2).stderr, "no improvement to remove")
        has(device.agent(expect=2).stderr, "removed by the owner")
        device.suture("install")
        device.configure(server.url, "[install]\nautomatic = off\n")
        os.unlink(device.store("current"))
        has(device.agent().stderr, f"a switch to {VERSION} was interrupted")
        check(is_base(device))


@test_in_mount_namespace
def a_bad_current_can_be_removed():
    with World() as (vendor, server, device):
        for target in "nonsense", "generations/77":
            device.suture("install")
            os.unlink(device.store("current"))
            os.symlink(target, device.store("current"))
            has(device.suture("remove").stdout, f"This is {VERSION} again")
            check(is_base(device))
            has(device.agent(expect=2).stderr, "removed by the owner")
        os.symlink("nonsense", device.store("current"))  # and nothing is mounted
        one_line_error(device.agent(expect=6), "current", "suture remove")
        device.suture("remove")
        check(is_base(device))


@test_in_mount_namespace
def a_killed_switch_is_finished_by_whoever_comes_next():
    with World() as (vendor, server, device):
        dice = random.Random(20261122)
        device.suture("install")
        states, kills = set(), 0
        for number in range(240):
            target = number % 2
            start = time.monotonic()
            run("suture-activate", "--root", device.root, "switch", 1 - target)
            took = time.monotonic() - start
            process = subprocess.Popen([program("suture-activate"), "--root", device.root, "switch",
                                        str(target)], stdout=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, took))
            process.kill()
            if process.wait() != -signal.SIGKILL:
                continue
            kills += 1
            states.add((os.path.lexists(device.store("current")), device.lib() == NEW_TLS))
            if kills % 2:
                device.agent(expect=None)
                check_equal((device.label(), device.lib() == NEW_TLS), (LABEL_A, True))
            else:
                device.suture("remove", expect=None)
                check(is_base(device))
                check_equal(device.label(), VERSION)
                device.suture("install")
            if kills == 24:
                break
        print(f"# {kills} kills, {len(states)} states", flush=True)
        check(kills >= 20, f"only {kills} kills")


@test_in_mount_namespace
def the_way_back_needs_no_library():
    path = program("suture")
    if b"INTERP" in run("/usr/bin/readelf", "-lW", path, text=False).stdout:
        skip("not linked statically here")
    with World() as (vendor, server, device):
        device.suture("install")
        check_equal(device.lib(), NEW_TLS)
    for folder in sorted({os.path.realpath(f) for f in ("/lib64", "/lib", "/usr/lib")},
                         reverse=True):
        run("/usr/bin/mount", "-t", "tmpfs", "none", folder)
        if folder == os.path.realpath("/lib64"):
            break
    check(not os.path.exists("/lib64/ld-linux-x86-64.so.2"), "the linker is still there")
    for verb, expected in (("remove", 0), ("remove", 2), ("history", 0)):
        pid = os.posix_spawn(path, [path, "--root", device.root, verb], {},
                             file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
        check_equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), expected, verb)
    check_equal(device.lib(), OLD_TLS)


main()
