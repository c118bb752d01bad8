#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Deltas of real security updates: exact bytes, small patches, little memory.

$PAIRS names a folder with NAME.tar.xz (NAME/old, NAME/new) and peers.tsv (bytes of other tools'
patches); without it, ../shared/pairs beside the source tree."""
import csv
import math
import os
import resource
import subprocess
import tarfile

from tap import *

PAIRS = os.environ.get("PAIRS", os.path.join(SOURCE, "..", "shared", "pairs"))
if not os.path.isdir(PAIRS):
    PAIRS = os.path.join(SOURCE, "..", "..", "shared", "pairs")
PRIVATE_MAX = 16 << 20  # half of what the design allows; the models have 7 MiB
LARGER_MAX = 1.15


def peers():
    table = os.path.join(PAIRS, "peers.tsv")
    if not os.path.exists(table):
        skip(f"no pairs: {table} does not exist; set PAIRS")
    with open(table, encoding="utf-8") as file:
        return {row["pair"]: int(row["bsdiff"]) for row in csv.DictReader(file, delimiter="\t")}


def unpack(name):
    with tarfile.open(os.path.join(PAIRS, name + ".tar.xz")) as archive:
        archive.extractall()
    return os.path.join(name, "old"), os.path.join(name, "new")


@test
def every_pair_comes_back_and_is_smaller_than_bsdiffs():
    logs, too_large = [], []
    for name, bsdiff in peers().items():
        old, new = unpack(name)
        run("suture-delta", "create", old, new, "patch")
        run("suture-delta", "apply", old, "patch", "out")
        check(read("out") == read(new), f"{name}: the bytes differ")
        size = os.path.getsize("patch")
        print(f"# {name}: {size} bytes, bsdiff {bsdiff}, {size / bsdiff:.3f}", flush=True)
        logs.append(math.log(size / bsdiff))
        if size > LARGER_MAX * bsdiff:
            too_large.append(name)
    mean = math.exp(sum(logs) / len(logs))
    print(f"# geometric mean {mean:.3f} of bsdiff over {len(logs)} pairs")
    check_equal(too_large, [], "pairs more than 15 % larger than bsdiff's")
    check(mean < 1, f"the geometric mean is {mean:.3f} of bsdiff's")


def limit_private_memory():
    # RLIMIT_DATA counts every private writable mapping (brk, malloc's arenas and large blocks, data
    # segments; Linux 4.7), whether touched or not: an upper bound of private memory.
    resource.setrlimit(resource.RLIMIT_DATA, (PRIVATE_MAX, PRIVATE_MAX))


@test
def applying_to_the_largest_needs_little_private_memory():
    peers()
    old, new = unpack("libgs")
    run("suture-delta", "create", old, new, "patch")
    done = subprocess.run([program("suture-delta"), "apply", old, "patch", "out"],
                          preexec_fn=limit_private_memory, capture_output=True, text=True)
    if "AddressSanitizer" in done.stderr:
        skip("the sanitizer's own memory is above the limit")
    check_equal(done.returncode, 0, f"exit code ({done.stderr.strip()})")
    check(read("out") == read(new), "the bytes differ")


main()
