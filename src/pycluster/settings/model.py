"""What the agent is told, where each value came from, and the error that names every mistake at once."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.url import Url


class Hook(msgspec.Struct, frozen=True):
    """A local command that runs on local events: an argument list, no shell. ``timeout_s`` in seconds."""

    name: str
    on: tuple[str, ...]
    command: tuple[str, ...]
    timeout_s: float = 10.0


class Selector(msgspec.Struct, frozen=True):
    """One condition on a node: its name, region or zone, or its tag ``key``, is ``value``."""

    scope: Literal["node", "region", "zone", "tag"]
    value: str
    key: str = ""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is rendered on this machine. ``source`` is a local file, or ``entry`` an entry of the configuration.

    ``keys``: what it may read of the state, a key, or with a ``/`` at its end all keys that begin so. ``check`` and
    ``reload`` are argument lists, no shell, empty for none; ``{file}`` in ``check`` is the new file. ``owner`` is
    ``USER`` or ``USER:GROUP``, empty: whoever the agent runs as. ``probe`` says in a rollout whether the service works
    with the new file. ``timeout_s``: of each command, in seconds.
    """

    name: str
    destination: str
    source: str = ""
    entry: str = ""
    keys: tuple[str, ...] = ()
    mode: int = 0o644
    owner: str = ""
    check: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    nodes: tuple[Selector, ...] = ()
    timeout_s: float = 10.0

    @property
    def beside(self) -> str:
        """Where a new file stands until it takes its place. No pattern of a service that reads whole directories takes
        it for its own.
        """
        folder, name = posixpath.split(self.destination)
        return posixpath.join(folder, f".{name}.pycluster")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that flags, environment and file decide, checked.

    ``advertise`` has a numeric host. ``data_dir`` is empty for the default place. ``web`` is ``(host, port)``; an
    empty host means every address. ``backup_directory`` is empty where no backups are made. ``seeds`` stand in the
    file's order. ``state_engine`` says what holds the replicated state; the other ``state_`` fields are for ``etcd``
    alone, their files are absolute paths, empty where there is none.

    ``membership``, ``consensus``, ``following``, ``state`` and ``config`` are raw text for parameters,
    whose owners judge them.
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
    templates: tuple[Template, ...] = ()
    backup_directory: str = ""
    backup_interval_s: float = 3_600.0
    backup_keep: int = 24
    state_engine: Literal["embedded", "etcd"] = "embedded"
    state_endpoints: tuple[Url, ...] = ()
    state_ca_file: str = ""
    state_cert_file: str = ""
    state_key_file: str = ""
    state_user: str = ""
    state_password_file: str = ""
    membership: dict[str, str] = {}
    consensus: dict[str, str] = {}
    following: dict[str, str] = {}
    state: dict[str, str] = {}
    config: dict[str, str] = {}


class Source(msgspec.Struct, frozen=True):
    """Where a value came from. ``where`` is ``cluster.conf:3``, ``PYCLUSTER_PORT`` or ``-port``; for a default it is
    empty, or says what the default was made from."""

    kind: Literal["default", "file", "environment", "flag"]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


#: Judges the parameters' text, by section, with each one's source (``membership.probe_interval_ms``): the mistakes.
#: Among the sections are the node's ``tags``, for which a parameter may be too small.
Judge = Callable[[Mapping[str, Mapping[str, str]], Mapping[str, Source]], Sequence[str]]


class Loaded(msgspec.Struct, frozen=True):
    """Settings, the file they were read from (empty: none), warnings, and the source of every value.

    ``sources`` uses the names that people type: ``port``, ``bind_address``, ``nodes.node001``, ``tags.rack``,
    ``hook.vip``, ``template.web``, ``membership.probe_interval_ms``.
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
