# SPDX-License-Identifier: Apache-2.0
"""suture-activate: grafts in private mount namespaces, over a device's root in a folder."""
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess

from grafting import *
from tap import *


@test_in_mount_namespace
def first_graft_replacement_and_removal():
    device = Device()
    untouched = device.snapshot()
    first, second = device.simple(1), device.simple(2)
    check_equal((first, second), ("1", "2"))
    done = device.activate("switch", 1)
    check(re.fullmatch(r"switched generation=1 directories=1 microseconds=\d+\n", done.stdout),
          done.stdout)
    check_equal(device.read(f"{LIB}/number"), "1\n")
    check_equal(device.read(f"{LIB}/kept"), "base\n")
    check_equal(os.readlink(device.path("var/lib/suture/current")), "generations/1")
    status = device.status()
    digest = hashlib.sha256(read("tls-1.erofs")).hexdigest()
    check_equal(status, "current 1\nmounted 1\nseal required\n"
                f"directory state=on graft=overlay generation=1 path={LIB}\n"
                f"image digest={digest} component=tls sealed=digest backing=file\n")
    device.activate("switch", 2)
    check_equal(device.read(f"{LIB}/number"), "2\n")
    check_equal(len(device.grafts()), 1, "mounts on the directory")
    check("held" not in device.status())
    device.activate("switch", 1)
    check_equal(device.read(f"{LIB}/number"), "1\n")
    check_equal(device.activate("switch", 1).stdout.split()[2], "directories=0")
    device.activate("switch", 0)
    check_equal(device.read(f"{LIB}/number"), "0\n")
    check_equal(device.grafts(), [])
    check_equal(device.snapshot(), untouched, "the base after removal")
    check("current 0\nmounted 0\n" in device.status())
    device.activate("detach")
    check_equal(device.mounts(), [])
    events = [json.loads(line)["event"] for line in device.read("var/lib/suture/history")
              .splitlines()]
    check_equal(events, ["activated"] * 4 + ["deactivated"])


@test_in_mount_namespace
def kernels_without_beneath_stack():
    device = Device()
    device.simple(1), device.simple(2)
    for number in (1, 2, 1, 2):
        device.activate("--without", "beneath", "switch", number)
        check_equal(device.read(f"{LIB}/number"), f"{number}\n")
    check_equal(len(device.grafts()), 4, "mounts on the directory")
    device.activate("apply")
    check_equal(device.read(f"{LIB}/number"), "2\n")
    device.activate("--without", "beneath", "switch", 0)
    check_equal(device.grafts(), [])
    check_equal(device.read(f"{LIB}/number"), "0\n")


@test_in_mount_namespace
def older_kernels_use_loop_devices_and_one_list_of_layers():
    if not os.path.exists("/dev/loop-control"):
        skip("no loop devices here")
    device = Device()
    device.simple(1), device.simple(2)
    old = ["--without", "file-backed", "--without", "lowerdir-plus"]
    device.activate(*old, "switch", 1)
    check_equal(device.read(f"{LIB}/number"), "1\n")
    check("backing=loop" in device.status())
    device.activate(*old, "switch", 2)
    check_equal(device.read(f"{LIB}/number"), "2\n")
    device.activate("detach")
    loops = subprocess.run(["losetup", "-a"], stdout=subprocess.PIPE, text=True).stdout
    for image in os.listdir(device.path("var/lib/suture/images")):
        check(image not in loops, "a loop device is left")


@test_in_mount_namespace
def readers_see_no_failure_and_nothing_stale_in_500_replacements():
    reads, failures, stale = hammer(Device(), 500)
    check(reads > 10000, f"only {reads} reads")
    check_equal((failures, stale), (0, 0), "failures and stale reads")


@test_in_mount_namespace
def readers_see_no_failure_and_nothing_stale_on_stacked_replacements():
    reads, failures, stale = hammer(Device(), 60, "--without", "beneath")
    check_equal((failures, stale), (0, 0), "failures and stale reads")


