# SPDX-License-Identifier: Apache-2.0
"""Literals, of every codec (§7)."""
from .coder import K, U32, U64, Counters, Mixer, group_of


MORE_WEIGHT = 9 * 65536 // 100


class Literals:
    HISTORY = 1 << 17

    def __init__(self):
        self.recent = self.size = self.match = self.length = 0
        self.history, self.heads = bytearray(self.HISTORY), {}
        self.counters = Counters(60)
        self.mixer = Mixer(self.counters, 30)
        self.more_mixer = Mixer(self.counters, 30, MORE_WEIGHT)

    def put(self, byte):
        self.history[self.size % self.HISTORY] = byte
        self.size += 1
        self.recent = (self.recent << 8 | byte) & U64

    def hash(self, n):
        return ((self.recent % (1 << 8 * n) + n) * 0x9E3779B97F4A7C15 & U64) >> 32

    def look_up(self):
        head = self.hash(5) >> 17
        at = self.heads.get(head, 0)
        self.heads[head] = self.size
        if self.length:
            return
        count = 0
        while (count < 31 and count < at and self.size - at + count < self.HISTORY and
               self.history[(at - 1 - count) % self.HISTORY] ==
               self.history[(self.size - 1 - count) % self.HISTORY]):
            count += 1
        self.length, self.match = count if count >= 5 else 0, at

    def follow(self, tail):
        self.length = 0
        for byte in tail:
            self.put(byte)
        self.look_up()

    def contexts(self, old):
        contexts = [self.hash(n) for n in (1, 2, 3, 4, 6)]
        return contexts + [(256 * old + self.recent % 256 + 1) * K & U32]

    def groups(self, contexts, prefix):
        return [self.counters.group((i, group_of(17, c, prefix)))
                for i, c in enumerate(contexts) if c is not None]

    def learn(self, byte, more):
        """Takes a byte as if it had been a literal (§9.4)."""
        counters = self.counters
        contexts, node = self.contexts(byte), 1
        contexts[5] = None
        contexts += more
        for depth in range(8):
            if depth % 4 == 0:
                groups, inner = self.groups(contexts, node if depth else 0), 1
            bit = byte >> (7 - depth) & 1
            for group in groups:
                counters.update(group[inner], bit)
            counters.update(counters.get(("order0", node)), bit)
            node, inner = 2 * node + bit, 2 * inner + bit
        self.length = 0
        self.put(byte)
        self.look_up()
        self.length = 0

    def code(self, coder, old, more=None, more_set=0):
        """A byte; `more`: further contexts, and what chooses further weights."""
        contexts = self.contexts(old) + (more or [])
        expected, node = self.history[self.match % self.HISTORY] | 256, 1
        for depth in range(8):
            if depth % 4 == 0:
                groups, inner = self.groups(contexts, node if depth else 0), 1
            belief, repeat = 0, depth
            if self.length and expected >> (8 - depth) == node:
                belief = 1 + (self.length > 15) + (self.length == 31)
                repeat += 8 * (2 * self.length + (expected >> (7 - depth) & 1))
            counters = [group[inner] for group in groups]
            counters += [self.counters.get(("order0", node)), self.counters.get(repeat)]
            if more is None:
                bit = self.mixer.mix(coder, counters, 4 * depth + belief)
            else:
                bit = self.more_mixer.mix(coder, counters, 4 * depth + belief,
                                          32 + 8 * more_set + depth)
            node, inner = 2 * node + bit, 2 * inner + bit
        self.advance(node & 255)
        return node & 255

    def advance(self, byte):
        if self.length and self.history[self.match % self.HISTORY] == byte:
            self.length, self.match = min(31, self.length + 1), self.match + 1
        else:
            self.length = 0
        self.put(byte)
        if self.length and self.size - self.match >= self.HISTORY:
            self.length = 0
        self.look_up()
