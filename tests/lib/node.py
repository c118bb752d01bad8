# SPDX-License-Identifier: Apache-2.0
"""node with the modules of tests/tuf, which `make deps` installs into the first build folder."""
import os
import shutil

from tap import BUILD, SOURCE

_folders = [os.path.join(folder, "node_modules") for folder in (BUILD, os.path.join(SOURCE, "build"))]
MODULES = next((folder for folder in _folders if os.path.isdir(folder)), None)
ENVIRONMENT = {"NODE_PATH": MODULES or "", "SUTURE_BUILD": BUILD}


def missing():
    """Why node cannot be used here, or None."""
    if not shutil.which("node"):
        return "node is not installed"
    if not MODULES:
        return "the modules of tests/tuf are not installed: make deps"
    return None


def script(name):
    """The command that starts a script of tests/tuf."""
    return [shutil.which("node"), os.path.join(SOURCE, "tests/tuf", name)]