@test_in_mount_namespace
def two_components_share_a_directory():
    device = Device()
    tls = device.image("tls", {f"{LIB}/number": "1\n"})
    xml = device.image("xml", {f"{LIB}/xml": "1\n"})
    device.generation(1, {"tls": (tls, [LIB]), "xml": (xml, [LIB])})
    device.activate("switch", 1)
    check_equal([device.read(f"{LIB}/{n}") for n in ("number", "xml", "kept")],
                ["1\n", "1\n", "base\n"])
    newer = device.image("xml2", {f"{LIB}/xml": "2\n"})
    device.generation(2, {"tls": (tls, [LIB]), "xml": (newer, [LIB])})
    device.activate("switch", 2)
    check_equal([device.read(f"{LIB}/{n}") for n in ("number", "xml", "kept")],
                ["1\n", "2\n", "base\n"])
    check_equal(len(device.grafts()), 1)
    twice = device.image("twice", {f"{LIB}/xml": "3\n"})
    number = device.generation(3, {"tls": (newer, [LIB]), "xml": (twice, [LIB])})
    device.refuses(number, "usr/lib", "twice", expect=6)


@test_in_mount_namespace
def one_component_has_two_directories():
    device = Device()
    device.write("usr/sbin/sshd", "old")
    device.write("usr/lib/openssh/helper", "old")

    def whiteout(tree):
        os.mknod(f"{tree}/{LIB}/gone", 0o600 | 0o020000, 0)
    ssh = device.image("ssh", {"usr/sbin/sshd": "new", "usr/lib/openssh/helper": "new",
                               f"{LIB}/number": "1\n"}, whiteout)
    device.generation(1, {"ssh": (ssh, ["usr/lib/openssh", LIB, "usr/sbin"])})
    done = device.activate("switch", 1)
    check("directories=3" in done.stdout, done.stdout)
    check_equal(device.read("usr/sbin/sshd") + device.read("usr/lib/openssh/helper"), "newnew")
    check(not os.path.exists(device.path(f"{LIB}/gone")), "a removed file still shows")
    device.generation(2, {"tls": (device.image("tls", {f"{LIB}/number": "2\n"}), [LIB])})
    device.activate("switch", 2)
    check_equal(device.read("usr/sbin/sshd"), "old")
    check_equal(device.read(f"{LIB}/gone"), "base\n")
    check_equal([m[0] for m in device.grafts()], [device.path(LIB)])
    device.activate("switch", 1)
    device.activate("switch", 0)
    check_equal(device.grafts(), [])


@test_in_mount_namespace
def metadata_of_images_works():
    device = Device()

    def prepare(tree):
        shutil.copy("/usr/bin/id", f"{tree}/{LIB}/id")
        os.chmod(f"{tree}/{LIB}/id", 0o4755)
        os.chmod(f"{tree}/{LIB}/secret", 0o600)
        os.chown(f"{tree}/{LIB}/secret", 65534, 65534)
        run("/usr/sbin/setcap", "cap_net_raw+ep", f"{tree}/{LIB}/ping")
    tree = device.image("tls", {f"{LIB}/secret": "fixed\n", f"{LIB}/ping": "x",
                                f"{LIB}/number": "1\n"}, prepare)
    device.generation(1, {"tls": (tree, [LIB])})
    device.activate("switch", 1)
    grafted = device.path(LIB)
    done = subprocess.run([*NOBODY, f"{grafted}/id", "-u"], stdout=subprocess.PIPE, text=True)
    check_equal(done.stdout, "0\n", "the effective user of a set-user-ID program")
    done = subprocess.run([*NOBODY, "cat", f"{grafted}/secret"], stdout=subprocess.PIPE, text=True)
    check_equal(done.stdout, "fixed\n")
    check_equal(os.getxattr(f"{grafted}/ping", "security.capability"),
                os.getxattr(f"{tree}/{LIB}/ping", "security.capability"))
    check_equal(os.stat(f"{grafted}/id").st_mode & 0o7777, 0o4755)


@test_in_mount_namespace
def the_mount_keeps_the_flags_of_what_it_covers():
    device = Device()
    device.simple(1)
    run("/usr/bin/mount", "--bind", "-o", "nosuid,nodev", device.root, device.root)
    run("/usr/bin/mount", "-o", "remount,bind,nosuid,nodev", device.root)
    os.chdir("/")
    device.activate("switch", 1)
    flags = os.statvfs(device.path(LIB)).f_flag
    check_equal(flags & 0x1f, os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV, "flags of the graft")


