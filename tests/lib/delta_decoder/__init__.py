# SPDX-License-Identifier: Apache-2.0
"""An independent decoder of doc/format/delta.md, slow and plain: applies a patch.
It shares nothing with the C code, so that a test can hold the document to what programs do.

    PYTHONPATH=tests/lib python3 -m delta_decoder PATCH OUT [OLD…]"""
from .coder import Damaged
from .patch import decode

__all__ = ["Damaged", "decode"]
