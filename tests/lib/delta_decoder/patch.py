# SPDX-License-Identifier: Apache-2.0
"""The container (§2) and the codecs 1 and 2 (§§5, 6)."""
import hashlib

from .coder import Coder, Reader, need
from .control import Control
from .differences import Differences
from .executable import Executable
from .literals import Literals

EXECUTABLES_MAX = 16  # segments of one source


def streams_of(payload):
    """The three streams of a payload (§6)."""
    control, literals = 0, 0
    reader = Reader(payload)
    if payload:
        control, literals = reader.varint(), reader.varint()
        need(reader.at < len(payload), "empty streams")
    return reader.take(control), reader.take(literals), payload[reader.at:]


class Decoder:
    def __init__(self):
        self.control, self.literals, self.differences = Control(), Literals(), Differences()
        self.executable = Executable(self.literals)

    def literal(self, size, payload):
        coder = Coder(payload)
        self.literals.follow(b"")
        part = bytes(self.literals.code(coder, 0) for _ in range(size))
        coder.end()
        return part

    def generic(self, size, payload, old):
        coders = [Coder(stream) for stream in streams_of(payload)]
        part = bytearray()
        while len(part) < size:
            beside = self.control.old
            count, start, copy, exact = self.control.step(coders[0], size - len(part), len(old))
            if count:
                self.literals.follow(part[-8:])
            for i in range(count):
                byte = old[beside + i] if beside + i < len(old) else 0
                part.append(self.literals.code(coders[1], byte))
            if exact:
                part += old[start:start + copy]
                self.differences.skip(copy)
                continue
            while copy:
                piece = min(1024 - start % 1024, copy)
                part += self.differences.page(coders[2], old, start, piece)
                start, copy = start + piece, copy - piece
        for coder in coders:
            coder.end()
        return part

    def segment(self, size, codec, payload, old):
        self.control.restart()
        self.differences.restart()
        if codec == 1:
            return self.literal(size, payload)
        if codec == 2:
            return self.generic(size, payload, old)
        return self.executable.segment(size, streams_of(payload), old)


def decode(patch, sources):
    """The target of a patch over the sources, or Damaged."""
    reader = Reader(patch)
    need(reader.take(5) == b"\xd5SUT\x01", "no patch of version 1")
    named = [(reader.varint(), reader.take(8)) for _ in range(reader.varint())]
    given = [(len(source), hashlib.sha256(source).digest()[:8]) for source in sources]
    need(named == given, "other sources")
    size, digest = reader.varint(), reader.take(16)
    segments = []
    for _ in range(reader.varint()):
        part, codec = reader.varint(), reader.take(1)[0]
        need(codec in (1, 2, 3), "unknown codec")
        source = reader.varint() if codec > 1 else None
        segments.append((part, codec, source, reader.varint()))
    need(sum(segment[0] for segment in segments) == size, "sizes do not add up")
    executables = [segment[2] for segment in segments if segment[1] == 3]
    need(all(executables.count(source) <= EXECUTABLES_MAX for source in set(executables)),
         "too many segments read all of a source")
    decoder, target = Decoder(), b""
    for part, codec, source, payload in segments:
        target += decoder.segment(part, codec, reader.take(payload),
                                  None if source is None else sources[source])
    need(reader.at == len(patch), "bytes behind the end")
    need(hashlib.sha256(target).digest()[:16] == digest, "not the target")
    return target
