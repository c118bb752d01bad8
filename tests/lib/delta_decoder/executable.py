# SPDX-License-Identifier: Apache-2.0
"""Codec 3, executable (§9)."""
from . import finder
from .code import CodeReader
from .coder import U32, Coder
from .elf import Image
from .events import Events, Outline
from .finder import Finder
from .plan import Plan, PlanModels
from .predictor import Predictor

LEARN = 320  # old bytes on each side of where literals stand
BESIDE = 1024


def is_code(section):
    return section is not None and section.role in finder.CODES


class Executable:
    def __init__(self, literals):
        self.literals, self.plans, self.events = literals, PlanModels(), Events()

    def segment(self, size, streams, old):
        """The part of the target that a segment makes."""
        control, literals, differences = (Coder(stream) for stream in streams)
        image = Image(old)
        plan = Plan(image, size, self.plans, control)
        predictor = Predictor(plan, Finder(image))
        predictor.literals = Runs(self.literals, predictor, literals).all()
        predictor.events = self.events.code(differences, Outline(predictor), size)
        for coder in (control, literals, differences):
            coder.end()
        return predictor.make()


class Runs:
    """The literals of a segment (§9.4)."""

    def __init__(self, model, predictor, coder):
        self.model, self.predictor, self.coder = model, predictor, coder
        self.image, self.old = predictor.old, predictor.old.data
        self.out, self.learnt = bytearray(), 0

    def all(self):
        done, beside, plan = 0, 0, self.predictor.plan
        for start, target, size in plan.copies + [(0, plan.size, 0)]:
            if target > done:
                self.run(done, target, beside)
            done, beside = target + size, start + size
        return self.out

    def normal(self, start, end):
        """Old bytes with addresses in place of what is relative in code."""
        section, out = self.image.at_offset(start), bytearray(self.old[start:end])
        if not is_code(section):
            return out
        end = min(end, section.end)
        index = self.image.sections.index(section)
        for offset, kind, _, target in self.predictor.references[index]:
            if start <= offset <= end - 4 and kind <= finder.DATA:
                address = self.predictor.copies.map(target) & U32
                out[offset - start:offset - start + 4] = address.to_bytes(4, "big")
        return out

    def reader(self, section, offset):
        """One that knows the code from the start of the instruction with the byte before."""
        finder_ = self.predictor.finder
        start = finder_.instructions[id(section)][finder_.boundary(section, offset)]
        return start

    def learn(self, beside):
        start, end = max(0, beside - LEARN), min(len(self.old), beside + LEARN)
        if start < self.learnt < start + 2 * LEARN:
            start = self.learnt
        if start >= end:
            return
        section = self.image.at_offset(start)
        code, reader = is_code(section), CodeReader()
        if code:
            reader = CodeReader(self.old[self.reader(section, start):start])
        self.model.length = 0
        for at, byte in enumerate(self.normal(start, end), start):
            more = contexts_of(reader, code)[0]
            self.model.learn(byte, more)
            reader.put(self.old[at])
        self.learnt = end

    def run(self, start, end, beside):
        self.learn(beside)
        tail = self.normal(max(0, beside - 16), beside)
        self.model.follow(bytes(tail[-8:]))
        address = self.address_of(start)
        section = self.image.at_offset(beside - 1) if beside else None
        reader = CodeReader()
        if is_code(section):
            reader = CodeReader(self.old[self.reader(section, beside - 1):beside])
        left, at = end - start, BESIDE
        while left:
            if at >= BESIDE:
                olds, at = self.normal(beside, beside + BESIDE + 4) + bytes(BESIDE + 4), 0
            n = 1
            if address and reader.field_end() and left >= 4:
                self.field(reader, address + reader.field_end(), olds[at:at + 4])
                n = 4
            else:
                more, number = contexts_of(reader, address)
                byte = self.model.code(self.coder, olds[at], more, number)
                reader.put(byte)
                self.out.append(byte)
            left, beside, at = left - n, beside + n, at + n
            if address:
                address += n

    def field(self, reader, end, olds):
        address = 0
        for old in olds:
            more, number = contexts_of(reader, True)
            byte = self.model.code(self.coder, old, more, number)
            reader.put(byte)
            address = 256 * address + byte
        self.out += (address - end & U32).to_bytes(4, "little")

    def address_of(self, offset):
        for new in self.predictor.layout.new:
            if is_code(new) and new.offset <= offset < new.offset + new.size:
                return new.address_of(offset)
        return 0


def contexts_of(reader, code):
    if not code:
        return [0] * 5, 0
    return reader.contexts(), 1 + reader.part()
