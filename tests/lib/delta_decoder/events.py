# SPDX-License-Identifier: Apache-2.0
"""What the prediction of an executable got wrong (§9.7)."""
from . import aarch64, finder, instruction
from .coder import U32, Counters, Mixer, Number, group_of, hash2, need
from .elf import AARCH64, CODE, PLAIN
from .layout import unzigzag

BYTES_MAX, PAGE, LINE, RECENT, FAR = 4 << 20, 1024, 32, 4, 65535
NONE, BYTE, REFERENCE = range(3)  # kinds of units; a reference adds its own kind
INSTRUCTION = 24  # and which byte of an A64 one
LARGE = (1 << 40) - 1


class Unit:
    def __init__(self, kind, role, source, edge):
        self.kind, self.role, self.source, self.edge = kind, role, source, min(edge, 65535)
        self.part = self.opcode = 0

    @property
    def is_byte(self):
        return self.kind == BYTE or self.kind >= INSTRUCTION

    @property
    def size(self):
        return 1 if self.is_byte else finder.width(self.kind - REFERENCE)


class Outline:
    """What stands where in the new file, by the plan alone."""

    def __init__(self, predictor):
        self.plan, self.predictor = predictor.plan, predictor
        self.old, self.block = predictor.old, 0
        self.parts = predictor.parts
        self.part = 0
        self.hidden = list(self.derived())

    def derived(self):
        header, link = self.predictor.derived_places()
        if self.plan.derives_header:
            yield header.offset, header.offset + header.size
        if self.plan.derives_link:
            yield link.offset, link.offset + 38

    def copies_in(self, start, end):
        """Those that touch a range; ranges must rise."""
        copies = self.plan.copies
        while self.block < len(copies) and copies[self.block][1] + copies[self.block][2] <= start:
            self.block += 1
        for i in range(self.block, len(copies)):
            if copies[i][1] >= end:
                return
            yield copies[i]

    def role_at(self, offset):
        section = self.old.at_offset(offset)
        return section.role if section else PLAIN

    def units(self, start, end):
        """A unit or None for each byte of a page."""
        out = [None] * (end - start)
        for source, target, size in self.copies_in(start, end):
            for at in range(max(start, target), min(end, target + size)):
                offset = source + at - target
                out[at - start] = self.byte(offset, at - target)
        for part in self.parts:
            if part.target < end and part.target + part.end - part.start > start:
                self.mark(part, start, end, out)
            self.mark_syntax(part, start, end, out)
        for first, last in self.hidden:
            for at in range(max(first, start), min(last, end)):
                out[at - start] = None
        return out

    def byte(self, offset, edge):
        role, kind = self.role_at(offset), BYTE
        if role == CODE and self.old.machine == AARCH64:
            kind = INSTRUCTION + offset % 4
        return Unit(kind, role, offset, edge)

    def mark_syntax(self, part, start, end, out):
        section = self.old.sections[part.index]
        if section.role not in finder.CODES or self.old.machine == AARCH64:
            return
        find, shift = self.predictor.finder, part.target - part.start
        first, last = max(part.start, start - shift), min(part.end, end - shift)
        if first >= last:
            return
        i = find.boundary(section, first)
        starts = find.instructions[id(section)]
        while i < len(starts) and starts[i] < last:
            at = starts[i]
            found = instruction.read(find.padded, at, section.end)
            code = find.padded[at:at + 16]
            for k in range(found.length):
                unit = out[at + k + shift - start] if first <= at + k < last else None
                if unit:
                    unit.part = 1 + instruction.part_of(found, code, k)
                    unit.opcode = code[found.opcode]
            i += 1

    def mark(self, part, start, end, out):
        shift = part.target - part.start
        for offset, kind, _, _ in self.predictor.references_of(part):
            at = offset + shift
            for i in range(max(at, start), min(at + finder.width(kind), end)):
                if i == at:
                    out[i - start].kind = REFERENCE + kind
                else:
                    out[i - start] = None


