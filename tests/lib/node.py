# SPDX-License-Identifier: Apache-2.0
"""node with the modules of tests/tuf and tests/advisory, which `make deps` installs into the first
build folder."""
import os
import shutil

from tap import BUILD, SOURCE



def node_modules(below=""):
    """The folder with the modules, or None."""
    folders = [os.path.join(build, below, "node_modules") for build in (BUILD, os.path.join(SOURCE, "build"))]
    return next((folder for folder in folders if os.path.isdir(folder)), None)


MODULES = node_modules()
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
