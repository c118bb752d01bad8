# SPDX-License-Identifier: Apache-2.0
"""Grafts of a base that is stacked as deep as the kernel allows, where no overlay goes over it: every
file is mounted by itself (grafting rule 2)."""
import os
import re
import struct
import subprocess
import time

from grafting import *
from tap import *

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


def stack(device):
    """What a system extension over a composefs is: an overlay over an overlay."""
    cover(device), cover(device)
    return device


def stacked():
    device = Device()
    device.write(f"{LIB}/plugins/one", "0\n")
    device.write("usr/sbin/number", "0\n")
    os.symlink("number", device.path(f"{LIB}/link"))
    return stack(device)


def both(device, sequence):
    """A generation of two files of a directory, one of them in a folder."""
    tree = device.image(f"tls-{sequence}", {f"{LIB}/number": f"{sequence}\n",
                                            f"{LIB}/plugins/one": f"{sequence}\n"})
    return device.generation(sequence, {"tls": (tree, [LIB])})


def seen(device, *names):
    return "".join(device.read(f"{LIB}/{name}") for name in names or ("number", "plugins/one"))


def directories(device):
    return re.findall(r"^directory state=(\w+) graft=(\w+) generation=(\d+)", device.status(), re.M)


@test_in_mount_namespace
def a_base_that_is_stacked_twice_is_grafted_file_by_file():
    device = stacked()
    base, covers = device.snapshot(), device.grafts()
    both(device, 1), both(device, 2)
    done = device.activate("switch", 1)
    check("generation=1 directories=1 " in done.stdout, done.stdout)
    check_equal(seen(device, "number", "plugins/one", "kept", "more"), "1\n1\nbase\nextension\n")
    check_equal(directories(device), [("on", "files", "1")])
    check("current 1\nmounted 1\n" in device.status(), device.status())
    check(f"Graft: /{LIB}  on (files)\n" in run("suture", "--root", device.root, "-v", "status").stdout)
    # only the two files, and a link to one, are others than the base's
    now = device.snapshot()
    others = sorted(path for path in now if now[path] != base[path])
    check_equal(others, [device.path(f"{LIB}/{name}") for name in ("link", "number", "plugins/one")])
    check_equal(device.activate("switch", 1).stdout.split()[2], "directories=0")
    for number in 2, 1:
        device.activate("switch", number)
        check_equal(seen(device), f"{number}\n" * 2)
    check_equal(len(os.listdir(device.path("run/suture/image"))), 2, "images that are in use below")
    for feature in "lowerdir-plus", "beneath":
        device.activate("switch", 0)
        for number in 1, 2:
            device.activate("--without", feature, "switch", number)
            check_equal(seen(device), f"{number}\n" * 2)
    for verb in ("switch", 0), ("pause",), ("detach",):
        device.activate("apply"), device.activate("switch", 1)
        device.activate(*verb)
        check_equal(device.snapshot(), base, f"the base after {verb}")
        check_equal(device.grafts(), covers)
        check("held" not in device.status(), device.status())
    device.activate("apply", "--placement", "late")
    check_equal(seen(device), "1\n1\n")
    check("placement late\n" in device.status())


@test_in_mount_namespace
def components_and_directories_are_grafted_file_by_file_together():
    device = stacked()
    tls = device.image("tls", {f"{LIB}/number": "1\n"})
    one = device.image("one", {f"{LIB}/plugins/one": "1\n", "usr/sbin/number": "1\n"})
    device.generation(1, {"tls": (tls, [LIB]), "one": (one, [LIB, "usr/sbin"])})
    device.generation(2, {"tls": (tls, [LIB])})
    done = device.activate("switch", 1)
    check("directories=2" in done.stdout, done.stdout)
    check_equal(seen(device) + device.read("usr/sbin/number"), "1\n1\n1\n")
    device.activate("switch", 2)  # files and directories that fall away
    check_equal(seen(device) + device.read("usr/sbin/number"), "1\n0\n0\n")
    twice = device.image("twice", {f"{LIB}/number": "3\n"})
    device.refuses(device.generation(3, {"tls": (tls, [LIB]), "xml": (twice, [LIB])}), "number",
                   expect=6)


@test_in_mount_namespace
def readers_see_no_failure_and_nothing_stale_in_250_replacements():
    reads, failures, stale = hammer(stacked(), 250)
    check(reads > 10000, f"only {reads} reads")
    check_equal((failures, stale), (0, 0), "failures and stale reads")


