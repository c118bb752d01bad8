# SPDX-License-Identifier: Apache-2.0
"""What time does to a device: years of sleep, a clock that is wrong, a repository that is not
renewed. The device's clock is moved with libfaketime; the vendor's times are written into what it
signs."""
import glob
import time

from tap import *
import world
from world import *

DAY = 86400
YEARS_4 = 1461
ROTATIONS = 30


def at(days):
    """The environment of a machine whose clock is so many days off."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        skip("faketime is not installed")
    return {"LD_PRELOAD": found[0], "FAKETIME": f"{days:+d}d", "DONT_FAKE_MONOTONIC": "1"}


IN_1970 = -int(time.time() // DAY) + 2


class Device(world.Device):
    """The command is linked with shared libraries, so that a library can move its clock."""

    command = "suture-shared"


def vendor_with_a_fix():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    return vendor


def sign_all(vendor, when, *, days=30):
    """Renews every role but root as of that time."""
    def edit(role, body):
        body["expires"] = time_text(when + days * DAY)
        if role == "timestamp":
            body["x-suture-issued"] = time_text(when)
    base = vendor.base_role()
    vendor.commit({"targets": vendor.targets(), base: vendor.current(base)}, edit)


def online_keys(body, rotation):
    """Another key for snapshot and timestamp at every second rotation: those of the root keys that
    the tests have at hand, by turns."""
    keys = body["roles"]["root"]["keyids"]
    for role in "snapshot", "timestamp":
        body["roles"][role]["keyids"] = [keys[rotation % len(keys)]]


@test_in_mount_namespace
def thirty_root_rotations_in_four_years_of_sleep_are_caught_up():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("check")
        later = time.time() + YEARS_4 * DAY
        for version in range(2, 2 + ROTATIONS):
            expires = later + (30 * DAY if version == 1 + ROTATIONS else -DAY)
            vendor.rotate_root(version, edit=lambda body: (
                body.update(expires=time_text(expires)), online_keys(body, version)))
        with vendor.keys_instead({role: f"root-{(1 + ROTATIONS) % 3 + 1}"
                                  for role in ("snapshot", "timestamp")}):
            sign_all(vendor, later)
        device.suture("install", env=at(YEARS_4))
        check_equal(device.label(), f"{VERSION} (a)")
        # and from then on no old root is asked for again
        server.asked.clear()
        device.suture("check", env=at(YEARS_4), expect=2)
        check_equal(server.paths(), [f"/metadata/{ROTATIONS + 2}.root.json",
                                     "/metadata/timestamp.json"], "asked")


@test_in_mount_namespace
def expiry_stops_new_decisions_and_nothing_else():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install")
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        with device.unchanged():
            for verb in "check", "install":
                one_line_error(device.suture(verb, env=at(20), expect=6), "timestamp", "expired on",
                               "renew", "clock")
            device.agent(env=at(20), expect=6)
        status = device.json("status", env=at(20))
        check_equal((status["label"], status["checks"]["fresh"]), (f"{VERSION} (a)", False))
        check("timestamp" in status["checks"]["problem"], status["checks"])
        shown = device.suture("status", env=at(20)).stdout
        for words in "Problem: the try of", "Not fresh: the repository's word was good until":
            check(words in shown, shown)
        # the way back needs no freshness, nor does the way on once the clock is right again
        device.suture("remove", env=at(20))
        device.suture("install")
        check_equal(device.label(), f"{VERSION} (b)")
        checks = device.json("status")["checks"]
        check_equal((checks["fresh"], checks["problem"]), (True, None))


@test_in_mount_namespace
def a_clock_that_starts_in_1970_is_survived():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        device.suture("install", env=at(IN_1970))
        check_equal(device.label(), f"{VERSION} (a)")
        status = device.json("status", env=at(IN_1970))
        check_equal(status["checks"]["clock_is_behind"], True)
        check(status["checks"]["succeeded"] >= status["checks"]["issued"] > "2026", status["checks"])
        check("Clock: it is behind" in device.suture("status", env=at(IN_1970)).stdout, "not told")
        check_equal(device.json("status")["checks"]["clock_is_behind"], False)


@test_in_mount_namespace
def a_frozen_repository_is_noticed_without_a_clock():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        # what was signed two months ago, and expired since
        sign_all(vendor, time.time() - 60 * DAY)
        frozen = read(vendor.path("metadata/timestamp.json"))
        device.suture("check", env=at(IN_1970))
        sign_all(vendor, time.time())
        newest = vendor.current("timestamp")
        device.suture("check", env=at(IN_1970))
        # a newer one is known: the clock in 1970 does not bring the old one back
        write(vendor.path("metadata/timestamp.json"), frozen)
        one_line_error(device.suture("check", env=at(IN_1970), expect=6), "timestamp")
        # nor does a newer one that expires before the newest time that was seen
        newest["version"] += 1
        newest["expires"] = time_text(time.time() - DAY)
        del newest["x-suture-issued"]
        vendor.write_signed("timestamp.json", "timestamp", newest)
        one_line_error(device.suture("check", env=at(IN_1970), expect=6), "timestamp", "expired")


@test_in_mount_namespace
def a_rollout_goes_by_signed_time_where_the_clock_is_behind():
    vendor = vendor_with_a_fix()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        # the index is as old as its last change; the timestamp was signed since
        later = time.time() + 5 * DAY
        sign_all(vendor, later)
        device.suture("check", env=at(IN_1970))
        check_equal(device.json("status", env=at(IN_1970))["checks"]["issued"], time_text(later))
        device.suture("check", env=at(IN_1970))
        check_equal(device.json("status", env=at(IN_1970))["offer"]["state"], "available")


main()
