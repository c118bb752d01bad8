# SPDX-License-Identifier: Apache-2.0
"""suture doctor and suture files: what stands in the way, and what is grafted."""
import json
import os
import re
import subprocess

import grafting
from tap import *
from world import *

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
OF_THE_KERNEL = {"erofs", "overlay", "beneath", "loop", "dm-verity", "fs-verity"}


def diagnose(device, *tracing, root=None):
    """{name: (level, text, remedy)}; the exit code must fit."""
    command = [program("suture"), "--root", root or device.root, "--json", "doctor"]
    done = subprocess.run([*tracing, *command], stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    found = json.loads(done.stdout)
    problems = [f for f in found["findings"] if f["level"] == "problem"]
    check_equal(found["problems"], len(problems))
    check_equal(done.returncode, 5 if problems else 0, "exit code")
    for finding in found["findings"]:
        check(finding["text"].endswith(".") and finding["remedy"].endswith("."), finding)
    return {f["name"]: (f["level"], f["text"], f["remedy"]) for f in found["findings"]}


def names(device):
    """What is found that is not this kernel's."""
    return set(diagnose(device)) - OF_THE_KERNEL


def read_only(device):
    run(MOUNT, "--bind", device.path("usr"), device.path("usr"))
    run(MOUNT, "-o", "remount,bind,ro", device.path("usr"))


def healthy():
    device = Device("http://127.0.0.1:1/")
    read_only(device)
    check_equal(names(device), set())
    return device


def finds(device, name, level, *words, path=None, text="", without=True):
    """The finding is there with the file, and is not without it."""
    if path:
        write(device.path(path), text)
    finding = diagnose(device).get(name)
    check(finding, f"{name} is not found")
    check_equal(finding[0], level, name)
    for word in words:
        check(word in finding[1] + finding[2], f"{word!r} is not in {finding}")
    if path:
        os.unlink(device.path(path))
        if without:
            check(name not in diagnose(device), f"{name} is found for nothing")


@test_in_mount_namespace
def programs_that_watch_over_files():
    device = healthy()
    conf = "etc/fapolicyd/fapolicyd.conf"
    finds(device, "fapolicyd", "problem", "suture files", path=conf, text="permissive = 0\n")
    write(device.path(conf), "permissive = 1\n")
    check("fapolicyd" not in diagnose(device))
    for path, text in (("etc/ima/ima-policy", "measure func=X\nappraise func=BPRM_CHECK\n"),
                       ("proc/cmdline", "quiet ima_policy=appraise_tcb\n")):
        finds(device, "ima", "problem", "security.ima", path=path, text=text)
    write(device.path("etc/ima/ima-policy"), "measure func=X\ndont_appraise fsmagic=1\n")
    check("ima" not in diagnose(device), "measuring is no appraisal")
    finds(device, "aide", "note", "suture files --digests", path="etc/aide/aide.conf")
    rules = "etc/audit/rules.d/own.rules"
    for text in "-w /usr/lib/ -p wa -k lib\n", "-a always,exit -F dir=/usr/lib/tls -F perm=w\n":
        finds(device, "audit", "note", rules, "augenrules", path=rules, text=text)
    for text in "#-w /usr/lib\n", "-w /etc/passwd -p wa\n", "-D\n-b 8192\n":
        write(device.path(rules), text)
        check("audit" not in diagnose(device), text)
    profile = "etc/apparmor.d/usr.sbin.x"
    for text in "/usr/sbin/x flags=(complain) {\n}\n", "profile x /usr/sbin/x {\n", \
            "profile x {\n  /usr/lib/tls/** mr,\n}\n":
        finds(device, "apparmor", "note", profile, path=profile, text=text)
    write(device.path(profile), "#include <x>\nprofile x /opt/x {\n /etc/x r,\n}\n")
    check("apparmor" not in diagnose(device))


@test_in_mount_namespace
def only_what_concerns_the_graft_directories_is_told():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        rules = device.path("etc/audit/rules.d/own.rules")
        for when in "offered", "installed":
            write(rules, "-w /usr/lib/xml\n")
            check("audit" not in diagnose(device), when)
            write(rules, f"-w /{LIB}\n")
            check("audit" in diagnose(device), when)
            device.suture("install", expect=None)


@test_in_mount_namespace
def bases_that_can_be_written():
    device = healthy()
    run(UMOUNT, device.path("usr"))
    finds(device, "writable-base", "note", "read-only")
    status = device.path("var/lib/dpkg/status")
    write(status, "Package: x\n")
    finds(device, "packages", "problem", "dpkg", "80suture")
    write(device.path("etc/apt/apt.conf.d/80suture"))
    finds(device, "packages", "note", "pause")
    os.unlink(status)
    write(device.path("var/lib/rpm/Packages"), "x")
    finds(device, "packages", "problem", "rpm", "read-only")
    read_only(device)
    check_equal(names(device), set(), "a read-only base")


@test_in_mount_namespace
def the_private_place():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        place = device.path("run/suture")
        check("run" not in diagnose(device))
        for name, opened, private in ("", 0o755, 0o711), ("/base", 0o711, 0o700), ("/overlay", 0o710, 0o700):
            check_equal(os.stat(place + name).st_mode & 0o777, private, f"mode of run/suture{name}")
            os.chmod(place + name, opened)
            finds(device, "run", "problem", f"run/suture{name} is open to others than root")
            os.chmod(place + name, private)
        run(MOUNT, "--make-shared", place)
        finds(device, "run", "problem", "other mount namespaces")
        run("suture-activate", "--root", device.root, "detach")
        run("suture-activate", "--root", device.root, "apply")
        check("run" not in diagnose(device), "the remedy does not help")


@test_in_mount_namespace
def kernels_that_lack_something():
    device = healthy()
    here = diagnose(device)
    check(not {"erofs", "overlay", "beneath"} & set(here), here)
    strace = ["strace", "-qq", "-o", "/dev/null", "-e"]
    found = diagnose(device, *strace, "inject=fsopen:error=ENODEV")
    for name, option in ("erofs", "CONFIG_EROFS_FS"), ("overlay", "CONFIG_OVERLAY_FS"):
        check_equal(found[name][0], "problem")
        check(option in found[name][2], found[name])
    found = diagnose(device, *strace, "inject=move_mount:error=EINVAL")
    check_equal(found["beneath"][0], "note")
    found = diagnose(device, *strace, "inject=access,faccessat,faccessat2:error=ENOENT")
    check_equal((found["loop"][0], found["dm-verity"][0]), ("note", "note"))


@test_in_mount_namespace
def a_store_on_a_server():
    device = healthy()
    for magic, name in ("6969000000000000", "NFS"), ("4655736500000000", "FUSE"):
        found = diagnose(device, "strace", "-qq", "-o", "/dev/null", "-e",
                         f"inject=fstatfs:poke_exit=@arg2={magic}")
        check_equal(found["network-store"][0], "problem")
        check(name in found["network-store"][1], found["network-store"])
    check("network-store" not in diagnose(device))


@test_in_mount_namespace
def an_old_systemd():
    device = Device("http://127.0.0.1:1/")
    for place in "usr/lib/systemd", "usr/lib/x86_64-linux-gnu/systemd":
        finds(device, "systemd", "note", "systemd 252", "254",
              path=f"{place}/libsystemd-shared-252.so")
        finds(device, "systemd", "note", "systemd 252", path=f"{place}/libsystemd-shared-252.39-1.so")
        write(device.path(place, "libsystemd-shared-257.so"))
        check("systemd" not in diagnose(device))
        os.unlink(device.path(place, "libsystemd-shared-257.so"))


@test_in_mount_namespace
def for_people():
    device = healthy()
    write(device.path("etc/fapolicyd/fapolicyd.conf"), "permissive = 0\n")
    done = device.suture("doctor", expect=5)
    check(re.search(r"^  Problem: fapolicyd .*\n           Allow them: ", done.stdout, re.M), done.stdout)
    check("1 problem stands in the way of improvements on this machine.\nLooked at: " in done.stdout,
          done.stdout)
    os.unlink(device.path("etc/fapolicyd/fapolicyd.conf"))
    for notes in False, True:
        if notes:
            write(device.path("etc/aide/aide.conf"))
        text = device.suture("doctor").stdout
        check("Nothing stands in the way of improvements on this machine.\nLooked at: the kernel" in text,
              text)
        check(("   Note: AIDE" in text) == notes, text)
    write(device.path("etc/ima/ima-policy"), "appraise func=BPRM_CHECK\n")
    text = device.suture("doctor", expect=5).stdout
    check(text.index("Problem: IMA") < text.index("     Note: AIDE"), "problems come first")


@test_in_mount_namespace
def what_a_remedy_tells_to_run_is_there():
    device = healthy()
    run(UMOUNT, device.path("usr"))
    write(device.path("var/lib/dpkg/status"), "Package: x\n")
    write(device.path("etc/apt/apt.conf.d/80suture"))
    commands = re.findall("'([^' ]*suture-activate) (?:pause|resume)'", diagnose(device)["packages"][2])
    check_equal(len(commands), 2)
    for command in commands:
        check(os.access(command, os.X_OK), command)


@test_in_mount_namespace
def files_for_lists_of_what_may_run():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}, "xml": {XMLLIB: NEW_XML}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        one_line_error(device.suture("files", expect=2), "nothing is grafted")
        device.suture("install")
        check_equal(device.suture("files").stdout.split(), [f"/{LIB}", f"/{XMLLIB}"])
        lines = device.suture("files", "--digests").stdout
        write("sums", lines.replace("  /", f"  {device.root}/"))
        run("/usr/bin/sha256sum", "--check", "--quiet", "sums")
        run(UMOUNT, device.path(TLS))  # the base is something else
        check("FAILED" in run("/usr/bin/sha256sum", "--check", "sums", expect=1).stdout)
        one_line_error(device.suture("files", expect=5), "different generations")
        device.agent()
        listed = device.json("files")
        check_equal([(f["path"], f["component"], f["kind"]) for f in listed["files"]],
                    [(f"/{LIB}", "tls", "mapped"), (f"/{XMLLIB}", "xml", "mapped")])
        check_equal(listed["sequence"], 1)
        if os.geteuid() == 0:
            done = subprocess.run([*grafting.NOBODY, program("suture"), "--root", device.root, "files"],
                                  stderr=subprocess.PIPE, text=True)
            check_equal(done.returncode, 4)


main()
