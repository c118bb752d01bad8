# SPDX-License-Identifier: Apache-2.0
"""The sections of an executable (§9.1)."""
PLAIN, HEADERS, TABLE, CODE, PLT, PLT_SEC, DATA, GOT, RELA, RELA_PLT, DYNSYM, DYNSTR, SYMTAB, \
    DYNAMIC, GNU_HASH, HASH, RELR, EH_FRAME, EH_FRAME_HDR, BUILD_ID, DEBUGLINK, BSS = range(22)
BY_NAME = {
    (1, b".plt"): PLT, (1, b".plt.sec"): PLT_SEC, (1, b".got"): GOT, (1, b".got.plt"): GOT,
    (4, b".rela.plt"): RELA_PLT, (3, b".dynstr"): DYNSTR, (1, b".eh_frame"): EH_FRAME,
    (1, b".eh_frame_hdr"): EH_FRAME_HDR, (7, b".note.gnu.build-id"): BUILD_ID,
    (1, b".gnu_debuglink"): DEBUGLINK}
BY_TYPE = {14: DATA, 15: DATA, 16: DATA, 11: DYNSYM, 2: SYMTAB, 6: DYNAMIC, 0x6FFFFFF6: GNU_HASH,
           5: HASH, 19: RELR, 8: BSS}
X86_64, AARCH64 = 62, 183
TYPES = {X86_64: (8, 37, 6, 7), AARCH64: (1027, 1032, 1025, 1026)}
WRITABLE, LOADED, EXECUTABLE, THREAD_LOCAL = 1, 2, 4, 0x400


def little(data, at, size):
    """The unsigned number of so many bytes."""
    return int.from_bytes(data[at:at + size], "little")


def signed(data, at):
    """The two's complement number of four bytes."""
    return int.from_bytes(data[at:at + 4], "little", signed=True)


def role_of(name, kind, flags):
    if (kind, name) in BY_NAME:
        return BY_NAME[kind, name]
    if kind == 1 and flags & LOADED:
        return CODE if flags & EXECUTABLE else DATA
    if kind == 4 and flags & LOADED:
        return RELA
    return BY_TYPE.get(kind, PLAIN)


class Section:
    def __init__(self, number, role, offset, size, align, flags=0, address=0):
        self.number, self.role, self.flags = number, role, flags
        self.offset, self.size, self.align = offset, size, align
        self.loaded, self.executable = bool(flags & LOADED), bool(flags & EXECUTABLE)
        self.address = address if self.loaded else 0

    @property
    def stored(self):
        return 0 if self.role == BSS else self.size

    @property
    def end(self):
        """Where its stored bytes end in the file."""
        return self.offset + self.stored

    @property
    def address_end(self):
        return self.address + self.size

    def address_of(self, offset):
        return self.address + offset - self.offset


class Image:
    """An old file; one that is not understood has no sections."""

    def __init__(self, data):
        self.data, self.sections = data, []
        if is_executable(data):
            self.sections = read_sections(data) or []
        self.machine = little(data, 18, 2)
        # The numbers of RELATIVE, IRELATIVE, GLOB_DAT and JUMP_SLOT.
        self.types = TYPES.get(self.machine)
        self.fixed = little(data, 16, 2) == 2
        self.by_address = sorted((s for s in self.sections if s.loaded), key=lambda s: s.address)
        self.low = self.by_address[0].address if self.by_address else 0
        self.high = self.by_address[-1].address_end if self.by_address else 0
        self.first = {}
        for section in self.sections:
            self.first.setdefault(section.role, section)

    def at_offset(self, offset):
        """The section with this stored byte, or None."""
        for section in self.sections:
            if section.offset <= offset < section.end:
                return section
        return None

    def at_address(self, address):
        """The loaded section with this address, or None."""
        for section in self.by_address:
            if section.address <= address < section.address_end:
                return section
        return None

    def in_range(self, address):
        return self.low <= address <= self.high


def is_executable(data):
    def field(at, size=2):
        return little(data, at, size)

    return (64 <= len(data) < 1 << 32 and data[:7] == b"\x7fELF\2\1\1" and field(16) in (2, 3) and
            field(18) in TYPES and field(32, 8) == 64 and field(54) == 56 and field(56) <= 64 and
            64 + 56 * field(56) <= len(data) and field(58) == 64 and field(60) <= 256 and
            field(62) < field(60) and field(40, 8) + 64 * field(60) <= len(data))


def names_of(data, table):
    entry = table + 64 * little(data, 62, 2)
    at, size = little(data, entry + 24, 8), little(data, entry + 32, 8)
    names = data[at:at + size] if at + size <= len(data) else b""
    return names if names.endswith(b"\0") else b""


def read_entry(data, entry, number, names):
    name, kind = little(data, entry, 4), little(data, entry + 4, 4)
    flags, address, offset, size = (little(data, entry + at, 8) for at in (8, 16, 24, 32))
    align = little(data, entry + 48, 8)
    if not 0 < align <= 4096 or align & (align - 1):
        align = 1
    if kind == 8 and flags & THREAD_LOCAL:
        size = 0
    role = role_of(names[name:].split(b"\0")[0], kind, flags)
    return Section(number, role, offset, size, align, flags, address)


def overlap(ranges):
    end = 0
    for start, size in ranges:
        if start < end:
            return True
        end = start + size
    return False


def read_sections(data):
    """The sections in order, or None if one is impossible."""
    table, count, programs = little(data, 40, 8), little(data, 60, 2), little(data, 56, 2)
    names = names_of(data, table)
    sections = [Section(0, HEADERS, 0, 64 + 56 * programs, 1),
                Section(0, TABLE, table, 64 * count, 8)]
    for number in range(1, count):
        section = read_entry(data, table + 64 * number, number, names)
        if (section.end > len(data) or section.address >= 1 << 63 or
                section.size >= 1 << 32):
            return None
        if section.size:
            sections.append(section)
    sections.sort(key=lambda s: (s.offset, s.stored == 0, s.number))
    stored = [(s.offset, s.stored) for s in sections if s.stored]
    loaded = sorted((s.address, s.size) for s in sections if s.loaded)
    return None if overlap(stored) or overlap(loaded) else sections
