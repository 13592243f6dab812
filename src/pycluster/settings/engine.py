"""What holds the replicated state: which of its settings do not go together."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.settings.findings import Findings, Place
from pycluster.settings.model import Settings

_OF_ETCD = (
    "state_endpoints",
    "state_ca_file",
    "state_cert_file",
    "state_key_file",
    "state_user",
    "state_password_file",
)
_PAIRS = (("state_cert_file", "state_key_file"), ("state_user", "state_password_file"))


def judge_engine(settings: Settings, place: Callable[[str], Place], findings: Findings) -> None:
    """``place`` tells where a setting was said."""
    given = [name for name in _OF_ETCD if getattr(settings, name)]
    for pair in _PAIRS:
        there = [name for name in pair if name in given]
        if len(there) == 1:
            other = next(name for name in pair if name not in there)
            findings.mistake(place(there[0]), f"needs {_key(other)} beside it")
    if settings.state_engine == "embedded":
        for name in given:
            findings.warn(place(name), "counts only with engine = etcd, ignored")
        return
    if not settings.state_endpoints:
        findings.mistake(place("state_engine"), "etcd needs endpoints = https://HOST:2379, ... beside it")
    if settings.backup_directory:
        findings.mistake(
            place("backup_directory"),
            "etcd has backups of its own (etcdctl snapshot save); these are of the embedded state",
        )
    plain = [url for url in settings.state_endpoints if not url.secure]
    if plain and settings.state_user:
        findings.warn(place("state_endpoints"), f"the password goes to {plain[0]} unencrypted; write https:")
    if plain and len(plain) == len(settings.state_endpoints):
        for name in ("state_ca_file", "state_cert_file"):
            if name in given:
                findings.warn(place(name), "no endpoint is https:, ignored")


def _key(name: str) -> str:
    return name.removeprefix("state_")
