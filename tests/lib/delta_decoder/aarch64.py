# SPDX-License-Identifier: Apache-2.0
"""References in AArch64 code (§9.8)."""
from .coder import U64
from .elf import little

JUMP, CONDITION, TEST, NEAR, PAGE, LOW, NUMBER = range(15, 22)
REACH, AHEAD, SHORT = 4096, 64, 32768


def low_bits(number, width):
    """The two's complement number in the lowest bits."""
    half = 1 << width - 1
    return (number % (2 * half) ^ half) - half


def form_of(word):
    """The letter of an instruction's form, or an empty string."""
    if word & 0x7C000000 == 0x14000000:
        return "J"
    if (word & 0x7E000000 == 0x34000000 or word >> 24 == 0x54 or
            word & 0x3B000000 == 0x18000000 and word >> 24 != 0xDC):
        return "C"
    if word & 0x7E000000 == 0x36000000:
        return "T"
    if word & 0x1F000000 == 0x10000000:
        return "P" if word >> 31 else "N"
    if word & 0xFFC00000 == 0x91000000:
        return "A"
    if word & 0x3B000000 == 0x39000000:
        return "M"
    return "Z" if word & 0x7F800000 == 0x52800000 else ""


def overwritten(word):
    """The registers that do not keep their page."""
    registers = set()
    if (word & 0x1C000000 == 0x10000000 or word & 0x0E000000 == 0x0A000000 or
            word & 0x0E000000 == 0x08000000 and word >> 24 != 0xD8):
        registers.add(word & 31)
    if word & 0x3E000000 == 0x28000000:
        registers.add(word >> 10 & 31)
    if word & 0xFC000000 == 0x94000000 or word & 0xFE000000 == 0xD6000000:
        registers.update(range(19))
    return registers


def split_number(word):
    """The number of an N or P."""
    return low_bits((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)


def scale_of(word):
    if form_of(word) == "A":
        return 0
    return 4 if word & 0xFF800000 == 0x3D800000 else word >> 30


def low_of(word):
    return (word >> 10 & 0xFFF) << scale_of(word)


def base_of(word):
    return word >> 5 & 31


def page_of(word, place):
    return 4096 * (place // 4096 + split_number(word)) & U64


class Walk:
    """Finds the references of a section."""

    def __init__(self, image, section):
        self.image, self.section, self.pages = image, section, {}

    def word(self, at):
        return little(self.image.data, at, 4)

    def in_range(self, page):
        return page <= self.image.high and page + 4095 >= self.image.low

    def references(self):
        section = self.section
        for at in range(section.offset, section.end - 3, 4):
            word, place = self.word(at), section.address_of(at)
            form = form_of(word)
            for kind, base, target in self.of(at, word, place, form):
                yield at, kind, base, target
            for register in overwritten(word):
                self.pages.pop(register, None)
            if form == "P" and self.in_range(page_of(word, place)):
                self.pages[word & 31] = at, page_of(word, place)

    def of(self, at, word, place, form):
        if form == "J":
            yield from self.near(JUMP, place, 4 * low_bits(word, 26), 1 << 63)
        elif form == "C":
            yield from self.near(CONDITION, place, 4 * low_bits(word >> 5, 19))
        elif form == "T":
            yield from self.near(TEST, place, 4 * low_bits(word >> 5, 14))
        elif form == "N":
            yield from self.near(NEAR, place, split_number(word))
        elif form == "P":
            page = page_of(word, place)
            if self.in_range(page):
                yield PAGE, place, self.first_use(at, word, page)
        elif form in ("A", "M") and self.has_page(base_of(word), at):
            yield LOW, 0, self.pages[base_of(word)][1] + low_of(word)
        elif form == "Z":
            yield NUMBER, 0, 0

    def near(self, kind, place, distance, most=SHORT):
        if -most <= distance < most and self.image.in_range(place + distance & U64):
            yield kind, place, place + distance

    def has_page(self, register, at):
        return register in self.pages and at - self.pages[register][0] <= REACH

    def first_use(self, at, adrp, page):
        """What a P points at."""
        register = adrp & 31
        for _ in range(AHEAD):
            word = self.word(at)
            at += 4 * low_bits(word, 26) if word & 0xFC000000 == 0x14000000 else 4
            if not self.section.offset <= at <= self.section.end - 4:
                break
            word = self.word(at)
            if form_of(word) in ("A", "M") and base_of(word) == register:
                return page + low_of(word)
            if register in overwritten(word):
                break
        return page


def put(word, at, width, number):
    mask = (1 << width) - 1
    return word & ~(mask << at) | (number & mask) << at


def put_page(word, number):
    return put(put(word, 5, 19, number >> 2), 29, 2, number)


def without_place(word, place):
    """A J or P with the place taken from its number."""
    form = form_of(word)
    if form == "J":
        return put(word, 0, 26, word - (place >> 2))
    return put_page(word, split_number(word) - (place >> 12)) if form == "P" else word


def predict(kind, word, place, target):
    """The instruction that points there; place and target are new addresses."""
    distance = (target - place) & U64
    if kind == JUMP:
        return put(word, 0, 26, distance >> 2)
    if kind in (CONDITION, TEST):
        return put(word, 5, 19 if kind == CONDITION else 14, distance >> 2)
    if kind == LOW:
        return put(word, 10, 12, target % 4096 >> scale_of(word))
    if kind == NUMBER:
        return word
    number = distance if kind == NEAR else (target >> 12) - ((place & U64) >> 12)
    return put_page(word, number)
