# SPDX-License-Identifier: Apache-2.0
"""Where the sections of the old file are in the new one (§9.3)."""
from .coder import U64, need
from .elf import BSS, Section


def unzigzag(number):
    return -(number + 1) // 2 if number & 1 else number // 2


def aligned(number, align):
    return (number + align - 1) // align * align & U64


class Layout:
    """`new[i]` is the new place of `image.sections[i]`."""

    def __init__(self, image, size):
        self.image, self.size, self.new = image, size, []
        self.old_end = self.new_end = self.address_end = self.slide = 0

    def code(self, numbers, coder):
        def change(context, expected):
            return expected + unzigzag(numbers.code(coder, context)) & U64

        for old in self.image.sections:
            size = change(0, old.size)
            offset = change(1, self.expected_offset(old))
            address = change(2, self.expected_address(old, offset)) if old.loaded else 0
            new = Section(old.number, old.role, offset, size, old.align, old.flags, address)
            need(size < 1 << 32 and offset <= self.size and new.end <= self.size, "layout")
            self.new.append(new)
            self.follow(old, new)

    def expected_offset(self, old):
        if (old.offset - self.old_end) & U64 < old.align:
            return aligned(self.new_end, old.align)
        return self.new_end + (old.offset - self.new_end) % 4096

    def expected_address(self, old, offset):
        if old.role == BSS:
            return aligned(self.address_end, old.align)
        return offset + old.address - old.offset + self.slide

    def follow(self, old, new):
        if old.role != BSS:
            self.old_end, self.new_end = old.end, new.end
        if old.loaded:
            self.address_end = new.address_end & U64
            if old.role != BSS:
                self.slide = new.address - new.offset - (old.address - old.offset)

    def pairs(self):
        """(old, new) of each section, in order."""
        return list(zip(self.image.sections, self.new))

    def pair(self, role):
        """(old, new) of the section of a role, or (None, None)."""
        for old, new in self.pairs():
            if old.role == role:
                return old, new
        return None, None
