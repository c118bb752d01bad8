# SPDX-License-Identifier: Apache-2.0
"""sutured in its loop."""
import signal
import time

from owner import *


@test_in_mount_namespace
def the_agent_goes_round():
    with World(config="[check]\ninterval = 1\n") as (vendor, server, device):
        agent = Agent(device)
        has(agent.line(), f"installed {LABEL_A}")
        has(agent.line(), "nothing newer")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        while f"installed {LABEL_B}" not in (line := agent.line()):
            has(line, f"{LABEL_A} is installed, and nothing newer")
        check_equal(agent.end(), 0)
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def the_agent_ends_at_once():
    with World(config="[check]\ninterval = 604800\n") as (vendor, server, device):
        for how in signal.SIGTERM, signal.SIGINT:
            agent = Agent(device)
            agent.line()
            check_equal(agent.end(how), 0)
        device.suture("remove")
        device.suture("check", expect=2)
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        server.rule("blobs", stall(10))
        server.asked.clear()
        agent = Agent(device)
        while not server.of("blobs"):
            time.sleep(0.02)
        check_equal(agent.end(), 0)  # in the middle of a download
        server.rules.clear()
        device.agent()
        check_equal(device.label(), LABEL_B)


@test_in_mount_namespace
def a_mistake_in_the_configuration_is_told_and_the_rest_counts():
    with World(config="[check]\ninterval = 1\n") as (vendor, server, device):
        agent = Agent(device)
        agent.line()
        device.configure(server.url, "[check]\ninterval = 1\nspeed = 9\n")
        while "nothing newer" in (line := agent.line()):
            pass
        has(line, "suture.conf:6: unknown key speed")
        has(agent.line(), "nothing newer")
        device.configure(server.url, "[check]\ninterval = 1\n")
        for _ in range(3):
            line = agent.line()
        has(line, "nothing newer")
        check_equal(agent.end(), 0)


main()
