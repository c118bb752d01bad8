# SPDX-License-Identifier: Apache-2.0
"""The references of an executable (§9.2)."""
from bisect import bisect_right

from . import aarch64, elf, instruction
from .coder import U64
from .elf import little, signed
from .frames import frame_references

BRANCH, DATA, TABLE, PC, LENGTH, CIE, SYMBOL, SLOT, ADDRESS, ADDEND, SIZE, OFFSET, \
    SECTION_ADDRESS, SECTION_OFFSET, SECTION_SIZE = range(15)
LEA, PUSH = 0x8D, 0x68
SPREAD, TABLE_LEAST, TABLES_MAX = 65536, 3, 1 << 18
DYNAMIC_ADDRESSES = {3, 4, 5, 6, 7, 12, 13, 23, 25, 26, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE,
                     *range(0x6FFFFEF5, 0x6FFFFF00)}
DYNAMIC_SIZES = {2: elf.RELA_PLT, 8: elf.RELA, 10: elf.DYNSTR}
CODES = (elf.CODE, elf.PLT, elf.PLT_SEC)


def width(kind):
    return 8 if ADDRESS <= kind <= SECTION_SIZE else 4


class TableList:
    """Where jump tables begin, as they are found in code."""

    def __init__(self):
        self.starts, self.room, self.ended = [], 0, False

    def add(self, offset):
        if not self.ended and len(self.starts) == self.room:
            self.make_room()
        if not self.ended:
            self.starts.append(offset)

    def make_room(self):
        self.starts = sorted(set(self.starts))
        if self.room and len(self.starts) <= self.room // 2:
            return
        self.ended = self.room == TABLES_MAX
        self.room = 2 * self.room or 256


