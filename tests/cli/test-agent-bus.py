# SPDX-License-Identifier: Apache-2.0
"""The agent on the bus: what it shows, what it does, and for whom."""
import contextlib
import json
import os
import shutil
import signal
import threading
import time

from agentbus import *
from owner import *

OFF = "[install]\nautomatic = off\n"
A_MOMENT = 0.4  # for which the last look holds, and one that is on its way; os-release is not watched
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"


@contextlib.contextmanager
def desk(config=OFF, *options):
    with World(config=config) as (vendor, server, device), Bus() as bus, \
            bus.agent(device, *options) as agent, bus.client() as client:
        yield vendor, server, device, bus, agent, client


@test_in_mount_namespace
def from_offer_to_removal():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Check", "t", 0)
        shown = client.get()
        check_equal((shown["State"], shown["AvailableLabel"], shown["DisplayVersion"]),
                    ("available", "(a)", "26.3.1"))
        report = client.do("Install", "tt", 0, 0)
        check_equal(report["label"], LABEL_A)
        check_equal(device.lib(), NEW_TLS)
        shown = client.get()
        check_equal((shown["Sequence"], shown["Label"], shown["DisplayVersion"]),
                    (1, "(a)", LABEL_A))
        client.do("Install", "tt", 0, 0, result="nothing")
        check_equal(client.get("LastError"), ["", ""])
        client.do("Remove", "t", 0)
        check_equal(device.lib(), OLD_TLS)
        check_equal(client.get("Sequence"), 0)
        events = [event["Event"] for event in client.call("GetHistory", "u", 0)[0]]
        check_equal([event for event in events if event in ("removed", "installed")],
                    ["removed", "installed"])
        check_equal(len(client.call("GetHistory", "u", 1)[0]), 1)


@test_in_mount_namespace
def what_is_described_is_what_the_command_shows():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Install", "tt", 0, 0)
        check_equal(json.loads(client.call("Describe")[0]), device.json("status"))


@test_in_mount_namespace
def what_cannot_be_looked_at_is_not_shown_as_it_was():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Check", "t", 0)
        check_equal(client.get("State"), "available")
        time.sleep(A_MOMENT)
        release = device.path("usr/lib/os-release")
        os.rename(release, release + ".away")
        client.refused(f"{NAME}.Error.Failed", "Describe")
        check_equal((client.get("State"), client.get("LastError")[0]), ("failed", "Failed"))
        os.rename(release + ".away", release)
        time.sleep(A_MOMENT)
        client.call("Describe")
        check_equal(client.get("State"), "available")


@test_in_mount_namespace
def what_is_covered_waits_for_no_restart():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Install", "tt", 0, 0)
        run("/usr/bin/mount", "-t", "tmpfs", "mine", device.path(TLS))
        time.sleep(A_MOMENT)
        status = json.loads(client.call("Describe")[0])
        check_equal((status["selected"], status["sequence"], status["health"]), (1, 0, "impaired"))
        shown = client.get()
        check_equal([shown[name] for name in ("Sequence", "PendingSequence", "PendingLabel", "RestartNeeded")],
                    [0, 0, "", "none"])
        run("/usr/bin/umount", device.path(TLS))
        client.waits_for("Sequence", 1)


@test_in_mount_namespace
def advisories_are_those_of_the_command():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Check", "t", 0)
        for words, id, format in (((), "", "json"), (("(a)",), "(a)", "text"),
                                  (("1",), "1", "json"), ((), "", "text")):
            shown = device.suture("advisories", *words, "--format", format).stdout
            check_equal(client.call("GetAdvisories", "ss", id, format)[0], shown)
        client.refused(f"{NAME}.Error.NotFound", "GetAdvisories", "ss", "CVE-1999-1", "json")
        client.refused(f"{NAME}.Error.NotFound", "GetAdvisories", "ss", "CVE-1999-1", "text")


@test_in_mount_namespace
def properties_tell_when_they_change():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Check", "t", 0)
        client.signals()
        device.suture("install")  # by an owner at a terminal, and not through the agent
        client.waits_for("Label", "(a)")
        told = {}
        for member, path, args in client.signals():
            if member == "PropertiesChanged" and path == "/org/suture/Manager1":
                told |= args[1]
        check_equal(told["DisplayVersion"], LABEL_A)


