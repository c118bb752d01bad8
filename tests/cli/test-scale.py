# SPDX-License-Identifier: Apache-2.0
"""Sizes of a repository with many bases and a long past: what bench/repository makes, but smaller.
How sizes grow is known, so that a few rounds tell what many give."""
from scale import *
from tap import *
from world import Server

IDLE_MAX = 1024          # bytes of a check that finds nothing new, both directions
FRESH_MAX = 60 * 1024    # bytes of metadata, by a device that has none yet
ROUNDS, MANY = 6, 200


def device(root, expect=(0, 2)):
    done = run("suture", "--root", root, "check", "--json", expect=None)
    check(done.returncode in expect, f"check: exit {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


@test
def a_check_and_a_fresh_device_stay_cheap():
    os.chmod(".", 0o755)
    desk, sizes = ManyBases(3), []
    for number in range(ROUNDS):
        desk.improve(number)
        sizes.append(sum(desk.metadata_sizes().values()))
    with Server(os.path.abspath("repository")) as server:
        root = desk.device_root("device", server.url)
        fresh = device(root)
        served = sum(asked.sent for asked in server.asked
                     if "root.json" not in asked.path and "/notes/" not in asked.path)
        idle = device(root)
    check_equal((fresh["changed"], idle["changed"], idle["requests"]), (True, False, 1))
    check_equal(served, sizes[-1], "bytes that a fresh device was sent, and what was counted")
    check(idle["wire_bytes"] <= IDLE_MAX, f"an idle check takes {idle['wire_bytes']} bytes")
    # once three images are listed twice, only the fixes grow, of two improvements
    growth = sizes[-1] - sizes[-2]
    check(growth < 200, f"one more improvement adds {growth} bytes to what a device fetches")
    late = sizes[-1] + (MANY - ROUNDS) * growth
    check(late <= FRESH_MAX, f"with {MANY} improvements it would be {late} bytes")


@test
def one_bases_improvements_cost_the_others_nothing():
    few, many = ManyBases(1), None
    few.improve(0)
    alone = few.metadata_sizes()
    fresh_folder()
    many = ManyBases(4)
    many.improve(0)
    sizes = many.metadata_sizes()
    for small, large in zip(alone.items(), sizes.items()):
        added = large[1] - small[1]
        limit = {"targets": 3 * 700, "snapshot": 3 * 80}.get(small[0].split(".")[1], 16)
        check(added <= limit, f"{large[0]}: three more bases add {added} bytes")


main()
