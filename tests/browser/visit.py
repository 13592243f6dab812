"""Who looks at the page, and notes everything that a page should not do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

#: What a browser says by itself while the server is away; nothing else is forgiven, and this only when asked for.
AWAY = (
    "net::ERR_CONNECTION_CLOSED",
    "net::ERR_CONNECTION_REFUSED",
    "net::ERR_CONNECTION_RESET",
    "net::ERR_EMPTY_RESPONSE",
    "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
)

#: A busy machine shows late what it shows at all.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


class Visitor:
    """Pages in a browser, each in a context of its own; ``complaints`` and ``strangers`` are to stay empty."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open: list[Page] = []
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.server_may_go = False
        #: Refusals that the test is about: a browser logs each by itself.
        self.refusals: tuple[int, ...] = ()

    def page(self, width: int = 1440, height: int = 900, **options: Any) -> Page:
        """A new page in a new context; ``options`` are the context's."""
        options = {"color_scheme": "light", "locale": "en-GB", "timezone_id": "UTC", **options}
        context = self._browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._on_request)
        self._open.append(page)
        return page

    def close(self) -> None:
        """Close what was opened."""
        for page in self._open:
            page.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if self.server_may_go and any(code in message.text for code in AWAY):
            return
        if any(f"the server responded with a status of {status} " in message.text for status in self.refusals):
            return
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "about") and address.hostname != "127.0.0.1":
            self.strangers.append(request.url)
