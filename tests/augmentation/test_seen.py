"""Which texts there were already."""

import tracemalloc

from kdlight.augmentation.seen import Seen


def test_what_was_added_is_known():
    seen = Seen()
    assert [seen.add(text) for text in ("a", "b", "a", "", "", "b")] == [
        *(True, True, False, True, False, False)
    ]


def test_new_texts_are_rarely_taken_for_old_ones():
    """At 50,000 texts the filter errs once in 10^12."""
    seen = Seen()
    assert all(seen.add(f"text {number}") for number in range(50_000))
    assert not any(seen.add(f"text {number}") for number in range(50_000))


def test_memory_does_not_grow():
    tracemalloc.start()
    seen = Seen()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(20_000):
        seen.add(f"text {number}")
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 10_000
