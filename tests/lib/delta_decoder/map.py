# SPDX-License-Identifier: Apache-2.0
"""Where an old address is in the new file (§9.5)."""
from bisect import bisect_right
from itertools import islice

from .coder import U64
from .elf import BSS

PIECES_MAX = 1 << 17


def pieces_of(copies, pairs):
    """[start, end, shift] of what copies say of each section."""
    for old_start, target, size in copies:
        for old, new in pairs:
            start, end = max(old_start, old.offset), min(old_start + size, old.end)
            place = target + start - old_start - new.offset
            if old.loaded and start < end and 0 <= place <= new.size:
                address = old.address_of(start)
                yield [address, old.address_of(end), new.address + place - address & U64]


def disjoint(pieces):
    kept = []
    for start, end, shift in sorted(pieces, key=lambda p: (p[0], -p[1], p[2])):
        while kept and start < kept[-1][1]:
            last = kept[-1]
            if end - start <= last[1] - last[0]:
                start = last[1]
                break
            if start > last[0]:
                last[1] = start
            else:
                kept.pop()
        if start < end:
            kept.append([start, end, shift])
    return kept


class Map:
    def __init__(self, layout, copies, hints):
        self.layout, self.exact = layout, {}
        self.starts, self.shifts = [0], [0]
        pairs = layout.pairs()
        pieces = disjoint(islice(pieces_of(copies, pairs), PIECES_MAX))
        for old, new in sorted((p for p in pairs if p[0].loaded), key=lambda p: p[0].address):
            inside = [p for p in pieces if old.address <= p[0] < old.address_end]
            if inside:
                self.add_pieces(old.address, inside)
            else:
                self.add_point(old.address, new.address - old.address & U64)
            for address, shift in hints if old.role == BSS else ():
                if old.address <= address < old.address_end:
                    self.add_point(address, shift)

    def add_pieces(self, start, pieces):
        for i, piece in enumerate(pieces):
            if i:
                end = pieces[i - 1][1]
                start = end + (piece[0] - end + 1) // 2
            self.add_point(start, piece[2])

    def add_point(self, start, shift):
        if shift == self.shifts[-1]:
            return
        if start <= self.starts[-1]:
            self.shifts[-1] = shift
        else:
            self.starts.append(start)
            self.shifts.append(shift)

    def with_exact(self, exact):
        """The same map but for some addresses."""
        other = Map.__new__(Map)
        other.__dict__.update(self.__dict__, exact=exact)
        return other

    def map(self, address):
        if address in self.exact:
            return self.exact[address]
        return address + self.shifts[bisect_right(self.starts, address) - 1] & U64

    def end(self, address):
        before = address - 1 & U64
        for old, new in self.layout.pairs():
            if old.loaded and old.address <= before < old.address_end == address:
                return new.address_end & U64
        return self.map(before) + 1 & U64
