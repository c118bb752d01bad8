# SPDX-License-Identifier: Apache-2.0
"""One truth everywhere: a short walk of bench/agreement."""
from walk import *


@test_in_mount_namespace
def all_that_tells_of_a_device_agrees_after_each_step():
    with Walk(SEED) as walk:
        walk.go(STEPS)
        check_equal(walk.disagreements, [])
        check(len(walk.states) > 5, f"it saw little: {walk.states}")


SEED, STEPS = 9, 16
main()
