# SPDX-License-Identifier: Apache-2.0
"""The plan of an executable: layout, hints, steps (§9.3)."""
from . import elf
from .coder import K, M, U32, U64, Counters, Mixer, Number, bytes4, need
from .elf import little
from .layout import Layout, unzigzag

COPIES_MAX, LITERALS_MAX, HINTS_MAX = 1 << 17, 1 << 22, 4096
LITERALS, PLACE, COPY, FORWARD, BACKWARD, REST, FIELDS = range(7)
NUMBER_BITS, MIXED_BITS = 40, 5


class Steps:
    """The model of steps."""

    def __init__(self):
        self.mixer = Mixer(Counters(127), 60, 6553)
        self.restart()

    def restart(self):
        self.old = self.target = 0
        self.recent = [0] * 4
        self.place = self.place_before = self.literals = self.copy = 0

    def bit(self, coder, field, depth, node, contexts):
        keys = []
        for i, context in enumerate(contexts):
            h = ((context + i) * K & U32) ^ (node * FIELDS + field)
            keys.append((i, (h ^ h >> 15) * M % 2**32 >> 18))
        other = 96 + 2 * (8 * field + self.place) + (self.literals > 3)
        return self.mixer.code(coder, keys, field * 16 + depth, other)

    def number(self, coder, field, contexts):
        length = 0
        while length < NUMBER_BITS and self.bit(coder, field, min(length, 10), length, contexts):
            length += 1
        value = min(length, 1)
        for depth in range(length - 1):
            if depth < MIXED_BITS:
                node = 64 + 64 * length + value
                bit = self.bit(coder, field, 11 + min(depth, 4), node, contexts)
            else:
                bit = coder.bit(32768)
            value = 2 * value + bit
        return value

    def code(self, coder, left, size, role, behind):
        """(literals, start, size) of the next step; `behind` the last copy stand four bytes in the
        old file, which has `size` bytes, in a section of this role."""
        literals = self.number(coder, LITERALS, self.literal_contexts(role, behind))
        need(literals <= left, "too many literals")
        if literals == left:
            return literals, 0, 0
        left -= literals
        contexts = self.place_contexts(role, behind, min(literals, 255))
        place = 0
        while place < 7 and self.bit(coder, PLACE, place, place, contexts):
            place += 1
        run = min(literals, 255)
        contexts[0], contexts[3] = bytes4(role, place, 0, 0), bytes4(run, place, 3, 0)
        start = self.start(coder, place, literals, contexts)
        contexts = self.copy_contexts(role, place, run, contexts[0])
        copy = left
        if self.bit(coder, REST, 0, 0, contexts):
            copy = 1 + self.number(coder, COPY, contexts)
        need(copy <= left and start + copy <= size, "a copy out of bounds")
        self.follow(literals, place, start, copy)
        return literals, start, copy

    def literal_contexts(self, role, behind):
        first, second = behind & 255, behind >> 8 & 255
        return [role, bytes4(role, self.copy, 1, 0), bytes4(role, self.literals, self.place, 2),
                bytes4(role, first, 3, 0), bytes4(first, second, role, 4),
                bytes4(self.place, self.place_before, self.copy, 5)]

    def place_contexts(self, role, behind, run):
        return [role, bytes4(role, run, 1, 0), bytes4(role, run.bit_length(), self.place, 2),
                bytes4(run.bit_length(), behind & 255, 3, 0),
                bytes4(self.place, self.place_before, self.literals, 4),
                bytes4(run, self.place, self.copy, 5)]

    def copy_contexts(self, role, place, run, first):
        return [first, bytes4(role, run.bit_length(), place, 1), bytes4(role, self.copy, 2, 0),
                bytes4(self.copy, self.literals, place, 3), bytes4(run, place, role, 4),
                bytes4(place, self.place, run.bit_length(), 5)]

    def start(self, coder, place, literals, contexts):
        if place == 0:
            start = self.old + literals
        elif place == 1:
            start = self.old
        elif place < 6:
            start = self.recent[place - 2] + self.target + literals
        elif place == 6:
            start = self.old + self.number(coder, FORWARD, contexts)
        else:
            start = self.old - self.number(coder, BACKWARD, contexts)
        return start & U64

    def follow(self, literals, place, start, copy):
        self.target += literals
        displacement = (start - self.target) & U64
        if self.recent[0] != displacement:
            self.recent = [displacement] + self.recent[:3]
        self.target += copy
        self.old = start + copy
        self.place_before, self.place = self.place, place
        self.copy, self.literals = copy.bit_length(), literals.bit_length()


class PlanModels:
    """What of the plan goes on from segment to segment."""

    def __init__(self):
        self.layout, self.hints, self.steps = Number(), Number(), Steps()
        self.derived = Counters(60)


class Plan:
    def __init__(self, image, size, models, coder):
        self.image, self.size = image, size
        self.layout = Layout(image, size)
        self.layout.code(models.layout, coder)
        self.derives_header = models.derived.code(coder, 0)
        self.derives_link = models.derived.code(coder, 1)
        need(not self.derives_header or elf.EH_FRAME_HDR in image.first, "no .eh_frame_hdr")
        need(not self.derives_link or elf.DEBUGLINK in image.first, "no .gnu_debuglink")
        self.hints = list(self.code_hints(models.hints, coder))
        self.copies, self.literal_count = [], 0  # copies: (old, target, size)
        self.code_steps(models.steps, coder)

    def code_hints(self, numbers, coder):
        count = numbers.code(coder, 0)
        need(count <= HINTS_MAX, "too many hints")
        address, shift = self.image.low, 0
        for _ in range(count):
            address += numbers.code(coder, 1)
            shift += unzigzag(numbers.code(coder, 2))
            yield address & U64, shift & U64

    def code_steps(self, steps, coder):
        steps.restart()
        done, data = 0, self.image.data
        while done < self.size:
            section = self.image.at_offset(steps.old)
            behind = data[steps.old:steps.old + 4]
            literals, start, copy = steps.code(
                coder, self.size - done, len(data), section.role if section else elf.PLAIN,
                little(behind, 0, 4) if len(behind) == 4 else 0)
            self.literal_count += literals
            need(self.literal_count <= LITERALS_MAX, "too many literals")
            if copy:
                self.copies.append((start, done + literals, copy))
            need(len(self.copies) <= COPIES_MAX, "too many copies")
            done += literals + copy
