#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""suture-delta on the command line."""
import hashlib
import json
import os
import random
import signal
import subprocess

import delta_decoder
from tap import *

OLD = random.Random(1).randbytes(20000)
NEW = OLD[:5000] + b"inserted" * 20 + OLD[5000:12000] + bytes(b ^ 1 for b in OLD[12000:12010]) \
    + OLD[12010:]


def make(old=OLD, new=NEW):
    write("old", old)
    write("new", new)
    run("suture-delta", "create", "old", "new", "patch")


def leftovers():
    return [name for name in os.listdir(".") if name.endswith(".tmp")]


@test
def create_and_apply_give_the_same_bytes():
    for old, new in ((OLD, NEW), (NEW, OLD), (b"", NEW), (OLD, b""), (b"", b""), (OLD, OLD)):
        make(old, new)
        run("suture-delta", "apply", "old", "patch", "out")
        check_equal(read("out"), new)
    check_equal(leftovers(), [])


def compile_library(name, order):
    """Functions that use variables of .bss, which stand there in the given order."""
    variables = "".join(f"static unsigned v{i}[{4 + i}];\n" for i in order)
    functions = "".join(
        f"unsigned f{i}(unsigned x) {{ "
        + "".join(f"v{(7 * i + 11 * k) % 60}[x & 3] += x * {31 * i + k};" for k in range(4))
        + f" return x * {77 * i + 5} + {i}; }}\n" for i in range(150))
    write("library.c", variables + functions)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-fno-toplevel-reorder", "-s", "-o", name,
                    "library.c"], check=True)


@test
def variables_that_moved_without_bytes_cost_a_hint_each():
    order = list(range(60))
    compile_library("old", order)
    random.Random(1).shuffle(order)
    compile_library("new", order)
    run("suture-delta", "create", "old", "new", "patch")
    check(len(read("patch")) < 400, len(read("patch")))  # without hints more than 600
    run("suture-delta", "apply", "old", "patch", "out")
    check_equal(read("out"), read("new"))


@test
def create_is_deterministic():
    make()
    first = read("patch")
    make()
    check_equal(read("patch"), first)


@test
def an_existing_output_is_replaced_and_links_are_followed_on_input():
    make()
    write("out", "what was there")
    os.symlink("old", "link")
    run("suture-delta", "apply", "link", "patch", "out")
    check_equal(read("out"), NEW)


@test
def info_tells_people_and_programs():
    make()
    size = len(read("patch"))
    text = run("suture-delta", "info", "patch").stdout
    check(hashlib.sha256(NEW).hexdigest()[:32] in text, text)
    info = json.loads(run("suture-delta", "info", "--json", "patch").stdout)
    check_equal(info["format"], 1)
    check_equal(info["size"], size)
    check_equal(info["sources"], [{"size": len(OLD), "sha256_start": hashlib.sha256(OLD).hexdigest()[:16]}])
    check_equal(info["target"], {"size": len(NEW), "sha256_start": hashlib.sha256(NEW).hexdigest()[:32]})
    check_equal([(s["size"], s["codec"], s["source"]) for s in info["segments"]],
                [(len(NEW), "generic", 0)])
    check_equal(sum(info["bytes"].values()), size, "sum of the shares")


@test
def a_second_decoder_written_from_the_document_agrees():
    for old, new in ((OLD, NEW), (NEW, OLD), (b"", NEW[5000:7000]), (OLD, OLD), (OLD, b"")):
        make(old, new)
        check_equal(delta_decoder.decode(read("patch"), [old]), new)


@test
def the_second_decoder_reads_the_frozen_executables():
    vectors = os.path.join(SOURCE, "tests", "vectors", "delta")
    names = [name[:-8] for name in sorted(os.listdir(vectors)) if name.endswith("-old.elf")]
    check(names, "no vectors")
    for name in names:
        patch, old, new = (read(os.path.join(vectors, name + end))
                           for end in (".delta", "-old.elf", "-new.elf"))
        check(delta_decoder.decode(patch, [old]) == new, f"{name}: the bytes differ")


