"""``[hook NAME]``: local commands on local events."""

from __future__ import annotations

import shlex

from pycluster.settings import values
from pycluster.settings.document import Given, NamedSection
from pycluster.settings.findings import Findings, quoted
from pycluster.settings.model import Hook

#: Events that a hook may follow.
EVENTS = ("leader-gained", "leader-lost", "member-up", "member-down")
HOOKS_MAX = 32
DEFAULT_TIMEOUT_S = 10.0
TIMEOUT_MIN_S, TIMEOUT_MAX_S = 0.1, 3_600.0


def hooks(sections: list[NamedSection], findings: Findings) -> tuple[Hook, ...]:
    """The hooks that are right, in the file's order; what is wrong with the others goes to ``findings``."""
    found = []
    for number, section in enumerate(sections):
        if number == HOOKS_MAX:
            findings.mistake(section.place, f"too many hooks: {HOOKS_MAX} are allowed")
        hook = _hook(section, findings)
        if hook is not None and number < HOOKS_MAX:
            found.append(hook)
    return tuple(found)


def _hook(section: NamedSection, findings: Findings) -> Hook | None:
    on: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    timeout_s: float | None = DEFAULT_TIMEOUT_S
    given = section.keys.get("on")
    if given is None:
        findings.mistake(section.place, f"on is missing: one or more of {', '.join(EVENTS)}")
    else:
        on = _events(given, findings)
    given = section.keys.get("command")
    if given is None:
        findings.mistake(section.place, "command is missing")
    else:
        command = command_of(given, findings)
    given = section.keys.get("timeout")
    if given is not None:
        timeout_s = timeout_of(given, findings)
    if not on or not command or timeout_s is None:
        return None
    return Hook(section.name, on, command, timeout_s)


def _events(given: Given, findings: Findings) -> tuple[str, ...]:
    words = given.text.replace(",", " ").split()
    if not words:
        findings.mistake(given.place, f"names no event: {', '.join(EVENTS)} are possible")
    for word in words:
        if word not in EVENTS:
            findings.mistake(given.place, f"{quoted(word)} is no event for a hook", word, EVENTS)
    return tuple(dict.fromkeys(word for word in words if word in EVENTS))


def command_of(given: Given, findings: Findings) -> tuple[str, ...]:
    """An argument list; empty where it is none, which goes to ``findings``."""
    try:
        command = tuple(shlex.split(values.plain(given.text)))
    except ValueError as error:
        findings.mistake(given.place, f"is no command line: {error}")
        return ()
    if not command or not command[0]:
        findings.mistake(given.place, "names no program")
        return ()
    return command


def timeout_of(given: Given, findings: Findings) -> float | None:
    """Seconds; None where it is no time, which goes to ``findings``."""
    try:
        return values.duration_s(given.text, TIMEOUT_MIN_S, TIMEOUT_MAX_S)
    except ValueError as error:
        findings.mistake(given.place, str(error))
        return None
