"""Each kind of value from its text. All of these raise ``ValueError`` with what is wrong, ready to be shown."""

from __future__ import annotations

import ipaddress
import re

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import check_name
from pycluster.kernel.limits import NAME_MAX_LENGTH
from pycluster.kernel.url import Url
from pycluster.settings.findings import did_you_mean, quoted

#: A host and a port, before anybody resolved the host.
Endpoint = tuple[str, int]

_HOST_MAX = 253
#: Wrong parts of one list that are spelt out.
_WRONG_SHOWN = 5
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_ALL_DIGITS = re.compile(r"[0-9.]+")
_DURATION = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
#: What stands for "no port was given" until the default is known.
NO_PORT = 0


def plain(text: str) -> str:
    """Text that can be shown, sent and stored: no control characters, nothing that is no Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise ValueError(f"has a control character: {quoted(text)}")
    return text


def name(text: str) -> str:
    """A node's name, by the kernel's rule. Clusters, hooks and keys of tags follow the same rule."""
    try:
        return check_name(text)
    except LocalMisuse as error:
        raise ValueError(f"{quoted(text)} is no name: {error.why}") from None


def label(text: str) -> str:
    """A region or a zone: short plain text, because gossip carries it."""
    if len(plain(text).encode()) > NAME_MAX_LENGTH:
        raise ValueError(f"has {len(text.encode())} bytes, {NAME_MAX_LENGTH} are allowed")
    return text


def port(text: str) -> int:
    """1 to 65535."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535:
        return int(text)
    raise ValueError(f"{quoted(text)} is no port: a number from 1 to 65535 is")


def address(text: str) -> str:
    """A numeric IPv4 or IPv6 address of this machine or another, in its usual spelling, brackets allowed."""
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if "%" in bare:
        raise ValueError(f"{quoted(text)} has a scope (%), which means nothing to other machines")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise ValueError(f"{quoted(text)} is no numeric IPv4 or IPv6 address") from None


def host(text: str) -> str:
    """A DNS name, or the address of one machine."""
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if ":" in bare or bare != text or _ALL_DIGITS.fullmatch(bare):
        return reachable(address(text))
    if len(text) > _HOST_MAX or not _HOST.fullmatch(text):
        raise ValueError(f"{quoted(text)} is neither an address nor a DNS name")
    return text


def reachable(numeric: str) -> str:
    """``numeric`` again, unless nobody can be reached there."""
    parsed = ipaddress.ip_address(numeric)
    if parsed.is_unspecified or parsed.is_multicast:
        raise ValueError(f"{numeric} is not the address of one machine")
    return numeric


def endpoint(text: str) -> Endpoint:
    """``host``, ``host:port``, ``[address]:port`` or a bare IPv6 address. Without a port: ``NO_PORT``."""
    where, number = _split(text)
    return host(where), number


def endpoints(text: str) -> tuple[Endpoint, ...]:
    """Several, between commas. All wrong ones are named."""
    found, wrong = [], []
    for part in _parts(text):
        try:
            found.append(endpoint(part))
        except ValueError as error:
            wrong.append(str(error))
    _refuse(wrong)
    return tuple(dict.fromkeys(found))


def advertise(text: str) -> Endpoint | None:
    """A numeric address that others can reach, with or without a port. Empty: none."""
    if not text:
        return None
    where, number = _split(text)
    return reachable(address(where)), number


def web(text: str) -> Endpoint | None:
    """``host:port``; without a host every address of the machine. Empty: none."""
    if not text:
        return None
    before, colon, after = text.rpartition(":")
    if not colon or (":" in before and not before.endswith("]")):
        raise ValueError(f"{quoted(text)} is neither ADDRESS:PORT nor :PORT")
    if not before:
        return "", port(after)
    numeric = ":" in before or _ALL_DIGITS.fullmatch(before)
    return (address(before) if numeric else host(before)), port(after)


def hosts(text: str) -> tuple[str, ...]:
    """DNS names, between commas or blanks, in lower case. All wrong ones are named."""
    wanted = _parts(text.replace(" ", ",").replace("\t", ","))
    wrong = [part for part in wanted if len(part) > _HOST_MAX or not _HOST.fullmatch(part)]
    _refuse([f"{quoted(part)} is no DNS name (a port does not belong to it)" for part in wrong])
    return tuple(dict.fromkeys(part.lower() for part in wanted))


def log_format(text: str) -> str:
    """``text`` or ``json``."""
    if text not in ("text", "json"):
        raise ValueError(f"{quoted(text)} is neither text nor json{did_you_mean(text, ('text', 'json'))}")
    return text


def duration_s(text: str, least_s: float, most_s: float) -> float:
    """``10s``, ``500ms``, ``1m``, or a number of seconds."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"{quoted(text)} is no time: write 10s, 500ms or 1m")
    seconds = float(match[1]) * _UNIT_S[match[2] or ""]
    if not least_s <= seconds <= most_s:
        raise ValueError(f"{quoted(text)} is out of bounds: {least_s:g} to {most_s:g} seconds")
    return seconds


def engine(text: str) -> str:
    """``embedded`` or ``etcd``."""
    if text not in ("embedded", "etcd"):
        raise ValueError(f"{quoted(text)} is neither embedded nor etcd{did_you_mean(text, ('embedded', 'etcd'))}")
    return text


def urls(text: str) -> tuple[Url, ...]:
    """``http://host:port`` or ``https://host:port``, between commas. All wrong ones are named."""
    found, wrong = [], []
    for part in _parts(text):
        try:
            found.append(Url.parse(part))
        except ValueError as error:
            wrong.append(str(error))
    _refuse(wrong)
    return tuple(dict.fromkeys(found))


def file(text: str) -> str:
    """The absolute path of a file; empty: none."""
    return directory(text)


def directory(text: str) -> str:
    """The absolute path of a directory; empty: none."""
    if text and not plain(text).startswith("/"):
        raise ValueError(f"{quoted(text)} is no absolute path")
    return text


def backup_interval_s(text: str) -> float:
    """From a second, for tests, to thirty days."""
    return duration_s(text, 1.0, 2_592_000.0)


def backup_count(text: str) -> int:
    """1 to 10000."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 10_000:
        return int(text)
    raise ValueError(f"{quoted(text)} is no number of backups: 1 to 10000 are possible")


def tag(text: str) -> tuple[str, str]:
    """``key=value``."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{quoted(text)} is not key=value")
    return name(key.strip()), plain(value.strip())


def _refuse(wrong: list[str]) -> None:
    if wrong:
        more = f"; and {len(wrong) - _WRONG_SHOWN} more" if len(wrong) > _WRONG_SHOWN else ""
        raise ValueError("; ".join(wrong[:_WRONG_SHOWN]) + more)


def _split(text: str) -> Endpoint:
    before, colon, after = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in before and not before.endswith("]")):
        return text, NO_PORT
    return before, port(after)


def _parts(text: str) -> list[str]:
    return [part for piece in text.split(",") if (part := piece.strip())]
