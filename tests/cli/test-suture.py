# SPDX-License-Identifier: Apache-2.0
"""suture and sutured: the owner's side, with everything behind it."""
import fcntl
import os
import re
import subprocess
import time

from owner import *


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
            "healthy, 1 component, ", "suture remove", "UTC")
        check("Graft" not in status and "Seals" not in status, "what is as it should be is not told")
        has(device.suture("status", "-v").stdout, f"Graft: /{TLS}  on", "verified by digest",
            "Seals: required")
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
                device.refuses("no repository to ask: " + device.path(conf) + words[0], *words[1:],
                               expect=1, verb=verb)
            has(device.agent(expect=1).stderr, *words)
            has(device.suture("status").stdout, "Config: no repository to ask: "
                + device.path(conf) + words[0], *words[1:], "Automatic: install")
            status = device.json("status")
            has(status["configuration_problem"], *words)
            has(status["policy"]["mistakes"][0], *words)
        write(device.path(conf), "")
        device.refuses("names no repository", "set url in its section [repository]", expect=3)
        os.unlink(device.path(conf))
        device.refuses("/etc/suture/suture.conf is missing", expect=3)
        has(device.suture("status").stdout, "is missing")
        write(device.path("usr/lib/suture/suture.conf"), f"[repository]\nurl = {server.url}\n")
        device.suture("install")
        check_equal(device.json("status")["configuration_problem"], None)


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
        ours = "var/lib/suture", "run/suture", "run/motd.d/50-suture", "run/issue.d/50-suture.issue"
        for label in "(a)", f"{VERSION}-a":
            check_equal([path for path in files_with(device.root, label.encode())
                         if not path.startswith(ours)], [])
        for asked in server.asked:
            check("(a)" not in f"{asked.agent} {asked.path}", asked)


main()
