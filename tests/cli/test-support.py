#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a device hears of a base that its vendor stops improving: where to go, not silence."""
from tap import *
from world import *


def supported(device):
    """What `status` and `check` say of it, in JSON, which is the same; and the exit code of check."""
    checked = device.suture("--json", "check", expect=None)
    said = device.json("status")["support"]
    check_equal(json.loads(checked.stdout)["support"], said)
    return said, checked.returncode


def texts(device):
    return device.suture("status").stdout, device.suture("check", expect=None).stdout


@test_in_mount_namespace
def a_base_hears_until_when_it_is_supported_and_what_comes_next():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        check_equal(supported(device), (None, 2))
        check("Support" not in texts(device)[0])
        vendor.publish("base", "set", "desktop", "--supported-until", "2099-06-30")
        said, code = supported(device)
        check_equal((said["ended"], said["until"], said["superseded_by"], code),
                    (False, "2099-06-30T23:59:59Z", None, 2))
        status, checked = texts(device)
        check("Support: 26.3.1 gets improvements until 2099-06-30" in status, status)
        check("improvements until" not in checked, checked)
        vendor.publish("base", "set", "desktop", "--superseded-by", "26.4")
        check_equal(supported(device)[0]["ended"], True)
        status, checked = texts(device)
        for text in status, checked:
            check("26.3.1 is superseded; it needs 26.4, and gets improvements until 2099-06-30"
                  in text, text)


@test_in_mount_namespace
def a_retired_base_hears_which_one_it_needs():
    vendor = Vendor()
    with Server(vendor.repository) as server:
        device = Device(server.url)
        vendor.improve({"tls": {LIB: NEW_TLS}})
        device.agent()
        vendor.publish("base", "retire", "desktop", "--superseded-by", "26.4")
        said = device.agent(expect=2).stderr
        check("26.3.1 gets no more improvements since 2" in said and "update of the system to 26.4"
              in said, said)
        check_equal(supported(device)[0]["ended"], True)
        for text in texts(device):
            check("it needs an update of the system to 26.4" in text, text)
        check_equal(device.label(), "26.3.1 (a)")  # what it has, it keeps
    # and without a network, from the index that it keeps
    check("needs an update of the system to 26.4" in device.suture("status").stdout)


main()
