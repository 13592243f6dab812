"""What a voter asks of its kernel, in order: what an answer tells of is on the disk before the answer leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

import pycluster
from pycluster.agent import SOCKET_NAME
from pycluster.consensus.messages import AppendEntries, AppendReply, VoteReply, VoteRequest
from tests.cluster.agents import fleet
from tests.cluster.three import HOSTS, agents_on, formed, patient, seated
from tests.cluster.traces import (
    LOG,
    RECEIVES,
    SENDS,
    Call,
    calls,
    synced,
    synced_since,
    traced,
    voters_words,
    written_whole,
)

pytestmark = pytest.mark.root


def test_a_vote_is_synced_before_its_answer_is_sent(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    one, two, plain = agents_on(tmp_path, HOSTS)
    three = traced(plain, tmp_path, trace)
    patient(one, two, three)
    with fleet(one, two, three):
        formed((one, two, three))
        seated((one, two, three))
        one.kill()
        two.wait_says("Became new leader: node002")
        three.wait_says("Following new leader: node002")
        three.kill()
        written_whole(trace, three)
    made = calls(trace)
    votes = 0
    for sent, call in enumerate(made):
        if call.name not in SENDS:
            continue
        for word in voters_words(call.data):
            if isinstance(word, VoteReply) and word.granted:
                votes += 1
                asked = request_of(made, word.request_term)
                assert synced(made, asked, sent), f"the vote in term {word.request_term} left unsynced"
    assert votes >= 1, f"{votes} votes in {len(made)} calls"


def request_of(made: list[Call], term: int) -> int:
    """Where the request for ``term`` came."""
    return next(
        at
        for at, call in enumerate(made)
        if call.name in RECEIVES
        and any(isinstance(word, VoteRequest) and word.term == term for word in voters_words(call.data))
    )


def test_a_write_is_synced_at_both_voters_of_two_before_it_is_acknowledged(tmp_path: Path) -> None:
    """The third is dead, so that the leader has to count itself, and the follower."""
    plain = agents_on(tmp_path, HOSTS)
    traces = tmp_path / "leader", tmp_path / "follower"
    one, two, three = traced(plain[0], tmp_path, traces[0]), traced(plain[1], tmp_path, traces[1]), plain[2]
    values = [f"marked-{number:03d}" for number in range(20)]
    patient(one, two, three)
    with fleet(one, two, three):
        formed((one, two, three))
        seated((one, two, three))
        three.kill()
        with pycluster.connect(f"unix:{one.data_dir / SOCKET_NAME}", timeout_s=60.0) as client:
            for value in values:
                client.put("key", value)
        one.kill()
        two.kill()
        for trace, agent in zip(traces, (one, two), strict=True):
            written_whole(trace, agent)
    leaders, followers = (calls(trace) for trace in traces)
    for value in values:
        leader_syncs(leaders, value.encode())
    replies = sum(follower_syncs(followers, value.encode()) for value in values)
    assert replies >= len(values) // 2, f"{replies} of {len(values)} replies were found"


def written_at(made: list[Call], value: bytes) -> int:
    """Where the log first got ``value``."""
    found = [at for at, call in enumerate(made) if call.name == "pwrite64" and call.file.endswith(LOG)]
    return next(at for at in found if value in made[at].data)


def leader_syncs(made: list[Call], value: bytes) -> None:
    """The client's answer leaves after the sync; it asks for one thing at a time."""
    asked = next(at for at, call in enumerate(made) if call.name in RECEIVES and value in call.data)
    answers = (at for at, call in enumerate(made) if call.name in SENDS and call.data.startswith(b"HTTP/1.1 200"))
    answered = next(at for at in answers if at > asked)
    assert synced_since(made, written_at(made, value), answered), f"{value!r} was acknowledged unsynced"


def follower_syncs(made: list[Call], value: bytes) -> bool:
    """Whether the entry and the reply that covers it were recognised; the reply then left after the sync."""
    for at, call in enumerate(made):
        if call.name not in RECEIVES or value not in call.data:
            continue
        for word in voters_words(call.data):
            if not isinstance(word, AppendEntries) or not word.entries:
                continue
            covering = (sent for sent in range(at, len(made)) if replies_for(made[sent], word.entries[-1].index))
            sent = next(covering, None)
            if sent is not None:
                assert synced_since(made, written_at(made, value), sent), f"the reply for {value!r} left unsynced"
                return True
    return False


def replies_for(call: Call, index: int) -> bool:
    """Whether it sends an ``AppendReply`` that covers ``index``."""
    return call.name in SENDS and any(
        isinstance(word, AppendReply) and word.success and word.match_index >= index for word in voters_words(call.data)
    )
