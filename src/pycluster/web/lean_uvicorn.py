"""uvicorn without its command line, its supervisors and ``multiprocessing``: 1.5 MiB that no agent needs (ADR 9).

Its package face imports all of them. Here the package is put in place without running its face; its inner modules are
then found as usual.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys


def place() -> None:
    """Before anything of uvicorn is imported; where somebody has imported it already, nothing happens."""
    if "uvicorn" in sys.modules:
        return
    spec = importlib.util.find_spec("uvicorn")
    if spec is None:
        raise ModuleNotFoundError("uvicorn is not installed", name="uvicorn")
    package = sys.modules["uvicorn"] = importlib.util.module_from_spec(spec)
    # The one name of the face that uvicorn's own inner modules ask for.
    vars(package)["Config"] = importlib.import_module("uvicorn.config").Config
