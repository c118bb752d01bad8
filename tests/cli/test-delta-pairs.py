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

import delta_decoder
from tap import *

PAIRS = os.environ.get("PAIRS", os.path.join(SOURCE, "..", "shared", "pairs"))
if not os.path.isdir(PAIRS):
    PAIRS = os.path.join(SOURCE, "..", "..", "shared", "pairs")
PRIVATE_MAX = 16 << 20  # the models have 10 MiB
LARGER_MAX = 64  # bytes, above the best of all other tools
BSDIFF_LEAST, ZUCCHINI_LEAST = 8.5, 5.0  # times smaller, over the executables with new code
SECOND_DECODER = ("libisc", "sudoers")  # it is slow: those with few literals
NO_NEW_CODE = ("sudo", "ko_ext4", "ko_kvm")  # a rebuild, and what is no executable


def peers():
    table = os.path.join(PAIRS, "peers.tsv")
    if not os.path.exists(table):
        skip(f"no pairs: {table} does not exist; set PAIRS")
    with open(table, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def unpack(name):
    with tarfile.open(os.path.join(PAIRS, name + ".tar.xz")) as archive:
        archive.extractall()
    return os.path.join(name, "old"), os.path.join(name, "new")


def limit_private_memory():
    # RLIMIT_DATA counts every private writable mapping (brk, malloc's arenas and large blocks, data
    # segments; Linux 4.7), whether touched or not: an upper bound of private memory.
    resource.setrlimit(resource.RLIMIT_DATA, (PRIVATE_MAX, PRIVATE_MAX))


def apply_in_little_memory(old):
    """suture-delta apply with PRIVATE_MAX bytes of private memory; what it was made from is mapped."""
    done = subprocess.run([program("suture-delta"), "apply", old, "patch", "out"],
                          preexec_fn=limit_private_memory, capture_output=True, text=True)
    if "AddressSanitizer" in done.stderr:
        skip("the sanitizer's own memory is above the limit")
    check_equal(done.returncode, 0, f"exit code for {old} ({done.stderr.strip()})")


@test
def every_pair_comes_back_in_little_memory_and_is_as_small_as_promised():
    rows, logs, too_large = peers(), {"bsdiff": [], "zucchini_br": []}, []
    for row in rows:
        name = row["pair"]
        old, new = unpack(name)
        run("suture-delta", "create", old, new, "patch")
        apply_in_little_memory(old)
        check(read("out") == read(new), f"{name}: the bytes differ")
        size = os.path.getsize("patch")
        print(f"# {name}: {size} bytes, bsdiff {row['bsdiff']}, zucchini {row['zucchini_br']}",
              flush=True)
        if size > int(row["best_peer"]) + LARGER_MAX:
            too_large.append(name)
        if name not in NO_NEW_CODE:
            for peer, values in logs.items():
                values.append(math.log(int(row[peer]) / size))
    check_equal(too_large, [], "pairs more than 64 bytes larger than the best other tool's")
    for peer, least in (("bsdiff", BSDIFF_LEAST), ("zucchini_br", ZUCCHINI_LEAST)):
        mean = math.exp(sum(logs[peer]) / len(logs[peer]))
        print(f"# {mean:.2f} times smaller than {peer} over {len(logs[peer])} pairs")
        check(mean >= least, f"only {mean:.2f} times smaller than {peer}, not {least}")


@test
def the_second_decoder_agrees_on_real_updates():
    peers()
    for name in SECOND_DECODER:
        old, new = unpack(name)
        run("suture-delta", "create", old, new, "patch")
        check(delta_decoder.decode(read("patch"), [read(old)]) == read(new), f"{name}: differs")


main()
