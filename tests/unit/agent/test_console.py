"""The console prints the origin's words, and never waits for its reader."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.agent.console import Console, LogFormat, LogToConsole, status_block
from pycluster.agent.quota import PEER_LINES_BURST
from pycluster.node.view import (
    ClusterEvent,
    Counts,
    LeaderView,
    LocalHealthView,
    MemberView,
    QuorumView,
    StatusView,
)


def member(
    name: str, *, host: str = "", role: str = "follower", state: str = "alive", seen: int | None = 1_000
) -> MemberView:
    return MemberView(
        name=name,
        uuid="u",
        host=host or name,
        address="127.0.0.1:7946",
        state=state,  # type: ignore[arg-type]
        role=role,  # type: ignore[arg-type]
        voter=True,
        local=name == "node001",
        last_seen_ms=seen,
    )


def sheet(*members: MemberView, leader: str = "node001", reason: str = "") -> StatusView:
    return StatusView(
        cluster="proxy",
        name="node001",
        uuid="u",
        address="127.0.0.1:7946",
        version="0",
        now_us=0,
        started_us=0,
        boot_id="b",
        leader=LeaderView(leader, "u", 1, 0, acting=True, reason=reason),
        quorum=QuorumView("bootstrapped", "c", (), 2, 3, local_is_voter=True),
        counts=Counts(3, 0, 0, 0, 0),
        health=LocalHealthView("passing", 0),
        members=members,
        acting_intervals=(),
        leader_history=(),
    )


def test_the_status_block_is_the_origins() -> None:
    block = status_block(
        sheet(
            member("node001", role="leader"),
            member("node003", host="node003.example", seen=1_400),
            member("node002", host="node002.example", seen=65_000, state="down", role="unknown"),
            member("node004", seen=None, state="unknown", role="unknown"),
        )
    )
    assert block == (
        "\n"
        "Cluster Status:\n"
        "Local node: node001 (State: leader)\n"
        "Leader: node001\n"
        "Cluster nodes:\n"
        "- node003.example (State: follower, Last seen: 1s)\n"
        "- node002.example (State: unknown, Last seen: 1m5s) [down]\n"
        "- node004 (State: unknown, Last seen: never) [unknown]\n"
    )


def test_no_leader_says_why() -> None:
    block = status_block(sheet(member("node001"), leader="", reason="reaches 2 of 5 voters, 3 needed"))
    assert "Leader: none (reaches 2 of 5 voters, 3 needed)\n" in block


class Pipes:
    """``out`` and ``err``: (reading end, writing end)."""

    def __init__(self) -> None:
        self.out = os.pipe()
        self.err = os.pipe()

    def console(self, log_format: LogFormat) -> Console:
        return Console(log_format, out=self.out[1], err=self.err[1])

    def close(self) -> None:
        for descriptor in (*self.out, *self.err):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """The console's two streams, as pipes."""
    pipes = Pipes()
    yield pipes
    pipes.close()


def test_events_carry_the_origins_time_stamp_on_stderr(pipes: Pipes) -> None:
    console = pipes.console("text")
    console.event(ClusterEvent(1, "member-up", "New node discovered: node002", 0, wall_ms=1_730_205_352_000))
    console.event(ClusterEvent(2, "bad", "two\nlines\x1b[31m", 0, wall_ms=1_730_205_352_000))
    console.close(60)
    lines = os.read(pipes.err[0], 10_000).decode().splitlines()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d New node discovered: node002", lines[0])
    assert lines[1].endswith("two?lines?[31m")


def test_json_lines_are_one_object_each(pipes: Pipes) -> None:
    console = pipes.console("json")
    console.event(ClusterEvent(1, "member-up", "New node discovered: node002", 5, "node002", wall_ms=7))
    console.status(sheet(member("node001", role="leader")))
    console.close(60)
    event = json.loads(os.read(pipes.err[0], 10_000))
    assert (event["kind"], event["node"]) == ("member-up", "node002")
    assert json.loads(os.read(pipes.out[0], 10_000))["leader"] == "node001"


