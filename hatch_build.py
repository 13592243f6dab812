"""The compiled wheel: what a write passes on its way becomes machine code, by mypyc. Everything else stays as it is.

Only where it is asked for, ``HATCH_BUILD_HOOKS_ENABLE=1``: it takes a C compiler, Python's headers and some minutes.
The sources are the same, and lie in the wheel beside what was made of them.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: What is compiled: the modules that a write passes, by the rooms they are in. The others would only take memory.
MODULES = {
    "consensus": "departure electorate journal kinship lease promise raft reads replication roles state transfer",
    "kernel": "units",
    "node": "announcer asking gate ledger node outbox readings replica retention seating state steering supply voting"
    " watchers",
    "runtime": "clock driver",
    "store": "audience history index keyspace lessor refusals remembered store transaction versions watches",
}


def compiled(package: Path) -> list[str]:
    """The modules of ``package`` that are compiled, by their path in it.

    None of them may define a record of msgspec's: mypyc would make an ordinary class of it, which has none of the
    record's settings and is compared by identity. Nor may one clean up behind a ``yield``: a generator of mypyc's that
    nobody wants any more is not closed.
    """
    found = [f"{room}/{module}.py" for room, modules in MODULES.items() for module in modules.split()]
    unfit = [module for module in found if _defines_records(package / module) or _cleans_up(package / module)]
    if unfit:
        raise RuntimeError(f"cannot be compiled, for what they define: {', '.join(unfit)}")
    return found


def _defines_records(file: Path) -> bool:
    classes = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.ClassDef)]
    return any(one.keywords or one.decorator_list or not _plain(one.bases) for one in classes)


def _cleans_up(file: Path) -> bool:
    blocks = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Try | ast.With)]
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for block in blocks for node in ast.walk(block))


def _plain(bases: list[ast.expr]) -> bool:
    return all(isinstance(base, ast.Name) and base.id == "Exception" for base in bases)


class CompiledCore(BuildHookInterface[Any]):
    """Hatchling's hook: compiles a copy, and has what comes of it packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """``RuntimeError`` with what mypyc said where it does not compile. An editable install is of the sources."""
        self._made = TemporaryDirectory(prefix="pycluster-compiled-")
        if version == "editable":
            return
        source, copy = Path(self.root, "src", "pycluster"), Path(self._made.name, "pycluster")
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
        modules = [f"pycluster/{module}" for module in compiled(copy)]
        # No more than is used: it is resident in every agent.
        flags = {"CFLAGS": "-fno-asynchronous-unwind-tables", "LDFLAGS": "-s"}
        settings = {name: f"{os.environ.get(name, '')} {value}".strip() for name, value in flags.items()}
        settings |= {"MYPYPATH": self._made.name, "MYPYC_OPT_LEVEL": "2", "MYPYC_DEBUG_LEVEL": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "mypyc", *modules],
            cwd=self._made.name,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"mypyc ended with {done.returncode}:\n{done.stdout}")
        # One library with all the code, at the top, and a small one for each module that hands out its part of it.
        for made in [*Path(self._made.name).glob("*.so"), *copy.rglob("*.so")]:
            build_data["force_include"][str(made)] = str(made.relative_to(self._made.name))
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is written."""
        del version, build_data, artifact_path
        self._made.cleanup()
