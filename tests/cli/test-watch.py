# SPDX-License-Identifier: Apache-2.0
"""sutured notices what others do to its grafts, and makes it right."""
import os
import time

from tap import *
from world import *

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
LONG = "[check]\ninterval = 604800\n"  # no round comes while a test looks
LABEL_A = "26.3.1 (a)"


def agent_at_rest(device):
    """An agent that has made its first round."""
    device.suture("install")
    agent = Agent(device)
    check("nothing newer" in (line := agent.line()), line)
    return agent


def back_within(seconds, device):
    start = time.monotonic()
    while device.lib() != NEW_TLS:
        check(time.monotonic() < start + seconds, f"not back within {seconds} s")
        time.sleep(0.01)
    return time.monotonic() - start


def last_event(device):
    entry = device.json("history")["history"][-1]
    return entry["event"], entry["text"]


def has(text, *words):
    for word in words:
        check(word in text, f"{word!r} is not in:\n{text}")


def processor_time(agent):
    """Of the agent and its children, in seconds."""
    fields = read(f"/proc/{agent.process.pid}/stat").decode().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def cover(device):
    write(device.path("ext/lib/tls/more"), "extension\n")
    run(MOUNT, "-t", "overlay", "sysext", "-o",
        f"ro,lowerdir={device.path('ext')}:{device.path('usr')}", device.path("usr"))


@test_in_mount_namespace
def a_graft_that_was_unmounted_comes_back():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        agent = agent_at_rest(device)
        for _ in range(3):
            run(UMOUNT, device.path(TLS))
            check(device.lib() == OLD_TLS)
            print(f"# back after {back_within(2, device):.2f} s", flush=True)
            has(agent.line(), "interrupted")
        check_equal(last_event(device)[0], "repaired")
        check_equal(agent.end(), 0)


@test_in_mount_namespace
def what_is_shown_until_a_restart_comes_back_too():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}, "xml": {XMLLIB: NEW_XML}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        device.suture("install")
        vendor.improve({"tls": {LIB: NEWER_TLS}}, restart="reboot")
        agent = agent_at_rest(device)
        run(UMOUNT, device.path(TLS))
        check_equal(device.json("status")["health"], "impaired")
        has(agent.line(), f"{LABEL_A} was taken off in part")
        check_equal((device.lib(), read(device.path(XMLLIB))), (NEW_TLS, NEW_XML))
        status = device.json("status")
        check_equal((status["label"], status["health"], status["restart_needed"]),
                    (LABEL_A, "healthy", "reboot"))
        check_equal(agent.end(), 0)


@test_in_mount_namespace
def what_is_shown_until_a_restart_stays_known():
    """Though it is neither what is selected nor the one before that."""
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        device.suture("install")
        vendor.publish("withdraw", "26.3.1-b", "--level", "revert", "--reason", "it breaks printing")
        device.suture("maintain")
        check_equal(device.json("status")["label"], LABEL_A)
        vendor.improve({"tls": {LIB: NEWER_TLS}}, restart="reboot")
        device.suture("install")
        status = device.json("status")
        check_equal((status["label"], status["selected_label"], device.lib()), (LABEL_A, "26.3.1 (c)", NEW_TLS))


@test_in_mount_namespace
def a_file_that_was_unmounted_comes_back():
    """Of a graft over a base that is stacked too deep for an overlay."""
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        cover(device), cover(device)
        agent = agent_at_rest(device)
        [graft] = device.json("status")["activation"]["directory"]
        check_equal((graft["state"], graft["graft"]), ("on", "files"))
        for _ in range(3):
            run(UMOUNT, device.path(LIB))
            check(device.lib() == OLD_TLS)
            print(f"# back after {back_within(2, device):.2f} s", flush=True)
            has(agent.line(), "interrupted")
        device.suture("remove")
        check(device.lib() == OLD_TLS)
        check_equal(agent.end(), 0)


@test_in_mount_namespace
def a_graft_that_was_covered_comes_back_and_loses_nothing_when_the_cover_goes():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        agent = agent_at_rest(device)
        cover(device)
        print(f"# back after {back_within(2, device):.2f} s", flush=True)
        has(agent.line(), f"{VERSION} (a)", "covered by a mount (overlay:sysext)")
        check_equal(last_event(device)[0], "repaired")
        has(last_event(device)[1], "overlay:sysext")
        check_equal(read(device.path(TLS, "more")), b"extension\n")
        run(UMOUNT, "-l", device.path("usr"))
        check(device.lib() == NEW_TLS, "the old view came back without its graft")
        has(agent.line(), "is on anew")
        check(not os.path.exists(device.path(TLS, "more")))
        [graft] = [d for d in device.json("status")["activation"]["directory"]]
        check_equal(graft["state"], "on")
        check_equal(agent.end(), 0)


@test_in_mount_namespace
def what_cannot_be_mended_is_told_once_and_tried_ever_more_rarely():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        agent = agent_at_rest(device)
        run(MOUNT, "-t", "tmpfs", "mine", device.path(TLS))
        has(agent.line(), "not Suture's", "unmount it")
        has(device.suture("status").stdout, "not applied: covered by tmpfs:mine")
        before = processor_time(agent)
        time.sleep(4)
        seconds = processor_time(agent) - before
        print(f"# {seconds:.2f} s of processor time in 4 s", flush=True)
        check(seconds < 1, "a busy loop")
        check_equal(select.select([agent.process.stderr], [], [], 0)[0], [], "told more than once")
        run(UMOUNT, device.path(TLS))
        check(device.lib() == NEW_TLS)
        check_equal(agent.end(), 0)


@test_in_mount_namespace
def a_machine_that_mounts_all_the_time_costs_little():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config=LONG)
        agent = agent_at_rest(device)
        os.mkdir("point")
        end, count = time.monotonic() + 3, 0
        before = device.json("history")["history"]
        started = processor_time(agent)
        while time.monotonic() < end:
            run(MOUNT, "-t", "tmpfs", "none", "point")
            run(UMOUNT, "point")
            count += 1
        seconds = processor_time(agent) - started
        print(f"# {count} mounts, {seconds:.2f} s of processor time in 3 s", flush=True)
        check(seconds < 1, "a look at every mount")
        check_equal(device.json("history")["history"], before)
        check_equal(select.select([agent.process.stderr], [], [], 0)[0], [])
        check_equal(agent.end(), 0)


main()
