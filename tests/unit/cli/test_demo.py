"""The demo's parts; ``tests/cluster/test_demo.py`` runs all of it."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from pycluster.cli.demo.actor import Speech
from pycluster.cli.demo.programme import programme
from pycluster.cli.demo.stage import free_port, stage
from pycluster.cli.demo.stops import Stops
from pycluster.cli.demo.voices import Voices
from pycluster.kernel.errors import LocalFault
from pycluster.settings import load
from tests.unit.cli.console import Terminal


def test_the_stage_is_a_cluster_file_for_all_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(3) as plan:
        settings = load(plan.config, {}, {"name": "node002"}, "elsewhere").settings
        assert [(seed.name, seed.host, seed.port) for seed in settings.seeds] == [
            ("node001", "127.0.0.1", plan.port),
            ("node002", "127.0.0.2", plan.port),
            ("node003", "127.0.0.3", plan.port),
        ]
        Path(plan.places[0].data_dir).mkdir()
        assert plan.web_port != plan.port
    assert not Path(plan.folder).exists()


def test_the_stage_is_removed_when_the_play_fails() -> None:
    folders: list[str] = []

    def fail() -> None:
        with stage(1) as plan:
            folders.append(plan.folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [Path(folder).exists() for folder in folders] == [False]


def test_a_port_is_free_on_every_address_for_every_kind() -> None:
    hosts, kinds = ["127.0.0.1", "127.0.0.2"], (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    port = free_port(hosts, kinds)
    for host in hosts:
        for kind in kinds:
            with socket.socket(socket.AF_INET, kind) as bound:
                bound.bind((host, port))


def test_no_free_port_is_told() -> None:
    with pytest.raises(LocalFault) as raised:
        free_port(["192.0.2.1"], (socket.SOCK_STREAM,))
    assert raised.value.why


def test_what_an_agent_says_comes_in_whole_lines() -> None:
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as pipe:
        speech = Speech("node001", pipe)
        said = []
        for chunk in (b"one\ntw", b"o\nthree", b"\xff"):
            os.write(write, chunk)
            said.append(speech.read())
        os.close(write)
        assert said == [["one"], ["two"], []]
        assert speech.read() is None
        assert speech.last_words() == ["three\ufffd"]


def spoken(out: io.StringIO, plain: bool = False) -> str:
    """What two voices print."""
    with contextlib.redirect_stdout(out):
        voices = Voices(["node001", "node010"], plain=plain)
        voices.speak("node010", ["", "Cluster Status:", "evil \x1b[2J"])
        voices.tell("so it is")
    return out.getvalue()


def test_every_line_has_its_speaker_in_front() -> None:
    assert spoken(io.StringIO()) == ("node010 |\nnode010 | Cluster Status:\nnode010 | evil ?[2J\ndemo    | so it is\n")


def test_speakers_have_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[33mnode010 |\x1b[0m Cluster Status:" in spoken(Terminal())
    assert "\x1b" not in spoken(Terminal(), plain=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in spoken(Terminal())


def test_the_programme_names_the_page_of_a_node_that_stays_and_commands_with_real_paths() -> None:
    with stage(3) as plan:
        pids = {place.name: 100 + number for number, place in enumerate(plan.places)}
        text = "\n".join(programme(plan, pids, 5, 15))
        assert f"http://127.0.0.3:{plan.web_port}" in text
        assert f"status -data-dir {plan.places[2].data_dir}" in text
        assert "kill -9 101" in text and "After 5 s" in text and "15 s" in text
    with stage(1) as plan:
        alone = "\n".join(programme(plan, {"node001": 100}, None, None))
        assert "1 agent on 127.0.0.1" in alone and "kill" not in alone.replace("is killed", "")


def test_the_command_it_names_runs() -> None:
    from pycluster.cli.demo.programme import command

    words = [*command().split(), "--version"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True, timeout=60)
    assert done.stdout.startswith("pycluster ")


def test_signals_that_ask_for_the_end_are_counted_and_nothing_else() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stops() as stops:
        stops.look()
        assert stops.count == 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        stops.look()
        assert stops.count == 2
    assert signal.getsignal(signal.SIGTERM) is before
