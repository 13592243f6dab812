"""The file as a whole: read with a bound, sorted by section, with a place for everything that was said."""

from __future__ import annotations

import msgspec

from pycluster.kernel.ids import is_name
from pycluster.settings import lines, values
from pycluster.settings.findings import Findings, Place, quoted, shown
from pycluster.settings.model import Source
from pycluster.settings.options import KEYS, NAMED, RAW, SECTIONS

#: What is read when no file is named.
DEFAULT_PATH = "cluster.conf"
#: Bytes of a file that are read; a list of ten thousand nodes fits.
FILE_MAX_BYTES = 1024 * 1024


class Given(msgspec.Struct, frozen=True):
    """One value as somebody wrote it, and where."""

    text: str
    place: Place


class NamedSection(msgspec.Struct, frozen=True):
    """``[hook NAME]`` or ``[template NAME]``, and its keys."""

    name: str
    place: Place
    keys: dict[str, Given]


class Document(msgspec.Struct):
    """What a file says. ``path`` is empty where there is none, ``label`` is the path fit for a message; ``given`` is
    by section and key, in the file's order."""

    path: str = ""
    label: str = ""
    given: dict[str, dict[str, Given]] = {}
    named: dict[str, list[NamedSection]] = {}

    def section(self, name: str) -> dict[str, Given]:
        """The keys of ``[name]``; empty when it is not there."""
        return self.given.get(name, {})

    def all_named(self, word: str) -> list[NamedSection]:
        """Every ``[word NAME]``, in the file's order."""
        return self.named.get(word, [])

    def of(self, section: str, key: str) -> Given | None:
        """One value, if given."""
        return self.section(section).get(key)


def read(path: str | None, findings: Findings) -> Document:
    """The document at ``path``, or at ``DEFAULT_PATH`` if that exists. What cannot be read is a mistake."""
    document = Document()
    where = DEFAULT_PATH if path is None else path
    label = where if where.isprintable() and where else quoted(where)
    place = Place(label, Source("file", label), 0)
    try:
        with open(where, "rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        if path is not None:
            findings.mistake(place, "there is no such file")
        return document
    except (OSError, ValueError) as error:
        findings.mistake(place, f"cannot be read: {_reason(error)}")
        return document
    document.path, document.label = where, label
    if len(raw) > FILE_MAX_BYTES:
        findings.mistake(place, f"is larger than {FILE_MAX_BYTES} bytes, which no configuration file is")
        return document
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        place = Place(f"{place.label}:{line}", place.source, line)
        findings.mistake(place, "is not UTF-8 text; is it a configuration file?")
        return document
    _Sorter(document, place.label, findings).sort(lines.sections(text))
    return document


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a directory"
    if isinstance(error, PermissionError):
        return "permission denied"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class _Sorter:
    """Puts sections where they belong and tells what belongs nowhere."""

    def __init__(self, document: Document, label: str, findings: Findings) -> None:
        self._document = document
        self._label = label
        self._names: set[tuple[str, str]] = set()
        self._findings = findings

    def sort(self, sections: list[lines.Section]) -> None:
        for section in sections:
            word, _, name = section.name.partition(" ")
            if word in NAMED:
                self._named(section, word, name)
            elif section.name in SECTIONS:
                self._take(section, self._document.given.setdefault(section.name, {}))
            else:
                self._ignore(section)

    def _place(self, number: int, what: str) -> Place:
        label = f"{self._label}:{number}"
        return Place(f"{label}: {what}" if what else label, Source("file", label), number)

    def _ignore(self, section: lines.Section) -> None:
        if section.name:
            place = self._place(section.number, f"[{shown(section.name)}]")
            known = (*SECTIONS, *(f"{word} NAME" for word in NAMED))
            self._findings.warn(place, "unknown section, ignored", section.name, known)
            return
        for number in sorted([*(pair.number for pair in section.pairs), *(number for number, _ in section.odd)]):
            self._findings.warn(self._place(number, ""), "this line stands in no section and is ignored")

    def _named(self, section: lines.Section, word: str, name: str) -> None:
        place = self._place(section.number, f"[{shown(section.name)}]")
        try:
            values.name(name)
        except ValueError as error:
            self._findings.mistake(place, str(error) if name else f"a {word} needs a name: [{word} NAME]")
        else:
            if (word, name) in self._names:
                self._findings.mistake(place, f"there is a {word} of this name already")
            self._names.add((word, name))
        named = NamedSection(name, place, {})
        self._take(section, named.keys)
        self._document.named.setdefault(word, []).append(named)

    def _take(self, section: lines.Section, into: dict[str, Given]) -> None:
        title = f"[{shown(section.name)}]"
        findings = self._findings
        for number, text in section.odd:
            if section.name in ("cluster", "nodes"):
                findings.warn(self._place(number, title), f"{quoted(text)} is not key = value and is ignored")
            else:
                findings.mistake(self._place(number, title), f"{quoted(text)} is not key = value")
        for pair in section.pairs:
            place = self._place(pair.number, f"{title} {shown(pair.key)}")
            before = into.get(pair.key)
            if not self._known(section.name, pair.key, place):
                continue
            if before is not None and section.name == "nodes":
                findings.mistake(place, f"this node is listed already, in line {before.place.order}")
            elif before is not None:
                findings.warn(place, f"given twice, first in line {before.place.order}; the last one counts")
            if pair.flaw:
                findings.mistake(place, pair.flaw)
            else:
                into[pair.key] = Given(pair.value, place)

    def _known(self, section: str, key: str, place: Place) -> bool:
        keys = NAMED.get(section.partition(" ")[0]) or KEYS.get(section)
        if keys is None or key in keys:
            if section not in RAW or is_name(key):
                return True
            self._findings.mistake(place, "no parameter has such a name")
        elif section == "cluster":
            self._findings.warn(place, "unknown key, ignored", key, keys)
        else:
            self._findings.mistake(place, f"unknown key; [{shown(section)}] has {', '.join(keys)}", key, keys)
        return False