class Finder:
    """`references[number of a section in order]`: (offset, kind, base, target), by offset."""

    def __init__(self, image):
        self.image, self.data = image, image.data
        self.padded = image.data + bytes(32)
        self.relocated = set(self.relocated_words())
        self.list = TableList()
        self.instructions = {}  # of each section of code: where they begin
        code = {id(s): list(self.code(s)) for s in image.sections if s.role in CODES}
        self.tables = self.measure_tables()
        self.references = []
        for section in image.sections:
            found = code.get(id(section)) or self.of(section)
            self.references.append(sorted(
                (offset, kind, base & U64, target & U64) for offset, kind, base, target in found
                if offset + width(kind) <= section.end))

    def of(self, section):
        rules = {
            elf.HEADERS: self.headers, elf.TABLE: self.section_table, elf.DATA: self.words,
            elf.GOT: self.words, elf.RELA: self.relocations, elf.RELA_PLT: self.relocations,
            elf.DYNSYM: self.symbols, elf.SYMTAB: self.symbols, elf.DYNAMIC: self.dynamic,
            elf.GNU_HASH: self.gnu_hash, elf.HASH: self.hash, elf.RELR: self.relr,
            elf.EH_FRAME: lambda s: frame_references(self.data, s),
            elf.EH_FRAME_HDR: self.frames_header}
        return rules[section.role](section) if section.role in rules else ()

    def entries(self, section, size):
        """The places of whole entries of a section."""
        return range(section.offset, section.end - size + 1, size)

    def in_range(self, address):
        return self.image.in_range(address & U64)

    # Code.

    def code(self, section):
        """The references of a section of code; notes the jump tables that it names."""
        if self.image.machine == elf.AARCH64:
            yield from aarch64.Walk(self.image, section).references()
            return
        at = section.offset
        starts = self.instructions[id(section)] = []
        while at < section.end:
            starts.append(at)
            found = instruction.read(self.padded, at, section.end)
            if section.role == elf.PLT and found.length == 5 and self.data[at] == PUSH:
                yield at + 1, SLOT, 0, little(self.data, at + 1, 4)
            elif found.field is not None:
                base = section.address_of(at + found.length)
                target = base + signed(self.data, at + found.field) & U64
                if self.image.in_range(target):
                    yield at + found.field, found.kind, base, target
                if found.kind == DATA and self.data[at + found.opcode] == LEA:
                    self.note_table(target)
            at += found.length

    def boundary(self, section, offset):
        """Where in the list of a section's instructions that with this byte is."""
        return bisect_right(self.instructions[id(section)], offset) - 1

    # Jump tables.

    def note_table(self, address):
        section = self.image.at_address(address)
        if (section and section.role == elf.DATA and not section.executable and
                address % 4 == 0):
            offset = section.offset + address - section.address
            end = min(section.end, offset + 4 * TABLE_LEAST)
            if self.count_entries(section, offset, end) == TABLE_LEAST:
                self.list.add(offset)

    def count_entries(self, section, start, end):
        """How many entries of a jump table are good, up to `end`."""
        base, first, count = section.address_of(start), None, 0
        for at in range(start, end - 3, 4):
            target = base + signed(self.data, at)
            first = target if first is None else first
            found = self.image.at_address(target & U64)
            if not found or not found.executable or abs(target - first) > SPREAD:
                break
            count += 1
        return count

    def measure_tables(self):
        """(offset, address, count) of each jump table."""
        starts, tables = sorted(set(self.list.starts)), []
        for start, following in zip(starts, starts[1:] + [len(self.data)]):
            section = self.image.at_offset(start)
            count = self.count_entries(section, start, min(section.end, following))
            tables.append((start, section.address_of(start), count))
        return tables

    # Data.

    def word_of(self, address):
        """The offset of a relocated word, if it is one."""
        section = self.image.at_address(address & U64)
        if section and section.stored:
            offset = section.offset + (address & U64) - section.address
            if offset % 8 == 0:
                yield offset

    def relocated_words(self):
        for section in self.image.sections:
            if section.role == elf.RELA:
                for at in self.entries(section, 24):
                    if little(self.data, at + 8, 4) == self.image.types[0]:
                        yield from self.word_of(little(self.data, at, 8))
            elif section.role == elf.RELR:
                following = 0
                for at in self.entries(section, 8):
                    entry = little(self.data, at, 8)
                    if entry % 2 == 0:
                        yield from self.word_of(entry)
                        following = entry + 8
                        continue
                    for k in range(1, 64):
                        if entry >> k & 1:
                            yield from self.word_of(following + 8 * (k - 1))
                    following += 63 * 8

    def word(self, at):
        target = little(self.data, at, 8)
        if target and self.in_range(target):
            yield at, ADDRESS, 0, target

    def words(self, section):
        if section.role == elf.GOT or self.image.fixed and section.flags & elf.WRITABLE:
            for at in self.entries(section, 8):
                yield from self.word(at)
            return
        for at in self.relocated:
            if section.offset <= at <= section.end - 8:
                yield from self.word(at)
        for start, address, count in self.tables:
            if not section.offset <= start < section.end:
                continue
            for at in range(start, start + 4 * count, 4):
                if not {at // 8 * 8, (at + 3) // 8 * 8} & self.relocated:
                    yield at, TABLE, address, address + signed(self.data, at)

    # Tables of entries of one size.

    def headers(self, section):
        yield 24, ADDRESS, 0, little(self.data, 24, 8)
        yield 40, OFFSET, 0, little(self.data, 40, 8)
        for at in range(64, section.end, 56):
            offset, address, physical, stored, size = (
                little(self.data, at + i, 8) for i in (8, 16, 24, 32, 40))
            if little(self.data, at, 4) and size:
                yield at + 8, OFFSET, 0, offset
                yield at + 16, ADDRESS, 0, address
                yield at + 24, ADDRESS, 0, physical
                yield at + 32, SIZE, address, address + stored
                yield at + 40, SIZE, address, address + size

    def section_table(self, section):
        for number, at in enumerate(self.entries(section, 64)):
            yield at + 16, SECTION_ADDRESS, 0, number
            yield at + 24, SECTION_OFFSET, 0, number
            yield at + 32, SECTION_SIZE, 0, number

    def relocations(self, section):
        for at in self.entries(section, 24):
            kind, symbol = little(self.data, at + 8, 4), little(self.data, at + 12, 4)
            yield at, ADDRESS, 0, little(self.data, at, 8)
            if symbol:
                yield at + 12, SYMBOL, 0, symbol
            if kind in self.image.types[:2]:
                yield at + 16, ADDEND, 0, little(self.data, at + 16, 8)

    def symbols(self, section):
        names = self.image.first.get(elf.DYNSTR)
        for at in self.entries(section, 24):
            name, where = little(self.data, at, 4), little(self.data, at + 6, 2)
            value, size = little(self.data, at + 8, 8), little(self.data, at + 16, 8)
            if section.role == elf.DYNSYM and names and name:
                yield at, TABLE, names.address, names.address + name
            if 0 < where < 0xFF00 and value and self.in_range(value):
                yield at + 8, ADDRESS, 0, value
                if size and self.in_range(value + size):
                    yield at + 16, SIZE, value, value + size

    def dynamic(self, section):
        for at in self.entries(section, 16):
            tag, value = little(self.data, at, 8), little(self.data, at + 8, 8)
            sized = self.image.first.get(DYNAMIC_SIZES.get(tag))
            if sized and sized.size == value:
                yield at + 8, SECTION_SIZE, 0, sized.number
            if tag in DYNAMIC_ADDRESSES and value and self.in_range(value):
                yield at + 8, ADDRESS, 0, value

    def indices(self, first, end):
        for at in range(first, end - 3, 4):
            if symbol := little(self.data, at, 4):
                yield at, SYMBOL, 0, symbol

    def gnu_hash(self, section):
        if section.size < 16:
            return ()
        first = section.offset + 16 + 8 * little(self.data, section.offset + 8, 4)
        buckets = little(self.data, section.offset, 4)
        return self.indices(first, min(section.end, first + 4 * buckets))

    def hash(self, section):
        return self.indices(section.offset + 8, section.end)

    def relr(self, section):
        for at in self.entries(section, 8):
            entry = little(self.data, at, 8)
            if entry % 2 == 0:
                yield at, ADDRESS, 0, entry

    def frames_header(self, section):
        for at in self.entries(section, 4):
            inside = at - section.offset
            if inside == 4:
                base = section.address_of(at)
                yield at, PC, base, base + signed(self.data, at)
            elif inside >= 12:
                yield at, TABLE, section.address, section.address + signed(self.data, at)