@test_in_mount_namespace
def an_unprivileged_user_reaches_no_old_byte():
    device = Device()
    device.write(f"{LIB}/root-shell", read("/usr/bin/id"), 0o4755)
    tree = device.image("tls", {f"{LIB}/root-shell": "fixed", f"{LIB}/number": "1\n"})
    device.generation(1, {"tls": (tree, [LIB])})
    device.activate("switch", 1)
    held = device.path(f"run/suture/base/{LIB}/root-shell")
    check(os.path.exists(held), "the base copy is not where this test looks")
    inside = [["ls", device.path(f"run/suture/{name}")] for name in os.listdir(device.path("run/suture"))]
    check(len(inside) >= 4, inside)
    for args in (["cat", held], [held], ["ls", device.path("run/suture")], *inside,
                 ["ls", device.path("var/lib/suture/images")]):
        check(without_output([*NOBODY, *args]).returncode != 0, f"{args} worked for nobody")
    found = subprocess.run([*NOBODY, "find", device.root, "-perm", "-4000"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    check_equal(found, "", "set-user-ID files that nobody finds")
    for point, kind, _ in device.mounts():
        if point.startswith(device.path("run/suture/")):
            flags = os.statvfs(point).f_flag
            check_equal(flags & 0xf, 0xf, f"flags of {point}")  # ro, nosuid, nodev, noexec


@test_in_mount_namespace
def under_a_shared_root_the_base_copy_stays_the_base():
    device = Device()
    device.simple(1), device.simple(2)
    run("/usr/bin/mount", "--make-rshared", "/")
    for number in (1, 2, 1):
        device.activate("switch", number)
        check_equal(device.read(f"run/suture/base/{LIB}/number"), "0\n")
        check_equal(device.read(f"{LIB}/number"), f"{number}\n")
        check_equal(len(device.grafts()), 1)
    device.activate("switch", 0)
    check_equal(device.grafts(), [])


@test_in_mount_namespace
def a_kill_between_attach_and_detach_is_repaired():
    device = Device()
    device.simple(1), device.simple(2), device.simple(3)
    for repair, number in ((("apply",), 2), (("switch", 3), 3), (("switch", 1), 1),
                           (("switch", 0), 0), (("detach",), 0)):
        device.activate("switch", 1)
        check(killed_at(device, "umount2", 1, "switch", 2), "it was not killed")
        check_equal(len(device.grafts()), 2, "a leftover stack")
        device.activate(*repair)
        check_equal(device.read(f"{LIB}/number"), f"{number}\n")
        check_equal(len(device.grafts()), 1 if number else 0)
    device.activate("detach")
    check_equal(device.mounts(), [])


@test_in_mount_namespace
def a_kill_at_any_call_is_repaired():
    device = Device()
    two_directories(device)
    sweep_kills(device)


@test_in_mount_namespace
def a_failure_of_any_call_changes_nothing():
    device = Device()
    two_directories(device)
    sweep_failures(device)


@test_in_mount_namespace
def it_works_when_the_libraries_are_gone():
    path = program("suture-activate")
    if b"INTERP" in subprocess.run(["readelf", "-lW", path], stdout=subprocess.PIPE).stdout:
        skip("not linked statically here")
    device = Device()
    device.simple(1)
    for folder in sorted({os.path.realpath(f) for f in ("/lib64", "/lib", "/usr/lib")},
                         reverse=True):
        run("/usr/bin/mount", "-t", "tmpfs", "none", folder)
        if folder == os.path.realpath("/lib64"):
            break
    for verb in (["switch", "1"], ["apply"], ["detach"]):
        pid = os.posix_spawn(path, [path, "--root", device.root, *verb], {},
                             file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
        check_equal(os.waitpid(pid, 0)[1], 0, " ".join(verb))


@test_in_mount_namespace
def foreign_mounts_are_left_alone():
    device = Device()
    device.simple(1), device.simple(2)
    os.mkdir(device.path(f"{LIB}/below"))
    run("/usr/bin/mount", "-t", "tmpfs", "none", device.path(f"{LIB}/below"))
    device.refuses(1, "below", "unmount", expect=5)
    run("/usr/bin/umount", device.path(f"{LIB}/below"))
    run("/usr/bin/mount", "-t", "tmpfs", "none", device.path(LIB))
    device.refuses(1, "not Suture's", "unmount", expect=5)
    run("/usr/bin/umount", device.path(LIB))
    device.activate("switch", 1)
    run("/usr/bin/mount", "-t", "tmpfs", "none", device.path(LIB))
    check("state=covered" in device.status(), device.status())
    for number in (2, 0):
        device.refuses(number, "not Suture's", expect=5)
    one_line_error(device.activate("detach", expect=5), "not Suture's")
    run("/usr/bin/umount", device.path(LIB))
    check_equal(device.read(f"{LIB}/number"), "1\n")
    device.activate("switch", 0)


@test_in_mount_namespace
def a_mount_below_in_another_namespace_is_refused():
    device = Device()
    device.simple(1)
    os.mkdir(device.path(f"{LIB}/private"))
    service = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {device.path(LIB)}/private && "
         "echo ready && cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    service.stdout.readline()
    device.refuses(1, "own mount", "private", expect=5)
    service.stdin.close()
    service.wait()
    device.activate("switch", 1)


@test_in_mount_namespace
def no_user_can_veto_a_graft():
    device = Device()
    device.simple(1)
    point = device.path(f"{LIB}/kept")
    user = subprocess.Popen(
        [*NOBODY, "unshare", "-Urm", "sh", "-c",
         f"mount --bind /dev/null {point} && echo ready && cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if user.stdout.readline() != b"ready\n":
        skip("users may not make namespaces here")
    # neither through the base, nor through the graft
    for number in 1, 0:
        device.activate("switch", number)
        check_equal(device.read(f"{LIB}/number"), f"{number}\n")
    user.stdin.close()
    user.wait()


@test_in_mount_namespace
def a_current_that_nobody_can_read_does_not_block_the_way_back():
    device = Device()
    device.simple(1)
    current = device.path("var/lib/suture/current")
    for target in "nonsense", "generations/1/x", "":
        device.activate("switch", 1)
        os.unlink(current)
        if target:
            os.symlink(target, current)
        else:
            write(current, "generations/1\n")
        one_line_error(device.activate("switch", 1, expect=None), "current")
        device.activate("switch", 0)
        check_equal(device.read(f"{LIB}/number"), "0\n")
        check_equal(device.grafts(), [])
        check(not os.path.lexists(current))


@test_in_mount_namespace
def a_signal_waits_for_the_end_of_the_switch():
    device = Device()
    two_directories(device)
    for call in "rename,renameat", "move_mount":
        device.activate("switch", 0)
        subprocess.run(["strace", "-qq", "-o", "trace", "-e", f"trace={call}", "-e",
                        f"inject={call}:signal=SIGINT:when=1", program("suture-activate"), "--root",
                        device.root, "switch", "1"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=TRACED)
        current = os.path.islink(device.path("var/lib/suture/current"))
        check_equal(numbers(device), "1\n" * 2 if current else "0\n" * 2, call)


@test_in_mount_namespace
def what_waits_for_a_restart_is_not_mounted():
    device = Device()
    device.write("usr/sbin/number", "0\n")
    tls = device.image("tls", {f"{LIB}/number": "1\n"})
    ssh = device.image("ssh", {"usr/sbin/number": "1\n"})
    device.generation(1, {"tls": (tls, [LIB])})
    device.generation(2, {"tls": (tls, [LIB]), "ssh": (ssh, ["usr/sbin"])})
    device.activate("switch", 1)
    device.activate("select", 2)
    check("current 2\nmounted 1\n" in device.status(), device.status())
    device.activate("switch", 2)
    check("current 2\nmounted 2\n" in device.status(), device.status())
    run("/usr/bin/umount", device.path("usr/sbin"))
    check("current 2\nmounted mixed\n" in device.status(), device.status())


@test_in_mount_namespace
def what_is_not_proved_is_refused():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    other = device.simple(2, base="26.3.2_desktop_" + os.uname().machine)
    device.refuses(other, "26.3.2", "26.3.1", expect=3)
    device.refuses(device.simple(3, key="22" * 32), "not signed", expect=6)
    device.refuses(device.simple(4, key=None), "not signed", expect=6)
    forged = device.simple(5)
    device.rewrite(forged, lambda text: text.replace("sequence 5", "sequence 6", 1))
    device.refuses(forged, "sequence 5", expect=6)
    inside = device.simple(7)
    device.rewrite(inside, lambda text: text.replace("size ", "size 1", 1))
    device.refuses(inside, "not signed", expect=6)
    bare = device.simple(8)
    text = read(device.record(bare))
    write(device.record(bare), text.replace(b"sequence 8", b"sequence 9"))
    device.refuses(bare, "damaged", expect=6)
    two = device.generation(10, {
        "tls": (device.image("a", {f"{LIB}/a": "1"}), [LIB]),
        "xml": (device.image("b", {f"{LIB}/b": "1"}), [LIB])})
    device.rewrite(two, lambda text: text[:text.rindex("signature ")])
    device.refuses(two, "parts", expect=6)
    device.refuses(99, "no generation 99", expect=3)


@test_in_mount_namespace
def damaged_images_are_refused():
    device = Device()
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    image = device.path("var/lib/suture/images/" +
                        hashlib.sha256(read("tls-2.erofs")).hexdigest() + ".erofs")
    data = bytearray(read(image))
    data[-1] ^= 1
    write(image, bytes(data))
    device.refuses(2, "damaged", expect=6)
    write(image, bytes(data[:-4096]))
    device.refuses(2, "damaged", expect=6)
    os.unlink(image)
    device.refuses(2, ".erofs", expect=3)
    lying = device.simple(3)
    device.rewrite(lying, lambda text: re.sub("file [0-9a-f]{64}", "file " + "0" * 64, text))
    device.refuses(lying, "record", expect=6)


@test_in_mount_namespace
def a_record_from_the_future_says_so():
    device = Device()
    number = device.simple(1)
    device.rewrite(number, lambda text: text.replace("generation 1", "generation 2", 1)
                   .replace("product", "flavour", 1))
    device.refuses(number, "newer Suture", expect=1)


@test_in_mount_namespace
def what_the_base_lacks_is_named():
    device = Device()
    tree = device.image("new", {"usr/lib/nowhere/x": "1"})
    device.refuses(device.generation(1, {"new": (tree, ["usr/lib/nowhere"])}), "usr/lib/nowhere",
                   expect=3)
    os.symlink("x86_64-linux-gnu", device.path("usr/lib/link"))
    tree = device.image("link", {"usr/lib/link/x": "1"})
    device.refuses(device.generation(2, {"link": (tree, ["usr/lib/link"])}), "no directory",
                   expect=1)
    os.unlink(device.path("usr/lib/os-release"))
    device.refuses(2, "os-release", expect=3)


@test_in_mount_namespace
def without_keys_digests_prove_and_status_says_so():
    device = Device(seal=False)
    device.simple(1, key=None)
    device.activate("switch", 1)
    check("seal digest-only\n" in device.status())
    device.write("usr/lib/suture/seal.conf", "seal digest-only\nkey " + "0" * 64 + "\n")
    device.simple(2)
    device.refuses(2, "seal.conf", expect=6)


@test_in_mount_namespace
def apply_does_what_current_says_or_shows_the_base():
    device = Device()
    check_equal(device.activate("apply").stdout.split()[1:3], ["generation=0", "directories=0"])
    device.simple(1)
    os.symlink("generations/1", device.path("var/lib/suture/current"))
    check_equal(device.activate("apply").stdout.split()[1:3], ["generation=1", "directories=1"])
    check_equal(device.activate("apply").stdout.split()[2], "directories=0")
    device.write("usr/lib/os-release", OS_RELEASE.replace("26.3.1", "26.3.2"))
    one_line_error(device.activate("apply"), "the base is shown", "26.3.2")
    check_equal(device.read(f"{LIB}/number"), "0\n")
    check_equal(device.grafts(), [])
    status = device.status()
    check("current 1\nmounted 0\n" in status and "\nreason what was installed belongs to" in status,
          status)
    device.write("usr/lib/os-release", OS_RELEASE)
    device.activate("apply")
    check_equal(device.read(f"{LIB}/number"), "1\n")
    check("reason" not in device.status())
    write(device.record(1), "garbage\n")
    one_line_error(device.activate("apply", expect=6), "no generation record")
    check_equal(device.read(f"{LIB}/number"), "0\n")


@test_in_mount_namespace
def what_killed_activators_left_is_removed():
    device = Device()
    device.simple(1)
    store = device.path("var/lib/suture")
    left = ("current.77.tmp", "trial.77.tmp", "bad/0123.77.tmp")
    for name in left:
        write(os.path.join(store, name), "half")
    device.activate("status")
    check(all(os.path.exists(os.path.join(store, name)) for name in left), "by who only looks")
    device.activate("apply")
    check(not any(os.path.exists(os.path.join(store, name)) for name in left))


@test_in_mount_namespace
def one_at_a_time():
    device = Device()
    device.simple(1)
    device.activate("apply")
    with open(device.path("run/suture.lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        one_line_error(device.activate("switch", 1, expect=5), "another suture-activate")
        device.status()
    device.activate("switch", 1)


@test_in_mount_namespace
def exposure_before_the_graft_after_it_and_after_the_restart():
    device = Device()
    library = device.path(f"{LIB}/lib.so")
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    tree = device.image("tls", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"tls": (tree, [LIB])}, "--cve", "CVE-2026-1", "--cve", "CVE-2026-2")
    service = Mapper(library)
    line = (f"pid={service.process.pid} kind=library comm=mapper unit=- component=tls "
            f"cve=CVE-2026-1 CVE-2026-2 path={LIB}/lib.so")

    def same(lines):
        check_equal([re.sub("unit=[^ ]+", "unit=-", l) for l in lines], [line])
    same(exposed(device, 1))
    device.activate("switch", 1)
    same(exposed(device, 1))
    restarted = Mapper(library)
    same(exposed(device, 1))
    service.close()
    check_equal(exposed(device, 1), [])
    # rebuilding the overlay changes devices and inodes, but not what the process runs
    newer = device.image("xml", {f"{LIB}/xml": "1"})
    device.generation(2, {"tls": (tree, [LIB]), "xml": (newer, [LIB])})
    device.activate("switch", 2)
    check("held generation=1" in device.status(), device.status())
    check_equal(exposed(device, 2), [])
    fixed = device.image("tls3", {f"{LIB}/lib.so": "fixed again" * 500})
    device.generation(3, {"tls": (fixed, [LIB])})
    device.activate("switch", 3)
    check_equal(len(exposed(device, 3)), 1)
    restarted.close()
    check_equal(exposed(device, 3), [])
    device.activate("switch", 3)
    check("held" not in device.status(), "an old overlay is held for nobody")


@test_in_mount_namespace
def exposure_finds_files_that_were_replaced_under_a_process():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    service = Mapper(device.path(f"{LIB}/lib.so"))
    device.write(f"{LIB}/new", "fixed" * 1000)
    os.rename(device.path(f"{LIB}/new"), device.path(f"{LIB}/lib.so"))
    tree = device.image("tls", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"tls": (tree, [LIB])})
    after = Mapper(device.path(f"{LIB}/lib.so"))
    lines = exposed(device, 1)
    check_equal(len(lines), 1)
    check(lines[0].startswith(f"pid={service.process.pid} "), lines[0])
    service.close()
    after.close()


@test_in_mount_namespace
def parts_that_must_not_meet_wait_until_nobody_uses_them():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    tree = device.image("web", {f"{LIB}/lib.so": "fixed" * 1000})
    device.generation(1, {"web": (tree, [LIB])}, "--mix-forbidden")
    browser = Mapper(device.path(f"{LIB}/lib.so"))
    device.refuses(1, "web is in use", str(browser.process.pid), expect=5)
    browser.close()
    device.activate("switch", 1)


@test
def mistakes_on_the_command_line():
    one_line_error(run("suture-activate", "frobnicate", expect=64), "frobnicate")
    one_line_error(run("suture-activate", "switch", expect=64), "operand")
    if os.geteuid() == 0:
        one_line_error(run("suture-activate", "switch", "-1", expect=64))
        one_line_error(run("suture-activate", "--root", "/nonexistent", "status", expect=3),
                       "/nonexistent")
        one_line_error(run("suture-activate", "--without", "luck", "status", expect=64), "luck")


main()
