# SPDX-License-Identifier: Apache-2.0
"""Differences of copies, of codec 2 (§8)."""
from .coder import STRETCH, U32, Counters, Mixer, bytes4, group_of, hash2


class Differences:
    def __init__(self):
        self.flags = self.pages = 0
        self.field, self.earlier = [0] * 8, [0] * 8
        self.page_flags, self.starts = Counters(255), Counters(30)
        self.blocks, self.bytes = Mixer(Counters(255), 100), Mixer(Counters(30), 100)
        self.restart()

    def restart(self):
        self.past, self.run, self.quiet = [0] * 64, 0, 0

    def skip(self, size):
        self.past = (self.past + [0] * min(size, 64))[-64:]
        self.run = 0

    def page(self, coder, old, offset, size):
        bit = self.page_flags.code(coder, self.pages)
        self.pages = (2 * self.pages + bit) % 16
        if not bit:
            self.skip(size)
            return bytes(old[offset:offset + size])
        out, at = bytearray(), offset
        while at < offset + size:
            piece = min(16 - at % 16, offset + size - at)
            out += self.block(coder, old, at, piece)
            at += piece
        return out

    def block(self, coder, old, offset, size):
        def o(at, j):
            at += j
            inside = 0 <= at < len(old) and offset - 8 <= at < offset + size + 8
            return old[at] if inside else 0

        keys = [o(at, -1) + 256 * o(at, -2) for at in range(offset, offset + size)]
        s = (STRETCH[max(self.starts.get(key)[0] for key in keys) >> 10] + 3072) // 160
        f = self.flags
        contexts = [hash2(f % 4096, 1), hash2(s + 256 * (f % 16), 2),
                    hash2(256 * bin(f).count("1") + s, 3),
                    hash2(f % 8 + 256 * size + 65536 * (offset & 48), 4)]
        bit = self.blocks.code(coder, [(i, c >> 17) for i, c in enumerate(contexts)], f % 4)
        self.flags = (2 * f + bit) & U32
        if not bit:
            for key in keys:
                self.starts.update(self.starts.get(key), 0)
            self.skip(size)
            return bytes(old[offset:offset + size])
        out = bytearray()
        for at, key in zip(range(offset, offset + size), keys):
            inside = self.run > 0
            difference = self.byte(coder, at, o)
            out.append((old[at] + difference) % 256)
            if not inside:
                self.starts.update(self.starts.get(key), difference != 0)
            self.remember(difference)
        return out

    def byte(self, coder, at, o):
        d, r, lane = lambda k: self.past[-k], min(self.run, 7), at % 4
        f = self.field[r]
        contexts = [
            hash2(bytes4(d(1), o(at, -1), o(at, -2), 0), 1 + r),
            hash2(bytes4(o(at, 1), o(at, 2), f, r), bytes4(d(1), 7, 0, 0)),
            hash2(bytes4(d(1), f, r, 0), bytes4(self.earlier[r], 3, 0, 0)),
            hash2(bytes4(d(8), d(4), r, 0), bytes4(at % 8, d(1), 0, 0)),
            hash2(bytes4(0, o(at, -3), o(at, -2), o(at, -1)), bytes4(d(1), r, 1, 0)),
            hash2(bytes4(d(1), o(at, 0), o(at, -1), r), d(2)),
            hash2(bytes4(o(at, 3 - lane), lane, d(1), 0), bytes4(r, 128, 0, 0))]
        place = 0 if self.run == 0 else 1 if self.quiet else 2 if self.run < 3 else 3
        keys = [("flag", i, c >> 17) for i, c in enumerate(contexts)]
        if not self.bytes.code(coder, keys, place):
            return 0
        value = 0
        for half in range(2):
            groups = [self.bytes.counters.group((i, group_of(16, c, 16 + value if half else 0)))
                      for i, c in enumerate(contexts)]
            node = 1
            for n in range(4):
                counters = [group[node] for group in groups]
                node = 2 * node + self.bytes.mix(
                    coder, counters, 4 * (1 + 4 * half + n) + place)
            value = 16 * value + node - 16
        return value

    def remember(self, difference):
        self.past = self.past[1:] + [difference]
        if difference == 0:
            self.quiet += 1
            if self.quiet == 2:
                self.run = 0
            if self.run:
                self.run += 1
            return
        self.quiet = 0
        if self.run == 0:
            self.earlier, self.field = self.field, [0] * 8
        if self.run < 8:
            self.field[self.run] = difference
        self.run += 1
