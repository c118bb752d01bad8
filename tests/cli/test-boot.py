# SPDX-License-Identifier: Apache-2.0
"""suture-activate at boot and on trial: what proves an image, tries, the guard, and the way back.

A boot is simulated: power_off() ends the guard and takes all mounts away, as a power cut does."""
import hashlib
import json
import os
import re
import signal
import time

from grafting import *
from tap import *

TRIAL = ("--trial", 60, "--boot-window", 180)
BOOT = ("apply", "--placement", "late")


def number(device):
    return device.read(f"{LIB}/number").strip()


def current(device):
    path = device.path("var/lib/suture/current")
    return os.readlink(path)[len("generations/"):] if os.path.lexists(path) else "0"


def trial(device):
    """The record of the trial as a dictionary; None when there is none."""
    path = device.path("var/lib/suture/trial")
    if not os.path.exists(path):
        return None
    return dict(line.split(" ", 1) for line in read(path).decode().splitlines())


def change_trial(device, **values):
    """Rewrites lines of the record; a key with _ for -."""
    path = device.path("var/lib/suture/trial")
    text = read(path).decode()
    for key, value in values.items():
        text = re.sub(rf"^{key.replace('_', '-')} .*$", f"{key.replace('_', '-')} {value}", text,
                      flags=re.M)
    write(path, text)


