# SPDX-License-Identifier: Apache-2.0
"""power-cut.tsv: a line for every disk that a power cut left, of bench/power-cut and
bench/device-power-cut.

    before = lines()
    with adding() as add:
        add("ext4", cut, life, seed, result)    # "ok", or what did not hold
    sys.exit(report(before))                    # counts all lines; 1 when a new one is not "ok"
"""
import collections
import contextlib
import csv
import os
import sys
import time

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "power-cut.tsv")
COLUMNS = ("date", "file system", "phase", "record", "of records", "disk", "seed", "result")


def lines():
    if not os.path.exists(TABLE):
        return []
    with open(TABLE, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@contextlib.contextmanager
def adding():
    is_new = not lines()
    with open(TABLE, "a", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        if is_new:
            table.writerow(COLUMNS)

        def add(kind, cut, life, seed, result):
            table.writerow((time.strftime("%F"), kind, cut.step.phase, cut.record, len(life.log.records),
                            cut.mode, seed, result))
            file.flush()
        yield add


def result_of(check):
    """"ok", or the line that says what check() found wanting."""
    try:
        check()
    except AssertionError as error:
        return " ".join(str(error).strip().split("\n")[0].split())
    return "ok"


def print_table(rows):
    kinds = sorted({row["file system"] for row in rows})
    total, wanting = collections.Counter(), collections.Counter()
    for row in rows:
        for place in (row["phase"], row["file system"]), (row["phase"], "all"), ("all", row["file system"]), (
                "all", "all"):
            total[place] += 1
            wanting[place] += row["result"] != "ok"
    print("| power cut during | " + " | ".join(kinds) + " | disks | found wanting |")
    print("|---|" + "--:|" * (len(kinds) + 2))
    for phase in [*dict.fromkeys(row["phase"] for row in rows), "all"]:
        print(f"| {phase} | " + " | ".join(str(total[phase, kind]) for kind in [*kinds, "all"]) +
              f" | {wanting[phase, 'all']} |")


def report(before):
    rows = lines()
    print_table(rows)
    wanting = [row["result"] for row in rows[len(before):] if row["result"] != "ok"]
    print(*wanting, sep="\n", file=sys.stderr)
    return 1 if wanting else 0
