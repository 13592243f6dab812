"""Keys in order, in more blocks than one."""

from __future__ import annotations

from random import Random

from pycluster.store.index import SortedKeys


def test_any_additions_and_removals_leave_a_sorted_set() -> None:
    rng = Random(1)
    index, plain = SortedKeys(), set[bytes]()
    for size in (7_000, 20, 9_000, 0):
        while len(plain) < size:
            key = b"%06d" % rng.randrange(20_000)
            if key not in plain:
                plain.add(key)
                index.add(key)
        for key in rng.sample(sorted(plain), len(plain) - size):
            plain.remove(key)
            index.remove(key)
        ordered = sorted(plain)
        assert (list(index.walk(b"", None)), len(index)) == (ordered, size)
        for _ in range(50):
            start, end = (b"%06d" % rng.randrange(20_000) for _ in range(2))
            wanted = [key for key in ordered if start <= key < end]
            assert list(index.walk(start, end)) == wanted
            assert index.count(start, end) == len(wanted)
            assert index.count(start, None) == sum(key >= start for key in ordered)


def test_keys_that_come_in_order_fill_their_blocks() -> None:
    index = SortedKeys()
    keys = [b"%06d" % number for number in range(5_000)]
    for key in keys:
        index.add(key)
    assert list(index.walk(b"", None)) == keys
    assert index.own(b"004999") is keys[-1]
