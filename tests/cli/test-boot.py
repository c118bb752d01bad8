# SPDX-License-Identifier: Apache-2.0
"""suture-activate at boot and on trial: what proves an image, tries, the guard, and the way back."""
import os
import subprocess

from grafting import *
from tap import *


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
        check_equal(device.read(f"{LIB}/number"), "1\n")
        device.activate("detach")
        check_equal(device.read(f"{LIB}/number"), "0\n")


@test_in_mount_namespace
def a_base_may_demand_that_the_kernel_verifies_every_read():
    device = Device()
    policy = device.read("usr/lib/suture/seal.conf")
    device.write("usr/lib/suture/seal.conf", policy + "verity required\n")
    device.simple(1)
    # where neither is at hand, that is no reason to take less
    device.refuses("1", "demands verity", "usr/lib/suture/seal.conf", expect=1)


main()
