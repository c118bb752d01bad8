# SPDX-License-Identifier: Apache-2.0
"""What is known of the next byte of code (§9.4)."""
from . import instruction
from .coder import K, U32
from .elf import AARCH64

START = 6  # beside the parts of an instruction


def mix(number, value):
    number = (number ^ value & U32) * K & U32
    return number ^ number >> 15


class CodeReader:
    """Follows code byte by byte."""

    def __init__(self, machine, known=b""):
        self.machine, self.bytes, self.before, self.opcodes = machine, b"", 0, 0
        self.read()
        for byte in known:
            self.put(byte)

    def read(self):
        self.padded = self.bytes + bytes(48)
        if self.machine == AARCH64:
            self.now = instruction.Instruction(4, None, None, 0, None, 0)
        else:
            self.now = instruction.read(self.padded, 0, 48)

    def put(self, byte):
        self.bytes += bytes([byte])
        self.read()
        while len(self.bytes) >= self.now.length:
            self.finish()

    def finish(self):
        """An instruction is complete."""
        done, self.before = self.now, 0
        for i in range(done.length):
            if done.field is None or not done.field <= i < done.field + 4:
                self.before = mix(self.before, self.bytes[i] + 1)
        self.opcodes = (self.opcodes << 8 | self.bytes[done.opcode]) & U32
        self.bytes = self.bytes[done.length:]
        self.read()

    def part(self):
        if self.machine == AARCH64:
            return len(self.bytes)
        if not self.bytes:
            return START
        return instruction.part_of(self.now, self.padded, len(self.bytes))

    def field_end(self):
        """How far the instruction's end is if a field begins here, else 0."""
        if self.now.field is not None and self.now.field == len(self.bytes):
            return self.now.length - len(self.bytes)
        return 0

    def contexts(self):
        now, size, so_far = self.now, len(self.bytes), len(self.bytes)
        for byte in self.bytes:
            so_far = mix(so_far, byte + 1)
        part = 1 + self.part()
        if self.machine != AARCH64 and size > now.immediate:
            part |= size - now.immediate << 4
        known = self.bytes[now.opcode] + 1 if size > now.opcode else 0
        if now.modrm is not None and size > now.modrm:
            known |= self.bytes[now.modrm] + 1 << 9
        return [mix(mix(part, known), 1), mix(mix(so_far, self.opcodes & 0xFF), 2),
                mix(mix(so_far, self.before), 3),
                mix(mix(mix(part, known & 511), self.opcodes & 0xFFFFFF), 4), mix(so_far, 5)]
