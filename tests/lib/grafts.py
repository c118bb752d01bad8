# SPDX-License-Identifier: Apache-2.0
"""A root folder that is grafted over, without vendor and stager: for measurements, and for tests in
which the root is the machine's own.

    root = GraftRoot(os.path.abspath("device"))
    root.write("usr/lib/demo/number", "0\\n")
    number = root.generation(1, "demo", {"usr/lib/demo/number": "1\\n"})
    took = root.microseconds("switch", number)
"""
import os
import re
import tempfile

from tap import check_equal, program, run, write

SEED = "11" * 32
OS_RELEASE = "ID=exampleos\nVERSION_ID=26.3.1\n"


class GraftRoot:
    """With `seal` the base demands sealed images, of this vendor's key; else digests do."""

    def __init__(self, path, *, product="exampleos", version="26.3.1", seal=True):
        self.path, self.product = path, product
        self.base = f"{version}_{os.uname().machine}"
        self.signing = ["--key", SEED] if seal else []
        if seal:
            key = run("tests/make-generation", "--key-of", SEED).stdout
            self.write("usr/lib/os-release", OS_RELEASE)
            self.write("usr/lib/suture/seal.conf", f"seal required\nkey {key}")

    def below(self, *parts):
        return os.path.join(self.path, *parts)

    def write(self, name, data, mode=0o644):
        write(self.below(name), data, mode)

    def generation(self, sequence, component, files):
        """Commits a generation with one image of these files, {path: data}. They lie in one directory,
        which is grafted. Returns the generation's number."""
        directories = sorted({os.path.dirname(name) for name in files})
        check_equal(len(directories), 1, "directories")
        with tempfile.TemporaryDirectory(dir=".") as folder:
            tree, image = os.path.join(folder, "tree"), os.path.join(folder, "image")
            for name, data in files.items():
                write(os.path.join(tree, name), data, 0o644)
            for place, _, _ in os.walk(tree):
                os.chmod(place, 0o755)
            run("/usr/bin/mkfs.erofs", "-T0", "-Enoinline_data", image, tree)
            done = run("tests/make-generation", "--root", self.path, "--product", self.product,
                       "--base", self.base, "--sequence", sequence, *self.signing,
                       "--image", f"{component}={image}={tree}={directories[0]}")
        return int(done.stdout)

    def command(self, *args):
        return [program("suture-activate"), "--root", self.path, *map(str, args)]

    def activate(self, *args, expect=0):
        return run("suture-activate", "--root", self.path, *args, expect=expect).stdout

    def microseconds(self, *args):
        """What the activator says of the time that its moves took."""
        return int(re.search(r" microseconds=(\d+)\n", self.activate(*args))[1])
