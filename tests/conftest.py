"""What holds for every test: with ``PYCLUSTER_NO_SKIP=1`` nothing may skip, so that no proof goes missing unseen; with
``COMPILED=1`` the program is what `make compiled` made, here and in every agent.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

if os.environ.get("COMPILED") == "1":
    from tests.program import PROGRAM

    sys.path.insert(0, str(PROGRAM))

# How long an example takes says something of the machine, and nothing of the product.
settings.register_profile("pycluster", deadline=None)
settings.load_profile("pycluster")


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail") and os.environ.get("PYCLUSTER_NO_SKIP") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may skip here (PYCLUSTER_NO_SKIP=1), yet: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, pytest.TestReport]:
    report: pytest.TestReport = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    report: pytest.CollectReport = yield
    _forbid_skip(report)
    return report


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay to the end: what tests leave behind is found without looking at them again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """The end of the process meets everything as it always does."""
    gc.unfreeze()
