"""``[template NAME]``: files rendered on this machine. Where they go and what runs for it is said here alone."""

from __future__ import annotations

import ipaddress
import posixpath
import re

from pycluster.settings import values
from pycluster.settings.document import Given, NamedSection
from pycluster.settings.findings import Findings, quoted
from pycluster.settings.hooks import command_of, timeout_of
from pycluster.settings.model import Selector, Template

TEMPLATES_MAX = 1_000
KEYS_MAX = 64
_URL = re.compile(r"http://(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._-]+):([0-9]{1,5})(?:/[!-~]*)?")
_MODE = re.compile(r"0?[0-7]{3}")
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?")


def templates(sections: list[NamedSection], findings: Findings) -> tuple[Template, ...]:
    """The templates that are right, in the file's order; what is wrong with the others goes to ``findings``."""
    found: list[Template] = []
    to: dict[str, str] = {}
    beside: dict[str, str] = {}
    for number, section in enumerate(sections):
        if number == TEMPLATES_MAX:
            findings.mistake(section.place, f"too many templates: {TEMPLATES_MAX} are allowed")
            break
        template = _template(section, findings)
        if template is None:
            continue
        first = to.setdefault(template.destination, template.name)
        if first != template.name:
            findings.mistake(section.place, f"has the same destination as [template {first}]")
        beside[template.beside] = template.name
        if template.destination in beside:
            other = beside[template.destination]
            findings.mistake(section.place, f"its destination is where [template {other}] writes its file first")
        if template.beside in to:
            what = f"it writes its file first to {quoted(template.beside)}"
            findings.mistake(section.place, f"{what}, the destination of [template {to[template.beside]}]")
        found.append(template)
    return tuple(found)


def _template(section: NamedSection, findings: Findings) -> Template | None:
    given = section.keys
    wrong = "destination" not in given or ("source" in given) == ("entry" in given)
    if "destination" not in given:
        findings.mistake(section.place, "destination is missing: the absolute path of the file")
    if ("source" in given) == ("entry" in given):
        findings.mistake(
            section.place, "one of source, a file here, and entry, an entry of the configuration, is needed"
        )
    fields: dict[str, object] = {}
    rules = {
        "destination": _file,
        "source": _file,
        "entry": _entry,
        "keys": _keys,
        "mode": _mode,
        "owner": _owner,
        "nodes": _nodes,
    }
    for key, rule in rules.items():
        if key in given:
            try:
                fields[key] = rule(given[key].text)
            except ValueError as error:
                findings.mistake(given[key].place, str(error))
                wrong = True
    fields |= {key: command_of(given[key], findings) for key in ("check", "reload") if key in given}
    if "probe" in given:
        fields["probe"] = _probe(given["probe"], findings)
    if "timeout" in given:
        fields["timeout_s"] = timeout_of(given["timeout"], findings)
    if wrong or not all(fields.get(key, True) for key in ("check", "reload", "probe", "timeout_s")):
        return None
    return Template(name=section.name, **fields)  # type: ignore[arg-type]


def _probe(given: Given, findings: Findings) -> tuple[str, ...]:
    """A command, or one word that is a URL."""
    if given.text.startswith("http:") and not _is_url(given.text):
        findings.mistake(given.place, f"{quoted(given.text)} is no http://HOST:PORT/PATH")
        return ()
    return command_of(given, findings)


def _is_url(text: str) -> bool:
    found = _URL.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 65_535:
        return False
    try:
        return not found[1] or bool(ipaddress.IPv6Address(found[1]))
    except ValueError:
        return False


def _file(text: str) -> str:
    path = values.directory(text)
    if not path or path != posixpath.normpath(path) or path == "/" or path.startswith("//"):
        raise ValueError(f"{quoted(text)} is no absolute path of a file, without . and ..")
    return path


def _entry(text: str) -> str:
    if not values.plain(text) or "@" in text:
        raise ValueError(f"{quoted(text)} is no entry of the configuration; its overrides count by themselves")
    return text


def _keys(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(values.plain(text).replace(",", " ").split()))
    if not found or len(found) > KEYS_MAX:
        raise ValueError(f"names {len(found)} keys: 1 to {KEYS_MAX} are possible, one ending with / for all below it")
    return found


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no mode: three octal digits are, such as 0640")
    return int(text, 8)


def _owner(text: str) -> str:
    if not _OWNER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is neither USER nor USER:GROUP")
    return text


def _nodes(text: str) -> tuple[Selector, ...]:
    return tuple(_selector(word) for word in values.plain(text).replace(",", " ").split())


def _selector(word: str) -> Selector:
    scope, _, value = word.partition(":")
    match scope:
        case "node" | "region" | "zone" if value:
            return Selector(scope, value)
        case "tag" if "=" in value:
            return Selector("tag", value.partition("=")[2], value.partition("=")[0])
        case _:
            raise ValueError(f"{quoted(word)} is none of node:NAME, region:NAME, zone:NAME, tag:KEY=VALUE")
