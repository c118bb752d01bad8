#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent decoder of doc/format/delta.md, slow and plain: applies a patch.
It shares nothing with the C code, so that a test can hold the document to what programs do.

    delta_decoder.py PATCH OUT [OLD…]"""
import hashlib
import sys

K, M, U32, U64 = 0x9E3779B1, 0x85EBCA6B, 2**32 - 1, 2**64 - 1
A = [1, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812,
     11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816,
     65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535,
     65535, 65535]
SQUASH = [(A[i] * (128 - k) + A[i + 1] * k + 64) // 128 for i in range(48) for k in range(128)]
SQUASH.append(A[48])
STRETCH = [next((x for x in range(6145) if SQUASH[x] >= 16 * p + 8), 6144) - 3072
           for p in range(4096)]
RATES = [131072 // (2 * n + 3) for n in range(1024)]


class Damaged(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Damaged(what)


def quotient(a, b):
    """Division that rounds towards zero."""
    return a // b if a >= 0 else -(-a // b)


def clamp(value, low, high):
    return max(low, min(high, value))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        need(size <= len(self.data) - self.at, "cut short")
        self.at += size
        return self.data[self.at - size:self.at]

    def varint(self):
        number = 0
        for i in range(9):
            byte = self.take(1)[0]
            number |= (byte & 127) << 7 * i
            if byte < 128:
                need(byte or i == 0, "a long varint")
                return number
        raise Damaged("an endless varint")


class Coder:
    def __init__(self, data):
        self.data, self.at, self.range, self.code = data, 0, U32, 0
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def byte(self):
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def bit(self, one):
        zeros = (self.range >> 16) * (65536 - one)
        bit = int(self.code >= zeros)
        if bit:
            self.code -= zeros
            self.range -= zeros
        else:
            self.range = zeros
        while self.range < 1 << 24:
            self.range = self.range << 8 & U32
            self.code = (self.code << 8 | self.byte()) & U32
        return bit

    def end(self):
        need(self.at >= len(self.data) and not self.data.endswith(b"\0"), "bad end of a stream")


class Counters:
    """Counters by any key, each [p, n]."""

    def __init__(self, limit):
        self.all, self.limit = {}, limit

    def get(self, key):
        return self.all.setdefault(key, [1 << 21, 0])

    def update(self, counter, bit):
        if bit:
            counter[0] += (2**22 - 1 - counter[0]) * RATES[counter[1]] >> 16
        else:
            counter[0] -= counter[0] * RATES[counter[1]] >> 16
        counter[1] += counter[1] < self.limit

    def code(self, coder, key):
        counter = self.get(key)
        bit = coder.bit(max(1, counter[0] >> 6))
        self.update(counter, bit)
        return bit


class Mixer:
    def __init__(self, counters, rate):
        self.counters, self.rate, self.weights = counters, rate, {}

    def code(self, coder, keys, number):
        counters = [self.counters.get(key) for key in keys]
        weights = self.weights.setdefault(number, [19660] * len(keys))
        s = [STRETCH[c[0] >> 10] for c in counters]
        x = quotient(sum(a * quotient(w, 64) for a, w in zip(s, weights)), 1024)
        one = SQUASH[clamp(x, -3072, 3072) + 3072]
        bit = coder.bit(one)
        e = quotient((65536 * bit - one) * self.rate, 64)
        for i, c in enumerate(counters):
            weights[i] = clamp(weights[i] + quotient(s[i] * e, 16384), -2**20, 2**20)
            self.counters.update(c, bit)
        return bit


def group(b, context, prefix):
    return ((context + prefix * K) * M & U32) >> (36 - b)


def hash2(a, b):
    return ((a * K & U32) ^ b) * M & U32


def bytes4(a, b, c, d):
    return a | b << 8 | c << 16 | d << 24


class Number:
    def __init__(self):
        self.counters = Counters(60)

    def code(self, coder, context):
        node = 1
        for _ in range(6):
            node = 2 * node + self.counters.code(coder, ("length", context, node))
        length = min(40, node - 64)
        value, node = int(length > 0), 1
        for i in range(length - 1):
            if i < 3:
                bit = self.counters.code(coder, ("bits", length, node))
                node = 2 * node + bit
            else:
                bit = coder.bit(32768)
            value = 2 * value + bit
        return value


class Control:
    def __init__(self):
        self.literals, self.copies, self.seeks = Number(), Number(), Number()
        self.counters = Counters(60)
        self.restart()

    def restart(self):
        self.old = self.target = self.last = 0
        self.recent = [0] * 4

    def step(self, coder, left, old_size):
        literals = self.literals.code(coder, 0)
        need(literals <= left, "too many literals")
        if literals == left:
            return literals, 0, 0, True
        left -= literals
        place = 1
        for _ in range(3):
            place = 2 * place + self.counters.code(
                coder, ("place", 2 * self.last + (literals > 0), place))
        self.last = place = place - 8
        if place == 0:
            start = self.old + literals
        elif place == 1:
            start = self.old
        elif place < 6:
            start = self.recent[place - 2] + self.target + literals
        elif place == 6:
            start = self.old + self.seeks.code(coder, 0)
        else:
            start = self.old - self.seeks.code(coder, 1)
        start &= U64
        size = left
        if self.counters.code(coder, "end"):
            size = 1 + self.copies.code(coder, int(literals > 0))
        exact = not self.counters.code(coder, ("exact", min(31, size.bit_length() - 1)))
        need(size <= left and start + size <= old_size, "a copy out of bounds")
        self.target += literals
        displacement = (start - self.target) & U64
        if self.recent[0] != displacement:
            self.recent = [displacement] + self.recent[:3]
        self.target += size
        self.old = start + size
        return literals, start, size, exact


class Literals:
    HISTORY = 1 << 17

    def __init__(self):
        self.recent = self.size = self.match = self.length = 0
        self.history, self.heads = bytearray(self.HISTORY), {}
        self.mixer = Mixer(Counters(60), 30)

    def put(self, byte):
        self.history[self.size % self.HISTORY] = byte
        self.size += 1
        self.recent = (self.recent << 8 | byte) & U64

    def hash(self, n):
        return ((self.recent % (1 << 8 * n) + n) * 0x9E3779B97F4A7C15 & U64) >> 32

    def look_up(self):
        head = self.hash(5) >> 17
        at = self.heads.get(head, 0)
        self.heads[head] = self.size
        if self.length:
            return
        count = 0
        while (count < 31 and count < at and self.size - at + count < self.HISTORY and
               self.history[(at - 1 - count) % self.HISTORY] ==
               self.history[(self.size - 1 - count) % self.HISTORY]):
            count += 1
        self.length, self.match = count if count >= 5 else 0, at

    def follow(self, tail):
        self.length = 0
        for byte in tail:
            self.put(byte)
        self.look_up()

    def code(self, coder, old):
        contexts = [self.hash(n) for n in (1, 2, 3, 4, 6)]
        contexts.append((256 * old + self.recent % 256 + 1) * K & U32)
        expected, node = self.history[self.match % self.HISTORY] | 256, 1
        for depth in range(8):
            if depth % 4 == 0:
                groups = [group(17, c, node if depth else 0) for c in contexts]
                inner = 1
            keys = [(i, g, inner) for i, g in enumerate(groups)] + [("order0", node)]
            belief = 0
            if self.length and expected >> (8 - depth) == node:
                belief = 1 + (self.length > 15) + (self.length == 31)
                keys.append(("repeat", (2 * self.length + (expected >> (7 - depth) & 1)) * 8
                             + depth))
            else:
                keys.append(("repeat", depth))
            bit = self.mixer.code(coder, keys, 4 * depth + belief)
            node, inner = 2 * node + bit, 2 * inner + bit
        self.advance(node & 255)
        return node & 255

    def advance(self, byte):
        if self.length and self.history[self.match % self.HISTORY] == byte:
            self.length, self.match = min(31, self.length + 1), self.match + 1
        else:
            self.length = 0
        self.put(byte)
        if self.length and self.size - self.match >= self.HISTORY:
            self.length = 0
        self.look_up()


class Differences:
    def __init__(self):
        self.flags = self.pages = 0
        self.field, self.earlier = [0] * 8, [0] * 8
        self.page_flags, self.starts = Counters(255), Counters(30)
        self.blocks, self.bytes = Mixer(Counters(255), 100), Mixer(Counters(30), 100)
        self.restart()

    def restart(self):
        self.past, self.run, self.quiet = [0] * 64, 0, 0

    def skip(self, size):
        self.past = (self.past + [0] * min(size, 64))[-64:]
        self.run = 0

    def page(self, coder, old, offset, size):
        bit = self.page_flags.code(coder, self.pages)
        self.pages = (2 * self.pages + bit) % 16
        if not bit:
            self.skip(size)
            return bytes(old[offset:offset + size])
        out, at = bytearray(), offset
        while at < offset + size:
            piece = min(16 - at % 16, offset + size - at)
            out += self.block(coder, old, at, piece)
            at += piece
        return out

    def block(self, coder, old, offset, size):
        def o(at, j):
            at += j
            inside = 0 <= at < len(old) and offset - 8 <= at < offset + size + 8
            return old[at] if inside else 0

        keys = [o(at, -1) + 256 * o(at, -2) for at in range(offset, offset + size)]
        s = (STRETCH[max(self.starts.get(key)[0] for key in keys) >> 10] + 3072) // 160
        f = self.flags
        contexts = [hash2(f % 4096, 1), hash2(s + 256 * (f % 16), 2),
                    hash2(256 * bin(f).count("1") + s, 3),
                    hash2(f % 8 + 256 * size + 65536 * (offset & 48), 4)]
        bit = self.blocks.code(coder, [(i, c >> 17) for i, c in enumerate(contexts)], f % 4)
        self.flags = (2 * f + bit) & U32
        if not bit:
            for key in keys:
                self.starts.update(self.starts.get(key), 0)
            self.skip(size)
            return bytes(old[offset:offset + size])
        out = bytearray()
        for at, key in zip(range(offset, offset + size), keys):
            inside = self.run > 0
            difference = self.byte(coder, at, o)
            out.append((old[at] + difference) % 256)
            if not inside:
                self.starts.update(self.starts.get(key), difference != 0)
            self.remember(difference)
        return out

    def byte(self, coder, at, o):
        d, r, lane = lambda k: self.past[-k], min(self.run, 7), at % 4
        f = self.field[r]
        contexts = [
            hash2(bytes4(d(1), o(at, -1), o(at, -2), 0), 1 + r),
            hash2(bytes4(o(at, 1), o(at, 2), f, r), bytes4(d(1), 7, 0, 0)),
            hash2(bytes4(d(1), f, r, 0), bytes4(self.earlier[r], 3, 0, 0)),
            hash2(bytes4(d(8), d(4), r, 0), bytes4(at % 8, d(1), 0, 0)),
            hash2(bytes4(0, o(at, -3), o(at, -2), o(at, -1)), bytes4(d(1), r, 1, 0)),
            hash2(bytes4(d(1), o(at, 0), o(at, -1), r), d(2)),
            hash2(bytes4(o(at, 3 - lane), lane, d(1), 0), bytes4(r, 128, 0, 0))]
        place = 0 if self.run == 0 else 1 if self.quiet else 2 if self.run < 3 else 3
        keys = [("flag", i, c >> 17) for i, c in enumerate(contexts)]
        if not self.bytes.code(coder, keys, place):
            return 0
        value = 0
        for half in range(2):
            groups = [group(16, c, 16 + value if half else 0) for c in contexts]
            node = 1
            for n in range(4):
                keys = [(i, g, node) for i, g in enumerate(groups)]
                node = 2 * node + self.bytes.code(coder, keys, 4 * (1 + 4 * half + n) + place)
            value = 16 * value + node - 16
        return value

    def remember(self, difference):
        self.past = self.past[1:] + [difference]
        if difference == 0:
            self.quiet += 1
            if self.quiet == 2:
                self.run = 0
            if self.run:
                self.run += 1
            return
        self.quiet = 0
        if self.run == 0:
            self.earlier, self.field = self.field, [0] * 8
        if self.run < 8:
            self.field[self.run] = difference
        self.run += 1


class Decoder:
    def __init__(self):
        self.control, self.literals, self.differences = Control(), Literals(), Differences()

    def literal(self, size, payload):
        coder = Coder(payload)
        self.literals.follow(b"")
        part = bytes(self.literals.code(coder, 0) for _ in range(size))
        coder.end()
        return part

    def generic(self, size, payload, old):
        control, literals, rest = 0, 0, b""
        reader = Reader(payload)
        if payload:
            control, literals = reader.varint(), reader.varint()
            need(reader.at < len(payload), "empty streams")
        coders = [Coder(reader.take(control)), Coder(reader.take(literals)),
                  Coder(payload[reader.at:])]
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
        return self.literal(size, payload) if codec == 1 else self.generic(size, payload, old)


def decode(patch, sources):
    """The target of a patch over the sources, or Damaged."""
    reader = Reader(patch)
    need(reader.take(5) == b"\xd5SUT\x01", "no patch of version 1")
    named = [(reader.varint(), reader.take(32)) for _ in range(reader.varint())]
    given = [(len(source), hashlib.sha256(source).digest()) for source in sources]
    need(named == given, "other sources")
    size, digest = reader.varint(), reader.take(32)
    segments = []
    for _ in range(reader.varint()):
        part, codec = reader.varint(), reader.take(1)[0]
        need(codec in (1, 2), "unknown codec")
        source = reader.varint() if codec == 2 else None
        segments.append((part, codec, source, reader.varint()))
    need(sum(segment[0] for segment in segments) == size, "sizes do not add up")
    decoder, target = Decoder(), b""
    for part, codec, source, payload in segments:
        target += decoder.segment(part, codec, reader.take(payload),
                                  None if source is None else sources[source])
    need(reader.at == len(patch), "bytes behind the end")
    need(hashlib.sha256(target).digest() == digest, "not the target")
    return target


def main():
    contents = []
    for name in sys.argv[1:2] + sys.argv[3:]:
        with open(name, "rb") as file:
            contents.append(file.read())
    with open(sys.argv[2], "wb") as out:
        out.write(decode(contents[0], contents[1:]))


if __name__ == "__main__":
    main()