@test_in_mount_namespace
def all_files_of_a_directory_change_at_once():
    device = stacked()
    both(device, 1), both(device, 2)
    device.activate("switch", 1)
    folder = os.open(device.path(LIB), os.O_RDONLY | os.O_DIRECTORY)
    for number in 2, 1, 2, 0:
        device.activate("switch", number)
    # who has the directory open has one of one generation, as with an overlay, and not the base's
    device.activate("switch", 1)
    folder = os.open(device.path(LIB), os.O_RDONLY | os.O_DIRECTORY)
    device.activate("switch", 2)
    for name in "number", "plugins/one":
        with open(name, opener=lambda path, flags: os.open(path, flags, dir_fd=folder)) as file:
            check_equal(file.read(), "1\n")
    check_equal(seen(device), "2\n2\n")
    os.close(folder)


@test_in_mount_namespace
def what_lies_below_waits_for_the_base():
    device = stacked()
    both(device, 1), both(device, 2)
    for number in 1, 2, 1:
        device.activate("switch", number)
    device.activate("select", 2)
    run(MOUNT, "-t", "tmpfs", "none", device.path(f"{LIB}/plugins"))
    device.refuses(1, "plugins", "unmount", expect=5)  # what a crash may have left was looked for
    run(UMOUNT, device.path(f"{LIB}/plugins"))
    check_equal(seen(device), "1\n1\n", "and 2 waits for the next boot")
    check("current 2\nmounted 1\n" in device.status(), device.status())
    device.activate("switch", 0)
    check_equal(seen(device), "0\n0\n")


@test_in_mount_namespace
def kills_at_any_call_are_repaired():
    device = Device()
    two_directories(device)
    sweep_kills(stack(device), piles=True)


@test_in_mount_namespace
def failures_of_any_call_change_nothing():
    device = Device()
    two_directories(device)
    sweep_failures(stack(device), piles=True)


@test_in_mount_namespace
def what_cannot_be_replaced_file_by_file_is_named():
    device = stacked()
    both(device, 1)
    fine = device.grafts()

    def refused(sequence, files, prepare, *words):
        tree = device.image(f"bad-{sequence}", files, prepare)
        device.refuses(device.generation(sequence, {"tls": (tree, [LIB])}), *words, "stacked",
                       "systemd-sysext unmerge", "full update", expect=1)
        left = [m for m in device.mounts() if "/overlay/" in m[0]]
        check(all(f"-{shown}-" in m[0] for m in left), f"left behind: {left}")

    def whiteout(tree):
        os.mknod(f"{tree}/{LIB}/gone", 0o600 | 0o020000, 0)

    def link(name):
        return lambda tree: os.symlink("kept", f"{tree}/{LIB}/{name}")

    def opaque(tree):
        os.setxattr(f"{tree}/{LIB}/plugins", "trusted.overlay.opaque", b"y")

    number = {f"{LIB}/number": "9\n"}
    for shown in 0, 1:
        device.activate("switch", shown)
        refused(2 + 10 * shown, {**number, f"{LIB}/new": "9\n"}, None, f"{LIB}/new is not in the base")
        refused(3 + 10 * shown, {**number, f"{LIB}/new/one": "9\n"}, None, f"{LIB}/new is not in")
        refused(4 + 10 * shown, number, whiteout, f"{LIB}/gone is to be removed")
        refused(5 + 10 * shown, number, link("link"), f"{LIB}/link is a link to something else")
        refused(6 + 10 * shown, number, link("kept"), f"{LIB}/kept is of another type")
        refused(7 + 10 * shown, {**number, f"{LIB}/plugins/one": "9\n"},
                lambda tree: os.chmod(f"{tree}/{LIB}/plugins", 0o700), f"{LIB}/plugins has another")
        refused(8 + 10 * shown, number, lambda tree: os.chmod(f"{tree}/{LIB}", 0o700),
                f"{LIB} has another owner or mode")
        refused(9 + 10 * shown, {**number, f"{LIB}/plugins/one": "9\n"}, opaque,
                f"{LIB}/plugins takes the place")
    device.activate("switch", 0)
    check_equal(device.grafts(), fine)


