"""What is compiled, and that it is what runs with ``COMPILED=1``."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from hatch_build import compiled
from pycluster.kernel import build
from tests.program import COMPILED, PROGRAM, SOURCES

PACKAGE = SOURCES / "pycluster"


def test_what_a_write_passes_is_compiled() -> None:
    hot = {"consensus/raft.py", "consensus/replication.py", "consensus/journal.py", "node/node.py", "node/replica.py"}
    assert hot | {"store/store.py", "store/transaction.py", "runtime/driver.py"} <= set(compiled(PACKAGE))


def test_the_program_says_which_it_is() -> None:
    assert (PROGRAM == COMPILED) == build.COMPILED


@pytest.mark.parametrize(
    "content",
    [
        "class Record(Struct): ...",
        "class Record(Base, frozen=True): ...",
        "@record\nclass Record: ...",
        "def each():\n    try:\n        yield\n    finally:\n        done()",
    ],
)
def test_what_mypyc_would_make_something_else_of_is_refused(content: str, tmp_path: Path) -> None:
    for module in compiled(PACKAGE):
        (tmp_path / module).parent.mkdir(exist_ok=True)
        (tmp_path / module).write_text("class Plain: ...\n\n\nclass Fault(Exception): ...\n")
    assert compiled(tmp_path) == compiled(PACKAGE)
    (tmp_path / "store" / "watches.py").write_text(content)
    with pytest.raises(RuntimeError, match=r"cannot be compiled.*: store/watches\.py$"):
        compiled(tmp_path)


@pytest.mark.parametrize("module", compiled(PACKAGE))
def test_it_is_machine_code_that_runs_where_it_is_asked_for(module: str) -> None:
    found = importlib.import_module("pycluster." + module.removesuffix(".py").replace("/", "."))
    assert found.__file__ is not None
    assert Path(found.__file__).suffix == (".so" if PROGRAM == COMPILED else ".py")
    assert Path(found.__file__).is_relative_to(PROGRAM)
