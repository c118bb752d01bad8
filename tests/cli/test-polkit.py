# SPDX-License-Identifier: Apache-2.0
"""Somebody who is not root, at a terminal: the real polkitd asks, pkttyagent reads, PAM knows the password."""
from console import *
from owner import *

REFUSAL = "You are not allowed to do this"


@test_in_mount_namespace
def a_person_authenticates_for_what_changes_the_machine():
    if why := missing():
        skip(why)
    with World(config="[install]\nautomatic = off\n") as (_, _, device), Console("ground") as console:
        console.start(program("sutured"), "--root", device.root,
                      env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"})
        console.waits_for("org.suture.Manager1")
        typed = console.type("suture", "status")
        check_equal(typed.end(), 0)
        has(typed.screen, VERSION)
        typed = console.authenticates("suture", "install", password="wrong")
        check_equal(typed.code, 4, typed.screen)
        has(typed.screen, "required to install a security improvement", f"Authenticating as: {PERSON}", REFUSAL)
        check(is_base(device), "it was installed")
        typed = console.authenticates("suture", "install")
        check_equal(typed.code, 0, typed.screen)
        has(typed.screen, f"Installed {LABEL_A}")
        check(PASSWORD not in typed.text, "the password is shown")
        check_equal(device.lib(), NEW_TLS)
        for password, code, now in ("wrong", 4, NEW_TLS), (PASSWORD, 0, OLD_TLS):
            typed = console.authenticates("suture", "remove", password=password)
            check_equal((typed.code, device.lib()), (code, now), typed.screen)
            has(typed.screen, "the flaws that they mend are open again")


main()
