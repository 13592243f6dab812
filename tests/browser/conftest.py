"""A browser, a page that tells on itself, and a served cluster. Needs Debian's chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pycluster.node.view import StatusView
from pycluster.web import Bounds
from tests.browser.stage import QUICK, Stage
from tests.browser.visit import Visitor

Serve = Callable[..., Stage]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one a module: while it runs, this thread has an event loop, which other tests would stumble over."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine (Debian's package of that name)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a cluster until the test ends."""
    with ExitStack() as open_until_the_end:

        def start(view: StatusView, bounds: Bounds = QUICK) -> Stage:
            return open_until_the_end.enter_context(Stage(tmp_path, view, bounds=bounds))

        yield start


@pytest.fixture
def visitor(browser: Browser, serve: Serve) -> Iterator[Visitor]:
    """Opens pages, closed before ``serve`` ends; none of them may have complained, failed, or called another host."""
    one = Visitor(browser)
    yield one
    one.close()
    assert one.complaints == []
    assert one.strangers == []


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """A page on a desk: 1440 by 900, light."""
    return visitor.page()
