# SPDX-License-Identifier: Apache-2.0
"""Who is exposed: random states against an oracle, and each cause of a disagreement by name."""
import contextlib
import mmap
import os
import re
import signal
import struct
import time

from exposure_states import MAPPER, Process, State
from grafting import *
from tap import *

STATES = 25  # bench/exposure has 500


@test_in_mount_namespace
def random_states_agree_with_the_bytes_that_are_mapped():
    exposed = copies = 0
    for seed in range(STATES):
        fresh_folder()
        counts = State(seed).check()
        exposed, copies = exposed + counts[0], copies + counts[1]
    print(f"# {STATES} states: {exposed} exposed, {copies} copies", flush=True)
    check(exposed > 2 * STATES and copies > STATES // 2, "the states are too tame")


@contextlib.contextmanager
def running(how, files, **options):
    process = Process(how, files, **options)
    try:
        yield process
    finally:
        process.close()


def exposed(device, number):
    """(pid, kind, path) of all, copies with the kind "copy" among them; modules as ("module", path)."""
    found = set()
    for line in run("tests/list-exposure", device.root, number).stdout.splitlines()[:-1]:
        match = re.fullmatch(r"pid=(\d+) kind=([^ ]+) .* path=(.*)", line)
        if not match:
            found.add(("module", line.split("path=")[1]))
        elif int(match[1]) in Process.started:
            found.add((int(match[1]), match[2], match[3]))
    return found


def one_library(device, number=1, *more):
    """A generation with a fixed lib.so."""
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    tree = device.image(f"tls{number}", {f"{LIB}/lib.so": f"fixed {number}" * 1000})
    return device.generation(number, {"tls": (tree, [LIB])}, *more)


def container(name="container", data="a copy" * 1000):
    write(f"{name}/{LIB}/lib.so", data)
    return os.path.abspath(name)


@test_in_mount_namespace
def programs_libraries_and_deleted_files_are_told_apart():
    device = Device()
    for name in "daemon", "gone":
        device.write(f"usr/sbin/{name}", MAPPER + b"old", 0o755)
    one_library(device, 1)
    tree = device.image("ssh", {f"usr/sbin/{name}": MAPPER + b"new" for name in ("daemon", "gone")},
                        lambda tree: [os.chmod(f"{tree}/usr/sbin/{name}", 0o755)
                                      for name in ("daemon", "gone")])
    device.generation(2, {"ssh": (tree, ["usr/sbin"]), "tls": (os.path.abspath("tls1"), [LIB])})
    library = device.path(f"{LIB}/lib.so")
    with running([], [library], exe=device.path("usr/sbin/daemon")) as one, \
            running([], [library], exe=device.path("usr/sbin/gone")) as two:
        os.unlink(device.path("usr/sbin/gone"))
        expected = {(one.pid, "exe", "usr/sbin/daemon"), (one.pid, "library", f"{LIB}/lib.so"),
                    (two.pid, "deleted", "usr/sbin/gone"), (two.pid, "library", f"{LIB}/lib.so")}
        check_equal(exposed(device, 2), expected)


@test_in_mount_namespace
def a_graft_that_only_one_namespace_still_has():
    device = Device()
    one_library(device, 1), one_library(device, 2)
    device.activate("switch", 1)
    with running(["-p"], ["/usr/bin/true"]) as service:
        device.activate("switch", 2)
        check("held" not in device.status(), "the old overlay is still held here")
        service.open(device.path(f"{LIB}/lib.so"))
        check_equal(exposed(device, 2), {(service.pid, "deleted", f"{LIB}/lib.so")})
        check_equal(exposed(device, 1), set())


@test_in_mount_namespace
def files_of_one_name_in_two_folders():
    device = Device()
    device.write("usr/lib/app/lib.so", "another library" * 500)
    number = one_library(device)
    other = device.image("app", {"usr/lib/app/new.so": "new"})
    device.generation(2, {"app": (other, ["usr/lib/app"]), "tls": (os.path.abspath("tls1"), [LIB])})
    for how in [], ["-s"], ["-c", device.root], ["-s", "-c", device.root]:
        root = "" if "-c" in how else device.root
        device.activate("switch", 2)
        with running(how, [f"{root}/usr/lib/app/lib.so"]):
            check_equal(exposed(device, number), set(), f"on a graft {how}")
            device.activate("switch", 0)
            check_equal(exposed(device, number), set(), f"on a graft that was taken off {how}")
        with running(how, [f"{root}/usr/lib/app/lib.so"]):
            os.unlink(device.path("usr/lib/app/lib.so"))
            check_equal(exposed(device, number), set(), f"deleted {how}")
        device.write("usr/lib/app/lib.so", "another library" * 500)


@test_in_mount_namespace
def containers_with_copies_of_their_own():
    device = Device()
    number = one_library(device)
    for place in container("container"), container(device.path("srv/container")):
        file, fixed = f"/{LIB}/lib.so", read("tls1/" + f"{LIB}/lib.so").decode()
        # a process of the host that uses the same file comes first, and is not one of them
        with running([], [place + file]), running(["-c", place], [file]) as chroot, \
                running(["-p", "-r", place], [file]) as apart:
            check_equal(exposed(device, number), {(chroot.pid, "copy", f"{LIB}/lib.so"),
                                                  (apart.pid, "copy", f"{LIB}/lib.so")})
        covered = ["-p", "-b", f"{place}/{LIB}:{device.path(LIB)}"]
        with running(covered, [device.path(f"{LIB}/lib.so")]) as service:
            check_equal(exposed(device, number), {(service.pid, "copy", f"{LIB}/lib.so")})
        write(place + file, fixed)
        with running(["-c", place], [file]):
            check_equal(exposed(device, number), set(), "a container that is fixed")


@test_in_mount_namespace
def a_container_that_is_given_the_devices_files():
    device = Device()
    number, place = one_library(device), container()
    os.makedirs(f"{place}/other")
    for inside in LIB, "other":
        how = ["-p", "-b", f"{device.path(LIB)}:{place}/{inside}", "-r", place]
        with running(how, [f"/{inside}/lib.so"]) as process:
            check_equal(exposed(device, number), {(process.pid, "library", f"{LIB}/lib.so")})
            os.unlink(device.path(f"{LIB}/lib.so"))
            check_equal(exposed(device, number), {(process.pid, "deleted", f"{LIB}/lib.so")})
        device.write(f"{LIB}/lib.so", "vulnerable" * 500)


@test_in_mount_namespace
def what_a_mount_has_covered_since():
    device = Device()
    number = one_library(device)
    with running([], [device.path(f"{LIB}/lib.so")]) as process:
        os.makedirs("extension")
        run("/usr/bin/mount", "--bind", "extension", device.path("usr/lib"))
        check_equal(exposed(device, number), {(process.pid, "deleted", f"{LIB}/lib.so")})
        run("/usr/bin/umount", device.path("usr/lib"))


@test_in_mount_namespace
def everything_taken_off_under_a_process():
    device = Device()
    one_library(device, 1), one_library(device, 2)
    device.activate("switch", 1)
    with running([], [device.path(f"{LIB}/lib.so")]) as process:
        device.activate("detach")
        check_equal(exposed(device, 1), set())
        check_equal(exposed(device, 2), {(process.pid, "deleted", f"{LIB}/lib.so")})


@test_in_mount_namespace
def names_that_are_one_file():
    device = Device()
    device.write(f"{LIB}/lib.so", "vulnerable" * 500)
    for name in "twin.so", "third.so":
        os.link(device.path(f"{LIB}/lib.so"), device.path(f"{LIB}/{name}"))
    tree = device.image("tls", {f"{LIB}/lib.so": "fixed" * 1000, f"{LIB}/twin.so": "vulnerable" * 500})
    number = device.generation(1, {"tls": (tree, [LIB])})
    with running([], [device.path(f"{LIB}/lib.so")]) as lib, \
            running([], [device.path(f"{LIB}/twin.so")]), \
            running([], [device.path(f"{LIB}/third.so")]) as third:
        check_equal(exposed(device, number), {(lib.pid, "library", f"{LIB}/lib.so"),
                                              (third.pid, "library", f"{LIB}/lib.so")})


def below_deep_folders(library):
    """Maps a library, and a file whose path is longer than any that can be told; then waits."""
    for _ in range(25):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    with open("deep", "xb") as file:
        file.write(bytes(4096))
    mapped = [mmap.mmap(os.open(path, os.O_RDONLY), 4096, mmap.MAP_PRIVATE,
                        mmap.PROT_READ | mmap.PROT_EXEC) for path in (library, "deep")]
    print(f"# {len(mapped)} files are mapped", flush=True)
    signal.pause()


@test_in_mount_namespace
def a_name_that_is_too_long_hides_nobody():
    device = Device()
    number = one_library(device)
    child = os.fork()
    if child == 0:
        try:
            below_deep_folders(device.path(f"{LIB}/lib.so"))
        finally:
            os._exit(1)
    Process.started.add(child)
    while b"/deep" not in read(f"/proc/{child}/maps"):
        check(os.waitpid(child, os.WNOHANG)[0] == 0, "the process has ended")
        time.sleep(0.01)
    found = exposed(device, number)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    run("/usr/bin/rm", "-rf", "d" * 200)
    check_equal(found, {(child, "library", f"{LIB}/lib.so")})


@test_in_mount_namespace
def hosts_that_started_before_may_run_old_scripts():
    device = Device()
    device.write("usr/bin/python", MAPPER + b"python", 0o755)
    device.write("usr/lib/app/script.py", "old")
    device.write("usr/lib/app/other", "old")
    script = device.image("script", {"usr/lib/app/script.py": "new"})
    other = device.image("other", {"usr/lib/app/other": "new"})
    host = ["--host", "usr/bin/python"]
    device.generation(1, {"script": (script, ["usr/lib/app"])}, *host)
    device.generation(2, {"script": (script, ["usr/lib/app"]),
                          "other": (other, ["usr/lib/app"])}, *host)
    device.generation(3, {"other": (other, ["usr/lib/app"])})
    python = device.path("usr/bin/python")
    with running([], [], exe=python) as before, running([], []):
        may_run = {(before.pid, "may-run", "usr/bin/python")}
        check_equal(exposed(device, 1), may_run, "before the graft")
        device.activate("switch", 1)
        check_equal(exposed(device, 1), may_run, "after the graft")
        time.sleep(0.02)  # starts are counted in hundredths of a second
        with running([], [], exe=python) as after:
            check_equal(exposed(device, 1), may_run)
            device.activate("switch", 2)  # the script's overlay is another, its image is not
            check_equal(exposed(device, 2), may_run, "after the next graft")
            device.activate("switch", 3)
            check_equal(len(exposed(device, 1)), 2, "the old script is back")
            write("new-python", MAPPER + b"new python", 0o755)
            os.rename("new-python", python)
            check_equal({pid for pid, _, _ in exposed(device, 1)}, {before.pid, after.pid})
    place = container()
    write(f"{place}/usr/bin/python", MAPPER + b"its own python", 0o755)
    with running(["-c", place], ["/usr/bin/python"]):
        check_equal(exposed(device, 1), set(), "a container's own interpreter")


def load_module(device, name, build_id):
    device.write(f"sys/module/{name}/initstate", "live\n")
    if build_id:
        note = struct.pack("III4s", 4, len(build_id), 3, b"GNU") + build_id
        device.write(f"sys/module/{name}/notes/.note.gnu.build-id", note)


@test_in_mount_namespace
def kernel_modules_that_are_loaded():
    device = Device()
    tree = device.image("net", {f"{LIB}/snd-x.ko": "module"})
    number = device.generation(1, {"net": (tree, [LIB])}, "--build-id", "000000ff")
    unknown = device.generation(2, {"net": (tree, [LIB])})
    check_equal(exposed(device, number), set(), "it is not loaded")
    device.write("sys/module/snd_x/parameters/y", "built in")
    check_equal(exposed(device, number), set(), "it is built in")
    for build_id, is_old in (b"\0\0\0\xfe", True), (None, True), (b"\0\0\0\xff", False):
        run("/usr/bin/rm", "-r", device.path("sys"))
        load_module(device, "snd_x", build_id)
        check_equal(bool(exposed(device, number)), is_old, build_id)
    check_equal(exposed(device, unknown), {("module", f"{LIB}/snd-x.ko")}, "without a build-id")


main()
