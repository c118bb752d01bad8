# SPDX-License-Identifier: Apache-2.0
"""The steps of codec 2 (§6)."""
from .coder import U64, Counters, Number, need


class Control:
    def __init__(self):
        self.literals, self.copies, self.seeks = Number(), Number(), Number()
        self.counters = Counters(60)
        self.restart()

    def restart(self):
        self.old = self.target = self.last = 0
        self.recent = [0] * 4

    def step(self, coder, left, old_size):
        literals = self.literals.code(coder, 0)
        need(literals <= left, "too many literals")
        if literals == left:
            return literals, 0, 0, True
        left -= literals
        place = 1
        for _ in range(3):
            place = 2 * place + self.counters.code(
                coder, ("place", 2 * self.last + (literals > 0), place))
        self.last = place = place - 8
        if place == 0:
            start = self.old + literals
        elif place == 1:
            start = self.old
        elif place < 6:
            start = self.recent[place - 2] + self.target + literals
        elif place == 6:
            start = self.old + self.seeks.code(coder, 0)
        else:
            start = self.old - self.seeks.code(coder, 1)
        start &= U64
        size = left
        if self.counters.code(coder, "end"):
            size = 1 + self.copies.code(coder, int(literals > 0))
        exact = not self.counters.code(coder, ("exact", min(31, size.bit_length() - 1)))
        need(size <= left and start + size <= old_size, "a copy out of bounds")
        self.target += literals
        displacement = (start - self.target) & U64
        if self.recent[0] != displacement:
            self.recent = [displacement] + self.recent[:3]
        self.target += size
        self.old = start + size
        return literals, start, size, exact
