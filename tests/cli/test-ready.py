# SPDX-License-Identifier: Apache-2.0
"""suture status --ready: whether a machine can get improvements, and what to do where it cannot."""
import json
import os

from owner import *

UNITS = {"suture-activate.service": "sysinit.target.wants", "suture.timer": "timers.target.wants"}
KERNEL = {"erofs", "overlay", "loop", "beneath"}


def rows(device):
    """{what: (ok, text, remedy)}; the exit code and the sum must fit."""
    done = device.suture("status", "--ready", "--json", expect=None)
    found = json.loads(done.stdout)
    check_equal((found["schema"], found["ok"]), (1, all(row["ok"] for row in found["ready"])))
    check_equal(done.returncode, 0 if found["ok"] else 5, "exit code")
    for row in found["ready"]:
        check(row["text"], row)
        check(row["ok"] == (row["remedy"] is None) and (row["ok"] or row["remedy"].endswith(".")), row)
    return {row["what"]: (row["ok"], row["text"], row["remedy"]) for row in found["ready"]}


def refused(device):
    return {what for what, (ok, _, _) in rows(device).items() if not ok}


def says_no(device, what, *words):
    ok, text, remedy = rows(device)[what]
    check(not ok, f"{what}: {text}")
    has(f"{text} {remedy}", *words)


def enable(device):
    for unit, wants in UNITS.items():
        write(device.path("usr/lib/systemd/system", unit))
        folder = device.path("etc/systemd/system", wants)
        os.makedirs(folder, exist_ok=True)
        os.symlink(f"/usr/lib/systemd/system/{unit}", os.path.join(folder, unit))


@test_in_mount_namespace
def a_new_machine_learns_what_it_needs():
    with World() as (vendor, server, device):
        found = rows(device)
        check(KERNEL | {"base", "trust", "seals", "activation", "repository", "clock", "space", "agent"}
              <= set(found), found)
        check_equal(refused(device), {"activation", "repository", "agent"})
        text = device.suture("status", "--ready", expect=5).stdout
        has(text, "yes  base           exampleos 26.3.1 (", "\nno   repository     it was never asked\n"
            "                    Run 'suture check'.\n", "not ready: 3 things have to be done")
        server.asked.clear()
        rows(device)
        check_equal(server.asked, [], "nothing is asked")
        device.suture("check")
        for unit in UNITS:
            write(device.path("usr/lib/systemd/system", unit))
        says_no(device, "activation", "no boot starts it", "systemctl enable suture-activate.service")
        says_no(device, "agent", "systemctl enable --now suture.timer")
        enable(device)
        check_equal(refused(device), set())
        text = device.suture("status", "--ready").stdout
        has(text, f"{server.url} was reached 20", "suture-activate.service grafts at each boot",
            "sutured asks again from 20", "This machine is ready for improvements.")
        check("no  " not in text, text)
        device.suture("install")
        run("suture-activate", "--root", device.root, "detach")
        run("suture-activate", "--root", device.root, "apply", "--placement", "initrd")
        check_equal(rows(device)["activation"], (True, "this boot has grafted (initrd)", None))


@test_in_mount_namespace
def what_is_missing_is_named_with_its_remedy():
    with World() as (vendor, server, device):
        enable(device)
        device.suture("check")
        check_equal(refused(device), set())
        root = device.path("usr/lib/suture/root.json")
        os.rename(root, device.path("root.json"))
        says_no(device, "trust", "suture enroll DIGEST")
        os.rename(device.path("root.json"), root)
        write(device.path("etc/fapolicyd/fapolicyd.conf"), "permissive = 0\n")
        says_no(device, "fapolicyd", "suture files")
        os.unlink(device.path("etc/fapolicyd/fapolicyd.conf"))
        seals = read(device.path("usr/lib/suture/seal.conf"))
        write(device.path("usr/lib/suture/seal.conf"), "seal perhaps\n")
        says_no(device, "seals", "seal.conf", "Restore")
        write(device.path("usr/lib/suture/seal.conf"), seals)
        run("/usr/bin/mount", "-t", "tmpfs", "-o", "size=9M", "small", device.store())
        says_no(device, "space", "9.4 MB are free", "67 MB are needed", "Free some space")
        run("/usr/bin/umount", device.store())
        checked = json.loads(read(device.store("checked")))
        write(device.store("checked"), json.dumps(checked | {"issued": "2099-01-01T00:00:00Z",
                                                           "expires": "2099-02-01T00:00:00Z"}))
        says_no(device, "clock", "behind", "Set it")
        check_equal(refused(device), {"clock"})


@test_in_mount_namespace
def the_repository_is_as_the_last_check_found_it():
    with World() as (vendor, server, device):
        enable(device)
        server.rule("timestamp", status(503))
        device.suture("check", expect=1)
        says_no(device, "repository", "status 503", "suture check")
        check_equal(rows(device)["agent"][0], True)
        server.rules.clear()
        device.suture("check")
        checked = json.loads(read(device.store("checked")))
        write(device.store("checked"), json.dumps(checked | {"expires": "2026-01-01T00:00:00Z"}))
        says_no(device, "repository", "too old")
        device.configure("ftp://x/")
        says_no(device, "repository", "suture.conf:2", "suture.conf(5)")
        write(device.path("etc/suture/suture.conf"))
        says_no(device, "repository", "names no repository", "[repository]")


@test_in_mount_namespace
def a_base_that_says_nothing_of_itself_is_not_ready():
    with World() as (vendor, server, device):
        os.unlink(device.path("usr/lib/os-release"))
        check_equal(set(rows(device)), {"base"})
        says_no(device, "base", "os-release", "VERSION_ID")
        device.suture("status", expect=3)


@test_in_mount_namespace
def a_base_without_improvements_to_come_is_not_ready():
    with World() as (vendor, server, device):
        enable(device)
        vendor.edit_index(lambda index: index.update(superseded_by="26.4"))
        device.suture("check", expect=None)
        says_no(device, "base", "26.3.1 is superseded; it needs 26.4", "Update the system")


main()
