# SPDX-License-Identifier: Apache-2.0
"""Runs of literals of an executable (§9.4)."""
from . import aarch64, finder
from .code import CodeReader
from .coder import U32, U64
from .elf import AARCH64, little

LEARN, PIECE, WINDOW = 320, 64, 128


def is_code(section):
    return section is not None and section.role in finder.CODES


class Insertions:
    def __init__(self, model, predictor, coder):
        self.model, self.predictor, self.coder = model, predictor, coder
        self.image, self.old = predictor.old, predictor.old.data
        self.out, self.learnt = bytearray(), set()

    def all(self):
        done, beside, plan = 0, 0, self.predictor.plan
        for start, target, size in plan.copies + [(0, plan.size, 0)]:
            if target > done:
                self.run(done, target - done, beside)
            done, beside = target + size, start + size
        return self.out

    # Old bytes.

    def meaning(self, start, end):
        """Old bytes with new addresses in place of what is relative in code."""
        section, out = self.image.at_offset(start), bytearray(self.old[start:end])
        if not is_code(section):
            return out
        end = min(end, section.end)
        index = self.image.sections.index(section)
        for offset, kind, target in self.predictor.code_references(index, start, end):
            at = offset - start
            word = little(out, at, 4)
            if kind in (finder.BRANCH, finder.DATA):
                out[at:at + 4] = (target & U32).to_bytes(4, "big")
            elif kind == aarch64.JUMP:
                out[at:at + 4] = aarch64.put(word, 0, 26, target >> 2).to_bytes(4, "little")
            elif kind == aarch64.PAGE:
                out[at:at + 4] = aarch64.put_page(word, target >> 12).to_bytes(4, "little")
        if self.image.machine == AARCH64:
            first = (section.offset - start) % 4
            for at in range(first, end - start - 3, 4):
                out[at:at + 4] = out[at:at + 4][::-1]
        return out

    def instruction_at(self, offset):
        section = self.image.at_offset(offset)
        if not is_code(section):
            return offset
        if self.image.machine == AARCH64:
            return offset - (offset - section.offset) % 4
        found = self.predictor.finder
        return found.instructions[id(section)][found.boundary(section, offset)]

    # Learning.

    def learn_around(self, beside):
        first = max(0, beside - LEARN) // PIECE
        pieces = range(first, (min(len(self.old), beside + LEARN) + PIECE - 1) // PIECE)
        fresh = [piece for piece in pieces if piece not in self.learnt]
        self.learnt.update(fresh)
        while fresh:
            start = end = fresh.pop(0)
            while fresh and fresh[0] == end + 1:
                end = fresh.pop(0)
            self.learn(PIECE * start, min(len(self.old), PIECE * (end + 1)))

    def learn(self, start, end):
        start = self.instruction_at(start)
        code = is_code(self.image.at_offset(start))
        reader = CodeReader(self.image.machine)
        for byte in self.meaning(start, end):
            self.model.learn(byte, contexts_of(reader, code)[0])
            reader.put(byte)

    def reader_at(self, beside):
        """One that knows the code up to there."""
        if beside == 0 or not is_code(self.image.at_offset(beside - 1)):
            return CodeReader(self.image.machine)
        start = self.instruction_at(beside - 1)
        return CodeReader(self.image.machine, self.meaning(start, beside))

    # Coding.

    def address_of(self, offset):
        for new in self.predictor.layout.new:
            if is_code(new) and new.offset <= offset < new.offset + new.size:
                return new.address_of(offset) & U64
        return 0

    def run(self, start, left, beside):
        self.learn_around(beside)
        self.model.follow(bytes(self.meaning(max(0, beside - 16), beside)[-8:]))
        reader, address, at = self.reader_at(beside), self.address_of(start), WINDOW
        while left:
            if at >= WINDOW:
                olds = self.meaning(beside, beside + min(left, WINDOW) + 4) + bytes(WINDOW + 4)
                at = 0
            step = self.step(reader, address, olds[at:at + 4], left)
            left, beside, at = left - step, beside + step, at + step
            address = address + step & U64 if address else 0

    def step(self, reader, address, olds, left):
        """Makes what comes next of a run: one byte or four."""
        ahead = reader.field_end()
        if address and left >= 4 and ahead:
            target = int.from_bytes(self.bytes(reader, True, olds), "big")
            self.out += (target - address - ahead & U32).to_bytes(4, "little")
            return 4
        if (address and left >= 4 and self.image.machine == AARCH64 and not reader.bytes and
                address % 4 == 0):
            word = int.from_bytes(self.bytes(reader, True, olds), "big")
            self.out += aarch64.without_place(word, address).to_bytes(4, "little")
            return 4
        self.out += self.bytes(reader, address, olds[:1])
        return 1

    def bytes(self, reader, code, olds):
        out = bytearray()
        for old in olds:
            more, number = contexts_of(reader, code)
            out.append(self.model.code(self.coder, old, more, number))
            reader.put(out[-1])
        return out


def contexts_of(reader, code):
    """Further contexts of the next byte, and what chooses further weights."""
    if not code:
        return [0] * 5, 0
    return reader.contexts(), 1 + reader.part()
