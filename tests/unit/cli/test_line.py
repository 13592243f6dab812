"""How a line is read: dashes, places of options, verbs, mistakes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pycluster.cli.program import PLACES, program
from tests.unit.cli.console import run
from tests.unit.web.fake import Agent


@pytest.mark.parametrize(
    "form",
    [
        ("status", "-o", "name", "-data-dir", "DIR"),
        ("status", "--output", "name", "--data-dir", "DIR"),
        ("status", "-output=name", "-data-dir=DIR"),
        ("status", "-oname", "--data-dir=DIR"),
        ("-o", "name", "-data-dir", "DIR", "status"),
        ("--data-dir", "DIR", "status", "-o", "name"),
        ("-o", "json", "status", "-o", "name", "-data-dir", "DIR"),
    ],
)
def test_options_stand_before_or_after_the_verb_with_one_dash_or_two(agent: Agent, form: tuple[str, ...]) -> None:
    done = run(*(word.replace("DIR", os.path.dirname(agent.path)) for word in form))
    assert (done.code, done.out, done.err) == (0, "node001\n", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stauts", "there is no verb stauts; did you mean status?"),
        ("xyzzy", "there is no verb xyzzy"),
        ("settings chek", "there is no verb settings chek; did you mean check?"),
        ("settings", "missing command"),
        ("members -datadir x", "there is no option -datadir; did you mean -data-dir?"),
        ("members --watsh", "there is no option --watsh; did you mean -watch?"),
        ("tags -data-dri x", "there is no option -data-dri; did you mean -data-dir?"),
        ("-confg x", "there is no option -confg; did you mean -config?"),
        ("status -x", "there is no option -x"),
        ("status -port 1", "there is no option -port"),
        ("-port 1 status", "status does not take -port"),
        ("-y members", "members does not take -yes"),
        ("leave -w", "there is no option -w"),
        ("-o json", "a verb is missing"),
        ("status -o", "option '-o' requires an argument"),
        ("status -o xml", "'xml' is not one of"),
        ("status --timeout 0", "'0' is no time"),
        ("status --timeout soon", "'soon' is no time"),
        ("explain", "missing argument"),
        ("explain why", "'why' is not one of 'leader', 'node'"),
        ("explain node", "explain node needs the name of a node"),
        ("explain leader node001", "did you mean explain node node001?"),
        ("health -o name", "-o name has no meaning here"),
        ("members -l rack", "'rack' is no filter"),
        ("tags rack", "'rack' is no tag"),
        ("join", "missing argument"),
        ("completion csh", "'csh' is not one of"),
        ("demo --nodes 0", "0 is not in the range"),
        ("status --addr nowhere", "'nowhere' is no address of an agent"),
    ],
)
def test_a_mistake_is_told_on_stderr_with_exit_code_2(agent: Agent, line: str, said: str) -> None:
    done = run(*line.split())
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_nothing_at_all_is_a_question_for_help() -> None:
    done = run()
    assert done.code == 0
    for verb in PLACES:
        assert f"\n  {verb} " in done.out


@pytest.mark.parametrize("verb", [*PLACES, "settings check", "settings show"])
@pytest.mark.parametrize("dashes", ["-h", "--help", "-help"])
def test_every_verb_describes_itself(verb: str, dashes: str) -> None:
    done = run(*verb.split(), dashes)
    assert done.code == 0
    assert f"pycluster {verb}" in done.out


def test_every_short_description_fits_on_its_line() -> None:
    assert "..." not in run("--help").out.partition("Commands:")[2]
    assert "..." not in run("settings", "--help").out.partition("Commands:")[2]


def test_version_as_an_option() -> None:
    assert run("--version").out.startswith("pycluster ")
    assert run("-version").code == 0


def test_what_follows_two_dashes_is_no_option(agent: Agent) -> None:
    done = run("rtt", "--", "-node")
    assert done.code == 3
    assert "'-node'" in done.err


def of_process(line: str) -> tuple[int, str]:
    """How a process of its own ends, and what it says on stderr."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = f"{shlex.quote(sys.executable)} -m pycluster {line}"
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize("line", ["completion bash", "--help", "status", "kv get a", "config history a -diff"])
def test_an_answer_that_cannot_be_written_is_told(agent: Agent, line: str) -> None:
    assert run("kv", "put", "a", "b").code == 0
    assert run("config", "put", "a", piped=b"b").code == 0
    assert of_process(f"{line} >/dev/full") == (
        1,
        "the answer was not written: No space left on device (send it elsewhere)\n",
    )


@pytest.mark.parametrize("line", ["kv put a", "config put a"])
def test_what_cannot_be_read_is_not_said_to_be_an_answer_that_was_not_written(line: str) -> None:
    """Nothing is mapped where a process's memory begins."""
    assert of_process(f"{line} </proc/self/mem") == (
        1,
        "standard input cannot be read: Input/output error (nothing was sent)\n",
    )


def test_who_closed_the_standard_output_wants_no_answer() -> None:
    assert of_process("completion bash >&-") == (0, "")


CHILD = """
import sys
from pycluster.cli.program import program
from pycluster.cli.given import Given
context = program.make_context("pycluster", ["agent"], obj=Given())
program.get_command(context, "agent")
print([name for name in sys.modules if name in ("pycluster.client", "yaml", "asyncio", "difflib", "http.client")])
"""


def test_running_an_agent_loads_neither_client_nor_yaml() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    child = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout == "[]\n"


@pytest.mark.parametrize(
    "line",
    [
        ("agent", "-config", "cluster.conf"),
        ("-config", "cluster.conf"),
        ("--config", "cluster.conf", "-bind-address", "0.0.0.0", "-port", "7946", "-web", "0.0.0.0:8080"),
        ("-config", "cluster.conf", "agent", "-join", "a", "-join", "b", "-tag", "a=b"),
        ("-name", "node001", "-port", "much"),
    ],
)
def test_an_agents_flags_with_or_without_the_verb_reach_the_settings(line: tuple[str, ...]) -> None:
    """The file is wrong, so that no agent starts; the mistake shows that it was read."""
    Path("cluster.conf").write_text("[cluster]\nname = demo\ndiscovery_port = much\n")
    done = run(*line)
    assert (done.code, done.out) == (2, "")
    assert "discovery_port" in done.err


def test_all_mistakes_of_an_agents_line_are_told_at_once_and_none_twice() -> None:
    Path("cluster.conf").write_text("[cluster]\ndiscovery_port = much\n[nodes]\nbad name = x\n")
    done = run("agent", "-port", "x", "-tag", "y", "-log-format", "xml")
    assert done.code == 2
    lines = done.err.splitlines()
    for word in ("discovery_port", "bad name", "-port", "-tag", "-log-format"):
        assert len([line for line in lines if word in line]) == 1, done.err


def test_an_agent_does_not_take_what_belongs_to_other_verbs() -> None:
    done = run("-w", "agent")
    assert (done.code, done.err.splitlines()[0][:28]) == (2, "agent does not take -watch (")


def test_the_program_has_no_verb_that_cannot_be_loaded() -> None:
    assert all(program.get_command(program.make_context("pycluster", ["version"]), verb) for verb in PLACES)
