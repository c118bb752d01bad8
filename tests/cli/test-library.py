#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libsuture-delta as another program gets it: installed, found by pkg-config, linked by the example
of examples/embed."""
import atexit
import functools
import glob
import os
import random
import re
import shutil
import subprocess
import tempfile

from tap import *

EXAMPLE = os.path.join(SOURCE, "examples/embed/embed.c")
HEADER = os.path.join(SOURCE, "include/suture/delta.h")
VECTORS = os.path.join(SOURCE, "tests/vectors/delta")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
C = ["cc", "-std=c11"]
CXX = ["c++", "-x", "c++", "-std=c++11"]
NEEDED = r"libc\.so\.\d+|libcrypto\.so\.\d+|libdivsufsort\.so\.\d+|ld-linux.*\.so\.\d+"
EINVAL, ENOMEM, EFBIG, ENOSPC, ECANCELED = 22, 12, 27, 28, 125
FAILED_ALLOCATIONS = 60  # about so many of the several hundred are made to fail

OLD = random.Random(3).randbytes(300000)
NEW = OLD[:1000] + b"inserted" * 50 + OLD[1000:200000] + OLD[210000:]


def tool(*words, env=None):
    """What a tool of the system printed."""
    done = subprocess.run(words, env=dict(os.environ, **(env or {})), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@functools.cache
def installed():
    """A folder with what `meson install` puts into /, made once."""
    folder = tempfile.mkdtemp(prefix="suture-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tool("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder)
    return folder


def find(name):
    [path] = glob.glob(f"{installed()}/**/{name}", recursive=True)
    return path


def library_folder():
    return os.path.dirname(find("libsuture-delta.so"))


def flags():
    """What pkg-config says, for the installed tree."""
    path = os.path.dirname(find("suture-delta.pc"))
    return tool("pkg-config", "--cflags", "--libs", "suture-delta", env={
        "PKG_CONFIG_SYSROOT_DIR": installed(), "PKG_CONFIG_LIBDIR": path,
        "PKG_CONFIG_PATH": "", "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
        "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}).split()


@functools.cache
def example(language):
    """The example as a program."""
    words = C if language == "c" else CXX
    if not shutil.which(words[0]):
        skip(f"there is no {words[0]}")
    path = os.path.join(installed(), "embed-" + language)
    tool(*words, *STRICT, "-O1", "-o", path, EXAMPLE, *flags())
    return path


def embed(*options, language="c", expect=0):
    """Runs the example from `old` to `new`; returns what it printed, by the word before the colon."""
    done = run(example(language), *options, "old", "new", "patch", "out", expect=expect,
               env={"LD_LIBRARY_PATH": library_folder()})
    told = {}
    for line in done.stdout.splitlines():
        key, _, text = line.partition(": ")
        told.setdefault(key, []).append(text)
    return told


def failure(*options):
    """The same where it must fail: the errno, what the library says, and that nothing is left."""
    told = embed(*options, expect=1)
    check_equal(told["end"], ["left 0"], f"memory after {options}")
    number, text = told["error"][0].split(" ", 1)
    check(text and "suture" not in text, told)
    return -int(number), told["error"][1]


def dynamic(path, tag):
    return re.findall(rf"\({tag}\).*\[(.*)\]", tool("readelf", "-d", path))


@test
def only_the_public_calls_are_exported():
    lines = tool("nm", "-D", "--defined-only", find("libsuture-delta.so")).splitlines()
    names = {line.split()[-1].partition("@")[0] for line in lines if line.split()[-2] != "A"}
    declared = set(re.findall(r"^SUTURE_DELTA_PUBLIC .*?(suture_delta_\w+)\(",
                              read(HEADER).decode(), re.M))
    check_equal(sorted(names), sorted(declared))
    check(len(declared) > 5, declared)


@test
def it_needs_two_libraries_beside_the_c_library():
    path = find("libsuture-delta.so")
    check_equal(dynamic(path, "SONAME"), ["libsuture-delta.so.1"])
    for name in dynamic(path, "NEEDED"):
        check(re.fullmatch(NEEDED, name), f"it needs {name}")
    check(os.path.exists(os.path.join(library_folder(), "libsuture-delta.so.1")), "no soname")


@test
def programs_of_ours_do_not_need_it():
    for name in "bin/suture-delta", "bin/suture-publish", "libexec/suture/suture-stage":
        check("suture" not in str(dynamic(find(name), "NEEDED")), name)


@test
def the_header_stands_alone():
    for words in C, CXX, ["cc", "-std=c99"]:
        if shutil.which(words[0]):
            write("alone.c", "#include <suture/delta.h>\n")
            tool(*words, *STRICT, "-fsyntax-only", *flags()[:1], "alone.c")


def round_trip(language):
    executables = [read(os.path.join(VECTORS, f"executable-{age}.elf")) for age in ("old", "new")]
    for old, new in ((OLD, NEW), (NEW, OLD), (b"", NEW), (OLD, b""), executables):
        write("old", old)
        write("new", new)
        told = embed(language=language)
        check_equal(read("out"), new)
        check_equal(told["end"], ["left 0"])
        check_equal(told["patch"], [f"sources 1, segments {int(new != b'')}, target {len(new)}"])
        check_equal(told.get("codec", [None])[0], None if not new else
                    "executable" if new == executables[1] else "generic")
        run("suture-delta", "create", "old", "new", "expected")
        check_equal(read("patch"), read("expected"))


@test
def the_example_works_in_c():
    round_trip("c")


@test
def the_example_works_in_cxx():
    round_trip("c++")


@test
def progress_cancels():
    write("old", OLD)
    write("new", NEW)
    for n in range(1, 9):  # three while the patch is made, five while it is applied
        check_equal(failure("--cancel", n), (ECANCELED, "cancelled"))


@test
def every_allocation_may_fail():
    for age in "old", "new":
        shutil.copy(os.path.join(VECTORS, f"executable-{age}.elf"), age)
    calls = max(int(n) for n in re.findall(r"calls (\d+)", str(embed())))
    for n in range(1, calls + 1, calls // FAILED_ALLOCATIONS + 1):
        error, text = failure("--fail-allocation", n)
        check_equal((n, error), (n, ENOMEM))
        check("memory" in text, text)
    check_equal(embed("--fail-allocation", calls + 1)["end"], ["left 0"])


@test
def errors_of_the_output_are_forwarded():
    write("old", OLD)
    write("new", NEW)
    for n in 1, 2, 3, 4:  # the patch, then pieces of the target
        error, text = failure("--fail-write", n)
        check_equal(error, ENOSPC)
        check("No space left" in text, text)


@test
def unknown_options_are_refused():
    write("old", OLD)
    write("new", NEW)
    check_equal(embed()["end"], ["left 0"])
    for size in 0, 8, 55, 1:
        told = embed("--options-size", size, expect=1)
        check(told["error"][0].startswith(f"-{EINVAL} "), told)


@test
def a_target_larger_than_expected_is_refused():
    write("old", OLD)
    write("new", NEW)
    error, text = failure("--expect", len(NEW) - 1)
    check_equal(error, EFBIG)
    check(str(len(NEW)) in text, text)
    check_equal(os.path.getsize("out"), 0)
    embed("--expect", len(NEW))


main()
