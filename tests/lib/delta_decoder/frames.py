# SPDX-License-Identifier: Apache-2.0
"""The records of .eh_frame (§9.2, "Frames") and what .eh_frame_hdr says of them (§9.6)."""
from .coder import need
from .elf import little, signed

RELATIVE = 0x1B
POINTER_SIZES = {0: 8, 2: 2, 3: 4, 4: 8, 10: 2, 11: 4, 12: 8}
CIE, PC, LENGTH = 5, 3, 4  # kinds of references


def record_size(data, at, end):
    """The size of the record there, 0 if there is none."""
    if end - at < 4:
        return 0
    length = little(data, at, 4)
    return 0 if length == 0xFFFFFFFF or length > end - at - 4 else 4 + length


def records(data, start, end):
    """(place, size) of each record."""
    while size := record_size(data, start, end):
        yield start, size
        start += size


class Cie:
    """What a CIE says of the addresses of its FDEs; `personality` is a place in it."""

    def __init__(self, data):
        self.start = self.lsda = False
        self.personality = None
        self.data, self.at = data[:256], 9
        text = self.data[9:18].partition(b"\0")
        if text[0].startswith(b"z") and text[1]:
            self.at += len(text[0]) + 1
            for _ in range(4):
                self.skip_number()
            self.read_letters(text[0][1:].decode("latin-1"))

    def skip_number(self):
        while self.at < len(self.data) and self.data[self.at] & 128:
            self.at += 1
        self.at += 1

    def read_letters(self, letters):
        for letter in letters:
            if self.at >= len(self.data) or letter not in "RLP":
                return
            encoding = self.data[self.at]
            self.at += 1
            if letter == "R":
                self.start = encoding == RELATIVE
            elif letter == "L":
                self.lsda = encoding == RELATIVE
            else:
                if encoding & 127 == RELATIVE and self.at + 4 <= len(self.data):
                    self.personality = self.at
                self.at += POINTER_SIZES.get(encoding & 15, 0)


def cie_at(data, at, end):
    return Cie(data[at:at + record_size(data, at, end)])


def function_references(data, at, size, place, cie):
    """Those of an FDE whose CIE's R is 1b: (place in it, kind, base, target)."""
    start = place + 8 + signed(data, at + 8)
    yield 8, PC, place + 8, start
    yield 12, LENGTH, start, start + little(data, at + 12, 4)
    if cie.lsda and size >= 21 and 4 <= data[at + 16] < 0x80 and little(data, at + 17, 4):
        yield 17, PC, place + 17, place + 17 + signed(data, at + 17)


def record_references(data, section, at, size):
    place, distance = section.address_of(at), little(data, at + 4, 4)
    if distance == 0:
        personality = cie_at(data, at, section.end).personality
        if personality is not None:
            base = place + personality
            yield personality, PC, base, base + signed(data, at + personality)
    elif at + 4 - distance >= section.offset:
        yield 4, CIE, place + 4, place + 4 - distance
        cie = cie_at(data, at + 4 - distance, section.end)
        if cie.start:
            yield from function_references(data, at, size, place, cie)


def frame_references(data, section):
    for at, size in records(data, section.offset, section.end):
        if size >= 16:
            for inside, kind, base, target in record_references(data, section, at, size):
                yield at + inside, kind, base, target


def make_header(data, frames, header):
    """The bytes of .eh_frame_hdr by the .eh_frame in the new file `data`."""
    need(header.size >= 12 and (header.size - 12) % 8 == 0, "the size of .eh_frame_hdr")
    entries = []
    for at, size in records(data, frames.offset, frames.end):
        if size >= 12 and little(data, at + 4, 4):
            place = frames.address_of(at) - header.address
            entries.append([to_signed(place + 8 + signed(data, at + 8)), to_signed(place)])
    need(len(entries) == (header.size - 12) // 8, "the count of .eh_frame_hdr")
    out = bytes.fromhex("011b033b")
    words = [frames.address - header.address - 4, len(entries)]
    for entry in sorted(entries):
        words += entry
    return out + b"".join((word % 2**32).to_bytes(4, "little") for word in words)


def to_signed(number):
    return (number + 2**31) % 2**32 - 2**31