@test
def usage_errors_are_64():
    for words in ([], ["frobnicate"], ["create", "a", "b"], ["apply", "a", "b", "c", "d"],
                  ["info"], ["--wrong", "info", "x"]):
        one_line_error(run("suture-delta", *words, expect=64), "suture-delta")


@test
def missing_files_are_named():
    make()
    one_line_error(run("suture-delta", "create", "none", "new", "p", expect=3), "none")
    one_line_error(run("suture-delta", "create", "old", "none", "p", expect=3), "none")
    one_line_error(run("suture-delta", "apply", "none", "patch", "out", expect=3), "none")
    one_line_error(run("suture-delta", "apply", "old", "none", "out", expect=3), "none")
    one_line_error(run("suture-delta", "info", "none", expect=3), "none")
    one_line_error(run("suture-delta", "apply", "old", "patch", "no/out", expect=3), "no/out")
    one_line_error(run("suture-delta", "apply", ".", "patch", "out", expect=1), "regular file")
    check(not os.path.exists("out") and not os.path.exists("p"), "an output was left")


@test
def the_wrong_old_file_is_refused_and_the_output_kept():
    make()
    write("out", "what was there")
    for wrong in (OLD[:-1], OLD + b"x", OLD[:-1] + b"x", b""):
        write("wrong", wrong)
        done = run("suture-delta", "apply", "wrong", "patch", "out", expect=6)
        one_line_error(done, "wrong", "does not belong")
        check_equal(read("out"), b"what was there")
    check_equal(leftovers(), [])


@test
def a_damaged_patch_is_refused_and_the_output_kept():
    make()
    patch = read("patch")
    write("out", "what was there")
    for size in (0, 3, 5, 40, len(patch) // 2, len(patch) - 1):
        write("bad", patch[:size])
        one_line_error(run("suture-delta", "apply", "old", "bad", "out", expect=6), "bad")
    write("bad", patch + b"x")
    one_line_error(run("suture-delta", "apply", "old", "bad", "out", expect=6), "bad")
    one_line_error(run("suture-delta", "info", "old", expect=6), "old", "not a Suture delta")
    write("bad", patch[:-20] + bytes([patch[-20] ^ 0x80]) + patch[-19:])
    one_line_error(run("suture-delta", "apply", "old", "bad", "out", expect=6), "bad")
    check_equal(read("out"), b"what was there")
    check_equal(leftovers(), [])


@test
def a_patch_from_the_future_asks_for_an_update():
    make()
    patch = bytearray(read("patch"))
    patch[4] = 2
    write("future", patch)
    one_line_error(run("suture-delta", "apply", "old", "future", "out", expect=1),
                   "future", "version 2", "update")


def has_begun(process):
    """Whether the program has its output open."""
    try:
        names = [os.readlink(f"/proc/{process.pid}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{process.pid}/fd")]
    except OSError:
        return False
    return any(name.endswith(" (deleted)") or ".tmp" in os.path.basename(name) for name in names)


@test
def an_application_that_is_killed_leaves_nothing():
    try:
        os.close(os.open(".", os.O_TMPFILE | os.O_WRONLY))
    except OSError:
        skip("the file system has no O_TMPFILE")
    make(b"", random.Random(2).randbytes(400000))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen([program("suture-delta"), "apply", "old", "patch", "out"])
        while process.poll() is None and not has_begun(process):
            pass
        process.send_signal(number)
        check_equal(process.wait(), -number, "exit")
        check_equal(sorted(os.listdir(".")), ["new", "old", "patch"])


@test
def a_full_disk_is_told_and_leaves_nothing():
    make()
    done = run("/bin/sh", "-c", f"ulimit -f 8; trap '' XFSZ; exec {program('suture-delta')} "
               "apply old patch out", expect=1)
    one_line_error(done, "patch")
    check_equal(sorted(os.listdir(".")), ["new", "old", "patch"])


main()
