# SPDX-License-Identifier: Apache-2.0
"""What was killed, interrupted or broken: whoever comes next finishes it, and the way back stays open."""
import contextlib
import fcntl
import functools
import os
import random
import signal
import subprocess
import time

from owner import *


@test_in_mount_namespace
def the_way_back_needs_no_configuration():
    with World() as (vendor, server, device):
        conf = device.path("etc/suture/suture.conf")
        for break_it in lambda: write(conf, "[repository]\nurl = htp://x\n"), lambda: os.unlink(conf):
            device.configure(server.url)
            device.suture("install")
            break_it()
            check_equal(device.label(), LABEL_A)
            for verb in "status", "history", "exposure":
                device.suture(verb)
            device.agent(expect=None)
            check_equal(device.label(), LABEL_A)
            has(device.suture("remove").stdout, f"This is {VERSION} again")
            check(is_base(device))
        device.configure(server.url)
        device.suture("install")
        vendor.withdraw(1, "revert")
        device.suture("check", expect=None)
        os.unlink(conf)
        has(device.agent(expect=3).stderr, f"withdrew {LABEL_A}", "is missing")
        check(is_base(device))


@contextlib.contextmanager
def activator_at_rest(device):
    """A switch that was begun is brought to its end, whoever began it: it must not end while two
    things are looked at, one after the other."""
    os.makedirs(device.path("run"), exist_ok=True)
    with open(device.path("run/suture.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@test_in_mount_namespace
def kills_at_any_moment_are_survived():
    """The store is on a real file system here; power cuts are simulated elsewhere."""
    with World() as (vendor, server, device):
        dice = random.Random(20261122)
        server.rule("blobs", drip(20, 0.01))
        kills = rounds = 0
        while kills < 16 and rounds < 300:
            rounds += 1
            device.suture("remove", expect=None)
            for image in device.images() if rounds % 3 else []:
                if not os.path.exists(device.path("run/suture/image", image[:64])):
                    os.unlink(device.store("images", image))
            process = subprocess.Popen([program("suture"), "--root", device.root, "install"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, 0.25))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
            with activator_at_rest(device):
                label = device.label()
                check(label in (VERSION, LABEL_A), label)
                check(device.lib() == (NEW_TLS if label == LABEL_A else OLD_TLS), label)
        check(kills >= 16, f"only {kills} kills in {rounds} rounds")
        for _ in range(20):
            done = device.suture("install", expect=None)
            if done.returncode != 5:
                break
            time.sleep(0.1)  # what the killed one started is at its end
        check(done.returncode in (0, 2), done.stderr)
        check_equal(device.label(), LABEL_A)
        check(device.lib() == NEW_TLS)
        check_equal(device.partial(), {})
        device.suture("remove")
        check(device.lib() == OLD_TLS)


@test_in_mount_namespace
def an_interrupted_switch_is_finished():
    with World() as (vendor, server, device):
        device.suture("install")
        activate = functools.partial(run, "suture-activate", "--root", device.root)
        # selected and not mounted
        activate("detach")
        has(device.agent().stderr, f"a switch to {LABEL_A} was interrupted")
        check(device.lib() == NEW_TLS)
        activate("detach")
        has(device.suture("install").stdout, f"Installed {LABEL_A}")
        check(device.lib() == NEW_TLS)
        check("repaired" in events(device))
        device.agent(expect=2)
        # mounted and not selected
        os.unlink(device.store("current"))
        has(device.suture("remove").stdout, f"This is {VERSION} again")
        check(is_base(device))
        has(device.suture("remove", expect=2).stderr, "no improvement to remove")
        has(device.agent(expect=2).stderr, "removed by the owner")
        device.suture("install")
        device.configure(server.url, "[install]\nautomatic = off\n")
        os.unlink(device.store("current"))
        has(device.agent().stderr, f"a switch to {VERSION} was interrupted")
        check(is_base(device))


@test_in_mount_namespace
def a_bad_current_can_be_removed():
    with World() as (vendor, server, device):
        for target in "nonsense", "generations/77":
            device.suture("install")
            os.unlink(device.store("current"))
            os.symlink(target, device.store("current"))
            has(device.suture("remove").stdout, f"This is {VERSION} again")
            check(is_base(device))
            has(device.agent(expect=2).stderr, "removed by the owner")
        os.symlink("nonsense", device.store("current"))  # and nothing is mounted
        one_line_error(device.agent(expect=6), "current", "suture remove")
        device.suture("remove")
        check(is_base(device))


@test_in_mount_namespace
def a_killed_switch_is_finished_by_whoever_comes_next():
    with World() as (vendor, server, device):
        dice = random.Random(20261122)
        device.suture("install")
        states, kills = set(), 0
        for number in range(240):
            target = number % 2
            start = time.monotonic()
            run("suture-activate", "--root", device.root, "switch", 1 - target)
            took = time.monotonic() - start
            process = subprocess.Popen([program("suture-activate"), "--root", device.root, "switch",
                                        str(target)], stdout=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, took))
            process.kill()
            if process.wait() != -signal.SIGKILL:
                continue
            kills += 1
            states.add((os.path.lexists(device.store("current")), device.lib() == NEW_TLS))
            if kills % 2:
                device.agent(expect=None)
                check_equal((device.label(), device.lib() == NEW_TLS), (LABEL_A, True))
            else:
                device.suture("remove", expect=None)
                check(is_base(device))
                check_equal(device.label(), VERSION)
                device.suture("install")
            if kills == 24:
                break
        print(f"# {kills} kills, {len(states)} states", flush=True)
        check(kills >= 20, f"only {kills} kills")


@test_in_mount_namespace
def the_way_back_needs_no_library():
    path = program("suture")
    if b"INTERP" in run("/usr/bin/readelf", "-lW", path, text=False).stdout:
        skip("not linked statically here")
    with World() as (vendor, server, device):
        device.suture("install")
        check_equal(device.lib(), NEW_TLS)
    for folder in sorted({os.path.realpath(f) for f in ("/lib64", "/lib", "/usr/lib")},
                         reverse=True):
        run("/usr/bin/mount", "-t", "tmpfs", "none", folder)
        if folder == os.path.realpath("/lib64"):
            break
    check(not os.path.exists("/lib64/ld-linux-x86-64.so.2"), "the linker is still there")
    for verb, expected in (("remove", 0), ("remove", 2), ("history", 0)):
        pid = os.posix_spawn(path, [path, "--root", device.root, verb], {},
                             file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
        check_equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), expected, verb)
    check_equal(device.lib(), OLD_TLS)


main()
