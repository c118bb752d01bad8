# SPDX-License-Identifier: Apache-2.0
"""Makes the new file from the plan, the literals and the events (§9.6)."""
from bisect import bisect_left

from . import aarch64, elf, finder
from .coder import U64, need
from .elf import little
from .frames import make_header
from .map import Map
from .symbols import Symbols

COPIES, EXPORTS, ALL = range(3)
HEADER_MAX = 3 << 20


class Part:
    """What a copy takes from one old section."""

    def __init__(self, layout, index, start, end, target):
        self.index, self.start, self.end, self.target = index, start, end, target
        self.level, self.slide = self.level_in(layout), self.slide_in(layout)

    def level_in(self, layout):
        def lands_in(*roles):
            places = [layout.pair(role)[1] for role in roles]
            return any(p and self.target < p.offset + p.size and
                       self.target + self.end - self.start > p.offset for p in places)

        if lands_in(elf.DYNSYM, elf.DYNSTR):
            return COPIES
        return EXPORTS if lands_in(elf.RELA, elf.RELA_PLT) else ALL

    def slide_in(self, layout):
        old = layout.image.sections[self.index]
        for new in [layout.new[self.index]] + layout.new:
            if new.offset <= self.target < new.end:
                return new.address_of(self.target) - old.address_of(self.start)
        return 0


class Predictor:
    def __init__(self, plan, a_finder):
        self.plan, self.layout, self.old = plan, plan.layout, plan.layout.image
        self.finder, self.references = a_finder, a_finder.references
        self.copies = Map(self.layout, plan.copies, plan.hints)
        self.parts = [part for copy in plan.copies for part in self.parts_of(copy)]
        self.literals, self.events, self.derived = b"", [], []
        self.symbols = Symbols(self.layout)

    def parts_of(self, copy):
        start, target, size = copy
        for index, section in enumerate(self.old.sections):
            first, end = max(start, section.offset), min(start + size, section.end)
            if first < end:
                yield Part(self.layout, index, first, end, target + first - start)

    def references_of(self, part):
        """Those wholly inside a part."""
        every = self.references[part.index]
        for i in range(bisect_left(every, (part.start,)), len(every)):
            if every[i][0] >= part.end:
                return
            if every[i][0] + finder.width(every[i][1]) <= part.end:
                yield every[i]

    def code_references(self, index, start, end):
        """(offset, kind, new target) of those of 4 bytes wholly in a range of a section."""
        every = self.references[index]
        for i in range(bisect_left(every, (start,)), len(every)):
            offset, kind, _, target = every[i]
            if offset + 4 > end:
                return
            if finder.width(kind) == 4:
                yield offset, kind, self.copies.map(target)

    def make(self):
        """The new file."""
        self.start()
        copies = self.copies
        self.set_references(COPIES, copies)
        self.symbols.match(self.finished())
        self.set_references(EXPORTS, copies.with_exact(self.symbols.exports))
        self.symbols.match_slots(self.finished())
        self.set_references(ALL, copies.with_exact(self.symbols.places))
        if self.plan.derives_header:
            self.derive_header()
        if self.plan.derives_link:
            self.derive_link()
        return self.finished()

    def start(self):
        """Copies, and literals between them."""
        self.bytes, taken = bytearray(), 0
        for start, target, size in self.plan.copies:
            literals = target - len(self.bytes)
            self.bytes += self.literals[taken:taken + literals]
            taken += literals
            self.bytes += self.old.data[start:start + size]
        self.bytes += self.literals[taken:]

    def set_references(self, level, a_map):
        for part in self.parts:
            if part.level != level:
                continue
            for offset, kind, base, target in self.references_of(part):
                number = self.predict(part, a_map, offset, kind, base, target)
                at, size = part.target + offset - part.start, finder.width(kind)
                number %= 1 << 8 * size
                self.bytes[at:at + size] = number.to_bytes(size, "little")

    def predict(self, part, a_map, offset, kind, base, target):
        if kind in (finder.BRANCH, finder.DATA, finder.PC):
            return a_map.map(target) - (base + part.slide)
        if kind == finder.TABLE:
            return a_map.map(target) - a_map.map(base)
        if kind in (finder.LENGTH, finder.SIZE):
            return a_map.end(target) - a_map.map(base)
        if kind == finder.CIE:
            return base + part.slide - a_map.map(target)
        if kind == finder.SYMBOL:
            return part.level > COPIES and self.symbols.same.get(target) or target
        if kind == finder.SLOT:
            return self.symbols.slots.get(target, target) if part.level == ALL else target
        if kind in (finder.ADDRESS, finder.ADDEND):
            return a_map.map(target)
        if kind == finder.OFFSET:
            return self.new_offset(target)
        if kind >= aarch64.JUMP:
            word = little(self.old.data, offset, 4)
            return aarch64.predict(kind, word, base + part.slide, a_map.map(target))
        return self.section_field(kind, target, little(self.old.data, offset, 8))

    def new_offset(self, offset):
        for old, new in self.layout.pairs():
            if old.offset <= offset < old.end:
                return offset - old.offset + new.offset
        return offset

    def section_field(self, kind, number, before):
        for new in self.layout.new:
            if new.number == number > 0:
                return {finder.SECTION_ADDRESS: new.address, finder.SECTION_OFFSET: new.offset,
                        finder.SECTION_SIZE: new.size}[kind]
        return before

    def finished(self):
        """The new file as far as it is known: with derived parts and events."""
        out = bytearray(self.bytes)
        for at, data in self.derived:
            out[at:at + len(data)] = data
        for at, change, size in self.events:
            number = little(out, at, size) + change & U64
            out[at:at + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
        return bytes(out)

    def derived_places(self):
        """The new .eh_frame_hdr and .gnu_debuglink."""
        return self.layout.pair(elf.EH_FRAME_HDR)[1], self.layout.pair(elf.DEBUGLINK)[1]

    def derive_header(self):
        frames, header = self.layout.pair(elf.EH_FRAME)[1], self.layout.pair(elf.EH_FRAME_HDR)[1]
        need(frames and header.size <= HEADER_MAX, ".eh_frame_hdr cannot be derived")
        self.derived.append((header.offset, make_header(self.finished(), frames, header)))

    def derive_link(self):
        note, link = self.layout.pair(elf.BUILD_ID)[1], self.layout.pair(elf.DEBUGLINK)[1]
        need(note and note.size == 36 and link.size >= 38, "the debuglink cannot be derived")
        name = self.finished()[note.offset + 17:note.offset + 36].hex()
        self.derived.append((link.offset, name.encode()))