def test_an_error_that_is_logged_brings_its_traceback_line_by_line(pipes: Pipes) -> None:
    console, logger = pipes.console("json"), logging.Logger("alone")
    logger.addHandler(LogToConsole(console))
    try:
        raise MemoryError("no more of it")
    except MemoryError:
        logger.exception("The log-writer failed")
    logger.info("nobody needs to know")
    console.close(60)
    said = [json.loads(line) for line in os.read(pipes.err[0], 10_000).splitlines()]
    assert (said[0]["kind"], said[0]["text"]) == ("agent-log", "The log-writer failed")
    assert {line["kind"] for line in said[1:]} == {"internal-error"}
    assert said[1]["text"].startswith("Traceback") and said[-1]["text"] == "MemoryError: no more of it"


def test_a_reader_that_does_not_read_costs_lines_not_time(pipes: Pipes) -> None:
    console = pipes.console("text")
    for number in range(20_000):
        console.say("note", f"{number} " + "x" * 200)
    console.close(patience_s=0.05)
    got = b""
    while len(got) < 1_000:
        got += os.read(pipes.err[0], 1_000)
    os.close(pipes.err[0])
    console.close(60)
    assert not console._thread.is_alive(), "a reader that goes away ends the wait"


def test_a_reader_that_went_away_is_no_error(pipes: Pipes) -> None:
    os.close(pipes.err[0])
    console = pipes.console("text")
    for _ in range(3):
        console.say("note", "nobody reads this")
    console.close(60)
    assert not console._thread.is_alive()


def test_a_full_file_system_costs_lines_and_says_so_once_there_is_room(pipes: Pipes) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    console = Console("text", out=pipes.out[1], err=full)
    console.say("note", "lost")
    while console._dropped == 0:
        assert console._thread.is_alive()
    os.dup2(pipes.err[1], full)
    console.say("note", "kept")
    console.close(60)
    os.close(full)
    lines = os.read(pipes.err[0], 10_000).decode().splitlines()
    assert [line[20:] for line in lines] == ["1 lines were dropped: nothing took them in time", "kept"]


def test_a_terminal_that_somebody_made_non_blocking_gets_every_line(pipes: Pipes) -> None:
    os.set_blocking(pipes.err[1], False)
    console = pipes.console("text")
    for number in range(500):
        console.say("note", f"{number} " + "x" * 1_000)
    got = b""
    while b" 499 " not in got:
        got += os.read(pipes.err[0], 65_536)
    console.close(60)
    assert got.count(b"\n") >= 499


def test_a_name_from_the_network_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in status_block(sheet(member("node001"), member("node\x1b[31m"), leader="node\x1b[31m"))


def test_a_flood_about_one_node_is_cut_and_told_with_the_next_status_block(tmp_path: Path) -> None:
    writer = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)
    console = Console("text", lambda: 0.0, writer, writer)
    for number in range(PEER_LINES_BURST + 50):
        console.event(ClusterEvent(number, "leader-changed", f"Following: x (term {number})", 60_000_000, "x"))
    console.event(ClusterEvent(9_998, "leader-lost", "Stopped leading", 60_000_000, "y"))
    console.status(msgspec.structs.replace(sheet(member("node001")), now_us=125_000_000))
    console.close(60)
    os.close(writer)
    lines = [line[20:] for line in (tmp_path / "console").read_text().splitlines() if line.startswith(("19", "20"))]
    assert lines[:-2] == [f"Following: x (term {number})" for number in range(PEER_LINES_BURST)]
    assert lines[-2:] == [
        "Stopped leading",
        "50 more lines about x were kept back: 50 leader-changed, the last: Following: x (term 61)",
    ]


def test_what_was_kept_back_is_told_before_the_end(pipes: Pipes) -> None:
    console = pipes.console("json")
    for number in range(PEER_LINES_BURST + 2):
        console.event(ClusterEvent(number, "leader-lost", "Stopped leading", 60_000_000, "x"))
    console.close(60)
    last = json.loads(os.read(pipes.err[0], 100_000).splitlines()[-1])
    assert last["kind"] == "lines-left-out"
    assert last["text"] == "2 more lines about x were kept back: 2 leader-lost, the last: Stopped leading"
