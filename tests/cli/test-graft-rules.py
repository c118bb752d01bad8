# SPDX-License-Identifier: Apache-2.0
"""Sentences of doc/design/grafting.md that no other test holds, over a device's root in a folder."""
import os
import subprocess

from grafting import *
from tap import *

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


@test_in_mount_namespace
def any_number_of_components_share_a_directory_in_one_overlay():
    """Stacked one on the other, the third would exceed what the kernel allows."""
    device = Device()
    names = [f"part{n}" for n in range(9)]
    trees = {name: (device.image(name, {f"{LIB}/{name}": "1\n"}), [LIB]) for name in names}
    device.generation(1, trees)
    device.activate("switch", 1)
    check_equal(len(device.grafts()), 1)
    check_equal([device.read(f"{LIB}/{name}") for name in names], ["1\n"] * 9)
    # one in the middle leaves: the others stay, and below is still the pristine base
    del trees["part4"]
    device.generation(2, trees)
    device.activate("switch", 2)
    check_equal(sorted(os.listdir(device.path(LIB))),
                sorted(["gone", "kept", "number"] + [n for n in names if n != "part4"]))


@test_in_mount_namespace
def directories_that_lie_in_each_other_are_refused():
    device = Device()
    device.write(f"{LIB}/plugins/one", "0\n")
    outer = device.image("outer", {f"{LIB}/number": "1\n"})
    inner = device.image("inner", {f"{LIB}/plugins/one": "1\n"})
    both = device.generation(1, {"inner": (inner, [f"{LIB}/plugins"]), "outer": (outer, [LIB])})
    device.refuses(both, f"{LIB}/plugins", "each other", expect=6)
    device.generation(2, {"outer": (outer, [LIB])})
    device.generation(3, {"inner": (inner, [f"{LIB}/plugins"])})
    device.activate("switch", 2)
    device.refuses(3, "lie in each other", expect=5)
    device.activate("switch", 0)
    device.activate("switch", 3)
    check_equal(device.read(f"{LIB}/plugins/one"), "1\n")


@test_in_mount_namespace
def a_base_of_the_same_version_with_other_bytes_gets_no_graft():
    device = Device()

    def whiteout(tree):
        os.mknod(f"{tree}/{LIB}/gone", 0o600 | 0o020000, 0)
    tree = device.image("tls", {f"{LIB}/number": "1\n", f"{LIB}/new": "1\n"}, whiteout)
    device.generation(1, {"tls": (tree, [LIB])})
    device.activate("switch", 1)
    for verb in ("switch", 1), ("apply",):
        for name, before in ("number", "0\n"), ("gone", "base\n"):
            device.activate("pause")
            times = os.stat(device.path(f"{LIB}/{name}"))
            device.write(f"{LIB}/{name}", "9" * len(before))  # the same size and time
            os.utime(device.path(f"{LIB}/{name}"), ns=(times.st_atime_ns, times.st_mtime_ns))
            os.unlink(device.path("run/suture.paused"))
            one_line_error(device.activate(*verb, expect=6), f"{LIB}/{name}", "staged for")
            check_equal(device.grafts(), [])
            os.unlink(device.path(f"{LIB}/{name}"))
            one_line_error(device.activate(*verb, expect=6), f"{LIB}/{name}", "staged for")
            os.mkfifo(device.path(f"{LIB}/{name}"))
            one_line_error(device.activate(*verb, expect=6), f"{LIB}/{name}", "staged for")
            check(device.activate(*verb, expect=None).returncode, "a pipe passed for the file")
            check_equal(device.grafts(), [])
            os.unlink(device.path(f"{LIB}/{name}"))
            device.write(f"{LIB}/{name}", before)
            device.activate("apply")
            check_equal(device.read(f"{LIB}/number"), "1\n")
    # what the image does not replace may change
    device.activate("pause")
    device.write(f"{LIB}/kept", "changed\n")
    device.activate("resume")
    check_equal(device.read(f"{LIB}/kept"), "changed\n")


@test_in_mount_namespace
def a_stacked_var_uses_a_loop_device():
    if not os.path.exists("/dev/loop-control"):
        skip("no loop devices here")
    device = Device()
    for name in "upper", "work", "var":
        os.makedirs(device.path(f"../{name}"))
    os.makedirs(device.path("var"), exist_ok=True)
    run(MOUNT, "-t", "overlay", "var", "-o",
        f"lowerdir={os.path.abspath('var')},upperdir={os.path.abspath('upper')},"
        f"workdir={os.path.abspath('work')}", device.path("var"))
    device.simple(1)
    device.activate("switch", 1)
    check("backing=loop" in device.status(), device.status())
    check_equal(device.read(f"{LIB}/number"), "1\n")


