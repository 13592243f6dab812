"""What holds the replicated state, where the settings name another engine than the agents themselves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Protocol

from pycluster.node.ports import StateEngine, StateHead
from pycluster.node.view import EngineView, MemberView
from pycluster.settings import ENGINE_TAG, Settings


class OtherEngine(StateEngine, Protocol):
    """One that looks after its connections itself."""

    def start(self) -> None: ...

    def view(self) -> EngineView: ...


def other_engine(settings: Settings, own: Callable[[], StateHead]) -> OtherEngine | None:
    """None: the agents keep the state. Raises ``LocalMisuse`` where its files cannot be used."""
    return etcd(settings, own) if settings.state_engine == "etcd" else None


def etcd(settings: Settings, own: Callable[[], StateHead]) -> OtherEngine:
    """The etcd that the settings name, whether it is the engine or not; raises as ``other_engine`` does."""
    from pycluster.engines.etcd import Access, Etcd

    # Each agent begins at another member.
    urls = tuple(random.SystemRandom().sample(settings.state_endpoints, len(settings.state_endpoints)))
    access = Access(
        urls,
        ca_file=settings.state_ca_file,
        cert_file=settings.state_cert_file,
        key_file=settings.state_key_file,
        user=settings.state_user,
        password_file=settings.state_password_file,
    )
    return Etcd(access, own)


def differing(members: Iterable[MemberView], engine: str) -> dict[str, str]:
    """Living members whose state is held by something else, and by what: what is written there is not here."""
    kept = {one.name: one.tags.get(ENGINE_TAG, "embedded") for one in members if one.state == "alive"}
    return {name: other for name, other in kept.items() if other != engine}
