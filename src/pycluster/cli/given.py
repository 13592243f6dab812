"""What was typed, wherever on the line it stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import click

Form = Literal["table", "wide", "json", "jsonl", "yaml", "name"]
FORMS: tuple[Form, ...] = ("table", "wide", "json", "jsonl", "yaml", "name")


class Given:
    """The options that were given, by name with underscores; nothing for those that were not."""

    def __init__(self, *, own_process: bool = False) -> None:
        self.options: dict[str, object] = {}
        #: Whether this process was started for the verb, and may become something else.
        self.own_process = own_process

    def keep(self, name: str, value: object) -> None:
        """Remember an option. Of one given twice the last counts; one that may be repeated is added up."""
        before = self.options.get(name)
        if isinstance(before, tuple) and isinstance(value, tuple):
            value = (*before, *value)
        self.options[name] = value

    def text(self, name: str) -> str:
        """The value of an option, or nothing."""
        return cast(str, self.options.get(name, ""))

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of an option that may be repeated."""
        return cast(tuple[str, ...], self.options.get(name, ()))

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.options.get(name, False))

    def config(self, environment: Mapping[str, str]) -> str | None:
        """The configuration file that was named: ``-config``, then ``PYCLUSTER_CONFIG``."""
        return self.text("config") or environment.get("PYCLUSTER_CONFIG") or None

    @property
    def form(self) -> Form:
        """``-o``."""
        return cast(Form, self.options.get("output", "table"))


pass_given = click.make_pass_decorator(Given)