@test_in_mount_namespace
def at_boot_nothing_runs_that_must_not_meet_its_successor():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    tree = device.image("web", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"web": (tree, [LIB])}, "--mix-forbidden")
    browser = Mapper(device.path(f"{LIB}/lib.so"))
    device.activate("switch", 1, expect=5)
    device.activate("select", 1)
    device.activate("apply")
    check("fixed" in device.read(f"{LIB}/lib.so"))
    browser.close()


@test_in_mount_namespace
def a_mounter_that_lacks_capabilities_is_found_out():
    device = Device()

    def prepare(tree):
        os.chmod(f"{tree}/{LIB}/secret", 0o600)
        os.chown(f"{tree}/{LIB}/secret", 65534, 65534)
    tree = device.image("tls", {f"{LIB}/secret": "x", f"{LIB}/number": "1\n"}, prepare)
    device.generation(1, {"tls": (tree, [LIB])})
    before = device.mounts()
    done = subprocess.run(["setpriv", "--bounding-set=-dac_override,-dac_read_search",
                           program("suture-activate"), "--root", device.root, "switch", "1"],
                          stderr=subprocess.PIPE, text=True)
    check(done.returncode != 0, "it was not found out")
    one_line_error(done, "secret", "capabilities")
    check_equal(device.grafts(), [])
    check_equal(device.read(f"{LIB}/number"), "0\n")
    device.activate("switch", 1)
    owner = subprocess.run([*NOBODY, "cat", device.path(f"{LIB}/secret")], stdout=subprocess.PIPE)
    check_equal(owner.stdout, b"x")


@test_in_mount_namespace
def a_foreign_mount_between_two_steps_is_noticed():
    device = Device()
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    switching = subprocess.Popen(
        ["strace", "-qq", "-o", "trace", "-e", "trace=move_mount", "-e",
         "inject=move_mount:delay_exit=3s:when=3", program("suture-activate"), "--root",
         device.root, "switch", "2"], stderr=subprocess.PIPE, text=True, env=TRACED)
    while len(device.grafts()) < 2:  # the new one is beneath the old one
        check(switching.poll() is None, "it ended before anything was beneath")
    run(MOUNT, "-t", "tmpfs", "mine", device.path(LIB))
    error = switching.communicate()[1]
    check(switching.returncode == 5 and "at the same time" in error, error)
    check(device.mounts()[-1:] and ("tmpfs" in [m[1] for m in device.grafts()]), "it was removed")
    run(UMOUNT, device.path(LIB))
    check_equal(device.read(f"{LIB}/number"), "1\n")
    check("current 1\n" in device.status(), device.status())
    device.activate("switch", 2)
    check_equal(device.read(f"{LIB}/number"), "2\n")
    device.activate("switch", 0)
    check_equal(device.grafts(), [])


@test_in_mount_namespace
def slave_namespaces_follow_and_private_ones_keep_what_they_had():
    device = Device()
    device.simple(1), device.simple(2)
    run(MOUNT, "--make-rshared", "/")
    slave, private = Inside("slave"), Inside("private")
    file = device.path(f"{LIB}/number")
    for number in (1, 2, 1, 0, 2):
        device.activate("switch", number)
        check_equal(slave.read(file), f"{number}\n", "a slave namespace")
        check_equal(private.read(file), "0\n", "a private namespace")
    late = Inside("private")
    device.activate("switch", 0)
    check_equal(late.read(file), "2\n", "a private namespace keeps its graft")
    check_equal(slave.read(file), "0\n")
    for inside in slave, private, late:
        inside.close()
    # what the private one still shows there was no reason to keep here
    check_equal(device.grafts(), [])


@test_in_mount_namespace
def status_names_who_holds_an_old_overlay():
    device = Device()
    first = device.image("tls-1", {f"{LIB}/lib.so": "1" * 5000})
    second = device.image("tls-2", {f"{LIB}/lib.so": "2" * 5000})
    device.generation(1, {"tls": (first, [LIB])})
    device.generation(2, {"tls": (second, [LIB])})
    device.activate("switch", 1)
    service = Mapper(device.path(f"{LIB}/lib.so"))
    device.activate("switch", 2)
    line = f"held generation=1 pid={service.process.pid} path={LIB}\n"
    check(line in device.status(), device.status())
    check(f"Held: /{LIB} of generation 1 by process {service.process.pid}\n" in
          run("suture", "--root", device.root, "-v", "status").stdout)
    mounted = os.listdir(device.path("run/suture/image"))
    check_equal(len(mounted), 2, "images whose superblocks are in use")
    service.close()
    check(f"held generation=1 pid=0 path={LIB}\n" in device.status(), device.status())
    device.activate("switch", 2)
    check("held" not in device.status())
    check_equal(len(os.listdir(device.path("run/suture/image"))), 1)


main()