@test_in_mount_namespace
def what_an_image_has_like_the_base_is_no_change():
    device = stacked()

    def prepare(tree):
        os.symlink("number", f"{tree}/{LIB}/link")
        os.mknod(f"{tree}/{LIB}/never", 0o600 | 0o020000, 0)
    tree = device.image("tls", {f"{LIB}/number": "1\n"}, prepare)
    device.generation(1, {"tls": (tree, [LIB])})
    device.activate("switch", 1)
    check_equal(seen(device, "number", "link"), "1\n1\n")


@test_in_mount_namespace
def more_files_than_can_be_mounted_are_refused():
    device = Device()
    files = {f"{LIB}/many/{n}": "" for n in range(1025)}
    for name in files:
        device.write(name, "")
    stack(device)
    tree = device.image("many", {name: "1\n" for name in files})
    device.refuses(device.generation(1, {"many": (tree, [LIB])}), "one file more", "full update",
                   expect=1)
    os.unlink(f"{tree}/{LIB}/many/7")
    run("/usr/bin/mkfs.erofs", "-T0", "-Enoinline_data", tree + ".erofs", tree)
    device.generation(2, {"many": (tree, [LIB])})
    device.activate("switch", 2)
    check_equal(seen(device, "many/0", "many/7", "many/1024"), "1\n1\n")
    device.activate("switch", 0)
    check_equal(seen(device, "many/0", "many/1024"), "")


@test_in_mount_namespace
def metadata_and_flags_are_those_of_image_and_base():
    device = stacked()

    def prepare(tree):
        write(f"{tree}/{LIB}/number", read("/usr/bin/id"), 0o4755)
        os.chmod(f"{tree}/{LIB}/kept", 0o600)
        os.chown(f"{tree}/{LIB}/kept", 65534, 65534)
    tree = device.image("tls", {f"{LIB}/kept": "fixed\n"}, prepare)
    device.generation(1, {"tls": (tree, [LIB])})
    device.activate("switch", 1)
    done = subprocess.run([*NOBODY, device.path(f"{LIB}/number"), "-u"], stdout=subprocess.PIPE,
                          text=True)
    check_equal(done.stdout, "0\n", "the effective user of a set-user-ID program")
    done = subprocess.run([*NOBODY, "cat", device.path(f"{LIB}/kept")], stdout=subprocess.PIPE,
                          text=True)
    check_equal(done.stdout, "fixed\n")
    device.activate("switch", 0)
    run(MOUNT, "-o", "remount,bind,nosuid,nodev", device.path("usr"))
    device.activate("switch", 1)
    for name in "", "number", "kept":
        flags = os.statvfs(device.path(f"{LIB}/{name}")).f_flag
        check_equal(flags & 0xf, os.ST_RDONLY | os.ST_NOSUID | 4, f"flags of {name}")
    for point, _, _ in device.mounts():
        if point.startswith(device.path("run/suture/")):
            check_equal(os.statvfs(point).f_flag & 0xf, 0xf, f"flags of {point}")


