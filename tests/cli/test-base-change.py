# SPDX-License-Identifier: Apache-2.0
"""An update of the whole system under a device that has an improvement, and the way back.

Here the base is exchanged in place; tests/device does it with a real updater."""
import json
import os

from tap import *
from world import *


def add_newer_base(vendor, *options, lib=NEW_TLS):
    """26.3.2, which has the fix."""
    newer = os.path.join(vendor.folder, "newer")
    fill(newer, dict(BASE_FILES, **{"usr/lib/os-release": OS_RELEASE.replace(VERSION, "26.3.2"),
                                    LIB: lib}))
    vendor.publish("base", "add", "newer", "--root", newer, "--os-release",
                   os.path.join(newer, "usr/lib/os-release"), "--architecture", MACHINE, *options)
    return newer


def boot(device, base, *, blessed=True):
    """A restart with the files of another base."""
    run("suture-activate", "--root", device.root, "detach")
    fill(device.root, {path: read(os.path.join(base, path)) for path in BASE_FILES})
    if os.path.exists(device.path("run/suture.blessed")):
        os.unlink(device.path("run/suture.blessed"))
    done = run("suture-activate", "--root", device.root, "apply", "--placement", "late")
    if blessed:
        run("suture-activate", "--root", device.root, "blessed")
    return done


def history(device):
    return [json.loads(line) for line in read(device.store("history")).decode().splitlines()]


def installed(vendor, server):
    vendor.improve({"tls": {LIB: NEW_TLS}})
    device = Device(server.url)
    device.agent()
    return device


@test_in_mount_namespace
def an_update_that_contains_the_fix_lets_go_of_it():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = installed(vendor, server)
        newer = add_newer_base(vendor, "--includes", "26.3.1-a")
        done = boot(device, newer)
        check("generation=0" in done.stdout, done.stdout)
        check("belongs to exampleos 26.3.1" in done.stderr, done.stderr)
        check("belongs to" in device.json("status")["activation"]["reason"])
        device.agent(expect=2)
        check_equal(device.label(), "26.3.2")
        check_equal((device.images(), device.generations()), ([], []), "what is left in the store")
        check_equal([(e["event"], e["text"]) for e in history(device)][-1],
                    ("subsumed", "26.3.1 (a) is contained in 26.3.2"))
        device.agent(expect=2)
        check_equal([e["event"] for e in history(device)].count("subsumed"), 1, "told once")


@test_in_mount_namespace
def an_update_that_lacks_the_fix_lets_go_of_it_too():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = installed(vendor, server)
        boot(device, add_newer_base(vendor, "--allow-regression", "26.3.2 came first", lib=OLD_TLS))
        device.agent(expect=2)
        check_equal((device.images(), history(device)[-1]["event"]), ([], "outdated"))


@test_in_mount_namespace
def a_rollback_of_the_system_brings_its_improvement_back():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = installed(vendor, server)
        newer = add_newer_base(vendor, "--includes", "26.3.1-a")
        # the new system's boot never completes, and the agent may have run in it
        boot(device, newer, blessed=False)
        if float(read("/proc/uptime").split()[0]) < 600:
            device.agent(expect=2)
    # without a network
    boot(device, base_root())
    check_equal((device.lib(), device.label()), (NEW_TLS, "26.3.1 (a)"))


@test_in_mount_namespace
def a_rollback_after_that_obtains_it_again():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = installed(vendor, server)
        boot(device, add_newer_base(vendor, "--includes", "26.3.1-a"))
        device.agent(expect=2)
        boot(device, base_root())
        check_equal((device.lib(), device.label()), (OLD_TLS, "26.3.1"))
        device.agent()
        check_equal((device.lib(), device.label()), (NEW_TLS, "26.3.1 (a)"))


@test
def only_registered_bases_can_be_included():
    vendor = Vendor()
    for label, words in (("26.3.1", "a label like"), ("26.3.1-", "a label like"),
                         ("26.3.1-4", "a label like"), ("25.0-a", "no base 25.0")):
        newer = os.path.join(vendor.folder, "newer")
        fill(newer, dict(BASE_FILES, **{"usr/lib/os-release": OS_RELEASE.replace(VERSION, "26.4")}))
        done = vendor.publish("base", "add", "newer", "--root", newer, "--os-release",
                              os.path.join(newer, "usr/lib/os-release"), "--architecture", MACHINE,
                              "--includes", label, expect=None)
        check(done.returncode != 0, label)
        one_line_error(done, words)


main()
