"""Something that goes on beside a test, in a thread: over when the test is, and the test fails where it failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(name: str, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run ``work`` all the while; its event is set when it is to end."""
    over = threading.Event()
    failed: list[Exception] = []

    def run() -> None:
        try:
            work(over)
        except Exception as error:
            failed.append(first(error))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        # First what went wrong beside the test: the test may have waited for it in vain.
        if failed:
            raise failed[0]


def first(error: Exception) -> Exception:
    """Of a task group's errors the first: it is why the other tasks were ended."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
