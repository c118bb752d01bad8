# SPDX-License-Identifier: Apache-2.0
"""Grafts under mounts that come over a parent directory, as systemd-sysext makes one over /usr."""
import os
import re

from grafting import *
from tap import *

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


def extend(device, files):
    """An extension of the device's /usr."""
    for path, data in files.items():
        device.write(f"var/lib/extensions/more/usr/{path}", data)
    device.write("var/lib/extensions/more/usr/lib/extension-release.d/extension-release.more",
                 "ID=exampleos\nVERSION_ID=26.3.1\n")


def sysext(device, verb):
    if not os.path.exists("/usr/bin/systemd-sysext"):
        skip("no systemd-sysext here")
    if not os.path.ismount("/run"):
        run(MOUNT, "--bind", "/run", "/run")
    run(MOUNT, "--make-rshared", "/")  # both as under systemd
    run("/usr/bin/systemd-sysext", "--root", device.root, verb)


def numbers(device):
    return [device.read(f"{LIB}/{name}") for name in ("number", "kept")]


def states(device):
    return re.findall(r"^directory state=(\w+)", device.status(), re.M)


def no_stack_is_left(device):
    """One graft at most on the directory, wherever it hides, and nothing that is kept for nobody."""
    check_equal(len([m for m in device.grafts() if m[0] == device.path(LIB)]), 1, "grafts")
    check("held" not in device.status(), device.status())


@test_in_mount_namespace
def an_extension_covers_a_graft_and_goes_again():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    extend(device, {"lib/x86_64-linux-gnu/more": "extension\n"})
    sysext(device, "merge")
    check_equal(device.read(f"{LIB}/number"), "0\n", "the extension hides the graft")
    check_equal(states(device), ["covered"])
    check(f"\ncover by=overlay:sysext path={LIB}\n" in device.status(), device.status())
    check("current 1\nmounted 0\n" in device.status(), device.status())
    done = device.activate("switch", 1)
    check("directories=1" in done.stdout, done.stdout)
    check_equal(numbers(device), ["1\n", "base\n"])
    check_equal(device.read(f"{LIB}/more"), "extension\n")
    check_equal(device.read(f"run/suture/base/{LIB}/more"), "extension\n", "the base copy is old")
    check_equal(states(device), ["on"])
    check("cover" not in device.status(), device.status())
    sysext(device, "unmerge")
    check_equal(states(device), ["stale"])
    check_equal(device.read(f"{LIB}/number"), "1\n")
    device.activate("switch", 1)
    check_equal(states(device), ["on"])
    check_equal(numbers(device), ["1\n", "base\n"])
    check(not os.path.exists(device.path(f"{LIB}/more")), "the extension is gone and shows")
    check(not os.path.exists(device.path(f"run/suture/base/{LIB}/more")), "the base copy is old")
    no_stack_is_left(device)
    device.activate("switch", 0)
    check_equal(device.grafts(), [])
    check_equal(numbers(device), ["0\n", "base\n"])
    device.activate("detach")


@test_in_mount_namespace
def a_merge_before_the_first_graft_is_the_base():
    device = Device()
    device.simple(1)
    extend(device, {"lib/x86_64-linux-gnu/more": "extension\n"})
    sysext(device, "merge")
    device.activate("switch", 1)
    check_equal(numbers(device), ["1\n", "base\n"])
    check_equal(device.read(f"{LIB}/more"), "extension\n")
    sysext(device, "unmerge")
    check_equal((states(device), numbers(device)), (["missing"], ["0\n", "base\n"]))
    device.activate("apply")
    check_equal((states(device), numbers(device)), (["on"], ["1\n", "base\n"]))
    no_stack_is_left(device)


@test_in_mount_namespace
def what_was_replaced_or_removed_under_a_cover_does_not_come_back():
    device = Device()
    device.simple(1), device.simple(2)
    for number in (2, 0):
        device.activate("switch", 1)
        cover(device)
        device.activate("switch", number)
        check_equal(numbers(device), [f"{number}\n", "base\n"])
        hidden = [m for m in device.grafts() if m[0] == device.path(LIB)]
        check_equal(len(hidden), 1 if number else 0, "grafts below the cover")
        run(UMOUNT, "-l", device.path("usr"))
        check_equal(device.read(f"{LIB}/number"), "0\n", "an old graft came back")
        device.activate("apply")
        check_equal(numbers(device), [f"{number}\n", "base\n"])
        device.activate("switch", 0)
        check_equal(device.grafts(), [])


@test_in_mount_namespace
def taking_everything_off_reaches_below_a_cover():
    device = Device()
    device.simple(1)
    for verb in "detach", "pause":
        device.activate("switch", 1)
        cover(device)
        device.activate("apply")
        device.activate(verb)
        check_equal(device.grafts()[1:], [], f"grafts after {verb}")  # the first is the cover
        run(UMOUNT, "-l", device.path("usr"))
        check_equal((device.grafts(), device.read(f"{LIB}/number")), ([], "0\n"), verb)
        device.activate("apply")


