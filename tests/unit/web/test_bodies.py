"""Bodies of etcd's API in pieces: how often they are read, and what is said of those that are malformed."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from collections.abc import Iterable

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.node.keyviews import bytes_of
from pycluster.web.asgi import Message
from pycluster.web.gateway.bodies import Values
from pycluster.web.gateway.protojson import Malformed, Real, Unfinished, first, integer, octets, parse

DOCUMENT = (
    r'{ "a" : [ 1 , -2.5e+10 , true,false , null , "x\u00e9\ud83d\ude00\n\"[{" , [ ] , {} ] , "b\\": { "c":0.1E-5 } }'
)
LIMIT = 65_536


class Pieces:
    """A body that comes in pieces; ``taken`` of them were asked for, and ``read`` is how often it was read."""

    def __init__(self, pieces: Iterable[bytes], whole: bool = True) -> None:
        self._pieces = list(pieces)
        self._whole = whole
        self.taken = 0
        self.read = 0

    async def receive(self) -> Message:
        self.taken += 1
        more = self.taken < len(self._pieces) or not self._whole
        return {"type": "http.request", "body": self._pieces[self.taken - 1], "more_body": more}

    def values(self) -> list[object]:
        async def all_of_them() -> list[object]:
            return [value async for value in Values(self.receive, LIMIT, self._first)]

        return asyncio.run(all_of_them())

    def _first(self, text: str) -> tuple[object, str]:
        self.read += 1
        return first(text)


def bytewise(text: str) -> list[bytes]:
    return [bytes((one,)) for one in text.encode()]


@pytest.mark.parametrize("length", range(1, len(DOCUMENT)))
def test_every_beginning_of_a_value_is_unfinished(length: int) -> None:
    with pytest.raises(Unfinished, match=r"^unexpected EOF$"):
        first(DOCUMENT[:length])


@pytest.mark.parametrize(
    "text", ["[1x", "[1,]", "]", "x", "{x", '{"a"x', '{"a":x', "{'a'", r'{"a":"\q"', r'["\u12z', '["\x01', '["a"."']
)
def test_what_no_more_of_it_would_mend_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match=r"^invalid character") as found:
        first(text)
    assert type(found.value) is Malformed


def test_pieces_of_a_byte_are_read_a_few_times() -> None:
    text = f"{DOCUMENT}\n{DOCUMENT} " + '["' + r"\\" * 1_000 + '"]' + '{"é":"😀"}'
    coming = Pieces(bytewise(text))
    whole = Pieces([text.encode()])
    assert coming.values() == whole.values()
    assert whole.read == 4
    # Each value at its end, and before that at every power of two.
    assert coming.read <= 4 + 8 + 8 + 12 + 5


def test_what_goes_on_is_not_read_anew_with_each_piece() -> None:
    coming = Pieces([b"[" + b"[0]," * 14_000, *bytewise("[0]," * 1_000)])
    with pytest.raises(Unfinished):
        coming.values()
    assert (coming.taken, coming.read) == (4_001, 2), "at first, and when no more came"


def test_a_value_is_there_as_soon_as_its_last_bracket_is() -> None:
    async def play() -> None:
        coming = Pieces([b'{"a": "}', b"\\", b'"", "b": [{}]', b"}"], whole=False)
        async for value in Values(coming.receive, LIMIT):
            assert (value, coming.taken) == ({"a": '}"', "b": [{}]}, 4)
            return

    asyncio.run(play())


def test_what_is_malformed_is_told_without_waiting_for_more() -> None:
    coming = Pieces([b'{"a":x', b"}"])
    with pytest.raises(Malformed, match=r"^invalid character 'x' looking for beginning of value$"):
        coming.values()
    assert (coming.taken, coming.read) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Zm9v=", 4), ("Zm9v==", 4), ("Zm9v===", 4), ("Zm9v====", 4), ("Zm8==", 4), ("Zg===", 4), ("Zg======", 4),
        ("Zm9v\n=", 5), ("Zm9v\n====", 5), ("Zg=\n==", 5), ("====", 0), ("Zm9vZg====", 8), ("Zg==Zg==", 4),
    ],
)  # fmt: skip
def test_padding_that_no_group_wants_is_no_base64(text: str, place: int) -> None:
    with pytest.raises(Malformed) as found:
        octets(text)
    assert str(found.value) == f"illegal base64 data at input byte {place}"
    with pytest.raises(LocalMisuse, match="no base64"):
        bytes_of(text, "base64")


def test_base64_is_read_as_its_grammar_has_it() -> None:
    grammar = re.compile("(?:[Zg9]{4})*(?:[Zg9]{2}==|[Zg9]{3}=)?")
    for length in range(9):
        for letters, padding in ((count, length - count) for count in range(length + 1)):
            text = ("Zg99Zg9Z" * 2)[:letters] + "=" * padding
            if grammar.fullmatch(text):
                assert octets(text) == bytes_of(text, "base64") == b64decode(text)
            else:
                with pytest.raises(Malformed):
                    octets(text)


def test_bytes_may_be_an_array() -> None:
    assert octets([97, None, 255]) == b"a\0\xff" and octets([]) == b""
    wrong: list[tuple[object, str]] = [
        ("a", "string"), (256, "number 256"), (-1, "number -1"), (Real("1.0"), "number 1.0"), (True, "bool"),
    ]  # fmt: skip
    for one, kind in wrong:
        with pytest.raises(Malformed) as found:
            octets([1, one, []])
        assert str(found.value) == f"json: cannot unmarshal {kind} into Go value of type uint8"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"limit":NaN}', "'N' looking for beginning of value"),
        (b'[1,Infinity]', "'I' looking for beginning of value"),
        (b'-Infinity', "'I' in numeric literal"),
        (b'[-}', "'}' in numeric literal"),
        (b'\xef\xbb\xbf{}', "'\u00ef' looking for beginning of value"),
        ("{é".encode(), "'\u00c3' looking for beginning of object key string"),
        (b'\xa0', r"'\u00a0' looking for beginning of value"),
        (b'\x7f', r"'\x7f' looking for beginning of value"),
        (b'["\x01"]', r"'\x01' in string literal"),
        (b'\x0b', r"'\v' looking for beginning of value"),
        (b"'", r"'\'' looking for beginning of value"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_said_in_the_words_of_go(body: bytes, said: str) -> None:
    with pytest.raises(Malformed) as found:
        parse(body)
    assert str(found.value) == f"invalid character {said}"


def test_a_quoted_integer_is_json_within() -> None:
    for text, said in (
        ("NaN", "'N' looking for beginning of value"),
        ("1\u00e9", "'\u00c3' after top-level value"),
        ("\ud800", "'\u00ef' looking for beginning of value"),
    ):
        with pytest.raises(Malformed) as found:
            integer(text)
        assert str(found.value) == f"invalid character {said}"


def test_a_mistake_far_into_a_body_is_told_without_its_place() -> None:
    for count, where in ((1_000, "array element"), (1_100, "array element or object key:value pair")):
        with pytest.raises(Malformed) as found:
            parse(b"[" + b"[0]," * count + b"0 x")
        assert str(found.value) == f"invalid character 'x' after {where}"
    for count, where in ((4_095, " at input byte 4095"), (4_096, "")):
        with pytest.raises(Malformed) as found:
            octets("A" * count + "!")
        assert str(found.value) == f"illegal base64 data{where}"
