# SPDX-License-Identifier: Apache-2.0
"""base-run: commands that see the base, and what builds an initramfs as one of them."""
import os
import subprocess

from grafting import *
from tap import *

HOOKS = os.path.join(SOURCE, "data")


def grafted():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    return device


def base_run(device, *command, by="suture-activate", **options):
    return run(by, "--root", device.root, "base-run", *command, **options)


@test_in_mount_namespace
def a_command_sees_the_base_and_nobody_else_does():
    device = grafted()
    before = device.mounts()
    for by in "suture-activate", "suture":
        done = base_run(device, "cat", device.path(f"{LIB}/number"), by=by)
        check_equal(done.stdout, "0\n")
        done = base_run(device, "grep", "-c", "suture", "/proc/self/mountinfo", by=by, expect=None)
        left = run("/usr/bin/grep", "-c", "suture", "/proc/self/mountinfo", expect=None).stdout
        check(int(done.stdout) < int(left), (done.stdout, left))
        check_equal(base_run(device, "ls", device.path("run/suture"), by=by).stdout, "")
    check_equal(device.mounts(), before)
    check_equal(device.read(f"{LIB}/number"), "1\n")


@test_in_mount_namespace
def tools_that_stop_at_file_systems_get_all():
    device = grafted()
    tar = ["tar", "-C", device.root, "--one-file-system", "-cf"]
    run("/usr/bin/tar", *tar[1:], "without.tar", "usr")
    names = run("/usr/bin/tar", "-tf", "without.tar").stdout
    check(f"{LIB}/kept" not in names, "this test shows nothing")
    base_run(device, *tar, os.path.abspath("with.tar"), "usr")
    os.mkdir("copy")
    run("/usr/bin/tar", "-C", "copy", "-xf", "with.tar")
    check_equal(read(f"copy/{LIB}/number"), b"0\n")
    check_equal(read(f"copy/{LIB}/kept"), b"base\n")
    base_run(device, "cp", "-ax", device.path("usr"), os.path.abspath("copy2"))
    check_equal(read(f"copy2/{LIB[4:]}/number"), b"0\n")


@test_in_mount_namespace
def later_switches_stay_outside():
    device = grafted()
    device.simple(2)
    run("/usr/bin/mount", "--make-rshared", "/")
    inside = subprocess.Popen(
        [program("suture-activate"), "--root", device.root, "base-run", "sh", "-c",
         f"echo ready; read go; cat {device.path(LIB)}/number"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check_equal(inside.stdout.readline(), "ready\n")
    device.activate("switch", 2)  # and no lock is held meanwhile
    check_equal(inside.communicate("go\n")[0], "0\n")
    check_equal(device.read(f"{LIB}/number"), "2\n")


@test_in_mount_namespace
def the_exit_code_and_the_words_are_the_commands():
    device = grafted()
    for code in 0, 1, 42:
        base_run(device, "sh", "-c", f"exit {code}", expect=code, by="suture")
    done = base_run(device, "printf", "[%s]", "--root", "-x", "--", "--help", by="suture")
    check_equal(done.stdout, "[--root][-x][--][--help]")
    many = [str(n) for n in range(900)]
    check_equal(base_run(device, "echo", *many).stdout.split(), many)
    one_line_error(base_run(device, "no-such-program", expect=3), "no-such-program")
    one_line_error(base_run(device, expect=64), "operand")
    one_line_error(base_run(device, *["x"] * 2000, expect=64), "too many")


@test_in_mount_namespace
def without_a_graft_it_just_runs():
    device = Device()
    check_equal(base_run(device, "cat", device.path(f"{LIB}/number")).stdout, "0\n")


@test_in_mount_namespace
def only_root_may():
    if os.geteuid() == 0:
        done = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin",
                               program("suture-activate"), "base-run", "true"],
                              stderr=subprocess.PIPE, text=True)
        check_equal(done.returncode, 4)
        one_line_error(done, "namespace")


def install_hook(device, name, path):
    """The hook as it is installed, for the programs of this build and this device."""
    text = read(os.path.join(HOOKS, name + ".in")).decode()
    write(path, text.replace("@ACTIVATE@ base-run", f"@ACTIVATE@ --root {device.root} base-run")
          .replace("@ACTIVATE@", program("suture-activate"))
          .replace("/run/suture", device.path("run/suture")))


@test_in_mount_namespace
def initramfs_tools_build_from_the_base():
    device = grafted()
    install_hook(device, "initramfs-tools/suture", "conf-hooks.d/suture")
    # as mkinitramfs does: options first, then the hooks, then the copies
    write("mkinitramfs", f"""#!/bin/sh
set -e
OPTIONS=$(getopt -o o:k -- "$@")
eval set -- "$OPTIONS"
while [ "$1" != -- ]; do
	case "$1" in
	-o) outfile=$2; shift 2;;
	-k) shift;;
	esac
done
shift
. ./conf-hooks.d/suture
cat {device.path(LIB)}/number > "$outfile"
echo "$1" >> "$outfile"
""", 0o755)
    run(os.path.abspath("mkinitramfs"), "-k", "-o", "an initrd", "6.12.1 x")
    check_equal(read("an initrd"), b"0\n6.12.1 x\n")
    device.activate("detach")
    run(os.path.abspath("mkinitramfs"), "-o", "plain", "6.12")
    check_equal(read("plain"), b"0\n6.12\n")
    device.activate("apply")
    write("mkinitramfs", read("mkinitramfs") + b"exit 7\n", 0o755)
    run(os.path.abspath("mkinitramfs"), "-o", "failed", "6.12", expect=123)  # as xargs says it


@test_in_mount_namespace
def dracut_builds_from_the_base():
    device = grafted()
    install_hook(device, "dracut/90-suture.conf", "90-suture.conf")
    write("dracut", f"""#!/bin/bash -p
dracut_args=("$@")
readonly dracut_cmd=$(readlink -f "$0")
shift; outfile=$1
. ./90-suture.conf
cat {device.path(LIB)}/number > "$outfile"
exit 9
""", 0o755)
    run(os.path.abspath("dracut"), "--force", "an initrd", expect=9)
    check_equal(read("an initrd"), b"0\n")


main()
