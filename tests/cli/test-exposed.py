# SPDX-License-Identifier: Apache-2.0
"""suture exposure: who runs what the newest known improvement replaces, as the owner sees it."""
import os
import subprocess
import time

from owner import *


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
def what_is_older_than_what_is_installed_replaces_nothing():
    with World() as (vendor, server, device):
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.suture("install")
        vendor.withdraw(2, "advise")
        device.suture("check", expect=None)
        exposure = device.json("exposure")
        check_equal((exposure["state"], exposure["sequence"], exposure["label"]), ("applied", 2, LABEL_B))


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


main()
