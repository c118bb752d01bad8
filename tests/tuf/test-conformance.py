# SPDX-License-Identifier: Apache-2.0
"""Starts the conformance tests of suture-tuf, which are in test-conformance.js and cases/. Words on
the command line choose the tests whose names contain one of them."""
import os
import sys

import node

if why := node.missing():
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
command = [*node.script("test-conformance.js"), *sys.argv[1:]]
os.execve(command[0], command, {**os.environ, **node.ENVIRONMENT})