@test_in_mount_namespace
def a_pause_that_is_not_possible_is_none():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    run(MOUNT, "-t", "tmpfs", "mine", device.path(LIB))
    one_line_error(device.activate("pause", expect=5), "not Suture's")
    run(UMOUNT, device.path(LIB))
    check("paused" not in device.status(), device.status())
    check_equal(states(device), ["on"])


@test_in_mount_namespace
def a_stack_below_a_cover_is_taken_off_too():
    device = Device()
    device.simple(1), device.simple(2)
    for number in (1, 2, 1):
        device.activate("--without", "beneath", "switch", number)
    cover(device)
    device.activate("switch", 0)
    check_equal([m for m in device.grafts() if m[0] == device.path(LIB)], [])
    run(UMOUNT, "-l", device.path("usr"))
    check_equal(numbers(device), ["0\n", "base\n"])


@test_in_mount_namespace
def who_runs_a_former_base_stays_exposed():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    device.simple(1)
    tree = device.image("fix", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(2, {"fix": (tree, [LIB])})
    cover(device)
    service = Mapper(device.path(f"{LIB}/lib.so"))  # of the merged view
    device.activate("switch", 2)
    check_equal(len(exposed(device, 2)), 1)
    run(UMOUNT, "-l", device.path("usr"))
    device.activate("apply")
    check_equal(states(device), ["on"])
    lines = exposed(device, 2)
    check(len(lines) == 1 and f"pid={service.process.pid} " in lines[0], f"{lines}")
    check(f"held generation=0 pid={service.process.pid} path={LIB}\n" in device.status())
    check(f"of the former base by process {service.process.pid}\n" in
          run("suture", "--root", device.root, "-v", "status").stdout)
    for _ in range(3):  # what is still in use is kept once
        cover(device)
        device.activate("apply")
        run(UMOUNT, "-l", device.path("usr"))
        device.activate("apply")
    check_equal(device.status().count("held generation=0"), 1)
    service.close()
    device.activate("switch", 2)
    check("held" not in device.status(), device.status())
    check_equal(exposed(device, 2), [])


@test_in_mount_namespace
def a_graft_that_was_moved_onto_the_merged_view_is_made_anew():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    os.mkdir("aside")
    run(MOUNT, "-t", "tmpfs", "none", "aside")
    run(MOUNT, "--make-private", "aside")
    os.mkdir("aside/graft")
    run(MOUNT, "--move", device.path(LIB), "aside/graft")  # as systemd-sysext does since 255
    cover(device)
    run(MOUNT, "--move", "aside/graft", device.path(LIB))
    check_equal(states(device), ["stale"])
    check(not os.path.exists(device.path(f"{LIB}/more")), "this test shows nothing")
    device.activate("apply")
    check_equal((states(device), numbers(device)), (["on"], ["1\n", "base\n"]))
    check_equal(device.read(f"{LIB}/more"), "extension\n")
    device.activate("switch", 0)
    check_equal([device.read(f"{LIB}/{n}") for n in ("number", "more")], ["0\n", "extension\n"])


@test_in_mount_namespace
def a_cover_without_the_directory_is_named():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    run(MOUNT, "-t", "tmpfs", "other data", device.path("usr/lib"))
    device.write("usr/lib/os-release", OS_RELEASE)
    check_equal(states(device), ["covered"])
    check(f"\ncover by=tmpfs:other_data path={LIB}\n" in device.status(), device.status())
    one_line_error(device.activate("switch", 1, expect=None))
    run(UMOUNT, device.path("usr/lib"))
    check_equal((states(device), numbers(device)), (["on"], ["1\n", "base\n"]))


@test_in_mount_namespace
def a_graft_that_was_lost_over_an_extension_leaves_nothing_behind():
    device = Device()
    device.simple(1)
    cover(device)
    device.activate("switch", 1)
    run(UMOUNT, device.path(LIB))
    device.activate("switch", 1)
    check_equal((states(device), numbers(device)), (["on"], ["1\n", "base\n"]))
    check("held" not in device.status(), device.status())


@test_in_mount_namespace
def kills_while_a_cover_is_mended_are_repaired():
    device = Device()
    device.simple(1)
    kills = 0
    for call in ("move_mount", "open_tree", "mount_setattr", "umount2"):
        for when in range(1, 40):
            device.activate("switch", 0)
            device.activate("switch", 1)
            cover(device)
            killed = [killed_at(device, call, when, "apply")]
            device.activate("apply")
            check_equal(numbers(device), ["1\n", "base\n"], f"{call} {when}")
            run(UMOUNT, "-l", device.path("usr"))
            killed.append(killed_at(device, call, when, "apply"))
            device.activate("apply")
            check_equal((states(device), numbers(device)), (["on"], ["1\n", "base\n"]),
                        f"{call} {when}")
            no_stack_is_left(device)
            kills += sum(killed)
            if not any(killed):
                break
    print(f"# {kills} kills repaired", flush=True)
    check(kills >= 10, f"only {kills} kills")


main()
