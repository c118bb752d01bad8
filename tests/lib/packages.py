# SPDX-License-Identifier: Apache-2.0
"""The packages for Debian that `make packages` made in the build folder, and higher versions of them.

    path = package("suture")
    path, = higher(["suture"], FOLDER)
"""
import glob
import os
import re

from debian import call
from tap import BUILD, read, write

FOLDER = os.path.join(os.path.abspath(BUILD), "packages")
HIGHER = "99"


def there_are_some():
    return bool(glob.glob(os.path.join(FOLDER, "suture_*.deb")))


def package(name):
    found = glob.glob(os.path.join(FOLDER, f"{name}_*.deb"))
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} packages {name} in {FOLDER}: make packages")
    return found[0]


def field(path, name):
    """What the package in that file says of itself, `Version` for example."""
    return call("dpkg-deb", "-f", path, name).strip()


def higher(names, folder="higher"):
    """The packages once more in that folder, with HIGHER for a version; their paths."""
    made = []
    os.makedirs(folder, exist_ok=True)
    for name in names:
        tree = os.path.join(folder, name)
        call("dpkg-deb", "-R", package(name), tree)
        control = os.path.join(tree, "DEBIAN/control")
        text = read(control).decode()
        version = re.search("^Version: (.*)$", text, re.M).group(1)
        text = text.replace(f"Version: {version}", f"Version: {HIGHER}").replace(
            f"(= {version})", f"(= {HIGHER})")
        write(control, text)
        made.append(os.path.abspath(f"{tree}.deb"))
        call("dpkg-deb", "-b", tree, made[-1])
    return made