def check_sizes(events):
    """As if each were kept as a varint of the distance and a code of two bits, and its change."""
    total, last = 0, 0
    for at, _, size in events:
        need(total <= BYTES_MAX, "too many events")
        total += max(1, -(-(at - last << 2).bit_length() // 7)) + size
        last = at


class Events:
    def __init__(self):
        self.pages = Counters(120)
        self.flags, self.values = Mixer(Counters(250), 70, 6553), Mixer(Counters(60), 100, 6553)
        self.again, self.numbers = Counters(60), (Number(), Number())
        self.restart(b"")

    def restart(self, old):
        self.old = old
        self.page_history = self.history = self.since = 0
        self.change = self.change_before = self.opcode = 0
        self.recent = {}

    def code(self, coder, outline, size):
        """(place, change, size) of every event."""
        self.restart(outline.old.data)
        found = []
        for start in range(0, size, PAGE):
            end = min(size, start + PAGE)
            copies = list(outline.copies_in(start, end))
            if copies and self.page(coder, outline, copies, start, end):
                found += self.lines(coder, outline.units(start, end), start)
        check_sizes(found)
        return found

    def page(self, coder, outline, copies, start, end):
        source, target, _ = copies[0]
        role = outline.role_at(source + max(0, start - target))
        edges = sum(start <= copy[1] < end for copy in copies)
        wrong = self.pages.code(coder, ("page", self.page_history % 8, min(edges, 3),
                                        role == CODE))
        self.page_history = 2 * self.page_history + wrong
        if not wrong:
            self.since = FAR
        return wrong

    def lines(self, coder, units, start):
        history = 0
        for at in range(0, len(units), LINE):
            line = units[at:at + LINE]
            known = [unit for unit in line if unit]
            if not known:
                continue
            edges = sum(unit.edge == 0 for unit in known)
            edges += bool(line[0]) and 0 < line[0].edge < 32
            wrong = self.pages.code(coder, ("line", history % 16, min(edges, 3),
                                            known[0].role == CODE))
            history = 2 * history + wrong
            if wrong:
                yield from self.line(coder, line, start + at)
            elif self.since < FAR - LINE:
                self.since += LINE

    def line(self, coder, line, start):
        for at, unit in enumerate(line, start):
            if not unit:
                continue
            wrong = self.flag(coder, unit)
            self.history = (2 * self.history + wrong) & U32
            if wrong:
                change = self.byte(coder, unit) if unit.is_byte else \
                    self.reference(coder, unit)
                if change:
                    yield at, change, unit.size
            self.since = 0 if wrong else min(FAR, self.since + 1)

    def at(self, offset):
        return self.old[offset] if 0 <= offset < len(self.old) else 0

    def before(self, unit):
        """The three bytes before; in A64 code, from the upper end of the instruction."""
        at = unit.source
        if unit.kind >= REFERENCE + aarch64.JUMP:
            at = at // 4 * 4 + 4
        return [self.at(at - n) for n in (1, 2, 3)]

    def flag(self, coder, unit):
        far = self.since.bit_length()
        keys = [(i, c >> 17) for i, c in enumerate(self.flag_contexts(unit, far))]
        distance = 0 if far < 4 else 1 if far < 7 else 2 if far < 12 else 3
        kind = ("part", unit.part) if unit.kind == BYTE else unit.kind
        other = (unit.role, unit.edge.bit_length() if unit.edge < 128 else 7, "edge")
        return self.flags.code(coder, keys, (kind, distance), other)

    def flag_contexts(self, unit, far):
        now, (before, earlier, third) = self.at(unit.source), self.before(unit)
        kind, byte, edge = unit.kind | unit.role << 8, unit.kind == BYTE, unit.edge
        return [
            hash2(kind, 1 + 16 * min(edge, 8)),
            hash2(kind, (self.history << 8 & U32) | 2),
            hash2(kind, before << 8 | 3),
            hash2(kind, far << 8 | edge.bit_length() << 16 | 4),
            hash2(now | before << 8 | earlier << 16, 5 + byte),
            hash2(kind, (now | self.opcode << 8 | before << 16) << 4 | 7),
            hash2(before | earlier << 8 | third << 16, 8 + byte),
            hash2(now | before << 8 | self.at(unit.source + 1) << 16, 10 + byte),
            hash2(now | min(self.since, 4) << 8 | self.change << 16, 12 + 16 * kind),
            hash2(unit.part | unit.opcode << 8 | now << 16, 13 + 16 * kind),
            hash2(unit.part | unit.opcode << 8 | before << 16 | (self.history & 3) << 24,
                  14 + 16 * kind)]

    def byte_contexts(self, unit):
        now, (before, earlier, _) = self.at(unit.source), self.before(unit)
        near = min(self.since, 3)
        return [
            hash2(now, 1 + 256 * unit.role),
            hash2(self.change | self.change_before << 8, 2 + 256 * near),
            hash2(now | before << 8, 3), hash2(before | earlier << 8, 4),
            hash2(self.change | before << 8 | near << 16, 5),
            hash2(now | before << 8 | earlier << 16, 6), hash2(now | self.change << 8, 7),
            hash2(unit.part | unit.opcode << 8 | now << 16, 8),
            hash2(unit.part | self.change << 8 | unit.opcode << 16, 9),
            hash2(unit.part | self.change << 8 | near << 16, 10)]

    def byte(self, coder, unit):
        contexts = self.byte_contexts(unit)
        if unit.kind != BYTE:
            contexts = [hash2(c, unit.kind) for c in contexts]
        place = 2 if unit.role != CODE else int(self.since < 2)
        node = 1
        for depth in range(8):
            if depth % 4 == 0:
                groups = [self.values.counters.group((i, group_of(16, c, node if depth else 0)))
                          for i, c in enumerate(contexts)]
                inner = 1
            counters = [group[inner] for group in groups]
            bit = self.values.mix(coder, counters, 3 * (1 + depth) + place,
                                  27 + 8 * unit.part + depth)
            node, inner = 2 * node + bit, 2 * inner + bit
        self.change_before, self.change = self.change, node & 255
        self.opcode = self.before(unit)[0]
        return node & 255

    def reference(self, coder, unit):
        recent = self.recent.setdefault(unit.kind, [0] * RECENT)
        for found in range(RECENT):
            if self.again.code(coder, (unit.kind, found)):
                change = recent.pop(found)
                break
        else:
            change = self.number(coder, unit)
            recent.pop()
        recent.insert(0, change)
        return change

    def number(self, coder, unit):
        code = self.numbers[unit.size == 8].code(coder, 0 if unit.role == CODE else 1)
        if code != LARGE:
            return unzigzag(code)
        plain = 0
        for _ in range(64):
            plain = 2 * plain + coder.bit(32768)
        return plain