def guards(device):
    """The processes that guard this device, without what one is just about to run."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            parent = int(read(f"/proc/{pid}/stat").rsplit(b")", 1)[1].split()[1])
        except OSError:
            continue
        if b"guard" in words and device.root.encode() in words:
            found[int(pid)] = parent
    return [pid for pid, parent in found.items() if parent not in found]


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        check(time.monotonic() < end, "it did not come to that in time")
        time.sleep(0.1)


def power_off(device):
    for pid in guards(device):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not guards(device))
    device.activate("detach")


def reason(device):
    found = re.search("^reason (.*)$", device.status(), re.M)
    return found[1] if found else ""


def events(device):
    return [json.loads(line)["event"] for line in
            device.read("var/lib/suture/history").splitlines()]


def settled_and_trial(**options):
    """A device on which 1 has settled and 2 is on trial, live."""
    device = Device(**options)
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    device.activate(*TRIAL, "switch", 2)
    return device


@test_in_mount_namespace
def a_graft_keeps_nobody_from_unmounting_the_store():
    for options in ([], ["--without", "file-backed"]):
        fresh_folder()
        device = Device()
        var = device.path("var")
        os.makedirs(var)
        run("/usr/bin/mount", "-t", "tmpfs", "none", var)
        device.simple(1)
        device.activate(*options, "switch", 1)
        run("/usr/bin/umount", var)
        check_equal(number(device), "1")
        device.activate("detach")
        check_equal(number(device), "0")


@test_in_mount_namespace
def a_base_may_demand_that_the_kernel_verifies_every_read():
    device = Device()
    policy = device.read("usr/lib/suture/seal.conf")
    device.write("usr/lib/suture/seal.conf", policy + "verity required\n")
    device.simple(1)
    # where neither is at hand, that is no reason to take less
    device.refuses("1", "demands verity", "usr/lib/suture/seal.conf", expect=1)


@test_in_mount_namespace
def a_trial_is_recorded_guarded_and_settled():
    device = Device()
    device.simple(1)
    device.activate(*TRIAL, "--unit", "nginx.service", "--unit", "a.service", "switch", 1)
    record = trial(device)
    check_equal((record["generation"], record["before"], record["tries"]), ("1", "0", "1"))
    check_equal((record["window"], record["boot-window"]), ("60", "180"))
    check_equal(record["boot"].split()[0], read("/proc/sys/kernel/random/boot_id").decode().strip())
    check("unit a.service\nunit nginx.service\n" in device.read("var/lib/suture/trial"))
    check("trial generation=1 before=0 tries=1 window=60 boot-window=180 guard=on\n"
          in device.status(), device.status())
    guard, = guards(device)
    check(os.readlink(f"/proc/{guard}/exe").startswith("/memfd:suture-guard"), "not in memory")
    device.activate("settle")
    check_equal(trial(device), None)
    wait_for(lambda: not guards(device))
    check_equal(number(device), "1")
    check_equal(events(device), ["activated", "settled"])
    one_line_error(device.activate("settle", expect=2), "nothing is on trial")
    device.simple(2)
    device.activate(*TRIAL, "switch", 2)
    for verdict in ("settle",), ("revert", "why"):
        one_line_error(device.activate("--of", 1, *verdict, expect=2), "generation 2 is on trial")
    device.activate("--of", 2, "settle")
    one_line_error(device.activate("revert", "why", expect=2), "nothing is on trial")


@test_in_mount_namespace
def a_revert_goes_to_what_settled_last_and_remembers_why():
    device = settled_and_trial()
    device.activate("revert", "nginx.service failed")
    check_equal((number(device), current(device), trial(device)), ("1", "1", None))
    check_equal(reason(device), "generation 2 was reverted: nginx.service failed")
    check_equal(events(device)[-1], "reverted")
    one_line_error(device.activate("switch", 2, expect=6), "nginx.service failed")
    device.activate("switch", 1)  # its image is as good as before
    wait_for(lambda: not guards(device))


@test_in_mount_namespace
def a_revert_condemns_only_what_is_new():
    device = Device()
    tls = device.image("tls", {f"{LIB}/number": "1\n"})
    bad = device.image("xml", {f"{LIB}/xml": "2\n"})
    device.generation(1, {"tls": (tls, [LIB])})
    device.generation(2, {"tls": (tls, [LIB]), "xml": (bad, [LIB])})
    device.activate("switch", 1)
    device.activate(*TRIAL, "switch", 2)
    device.activate("revert", "it crashed")
    digest = hashlib.sha256(read("xml.erofs")).hexdigest()
    check_equal(os.listdir(device.path("var/lib/suture/bad")), [digest])
    check_equal(current(device), "1")


@test_in_mount_namespace
def a_second_improvement_on_trial_falls_back_to_what_settled():
    device = settled_and_trial()
    device.simple(3)
    device.activate(*TRIAL, "switch", 3)
    check_equal((trial(device)["generation"], trial(device)["before"]), ("3", "1"))
    device.activate("revert", "no")
    check_equal((number(device), current(device)), ("1", "1"))
    # and going back by oneself ends the trial
    fresh_folder()
    device = settled_and_trial()
    device.activate("switch", 1)
    check_equal((number(device), trial(device)), ("1", None))


@test_in_mount_namespace
def a_switch_to_what_is_on_trial_already_leaves_its_trial():
    device = settled_and_trial()
    device.activate("switch", 2)
    check_equal(trial(device)["generation"], "2")
    device.activate("switch", 0)
    check_equal(trial(device), None)


@test_in_mount_namespace
def a_switch_that_fails_leaves_the_trial_that_ran():
    device = settled_and_trial()
    before = device.read("var/lib/suture/trial")
    device.simple(3, key="22" * 32)
    device.activate(*TRIAL, "switch", 3, expect=6)
    check_equal(device.read("var/lib/suture/trial"), before)
    check_equal(number(device), "2")


@test_in_mount_namespace
def the_guard_reverts_when_nobody_settles_in_time():
    device = settled_and_trial()
    boot, started = trial(device)["boot"].split()
    change_trial(device, boot=f"{boot} {max(0, int(started) - 100)}")
    wait_for(lambda: number(device) == "1")
    wait_for(lambda: not guards(device))
    check_equal((current(device), trial(device)), ("1", None))
    check("nobody found it good in time" in reason(device), reason(device))


@test_in_mount_namespace
def what_the_guard_reverted_is_told_after_the_restart_until_something_else_is():
    device = settled_and_trial()
    power_off(device)
    device.activate(*BOOT)
    boot, started = trial(device)["boot"].split()
    change_trial(device, boot=f"{boot} {max(0, int(started) - 1000)}")
    wait_for(lambda: number(device) == "1")
    for _ in range(2):
        power_off(device)
        device.activate(*BOOT)
        check_equal(reason(device), "generation 2 was reverted: nobody found it good in time")
        check_equal(device.status().count("\nreason "), 1)
    # what stands in the way of this boot comes first
    device.write("proc/cmdline", "suture.base=1")
    power_off(device)
    device.activate(*BOOT)
    check("kernel command line" in reason(device), reason(device))
    device.simple(3)
    device.activate("switch", 3)
    check_equal(reason(device), "")


@test_in_mount_namespace
def the_guard_reverts_at_once_when_no_program_can_be_started():
    device = Device()
    # what a broken C library does to each program: the kernel finds it, and it ends with 127
    device.write("usr/bin/true", "#!/no/such/interpreter\n", 0o755)
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    device.activate(*TRIAL, "switch", 2)
    wait_for(lambda: number(device) == "1", 5)
    wait_for(lambda: not guards(device))
    check("programs can no longer be started" in reason(device), reason(device))


@test_in_mount_namespace
def a_guard_is_not_needed_twice_and_outlives_a_hangup():
    device = settled_and_trial()
    guard, = guards(device)
    os.kill(guard, signal.SIGHUP)
    device.simple(3)
    device.activate(*TRIAL, "switch", 3)
    check_equal(guards(device), [guard])
    device.activate("detach")  # a shutdown: nothing is left to guard
    wait_for(lambda: not guards(device))
    check_equal(current(device), "3")


@test_in_mount_namespace
def a_boot_takes_the_try_and_the_next_one_reverts():
    device = Device()
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    device.activate(*TRIAL, "select", 2)
    check_equal((trial(device)["tries"], trial(device)["boot"]), ("1", "- 0"))
    power_off(device)
    device.activate(*BOOT)
    check_equal((number(device), trial(device)["tries"]), ("2", "0"))
    check_equal(len(guards(device)), 1)
    power_off(device)
    change_trial(device, boot="01234567-89ab-cdef-0123-456789abcdef 7")
    device.activate(*BOOT)
    check_equal((number(device), current(device), trial(device)), ("1", "1", None))
    check("did not prove itself" in device.read("var/lib/suture/history"))
    power_off(device)
    device.activate(*BOOT)
    check_equal(number(device), "1")


@test_in_mount_namespace
def what_settles_in_its_boot_is_grafted_by_the_next():
    device = Device()
    device.simple(1)
    device.activate(*TRIAL, "select", 1)
    device.activate(*BOOT)
    device.activate("settle")
    for _ in range(3):
        power_off(device)
        device.activate(*BOOT)
        check_equal(number(device), "1")
    check_equal(guards(device), [])


@test_in_mount_namespace
def a_live_trial_that_a_power_cut_ends_has_one_boot():
    device = settled_and_trial()
    for shown in "2", "1", "1":
        power_off(device)
        device.activate(*BOOT)
        check_equal(number(device), shown)


@test_in_mount_namespace
def what_the_initrd_grafted_is_found_done():
    device = settled_and_trial()
    run_folder = ("--run", os.path.join(os.getcwd(), "run"))
    power_off(device)
    device.activate(*run_folder, "apply", "--placement", "initrd")
    check_equal((number(device), trial(device)["tries"]), ("2", "0"))
    done = device.activate(*run_folder, *BOOT)
    check("directories=0" in done.stdout, done.stdout)
    check_equal((number(device), trial(device)["tries"]), ("2", "0"))
    status = device.activate(*run_folder, "status").stdout
    check("placement initrd\n" in status and "guard=on" in status, status)
    check_equal(len(guards(device)), 1)
    for pid in guards(device):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not guards(device))
    # nobody guards it: the later placement sees to that too
    device.activate(*run_folder, *BOOT)
    check_equal(len(guards(device)), 1)
    device.activate(*run_folder, "detach")


@test_in_mount_namespace
def the_owner_at_the_boot_loader_gets_the_base():
    device = Device()
    device.simple(1)
    device.activate("switch", 1)
    for line, is_base in (("quiet suture.base=1 ro", True), ("rescue", True), ("ro emergency", True),
                          ("ro single", True), ("systemd.unit=rescue.target", True),
                          ("ro 1\n", True), ("suture.base=0 ro", False), ("xsuture.base=1", False),
                          ("root=/dev/rescue quiet", False), ("", False)):
        device.write("proc/cmdline", line)
        power_off(device)
        device.activate(*BOOT)
        check_equal(number(device), "0" if is_base else "1", line)
        check_equal("base-asked yes\n" in device.status(), is_base)
        if is_base:
            check("kernel command line" in reason(device), reason(device))
            check("current 1\nmounted 0\n" in device.status())
    check_equal(reason(device), "")


@test_in_mount_namespace
def no_trial_begins_while_the_system_itself_is_on_trial():
    device = Device()
    device.simple(1), device.simple(2)
    device.activate("switch", 1)
    device.activate(*TRIAL, "select", 2)
    power_off(device)
    device.write("run/suture.unblessed", "")
    device.activate(*BOOT)
    check_equal((number(device), current(device), trial(device)["tries"]), ("1", "2", "1"))
    check("itself is on trial" in reason(device), reason(device))
    power_off(device)
    os.unlink(device.path("run/suture.unblessed"))
    device.activate(*BOOT)
    check_equal((number(device), trial(device)["tries"]), ("2", "0"))
    power_off(device)


@test_in_mount_namespace
def the_first_improvement_too_waits_for_the_trial_of_the_base():
    device = Device()
    device.simple(1)
    device.activate(*TRIAL, "select", 1)
    device.write("run/suture.unblessed", "")
    device.activate(*BOOT)
    check_equal((number(device), trial(device)["tries"]), ("0", "1"))
    check("itself is on trial" in reason(device), reason(device))
    power_off(device)


@test_in_mount_namespace
def any_doubt_about_a_trial_shows_the_base():
    for text, word in (("suture-trial 2\nwhat comes then\n", "newer Suture"), ("", "no record"),
                       ("suture-trial 1\ngeneration 2\n", "expected")):
        device = settled_and_trial()
        power_off(device)
        write(device.path("var/lib/suture/trial"), text)
        one_line_error(device.activate(*BOOT, expect=None), word)
        check_equal((number(device), current(device)), ("0", "2"))
        check(word in reason(device), reason(device))
        device.activate("switch", 0)  # the way back asks nobody
        check_equal(current(device), "0")
        fresh_folder()


@test_in_mount_namespace
def a_try_that_cannot_be_counted_is_not_taken():
    device = Device()
    var = device.path("var")
    os.makedirs(var)
    run("/usr/bin/mount", "-t", "tmpfs", "none", var)
    device.simple(1)
    device.activate(*TRIAL, "select", 1)
    run("/usr/bin/mount", "-o", "remount,ro", var)
    one_line_error(device.activate(*BOOT, expect=None), "trial")
    check_equal((number(device), trial(device)["tries"]), ("0", "1"))
    run("/usr/bin/mount", "-o", "remount,rw", var)
    device.activate(*BOOT)
    check_equal(number(device), "1")
    power_off(device)


@test_in_mount_namespace
def the_record_of_another_generations_trial_counts_for_nothing():
    device = settled_and_trial()
    power_off(device)
    # the power cut between the two steps of a switch
    os.unlink(device.path("var/lib/suture/current"))
    os.symlink("generations/1", device.path("var/lib/suture/current"))
    device.activate(*BOOT)
    check_equal((number(device), trial(device), guards(device)), ("1", None, []))


@test_in_mount_namespace
def a_revert_that_was_cut_short_is_finished_by_the_boot():
    device = settled_and_trial()
    check(killed_at(device, "symlinkat,symlink", 1, "revert", "it crashed"), "it was not killed")
    check_equal(current(device), "2")
    power_off(device)
    device.activate(*BOOT)
    check_equal((number(device), current(device), trial(device)), ("1", "1", None))


@test_in_mount_namespace
def where_even_the_way_back_is_damaged_the_base_is_shown():
    device = settled_and_trial()
    for image in os.listdir(device.path("var/lib/suture/images")):
        path = device.path(f"var/lib/suture/images/{image}")
        data = read(path)
        os.unlink(path)
        write(path, data[:-1] + bytes([data[-1] ^ 1]))
    device.activate("revert", "it crashed")
    check_equal((number(device), current(device), trial(device)), ("0", "0", None))


@test_in_mount_namespace
def a_kill_at_any_call_of_a_trials_switch_is_survived():
    device = Device()
    device.simple(1), device.simple(2)
    kills = 0
    for call in ("rename,renameat,renameat2,linkat", "move_mount", "umount2", "fsync", "symlinkat"):
        for when in range(1, 40):
            device.activate("switch", 1)
            was_killed = killed_at(device, call, when, *TRIAL, "switch", 2)
            power_off(device)
            device.activate(*BOOT)
            check_equal(number(device), current(device), f"{call} {when}")
            record = trial(device)
            check(record is None or record["generation"] == current(device), f"{call} {when}")
            check(current(device) == "1" or record, f"{call} {when}: not on trial")
            power_off(device)
            if not was_killed:
                break
            kills += 1
    print(f"# {kills} kills survived", flush=True)
    check(kills >= 10, f"only {kills} kills")


@test_in_mount_namespace
def what_waits_for_a_boot_is_not_the_running_guards():
    device = settled_and_trial()
    device.simple(3)
    device.activate(*TRIAL, "select", 3)
    wait_for(lambda: not guards(device))
    check_equal((number(device), current(device), trial(device)["tries"]), ("2", "3", "1"))
    check_equal(os.listdir(device.path("var/lib/suture/bad")), [])


@test_in_mount_namespace
def what_a_cut_short_switch_found_on_trial_is_not_settled_by_it():
    for verb in "select", "switch":
        device = settled_and_trial()
        device.simple(3)
        check(killed_at(device, "symlinkat,symlink", 1, *TRIAL, verb, 3), "it was not killed")
        check_equal((trial(device)["generation"], current(device)), ("3", "2"))
        power_off(device)
        device.activate(*BOOT)
        check_equal((number(device), current(device), trial(device)), ("1", "1", None), verb)
        power_off(device)
        fresh_folder()


@test_in_mount_namespace
def mending_what_is_on_trial_gives_no_try_back():
    device = settled_and_trial()
    power_off(device)
    device.activate(*BOOT)
    check_equal(trial(device)["tries"], "0")
    run("/usr/bin/umount", device.path(LIB))
    device.activate(*TRIAL, "--unit", "other.service", "switch", 2)
    check_equal((number(device), trial(device)["tries"]), ("2", "0"))
    check("other.service" not in device.read("var/lib/suture/trial"))
    power_off(device)
    device.activate(*BOOT)
    check_equal(number(device), "1")


@test_in_mount_namespace
def what_is_on_trial_and_put_on_again_by_hand_is_guarded():
    device = settled_and_trial()
    power_off(device)
    device.activate("apply")
    check_equal((number(device), trial(device)["tries"]), ("2", "1"))
    check_equal(len(guards(device)), 1)
    power_off(device)


@test_in_mount_namespace
def a_removal_or_a_revert_during_a_pause_is_not_undone_by_its_end():
    device = settled_and_trial()
    device.activate("pause")
    device.activate("revert", "it crashed")
    check_equal((number(device), current(device)), ("0", "1"))
    device.activate("resume")
    check_equal(number(device), "1")
    device.activate("pause")
    device.activate("switch", 0)
    device.simple(3)
    device.activate("select", 3)
    device.activate("resume")
    check_equal((number(device), current(device)), ("0", "3"))


@test_in_mount_namespace
def what_failed_visibly_stays_so_when_the_boot_finishes_the_revert():
    device = settled_and_trial()
    check(killed_at(device, "symlinkat,symlink", 1, "revert", "it crashed"), "it was not killed")
    power_off(device)
    device.activate(*BOOT)
    mark, = os.listdir(device.path("var/lib/suture/bad"))
    check("retry never\nwhy it crashed\n" in device.read(f"var/lib/suture/bad/{mark}"))


@test_in_mount_namespace
def a_guard_that_an_initrd_starts_waits_for_the_new_root():
    """The root is a mount that is moved to "/", and the run folder onto it, as switch_root does."""
    device = settled_and_trial()
    power_off(device)
    for where in device.root, "/run":
        run("/usr/bin/mount", "--bind" if where != "/run" else "-t",
            *([where] if where != "/run" else ["tmpfs", "none"]), where)
    device.activate("--run", "/run", "apply", "--placement", "initrd")
    check_equal(number(device), "2")
    time.sleep(2)
    guard, = guards(device)
    check_equal(os.readlink(f"/proc/{guard}/root"), device.root)
    check(read(f"/proc/{guard}/cmdline").startswith(b"@"), "it would not survive the initrd")
    os.makedirs(device.path("run"), exist_ok=True)
    run("/usr/bin/mount", "--move", "/run", device.path("run"))
    time.sleep(2)
    check_equal(guards(device), [guard])
    os.kill(guard, signal.SIGKILL)


@test
def a_reason_is_one_line():
    one_line_error(run("suture-activate", "revert", "two\nlines", expect=64), "one line")
    one_line_error(run("suture-activate", "apply", "--placement", "sometime", expect=64), "initrd")


main()