@test_in_mount_namespace
def an_unprivileged_user_uncovers_nothing():
    device = stacked()
    both(device, 1)
    device.activate("switch", 1)
    file, folder = device.path(f"{LIB}/number"), device.path(LIB)
    script = (f"cat {file}; for m in {file} {folder}; do umount $m; umount -l $m; cat {file}; done; "
              f"mkdir {device.root}/tmp/x; mount --bind {folder} {device.root}/tmp/x; "
              f"cat {device.root}/tmp/x/number; mount --rbind {folder} {device.root}/tmp/x; "
              f"umount -l {device.root}/tmp/x/number; cat {device.root}/tmp/x/number; "
              f"mv {file} {file}.old; rm {file}; cat {file}")
    os.makedirs(device.path("tmp"))
    os.chmod(device.path("tmp"), 0o1777)
    done = subprocess.run([*NOBODY, "unshare", "-Urm", "sh", "-c", script],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(done.stdout.startswith("1\n") or "unshare" in done.stderr, done.stderr)
    check("0\n" not in done.stdout, "the old file was reached")
    for path in (f"run/suture/base/{LIB}/number", "run/suture/overlay"):
        check(without_output([*NOBODY, "ls", device.path(path)]).returncode != 0, path)
    check_equal(seen(device), "1\n1\n")


@test_in_mount_namespace
def foreign_mounts_are_left_alone():
    device = stacked()
    both(device, 1), both(device, 2)
    file, other = device.path(f"{LIB}/number"), device.path(f"{LIB}/kept")
    write("mine", "mine\n")
    for point in file, other:
        run(MOUNT, "--bind", "mine", point)
        device.refuses(1, point, "unmount", expect=5)
        run(UMOUNT, point)
    device.activate("switch", 1)
    for point in file, other:
        run(MOUNT, "--bind", "mine", point)
        for number in 2, 0:
            device.refuses(number, point, "unmount", expect=5)
        check_equal(read(point), b"mine\n")
        run(UMOUNT, point)
    run(MOUNT, "-t", "tmpfs", "none", device.path(LIB))
    check_equal(directories(device), [("covered", "overlay", "0")])
    for number in 2, 0:
        device.refuses(number, "not Suture's", expect=5)
    one_line_error(device.activate("detach", expect=5), "not Suture's")
    run(UMOUNT, device.path(LIB))
    check_equal(seen(device), "1\n1\n")
    # one that looks like a graft whose files were unmounted hides nothing, and stays
    device.activate("switch", 0)
    run(MOUNT, "--bind", device.path(LIB), device.path(LIB))
    theirs = device.grafts()
    device.activate("switch", 1), device.activate("switch", 2)
    check_equal(seen(device), "2\n2\n")
    device.activate("switch", 0)
    check_equal((device.grafts(), seen(device)), (theirs, "0\n0\n"))


@test_in_mount_namespace
def files_that_were_unmounted_come_back():
    device = stacked()
    both(device, 1)
    device.activate("switch", 1)
    run(UMOUNT, device.path(f"{LIB}/number"))
    check_equal(directories(device), [("missing", "files", "0")])
    check("current 1\nmounted 0\n" in device.status(), device.status())
    device.activate("switch", 1)
    check_equal((directories(device), seen(device)), ([("on", "files", "1")], "1\n1\n"))
    run(UMOUNT, device.path(f"{LIB}/number")), run(UMOUNT, device.path(f"{LIB}/plugins/one"))
    check_equal(seen(device), "0\n0\n")
    check("current 1\nmounted 0\n" in device.status(), device.status())
    device.activate("apply")
    check_equal((directories(device), seen(device)), ([("on", "files", "1")], "1\n1\n"))
    run(UMOUNT, "-l", device.path(LIB))
    device.activate("apply")
    check_equal((directories(device), seen(device)), ([("on", "files", "1")], "1\n1\n"))
    device.activate("switch", 0)
    check_equal(seen(device), "0\n0\n")
    check("held" not in device.status(), device.status())


@test_in_mount_namespace
def exposure_before_the_graft_after_it_and_after_the_restart():
    device = Device()
    library = device.path(f"{LIB}/lib.so")
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    device.write(f"{LIB}/other.so", "same" * 2000)
    stack(device)
    tree = device.image("tls", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"tls": (tree, [LIB])})
    newer = device.image("newer", {f"{LIB}/lib.so": "fixed again" * 500})
    device.generation(2, {"tls": (newer, [LIB])})
    other = Mapper(device.path(f"{LIB}/other.so"))  # no improvement touches it
    service = Mapper(library)
    check_equal(len(exposed(device, 1)), 1)
    device.activate("switch", 1)
    lines = exposed(device, 1)
    check(len(lines) == 1 and f"pid={service.process.pid} " in lines[0], f"{lines}")
    restarted = Mapper(library)
    service.close()
    check_equal(exposed(device, 1), [])
    device.activate("switch", 2)
    lines = exposed(device, 2)
    check(len(lines) == 1 and f"pid={restarted.process.pid} " in lines[0], f"{lines}")
    check(f"held generation=1 pid={restarted.process.pid} path={LIB}\n" in device.status())
    device.activate("switch", 0)
    check(f"held generation=1 pid={restarted.process.pid} path={LIB}\n" in device.status())
    check_equal(len(os.listdir(device.path("run/suture/image"))), 2, "images while one is in use")
    restarted.close()
    device.activate("switch", 0)
    check("held" not in device.status(), device.status())
    check_equal(os.listdir(device.path("run/suture/image")), [])
    other.close()


@test_in_mount_namespace
def parts_that_must_not_meet_wait_until_nobody_uses_them():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    stack(device)
    tree = device.image("web", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"web": (tree, [LIB])}, "--mix-forbidden")
    browser = Mapper(device.path(f"{LIB}/lib.so"))
    device.refuses(1, "web is in use", str(browser.process.pid), expect=5)
    browser.close()
    device.activate("switch", 1)


