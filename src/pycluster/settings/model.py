"""What the agent is told, where each value came from, and the error that names every mistake at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address, Seed


class Hook(msgspec.Struct, frozen=True):
    """A local command that runs on local events: an argument list, no shell. ``timeout_s`` in seconds."""

    name: str
    on: tuple[str, ...]
    command: tuple[str, ...]
    timeout_s: float = 10.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that flags, environment and file decide, checked.

    ``advertise`` has a numeric host. ``data_dir`` is empty for the default place. ``web`` is ``(host, port)``; an
    empty host means every address. ``seeds`` stand in the file's order. ``membership``, ``consensus``,
    ``following`` and ``state`` are raw text for the cores' parameters, whose owners judge them.
    """

    cluster: str
    name: str
    bind_host: str = "0.0.0.0"
    port: int = 7946
    advertise: Address | None = None
    data_dir: str = ""
    web: tuple[str, int] | None = None
    http_names: tuple[str, ...] = ()
    log_format: Literal["text", "json"] = "text"
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    seeds: tuple[Seed, ...] = ()
    join: tuple[tuple[str, int], ...] = ()
    hooks: tuple[Hook, ...] = ()
    membership: dict[str, str] = {}
    consensus: dict[str, str] = {}
    following: dict[str, str] = {}
    state: dict[str, str] = {}


class Source(msgspec.Struct, frozen=True):
    """Where a value came from. ``where`` is ``cluster.conf:3``, ``PYCLUSTER_PORT`` or ``-port``; for a default it is
    empty, or says what the default was made from."""

    kind: Literal["default", "file", "environment", "flag"]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


#: Judges the parameters' text, by section, with each one's source (``membership.probe_interval_ms``): the mistakes.
Judge = Callable[[Mapping[str, Mapping[str, str]], Mapping[str, Source]], Sequence[str]]


class Loaded(msgspec.Struct, frozen=True):
    """Settings, the file they were read from (empty: none), warnings, and the source of every value.

    ``sources`` uses the names that people type: ``port``, ``bind_address``, ``nodes.node001``, ``tags.rack``,
    ``hook.vip``, ``membership.probe_interval_ms``.
    """

    settings: Settings
    path: str
    warnings: tuple[str, ...]
    sources: dict[str, Source]


class SettingsError(LocalMisuse):
    """The settings cannot be used. ``problems`` has one line for every mistake; ``warnings`` what else was noticed."""

    def __init__(self, problems: tuple[str, ...], warnings: tuple[str, ...] = ()) -> None:
        self.problems = problems
        self.warnings = warnings
        super().__init__(
            "the settings cannot be used",
            why="; ".join(problems),
            remedy="correct them; `pycluster settings check` tells whether anything is left",
        )

    def __str__(self) -> str:
        return "\n".join((f"{self.what}:", *self.problems))
