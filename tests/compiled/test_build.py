"""What is compiled, and that it is what runs with ``COMPILED=1``."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from hatch_build import compiled
from pycluster.kernel import build
from tests.cluster.agents import COMPILED, PROGRAM, SOURCES

PACKAGE = SOURCES / "pycluster"


def test_what_a_write_passes_is_compiled() -> None:
    hot = {"consensus/raft.py", "consensus/replication.py", "consensus/journal.py", "node/node.py", "node/replica.py"}
    assert hot | {"store/store.py", "store/transaction.py", "runtime/driver.py"} <= set(compiled(PACKAGE))


def test_the_program_says_which_it_is() -> None:
    assert (PROGRAM == COMPILED) == build.COMPILED


def test_no_record_is_compiled() -> None:
    """mypyc would drop its settings, and compare two of them by identity."""
    assert {"consensus/messages.py", "node/effects.py", "node/pending.py", "store/model.py"}.isdisjoint(
        compiled(PACKAGE)
    )
    bases = [
        (module, ast.unparse(base))
        for module in compiled(PACKAGE)
        for one in ast.walk(ast.parse((PACKAGE / module).read_bytes()))
        if isinstance(one, ast.ClassDef)
        for base in one.bases
    ]
    assert {base for _, base in bases} <= {"Exception"}


@pytest.mark.parametrize("module", compiled(PACKAGE))
def test_it_is_machine_code_that_runs_where_it_is_asked_for(module: str) -> None:
    found = importlib.import_module("pycluster." + module.removesuffix(".py").replace("/", "."))
    assert found.__file__ is not None
    assert Path(found.__file__).suffix == (".so" if PROGRAM == COMPILED else ".py")
    assert Path(found.__file__).is_relative_to(PROGRAM)