@test_in_mount_namespace
def an_error_is_over_when_somebody_asked_with_success():
    with desk() as (vendor, server, device, bus, agent, client):
        server.rule("timestamp", status(503))
        client.do("Install", "tt", 0, 0, result="failed")
        has(client.get("LastError")[1], "503")
        server.rules.clear()
        time.sleep(1.1)  # times have seconds
        device.suture("check")
        client.waits_for("LastError", ["", ""])


@test_in_mount_namespace
def what_is_decided_in_files_is_told():
    with desk() as (vendor, server, device, bus, agent, client):
        client.waits_for("AutomaticMode", "off")
        device.configure(server.url, "[install]\nautomatic = download\n")
        client.waits_for("AutomaticMode", "download")
        folder = device.path("etc/suture/policy.d")
        for _ in range(2):  # also when the folder is another one
            write(os.path.join(folder, "50.conf"), "[install]\nremoval = no\n")
            client.waits_for("RemovalAllowed", False)
            shutil.rmtree(folder)
            client.waits_for("RemovalAllowed", True)
        waits = ["automatic-off"]
        for verb, reasons in ("pause", [*waits, "base-change"]), ("resume", waits):  # nothing is mounted
            run("suture-activate", "--root", device.root, verb)
            client.waits_for("DeferredReasons", reasons)


@test_in_mount_namespace
def jobs_tell_their_progress():
    with desk() as (vendor, server, device, bus, agent, client):
        server.rule("blobs", drip(4096, 0.05))
        job = client.start("Install", "tt", 0, 0)
        check_equal(client.end_of(job)[0], "done")
        phases = [args[1]["Phase"] for member, path, args in client.signals()
                  if member == "PropertiesChanged" and path == job[1]]
        check("download" in phases and "apply" in phases and "activate" in phases, str(phases))


@test_in_mount_namespace
def a_job_can_be_called_off():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Check", "t", 0)
        server.rule("blobs", stall(10))
        job = client.start("Install", "tt", 0, 0)
        end = time.monotonic() + 10
        while not server.of("blobs"):
            check(time.monotonic() < end, "no download")
            time.sleep(0.02)
        client.call("Cancel", path=job[1], interface=f"{NAME}.Job")
        check_equal(client.end_of(job)[0], "canceled")
        check_equal(client.call("ListJobs")[0], [])
        check_equal(device.lib(), OLD_TLS)
        server.rules.clear()
        client.do("Install", "tt", 0, 0)


@test_in_mount_namespace
def a_removal_waits_for_no_download():
    with desk() as (vendor, server, device, bus, agent, client):
        client.do("Install", "tt", 0, 0)
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        server.rule("blobs", stall(20))
        waiting = client.start("Install", "tt", 0, 0)
        time.sleep(0.3)
        start = time.monotonic()
        client.do("Remove", "t", 0)
        check(time.monotonic() < start + 5, "the removal waited")
        check_equal(client.end_of(waiting)[1], "Deferred")
        check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def who_asks_for_the_same_gets_the_same_job():
    with desk() as (vendor, server, device, bus, agent, client):
        server.rule("timestamp", drip(100, 0.1))
        with bus.client() as other:
            jobs = [client.start("Check", "t", 0), other.start("Check", "t", 0)]
        check_equal(jobs[0], jobs[1])
        check_equal(client.end_of(jobs[0])[0], "done")


@test_in_mount_namespace
def only_root_without_polkit():
    with desk() as (vendor, server, device, bus, agent, client), bus.client("nobody") as guest:
        check_equal(guest.get("BaseVersion"), "26.3.1")
        check(json.loads(guest.call("Describe")[0])["schema"] == 1, "no status")
        check_equal(guest.call("GetHistory", "u", 0), [[]])
        for call in (("Check", "t", 0), ("Acquire", "t", 0), ("Install", "tt", 0, 0),
                     ("Remove", "t", 0), ("Preview", "s", "install"), ("Postpone", "t", 0),
                     ("SetAutomaticMode", "s", "off"), ("Inhibit", "ss", "a", "b")):
            guest.refused(DENIED, *call)
        check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def arguments_are_looked_at():
    with desk() as (vendor, server, device, bus, agent, client):
        for call in (("Check", "t", 1), ("Acquire", "t", 8), ("Install", "tt", 0, 1 << 63),
                     ("Install", "tt", 1 << 40, 0), ("Preview", "s", "--root=/"),
                     ("SetAutomaticMode", "s", "never"), ("Postpone", "t", 2 ** 64 - 1),
                     ("GetAdvisories", "ss", "--root", "text"), ("GetAdvisories", "ss", "", "html"),
                     ("GetAdvisories", "ss", "x" * 65, "text"), ("Inhibit", "ss", "", "why"), ("Inhibit", "ss", "who", "why" * 100),
                     ("Inhibit", "ss", "who", "one\ntwo")):
            client.refused(INVALID, *call)
        for call in (("Check", "s", "now"), ("Install", "t", 0), ("Nothing",)):
            check("error" in client.ask(*call), f"{call} went through")
        check_equal(client.get("BaseVersion"), "26.3.1")


