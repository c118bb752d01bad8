# SPDX-License-Identifier: Apache-2.0
"""Progress of suture, for programs and on a terminal; and what of the caller reaches the helpers."""
import json
import os
import re
import subprocess
import time

from owner import *
from terminal import *


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


PROGRESS = re.compile(r"^(Downloading|Applying) tls, \d+ bytes$", re.M)


@test_in_mount_namespace
def progress_as_it_is_asked_for():
    with World() as (vendor, server, device):
        def install(*options, **more):
            device.suture("remove", expect=None)
            for name in device.images():
                os.unlink(device.store("images", name))
            return device.suture("install", *options, **more)

        for options in (), ("--progress", "auto"), ("--progress=plain",):
            done = install(*options)
            check_equal((len(PROGRESS.findall(done.stdout)), done.stderr), (2, ""), options)
        for options in ("--progress", "none"), ("--progress", "none", "--json"), ("--json",):
            done = install(*options)
            check_equal((PROGRESS.findall(done.stdout), done.stderr), ([], ""), options)
        for options in (), ("--json",), ("-q",):
            done = install("--progress", "json", *options)
            lines = [json.loads(line) for line in done.stderr.splitlines()]
            check_equal({line["phase"] for line in lines}, {"download", "apply", "activate"}, options)
            check_equal(PROGRESS.findall(done.stdout), [], options)
        device.refuses("--progress json", expect=1, verb=("install", "--json", "--progress", "plain"))
        one_line_error(device.suture("install", "--progress", "pretty", expect=64), "pretty")
        one_line_error(device.suture("install", "--progress", "auto|plain", expect=64), "auto|plain")
        text, code = on_a_terminal(program("suture"), "--root", device.root, "remove")
        text, code = on_a_terminal(program("suture"), "--root", device.root, "--progress", "plain", "install")
        check("[=" not in text and "Installed" in text, text)


@test_in_mount_namespace
def quiet_says_nothing_but_errors():
    with World() as (vendor, server, device):
        for verb, code in (("check",), 0), (("install",), 0), (("check",), 2), (("status",), 0), \
                (("remove",), 0), (("history",), 0):
            done = device.suture("-q", *verb, expect=code)
            check_equal((done.stdout, done.stderr), ("", ""), verb)
        one_line_error(device.suture("-q", "remove", expect=2), "no improvement to remove")
        check_equal(device.json("-q", "status")["sequence"], 0)


main()