def moved(device, change):
    """systemd-sysext moves what is mounted below /usr onto the view that it changes to, since version
    255."""
    if not os.path.ismount("aside"):
        os.makedirs("aside")
        run(MOUNT, "-t", "tmpfs", "none", "aside")
        run(MOUNT, "--make-private", "aside")
        os.mkdir("aside/graft")
    run(MOUNT, "--move", device.path(LIB), "aside/graft")
    change()
    run(MOUNT, "--move", "aside/graft", device.path(LIB))


@test_in_mount_namespace
def an_extension_that_comes_and_goes_changes_the_way_of_grafting():
    device = Device()
    device.simple(1), device.simple(2)
    cover(device)  # the base is an overlay already
    device.activate("switch", 1)
    check_equal(directories(device), [("on", "overlay", "1")])

    def merge():
        cover(device)

    def unmerge():
        run(UMOUNT, "-l", device.path("usr"))
    for how in (lambda change: change(), lambda change: moved(device, change)):
        for number in 2, 1:
            how(merge)
            check(directories(device)[0][0] in ("covered", "stale"), device.status())
            device.activate("switch", number)
            check_equal(directories(device), [("on", "files", f"{number}")])
            check_equal(seen(device, "number", "kept", "more"), f"{number}\nbase\nextension\n")
            how(unmerge)
            check(directories(device)[0][0] != "on", device.status())
            device.activate("apply")
            check_equal(directories(device), [("on", "overlay", f"{number}")])
            check_equal(seen(device, "number", "kept", "more"), f"{number}\nbase\nextension\n")
    device.activate("switch", 0)
    check_equal(seen(device, "number"), "0\n")
    check_equal([m[0] for m in device.grafts()], [device.path("usr")])


def readers_are_content_while(device, act):
    """Two readers find what generation 1 shows, and never anything else."""
    write("state", struct.pack("QQ", 1, 1))
    readers = [subprocess.Popen([program("tests/hammer"), device.path(f"{LIB}/number"), "state",
                                 "stop"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    time.sleep(0.05)
    act()
    write("stop")
    for reader in readers:
        reads, failures, stale = map(int, reader.communicate()[0].split())
        check(reads > 0 and failures == stale == 0, f"{reads} reads, {failures}, {stale}")
    os.unlink("stop")


@test_in_mount_namespace
def what_the_initrd_grafted_is_made_anew_where_an_extension_came():
    device = Device()
    device.simple(1)
    cover(device)
    device.activate("select", 1)
    device.activate("apply", "--placement", "initrd")
    check_equal(directories(device), [("on", "overlay", "1")])
    for _ in range(5):
        for change, kind in ((lambda: cover(device), "files"),
                             (lambda: run(UMOUNT, "-l", device.path("usr")), "overlay")):
            moved(device, change)
            check_equal(directories(device)[0][0], "stale")
            readers_are_content_while(
                device, lambda: device.activate("apply", "--placement", "late"))
            check_equal(directories(device), [("on", kind, "1")])
    check("placement initrd\n" in device.status(), device.status())
    device.activate("switch", 0)
    check_equal(seen(device, "number"), "0\n")


@test_in_mount_namespace
def other_namespaces_follow():
    device = stacked()
    both(device, 1), both(device, 2)
    run(MOUNT, "--make-rshared", "/")
    slave, private = Inside("slave"), Inside("private")
    for number in (1, 2, 1, 0, 2):
        device.activate("switch", number)
        for name in "number", "plugins/one":
            check_equal(slave.read(device.path(f"{LIB}/{name}")), f"{number}\n", "a slave namespace")
            check_equal(private.read(device.path(f"{LIB}/{name}")), "0\n", "a private namespace")
    check_equal(device.read(f"run/suture/base/{LIB}/number"), "0\n")
    late = Inside("private")  # its own copies of our mounts are in nobody's way
    device.activate("switch", 1)
    check_equal(seen(device), "1\n1\n")
    for inside in slave, private, late:
        inside.close()


@test_in_mount_namespace
def a_command_can_see_the_base():
    device = stacked()
    both(device, 1), both(device, 2)
    device.activate("switch", 1), device.activate("switch", 2)
    before = device.mounts()
    done = device.activate("base-run", "cat", device.path(f"{LIB}/number"),
                           device.path(f"{LIB}/plugins/one"))
    check_equal(done.stdout, "0\n0\n")
    check_equal(device.mounts(), before)


main()