@test_in_mount_namespace
def a_bundle_is_installed_from_a_descriptor():
    with desk() as (vendor, server, device, bus, agent, client):
        vendor.publish("bundle", "--base", "desktop", "one.suture")
        server.rule("", status(500))
        report = client.do("InstallFile", "ha{sv}", {"file": "one.suture"}, {})
        check_equal((report["label"], device.lib()), (LABEL_A, NEW_TLS))
        check_equal(os.listdir(device.path("var/cache/suture")), [])
        write("bad.suture", "no bundle")
        client.do("InstallFile", "ha{sv}", {"file": "bad.suture"}, {}, result="failed")
        check_equal(os.listdir(device.path("var/cache/suture")), [])
        client.refused(INVALID, "InstallFile", "ha{sv}", {"file": "one.suture"}, {"x": "y"})


@test_in_mount_namespace
def nothing_is_lost_when_client_or_agent_vanish():
    with World(config=OFF) as (vendor, server, device), Bus() as bus:
        server.rule("blobs", drip(4096, 0.05))
        with bus.agent(device) as agent, bus.client() as client:
            with bus.client() as other:
                other.start("Install", "tt", 0, 0)
                other.vanish()
            client.waits_for("Label", "(a)")
        device.suture("remove")
        first = BusAgent(device, bus.address)
        with bus.client() as client:
            client.waits_for_agent()
            client.start("Install", "tt", 0, 0)
            time.sleep(0.2)
            first.vanish()
        with bus.agent(device) as agent, bus.client() as client:
            client.ask("Install", "tt", 0, 0)
            client.waits_for("Label", "(a)")
        check_equal(device.lib(), NEW_TLS)


@test_in_mount_namespace
def a_hundred_clients_at_once():
    with desk() as (vendor, server, device, bus, agent, client), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(bus.client("nobody" if i % 2 else None)) for i in range(10)]
        calls = [("Check", "t", 0), ("Describe",), ("Install", "tt", 0, 0), ("Remove", "t", 0),
                 ("GetHistory", "u", 3), ("ListJobs",), ("Check", "t", 77), ("Preview", "s", "x"),
                 ("Acquire", "t", 0), ("GetAll", "")]
        for i in range(100):
            each = clients[i % 10]
            each.process.stdin.write(json.dumps(
                {"op": "call", "member": calls[i * 7 % 10][0],
                 "types": "".join(calls[i * 7 % 10][1:2]), "args": calls[i * 7 % 10][2:]}) + "\n")
            each.process.stdin.flush()
        for i in range(100):
            json.loads(clients[i % 10].process.stdout.readline())
        end = time.monotonic() + 30
        while client.call("ListJobs")[0]:
            check(time.monotonic() < end, "jobs do not end")
            time.sleep(0.1)
        client.do("Remove", "t", 0, result="nothing") if client.get("Sequence") == 0 else \
            client.do("Remove", "t", 0)
        check_equal(device.lib(), OLD_TLS)


@test_in_mount_namespace
def an_inhibitor_holds_as_long_as_its_descriptor():
    config = "[check]\ninterval = 604800\n"
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.client() as client:
        device.suture("check")
        with bus.agent(device) as agent:
            client.order("keep", member="Inhibit", types="ss", args=["a presentation", "it runs"])
            device.configure(server.url, config)
            client.do("Check", "t", 0)
            client.waits_for("DeferredReasons", ["inhibited"])
            check_equal(device.lib(), OLD_TLS)
            client.order("release")
            client.waits_for("Label", "(a)")


