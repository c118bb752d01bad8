# SPDX-License-Identifier: Apache-2.0
"""The length of an x86-64 instruction and the address in it (§9.2, "Code")."""
from collections import namedtuple

ONE_BYTE = {
    "": "50-5f 6c-6f 90-99 9b-9f a4-a7 aa-af c3 c9 cb cc cf d7 ec-ef f1 f4 f5 f8-fd",
    "M": "00-03 08-0b 10-13 18-1b 20-23 28-2b 30-33 38-3b 63 84-8f d0-d3 d8-df fe ff",
    "MB": "6b 80 83 c0 c1 c6", "MZ": "69 81 c7", "TMB": "f6", "TMZ": "f7",
    "B": "04 0c 14 1c 24 2c 34 3c 6a 70-7f a8 b0-b7 cd e0-e7 eb",
    "W": "c2 ca", "WB": "c8", "Z": "05 0d 15 1d 25 2d 35 3d 68 a9", "J": "e8 e9",
    "V": "b8-bf", "O": "a0-a3", "0f": "0f", "c4": "c4", "c5": "c5", "62": "62"}
TWO_BYTE = {
    "": "05-09 0b 0e 30-35 37 77 a0-a2 a8-aa c8-cf",
    "M": "00-03 0d 10-23 28-2f 40-6f 74-76 78 79 7c-7f 90-9f a3 a5-a7 ab ad-b9 bb-c1 c3 c7 d0-ff",
    "MB": "0f 70-73 a4 ac ba c2 c4-c6", "J": "80-8f"}
PREFIXES = frozenset(bytes.fromhex("262e363e64656667f0f2f3"))
LONGEST, PREFIXES_MAX = 15, 11
BRANCH, RELATIVE = 0, 1  # the kinds of references

# Places from the instruction's start: of its 4-byte field of a kind, the last byte of its opcode,
# ModRM, and the first immediate.
Instruction = namedtuple("Instruction", "length kind field opcode modrm immediate")
PLAIN = Instruction(1, None, None, 0, None, 0)


def by_opcode(table):
    """What follows each of 256 opcodes; None: no instruction."""
    out = [None] * 256
    for follows, ranges in table.items():
        for item in ranges.split():
            first, _, last = item.partition("-")
            for opcode in range(int(first, 16), int(last or first, 16) + 1):
                out[opcode] = follows
    return out


ONE, TWO = by_opcode(ONE_BYTE), by_opcode(TWO_BYTE)


def in_map(number, opcode):
    """What follows an opcode behind VEX or EVEX."""
    if number == 1:
        if opcode == 0x77:
            return ""
        return "MB" if TWO[opcode] == "MB" else "M"
    return {2: "M", 3: "MB", 5: "M", 6: "M"}.get(number)


def longer(code, at, escape):
    """What follows a longer opcode, and where its last byte stands."""
    if escape == "0f" and code[at] in (0x38, 0x3A):
        return "M" if code[at] == 0x38 else "MB", at + 1
    if escape == "0f":
        return TWO[code[at]], at
    if escape == "c5":
        return in_map(1, code[at + 1]), at + 1
    if escape == "c4":
        return in_map(code[at] % 32, code[at + 2]), at + 2
    return in_map(code[at] % 8, code[at + 3]), at + 3


def read_modrm(code, at):
    """Where the bytes that ModRM asks for end, and where a RIP-relative field is."""
    mode, rm = code[at] >> 6, code[at] & 7
    at += 1
    if mode == 3:
        return at, None
    base = rm
    if rm == 4:
        base = code[at] & 7
        at += 1
    if mode == 0 and base == 5:
        return at + 4, at if rm == 5 else None
    return at + (0, 1, 4)[mode], None


def immediates(follows, narrow, wide, short):
    size = 0
    for letter in follows:
        if letter == "B":
            size += 1
        elif letter == "W":
            size += 2
        elif letter in "ZJ":
            size += 2 if narrow else 4
        elif letter == "V":
            size += 8 if wide else 2 if narrow else 4
        elif letter == "O":
            size += 4 if short else 8
    return size


def read_prefixes(code, at):
    """Where the opcode stands, and whether there are REX.W, 66 and 67."""
    start, prefixes = at, set()
    while at < start + PREFIXES_MAX and code[at] in PREFIXES:
        prefixes.add(code[at])
        at += 1
    wide = False
    if code[at] & 0xF0 == 0x40:
        wide = bool(code[at] & 8)
        at += 1
    return at, wide, 0x66 in prefixes and not wide, 0x67 in prefixes


def read(code, start, end):
    """The instruction at `start`; `code` has 32 bytes more than `end`, the section's."""
    opcode, wide, narrow, short = read_prefixes(code, start)
    follows, at = ONE[code[opcode]], opcode + 1
    if follows in ("0f", "c4", "c5", "62"):
        follows, opcode = longer(code, at, follows)
        at = opcode + 1
    if follows is None:
        return PLAIN
    if follows[:1] == "T":
        follows = "M" if code[at] >> 3 & 7 > 1 else follows[1:]
    kind = field = modrm = None
    if follows == "J" and not narrow:
        kind, field = BRANCH, at
    if follows[:1] == "M":
        modrm = at
        at, field = read_modrm(code, at)
        kind = None if field is None else RELATIVE
    immediate = at
    at += immediates(follows, narrow, wide, short)
    if at - start > LONGEST or at > end:
        return PLAIN
    return Instruction(at - start, kind, field and field - start, opcode - start,
                       modrm and modrm - start, immediate - start)


PREFIX, OPCODE, MODRM, SIB, DISPLACEMENT, IMMEDIATE = range(6)


def part_of(found, code, at):
    """What the byte at `at` of an instruction is for; `code` begins with it."""
    if at <= found.opcode:
        return PREFIX if at < found.opcode else OPCODE
    if at >= found.immediate:
        return IMMEDIATE
    if at == found.modrm:
        return MODRM
    has_sib = code[found.modrm] < 0xC0 and code[found.modrm] & 7 == 4
    return SIB if at == found.modrm + 1 and has_sib else DISPLACEMENT
