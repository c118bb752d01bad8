# SPDX-License-Identifier: Apache-2.0
"""Applies a patch: PATCH OUT [OLD…]."""
import sys

from . import decode


def main():
    contents = []
    for name in sys.argv[1:2] + sys.argv[3:]:
        with open(name, "rb") as file:
            contents.append(file.read())
    with open(sys.argv[2], "wb") as out:
        out.write(decode(contents[0], contents[1:]))


main()
