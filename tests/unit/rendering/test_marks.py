"""Fingerprints: whatever history keys have, what reads differently has another one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pycluster.judging import Place, Reads
from pycluster.rendering.marks import Marks, fingerprint
from pycluster.rendering.model import Around

AROUND = Around(Place("web1", "a:1", "alive", "", "", {}), (), "")
KEYS = (b"up/a", b"up/b", b"up/c", b"port", b"elsewhere")
READS = Reads((b"port",), (b"up/",))


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=40))
def test_two_moments_with_one_fingerprint_read_the_same(history: list[tuple[bytes, bool]]) -> None:
    revisions: dict[bytes, int] = {}
    seen: dict[bytes, dict[bytes, int]] = {}
    for revision, (key, deleted) in enumerate([(b"elsewhere", False), *history], 1):
        if deleted:
            revisions.pop(key, None)
        else:
            revisions[key] = revision
        read = {name: at for name, at in revisions.items() if name != b"elsewhere"}
        print_of = fingerprint(Marks(dict(revisions)), (), READS, AROUND)
        # What was read is told by revisions: a key has one value at each.
        assert seen.setdefault(print_of, read) == read


def test_an_interval_has_what_lies_in_it() -> None:
    marks = Marks({b"a": 1, b"b": 2, b"b/x": 3, b"c": 4})
    assert marks.between(b"b", b"c") == [b"b", b"b/x"]
    assert marks.between(b"b", b"") == [b"b"]
    assert marks.between(b"d", b"") == marks.between(b"d", b"e") == []
    assert marks.of(b"b", b"c") == (2, 3)
    assert marks.of(b"d", b"e") == (0, 0)
