"""Which texts there were already, in memory that does not grow with their number."""

from hashlib import blake2b

BITS = 28  # 32 MiB
PROBES = 4


class Seen:
    """A Bloom filter: what was added is always known; what was not is rarely taken for known.

    At 2 million texts one new text in a million is wrongly taken for an old one.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << (BITS - 3))

    def add(self, text: str) -> bool:
        """Adds a text; returns whether it is new."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4 * PROBES).digest()
        new = False
        for start in range(0, len(digest), 4):
            place = int.from_bytes(digest[start : start + 4], "little") >> (32 - BITS)
            bit = 1 << (place & 7)
            if not self._bits[place >> 3] & bit:
                new = True
                self._bits[place >> 3] |= bit
        return new
