"""Flags, then environment, then file, then defaults: one value each, every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycluster.kernel.ids import Address, is_name
from pycluster.settings import values
from pycluster.settings.document import Document, Given, read
from pycluster.settings.engine import judge_engine
from pycluster.settings.findings import AFTERWARDS, ENVIRONMENT, FLAGS, Findings, Place, shown
from pycluster.settings.hooks import hooks
from pycluster.settings.model import Judge, Loaded, Settings, SettingsError, Source
from pycluster.settings.nodes import Consequences, seeds, warn_of_consequences
from pycluster.settings.options import (
    DEFAULT_PORT,
    ELSEWHERE,
    NO_PARAMETERS,
    OPTIONS,
    PREFIX,
    RAW,
    TAG_FLAG,
    TAGS_VARIABLE,
    Option,
)
from pycluster.settings.options import FLAGS as FLAG_NAMES
from pycluster.settings.tags import judge_tags, tags, tags_of
from pycluster.settings.templates import templates

_HOST_NAME = Source("default", "(this machine's host name)")


def load(
    path: str | None,
    environment: Mapping[str, str],
    flags: Mapping[str, object],
    hostname: str,
    judge: Judge | None = None,
) -> Loaded:
    """The settings of this agent. Reads the one file, nothing else.

    ``path``: the file; ``None`` for ``cluster.conf`` in the working directory if there is one. ``flags``: those given,
    by name with underscores; ``join`` and ``tag`` are tuples. ``hostname``: this machine's, whole. An empty variable
    counts as not set. ``judge`` is asked about the parameters' text, whatever else is wrong. Raises ``SettingsError``
    with every mistake in file, environment and flags.
    """
    findings = Findings()
    loading = _Loading(read(path, findings), environment, flags, findings)
    settings = loading.settings(hostname)
    judged = tuple(judge(loading.raw, loading.sources)) if judge is not None else ()
    if settings is None or findings.problems or judged:
        raise SettingsError(findings.problems + judged, findings.warnings)
    return Loaded(settings, loading.document.path, findings.warnings, loading.sources)


class _Loading:
    """One call of ``load``."""

    def __init__(
        self, document: Document, environment: Mapping[str, str], flags: Mapping[str, object], findings: Findings
    ) -> None:
        self.document = document
        self.sources: dict[str, Source] = {}
        #: The text for the cores' parameters, by section; and the node's tags, once nothing is wrong.
        self.raw: dict[str, dict[str, str]] = {}
        self._findings = findings
        self._variables = {
            key.removeprefix(PREFIX): value for key, value in environment.items() if key.startswith(PREFIX) and value
        }
        self._flags = {name: value for name, value in flags.items() if value is not None and _texts(value)}

    def settings(self, hostname: str) -> Settings | None:
        """The result, or ``None`` where a mistake leaves nothing to build."""
        self._reject_unknown()
        fields: dict[str, Any] = {option.field: self._decide(option) for option in OPTIONS}
        if self.sources["name"].kind == "default":
            fields["name"] = self._short(hostname)
        own_port, listed_port = fields["port"], self._listed_port()
        if fields["advertise"] is not None:
            host, port = fields["advertise"]
            fields["advertise"] = Address(host, port or own_port)
        fields["join"] = tuple((host, port or listed_port) for host, port in fields["join"])
        place = Place(f"{self.document.label}: [nodes]".removeprefix(": "), Source("file"), AFTERWARDS)
        fields["seeds"] = seeds(self.document.section("nodes"), listed_port, place, self._findings)
        fields["tags"], tag_sources = tags(self.document.section("tags"), self._tag_pairs(), self._findings)
        fields["hooks"] = hooks(self.document.all_named("hook"), self._findings)
        fields["templates"] = templates(self.document.all_named("template"), self._findings)
        for section in RAW:
            fields[section] = self.raw[section] = self._raw(section)
        if self._findings.problems or not fields["name"]:
            return None
        result = Settings(**fields)
        judge_engine(result, self._place, self._findings)
        judge_tags(result, self._findings)
        if self._findings.problems:
            return None
        self.raw["tags"] = tags_of(result)
        self.sources |= {f"nodes.{seed.name}": self._said("nodes", seed.name) for seed in result.seeds}
        self.sources |= {f"tags.{key}": source for key, source in tag_sources.items()}
        for word, named in self.document.named.items():
            self.sources |= {f"{word}.{section.name}": section.place.source for section in named}
        listed = tuple(seed.name for seed in result.seeds)
        hosts = {seed.host: seed.name for seed in result.seeds}
        known_as = hostname if hostname in listed else hosts.get(hostname, "")
        warn_of_consequences(Consequences(listed, result.name, known_as, bool(result.join)), place, self._findings)
        return result

    def _said(self, section: str, key: str) -> Source:
        given = self.document.of(section, key)
        return given.place.source if given else Source("default")

    def _decide(self, option: Option) -> object:
        """The strongest right value. The others are judged too: what a flag hides today bites without it."""
        value, source = option.default, Source("default")
        for given in self._given(option):
            try:
                value, source = option.parse(given.text), given.place.source
            except ValueError as error:
                source = given.place.source
                self._findings.mistake(given.place, str(error))
        self.sources[option.name] = source
        return value

    def _place(self, name: str) -> Place:
        """Where the setting was said last; made up where it was not."""
        option = next(option for option in OPTIONS if option.name == name)
        given = self._given(option)
        return given[-1].place if given else Place(f"[{option.keys[0][0]}]", Source("default"), AFTERWARDS)

    def _given(self, option: Option) -> list[Given]:
        """Everything said about one setting, the weaker first."""
        found = [given for key in reversed(option.keys) if (given := self.document.of(*key))]
        if option.name.upper() in self._variables:
            found.append(self._variable(option.name.upper()))
        if option.flag and option.name in self._flags:
            found.append(Given(",".join(_texts(self._flags[option.name])), _flag_place(option.name)))
        return found

    def _variable(self, name: str) -> Given:
        label = shown(PREFIX + name)
        return Given(self._variables[name], Place(label, Source("environment", label), ENVIRONMENT))

    def _tag_pairs(self) -> list[Given]:
        pairs = []
        if TAGS_VARIABLE in self._variables:
            whole = self._variable(TAGS_VARIABLE)
            pairs = [Given(text, whole.place) for text in whole.text.split(",") if text.strip()]
        place = _flag_place(TAG_FLAG)
        return pairs + [Given(text, place) for text in _texts(self._flags.get(TAG_FLAG, ()))]

    def _raw(self, section: str) -> dict[str, str]:
        """The text for one core's parameters."""
        said = dict(self.document.section(section))
        for name in self._variables:
            whose, key = _parameter(name)
            if whose == section:
                said[key] = self._variable(name)
        found = {}
        for key, given in said.items():
            if (section, key) in NO_PARAMETERS:
                continue
            try:
                found[key] = values.plain(given.text)
                self.sources[f"{section}.{key}"] = given.place.source
            except ValueError as error:
                self._findings.mistake(given.place, str(error))
        return found

    def _listed_port(self) -> int:
        """The port of listed hosts that name none: what everyone agreed on, not what this node listens on."""
        given = self.document.of("cluster", "discovery_port")
        try:
            return values.port(given.text) if given else DEFAULT_PORT
        except ValueError:
            return DEFAULT_PORT

    def _short(self, hostname: str) -> str:
        self.sources["name"] = _HOST_NAME
        try:
            return values.name(hostname.partition(".")[0])
        except ValueError as error:
            place = Place("this machine's host name", _HOST_NAME, AFTERWARDS)
            self._findings.mistake(place, f"{error}; choose a name with -name")
            return ""

    def _reject_unknown(self) -> None:
        variables = {option.name.upper() for option in OPTIONS} | {TAGS_VARIABLE}
        for name in sorted(self._variables):
            if name in variables or name in ELSEWHERE or _parameter(name)[0]:
                continue
            known = sorted(variables | ELSEWHERE)
            self._findings.warn(self._variable(name).place, "no such variable, ignored", name, known, PREFIX)
        for name in self._flags:
            if name not in FLAG_NAMES:
                known = [flag.replace("_", "-") for flag in FLAG_NAMES]
                self._findings.mistake(_flag_place(name), "no such flag", name.replace("_", "-"), known, "-")


def _parameter(variable: str) -> tuple[str, str]:
    """``(section, key)`` of a variable such as ``CONSENSUS_LEASE_MS``; empty where it names no core's parameter."""
    section, _, key = variable.lower().partition("_")
    return (section, key) if section in RAW and is_name(key) else ("", "")


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, tuple | list) else [str(value)]


def _flag_place(name: str) -> Place:
    label = "-" + shown(name).replace("_", "-")
    return Place(label, Source("flag", label), FLAGS)
