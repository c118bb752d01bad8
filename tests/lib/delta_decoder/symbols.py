# SPDX-License-Identifier: Apache-2.0
"""Which symbol and which slot of the old file is which of the new (§9.5)."""
from . import elf
from .coder import U64
from .elf import little

SYMBOLS_MAX, NAMES_MAX = 1 << 17, 3 << 20
BR_X17 = 0xD61F0220  # the last instruction of a .plt entry of 16 bytes


def hash_of(name):
    value = 0xCBF29CE484222325
    for byte in name:
        value = (value ^ byte) * 0x100000001B3 & U64
    return value


class Symbols:
    """`same` and `slots`: old to new numbers; `exports` and `places`: old to new addresses."""

    def __init__(self, layout):
        self.layout = layout
        self.same, self.slots, self.exports, self.places = {}, {}, {}, {}
        self.matched, self.old_count, self.new_count = False, 0, 0

    def match(self, new_data):
        """Symbols by name; `new_data` has the new .dynsym and .dynstr."""
        tables, names = self.layout.pair(elf.DYNSYM), self.layout.pair(elf.DYNSTR)
        if (not tables[0] or not names[0] or any(t.size // 24 > SYMBOLS_MAX for t in tables) or
                any(n.size > NAMES_MAX for n in names)):
            return
        self.old_count, self.new_count = (table.size // 24 for table in tables)
        self.matched = True
        old = by_hash(self.layout.image.data, tables[0], names[0])
        new = by_hash(new_data, tables[1], names[1])
        for key, entries in old.items():
            for (number, value), (other, place) in zip(entries, new.get(key, ())):
                self.same[number] = other
                if value and place:
                    note(self.exports, value, place)

    def match_slots(self, new_data):
        """Slots by their symbols; `new_data` has the new .rela and .rela.plt."""
        self.places = dict(self.exports)
        for role in (elf.RELA, elf.RELA_PLT):
            old, new = self.layout.pair(role)
            if not self.matched or not old:
                continue
            first = {}
            for j, symbol, place in self.slot_entries(new_data, new, self.new_count):
                first.setdefault(symbol, (j, place))
            for i, symbol, place in self.slot_entries(
                    self.layout.image.data, old, self.old_count):
                if self.same.get(symbol, 0) in first:
                    j, target = first[self.same[symbol]]
                    note(self.places, place, target)
                    if role == elf.RELA_PLT:
                        self.slots[i] = j
                        self.note_code(i, j)

    def note_code(self, i, j):
        old, new = self.layout.pair(elf.PLT)
        if old:
            places, step = self.plt_entries(old)
            for more in places:
                note(self.places, old.address + step * i + more, new.address + step * j + more)
        old, new = self.layout.pair(elf.PLT_SEC)
        if old:
            note(self.places, old.address + 16 * i, new.address + 16 * j)

    def plt_entries(self, section):
        """Where in .plt the code of slot 0 is, and the size of an entry."""
        image = self.layout.image
        if image.machine == elf.X86_64:
            return (16, 22), 16
        guarded = section.size >= 48 and little(image.data, section.offset + 44, 4) != BR_X17
        return (32,), 24 if guarded else 16

    def slot_entries(self, data, section, symbols):
        """(number, symbol, r_offset) of the entries that count."""
        for number in range(section.size // 24):
            at = section.offset + 24 * number
            symbol = little(data, at + 12, 4)
            if little(data, at + 8, 4) in self.layout.image.types[2:] and 0 < symbol < symbols:
                yield number, symbol, little(data, at, 8)


def note(places, old, new):
    places[old & U64] = min(new & U64, places.get(old & U64, U64))


def by_hash(data, table, names):
    """The (number, value) of each hash, in order."""
    found, text = {}, data[names.offset:names.end]
    for number in range(table.size // 24):
        at = table.offset + 24 * number
        start = little(data, at, 4)
        name = text[start:text.find(b"\0", start) % (len(text) + 1)]
        value = little(data, at + 8, 8) if little(data, at + 6, 2) else 0
        found.setdefault(hash_of(name), []).append((number, value))
    return found