@test_in_mount_namespace
def without_its_bus_it_fails_and_can_be_started_anew():
    with World(config=OFF) as (vendor, server, device), Bus() as bus:
        agent = BusAgent(device, bus.address)
        with bus.client() as client:
            client.waits_for_agent()
        bus.daemon.terminate()
        check_equal(agent.process.wait(10), 1, "exit code")
        agent.says("the system bus is gone")


@test_in_mount_namespace
def it_ends_when_it_is_idle():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.client() as client:
        device.suture("check")
        with bus.agent(device, "--idle-exit", "1") as agent:
            start = time.monotonic()
            check_equal(agent.process.wait(10), 0)
            check(time.monotonic() - start > 0.8, "it did not wait")


@test_in_mount_namespace
def who_calls_as_it_ends_starts_another_one():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.client() as client:
        device.suture("check")
        with bus.agent(device, "--idle-exit", "1") as agent:
            pid = agent.process.pid
            [keeper] = read(f"/proc/{pid}/task/{pid}/children").split()
            os.kill(int(keeper), signal.SIGSTOP)  # so that the end, which waits for it, takes a while
            end = time.monotonic() + 10
            while "reply" in (answer := client.ask("ListJobs")):
                check(time.monotonic() < end, "it does not end")
                time.sleep(1.5)
                threading.Timer(0.5, os.kill, (int(keeper), signal.SIGCONT)).start()
            # the bus looked for one to start; there is none in this test
            check_equal(answer["error"], "org.freedesktop.DBus.Error.ServiceUnknown")


@test_in_mount_namespace
def failures_count_beyond_an_agents_end():
    with World(config=OFF) as (vendor, server, device), Bus() as bus, bus.client() as client:
        server.rule("", status(500))
        for _ in range(3):
            device.suture("check", expect=1)
        server.asked.clear()
        with bus.agent(device, "--idle-exit", "60") as agent:
            wait = client.get("NextCheckUSec") / 1_000_000 - time.time()
            check(100 < wait <= 120, f"{wait} seconds after three failures")
            check_equal(server.asked, [])


@test_in_mount_namespace
def what_is_refused_leaves_no_bundle():
    with desk() as (vendor, server, device, bus, agent, client):
        write("one.suture", "no bundle")
        server.rule("timestamp", stall(20))
        look, jobs = client.start("Check", "t", 0), []
        call = "InstallFile", "ha{sv}", {"file": "one.suture"}, {}
        while "reply" in (answer := client.ask(*call)):
            jobs.append(answer["reply"])
        check_equal(answer["error"], f"{NAME}.Error.Busy")
        check_equal(len(os.listdir(device.path("var/cache/suture"))), len(jobs))
        for job in [*jobs, look]:
            client.call("Cancel", path=job[1], interface=f"{NAME}.Job")
        check_equal(client.end_of(look)[0], "canceled")
        check_equal(os.listdir(device.path("var/cache/suture")), [])


@test_in_mount_namespace
def a_round_that_finds_no_place_comes_again():
    with desk("[check]\ninterval = 1\n" + OFF) as (vendor, server, device, bus, agent, client):
        write("one.suture", "no bundle")
        end = time.monotonic() + 10
        while "too much is waiting" not in agent.read():
            check(time.monotonic() < end, "there was always a place")
            client.ask("InstallFile", "ha{sv}", {"file": "one.suture"}, {})
        while client.call("ListJobs")[0]:
            time.sleep(0.05)
        server.asked.clear()
        time.sleep(4)
        check(server.of("timestamp"), "it asks no more")


@test_in_mount_namespace
def who_only_looks_keeps_nothing_from_being_installed():
    with World(config="[check]\ninterval = 604800\n" + OFF) as (vendor, server, device), \
            Bus() as bus, bus.client() as client:
        device.suture("check")
        with bus.agent(device) as agent:
            client.waits_for("AvailableLabel", "(a)")
            end = time.monotonic() + 10
            while client.call("ListJobs")[0]:  # its own first round
                check(time.monotonic() < end, "jobs do not end")
                time.sleep(0.05)
            server.rule("timestamp", stall(20))
            look = client.start("Check", "t", 0)
            device.configure(server.url, "[check]\ninterval = 604800\n")
            client.call("Postpone", "t", 0)  # the agent considers
            check_equal([job[1] for job in client.call("ListJobs")[0]], ["check", "maintain"])
            client.call("Cancel", path=look[1], interface=f"{NAME}.Job")
            client.end_of(look)
            server.rules.clear()
            client.waits_for("Label", "(a)")


main()
