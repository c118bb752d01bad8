# SPDX-License-Identifier: Apache-2.0
"""What the vendor, the owner and the organisation decide, and what becomes of it."""
import fcntl
import os
import subprocess

from owner import *

MANAGED = "etc/suture/policy.d/10-example.conf"


def value_of(device, key):
    """The rows of a key, "section.name"."""
    section, name = key.split(".")
    return [row for row in device.json("policy")["values"]
            if (row["section"], row["key"]) == (section, name)]


def manage(device, text, name="Example & Sons"):
    write(device.path(MANAGED), f"[manage]\norganisation = {name}\n{text}")


@test_in_mount_namespace
def each_value_is_shown_with_its_place():
    with World() as (vendor, server, device):
        write(device.path("usr/lib/suture/suture.conf"), "[check]\ninterval = 1\n")
        write(device.path("usr/lib/suture/suture.conf.d/10-vendor.conf"),
              "[install]\nwindow = 03:00-05:00\ndelay = 2d\n")
        write(device.path("etc/suture/suture.conf.d/20-site.conf"),
              "[install]\ndelay = 1d\nwindow = Sat,Sun 00:00-24:00\nbattery = lots\n")
        manage(device, "[install]\ndelay = 12h\n")
        rows = value_of(device, "install.delay")
        check_equal([(row["value"], row["layer"], row["managed"], row["line"]) for row in rows],
                    [("12h", "managed", True, 4)])
        check_equal(rows[0]["file"], device.path(MANAGED))
        check_equal([(row["value"], row["layer"]) for row in value_of(device, "install.window")],
                    [("03:00-05:00", "vendor"), ("Sat,Sun 00:00-24:00", "owner")])
        [interval] = value_of(device, "check.interval")  # the owner's main file replaces the vendor's
        check_equal((interval["value"], interval["layer"], interval["file"]), ("6h", "default", None))
        [battery] = value_of(device, "install.battery")
        check_equal((battery["value"], battery["mistaken"]), ("20", True))
        text = device.suture("policy").stdout
        mistake = device.path("etc/suture/suture.conf.d/20-site.conf") + ":4: battery must be percent"
        has(text, "Managed by Example & Sons\n", mistake,
            f"12h                          {device.path(MANAGED)}:4, managed\n", "cannot be read")
        has(device.json("policy")["mistakes"][0], mistake)
        has(device.suture("status").stdout, "Config: " + mistake)
        has(device.suture("install").stdout, f"Installed {LABEL_A}")


@test_in_mount_namespace
def what_is_automatic_is_set_by_a_command():
    with World() as (vendor, server, device):
        check_equal(device.json("automatic")["automatic"], "install")
        has(device.suture("automatic", "off").stdout, "off: ", "with the next update\nof the system")
        told = device.json("automatic")
        check_equal((told["automatic"], told["layer"], told["file"]),
                    ("off", "command", device.store("owner.conf")))
        device.agent()
        check(is_base(device))
        check_equal(device.json("status")["offer"]["label"], LABEL_A)
        device.suture("automatic", "download")
        device.agent()
        check(is_base(device))
        check_equal(len(device.images()), 1)
        with open(device.store("lock"), "rb") as lock:  # a download is no reason to wait
            fcntl.flock(lock, fcntl.LOCK_EX)
            check_equal(device.json("automatic", "install")["changed"], True)
        device.agent()
        check_equal(device.label(), LABEL_A)
        one_line_error(device.suture("automatic", "yes", expect=64), "download or off: yes")


@test_in_mount_namespace
def what_the_organisation_decides_stays():
    with World() as (vendor, server, device):
        device.suture("automatic", "off")
        manage(device, "[install]\nautomatic = install\n")
        device.refuses("automatic is managed by Example & Sons", device.path(MANAGED) + ":4", expect=4,
                       verb=("automatic", "off"))
        has(device.suture("status").stdout, "Automatic: install (managed by Example & Sons);")
        policy = device.json("status")["policy"]
        check_equal((policy["automatic_managed"], policy["organisation"]), (True, "Example & Sons"))
        device.agent()
        check_equal(device.label(), LABEL_A)
        os.chmod(device.path(MANAGED), 0o666)
        has(device.suture("status").stdout, f"Config: {device.path(MANAGED)}: can be written by others",
            "Automatic: off;")


