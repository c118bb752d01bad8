# SPDX-License-Identifier: Apache-2.0
"""Varints, the range coder, counters, mixing and numbers (§§1, 3, 4)."""
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
    """Division that rounds towards zero: exact, as b is a power of two and a below 2^53."""
    return int(a / b)


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
        counter = self.all.get(key)
        if counter is None:
            counter = self.all[key] = [1 << 21, 0]
        return counter

    def group(self, key):
        """16 counters."""
        counters = self.all.get(key)
        if counters is None:
            counters = self.all[key] = [[1 << 21, 0] for _ in range(16)]
        return counters

    def update(self, counter, bit):
        p, n = counter
        if bit:
            counter[0] = p + ((2**22 - 1 - p) * RATES[n] >> 16)
        else:
            counter[0] = p - (p * RATES[n] >> 16)
        if n < self.limit:
            counter[1] = n + 1

    def code(self, coder, key):
        counter = self.get(key)
        bit = coder.bit(max(1, counter[0] >> 6))
        self.update(counter, bit)
        return bit


class Mixer:
    def __init__(self, counters, rate, weight=19660):
        self.counters, self.rate, self.weight, self.weights = counters, rate, weight, {}

    def code(self, coder, keys, *numbers):
        """A bit under the counters with these keys."""
        return self.mix(coder, [self.counters.get(key) for key in keys], *numbers)

    def mix(self, coder, counters, *numbers):
        """A bit under these counters, with the sum of the sets of weights of these numbers."""
        sets = [self.weights.setdefault(n, [self.weight] * len(counters)) for n in numbers]
        s = [STRETCH[c[0] >> 10] for c in counters]
        x = quotient(sum(a * quotient(sum(w), 64) for a, w in zip(s, zip(*sets))), 1024)
        one = SQUASH[clamp(x, -3072, 3072) + 3072]
        bit = coder.bit(one)
        e = quotient((65536 * bit - one) * self.rate, 64)
        for i, c in enumerate(counters):
            step = quotient(s[i] * e, 16384)
            for weights in sets:
                weights[i] = clamp(weights[i] + step, -2**20, 2**20)
            self.counters.update(c, bit)
        return bit


def group_of(b, context, prefix):
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