@test_in_mount_namespace
def the_organisation_may_forbid_to_install_by_hand():
    with World() as (vendor, server, device):
        manage(device, "[install]\nallow = no\n", "Example")
        for verb in ("install",), ("install", "--dry-run"), ("install", "--sequence", "1"):
            device.refuses("installing by hand is switched off by Example: allow = no in",
                           device.path(MANAGED), expect=4, verb=verb)
        check_equal(device.json("status")["policy"]["install_allowed"], False)
        device.agent()  # the machine still does
        check_equal(device.label(), LABEL_A)


@test_in_mount_namespace
def the_organisation_may_forbid_to_remove():
    with World() as (vendor, server, device):
        device.suture("install")
        vendor.improve({"tls": {LIB: NEWER_TLS}})
        device.suture("install")
        manage(device, "[install]\nremoval = no\n", "Example")
        for verb in ("remove",), ("remove", "--dry-run"), ("install", "--sequence", "1"):
            device.refuses("removing improvements is switched off by Example: removal = no", expect=4,
                           verb=verb)
        check_equal(device.json("status")["policy"]["removal_allowed"], False)
        vendor.withdraw(2, "revert")
        device.agent()  # the vendor still may
        check_equal(device.label(), LABEL_A)


@test_in_mount_namespace
def the_owner_may_postpone_as_long_as_the_policy_lets():
    with World(config="[install]\npostpone-limit = 2h\n") as (vendor, server, device):
        has(device.suture("postpone").stdout, "Nothing is postponed. At most 2 h is possible.")
        told = device.json("postpone", "90min")
        check(5395 <= told["remaining_seconds"] <= 5400, told)
        check_equal(told["limit_seconds"], 7200)
        has(device.suture("status").stdout, f"Postponed: until {told['until'][:10]}")
        check_equal(device.json("status")["policy"]["postponed_until"], told["until"])
        check(7190 <= device.json("postpone", "3d")["remaining_seconds"] <= 7200, "as much as is left")
        device.suture("postpone", "--clear")
        check_equal(device.json("status")["policy"]["postponed_until"], None)
        write(device.store("postponed"), "suture-postponed 1\ninstalled 0\nused 7200\n"
              "since 2026-01-01T00:00:00Z\nuntil 2026-01-01T00:00:00Z\n")
        device.refuses("all of the 2 h", "is used", expect=4, verb=("postpone", "1min"))
        device.suture("install")  # something else is on: all of it is there again
        check(device.json("postpone", "1min")["remaining_seconds"] > 50, "after an installation")
        manage(device, "[install]\npostpone-limit = 0\n")
        check_equal(device.json("postpone")["until"], None)
        device.refuses("Example & Sons does not allow to postpone", expect=4, verb=("postpone", "1h"))
        for wrong in ("0",), ("soon",), ("1h", "--clear"), ("91d",):
            one_line_error(device.suture("postpone", *wrong, expect=64), "duration", wrong[0])


@test_in_mount_namespace
def what_is_required_is_shown_until_it_is_on():
    with World() as (vendor, server, device):
        manage(device, "[enforce]\nrequire = 26.3.2 2026-12-01T00:00\nrequire = 26.3.1-z 2026-12-02T00:00\n"
               "require = 26.3.1-a 2026-12-03T18:00\ndetails-url = https://intra.example/why\n")
        check_equal(device.json("status")["policy"]["enforcement"], None)  # (a) is not known yet
        device.suture("check")
        required = device.json("status", env={"TZ": "XYZ-2"})["policy"]["enforcement"]
        check_equal(required.pop("warnings"), ["2026-12-02T16:00:00Z", "2026-12-03T15:00:00Z", "2026-12-03T15:50:00Z"])
        check_equal(required, {"improvement": "26.3.1-a", "sequence": 1, "deadline": "2026-12-03T16:00:00Z",
                               "details_url": "https://intra.example/why"})
        has(device.suture("status", env={"TZ": "UTC"}).stdout,
            " Required: 26.3.1-a by 2026-12-03 18:00 UTC, see https://intra.example/why\n")
        device.suture("install")
        check_equal(device.json("status")["policy"]["enforcement"], None)


@test_in_mount_namespace
def only_root_sets_and_everybody_may_look():
    with World() as (vendor, server, device):
        def as_nobody(*verb):
            return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   program("suture"), "--root", device.root, *verb],
                                  text=True, capture_output=True)
        for verb in ("automatic", "off"), ("postpone", "1h"), ("postpone", "--clear"):
            done = as_nobody(*verb)
            check_equal(done.returncode, 4, verb)
            one_line_error(done, "only root may")
        for verb in "policy", "automatic", "postpone":
            check_equal(as_nobody(verb).returncode, 0, verb)


main()
