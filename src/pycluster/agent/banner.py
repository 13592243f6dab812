"""What an agent says once when it starts: what it is, where it keeps data, whom it contacts, how safe that is."""

from __future__ import annotations

from pycluster import __version__
from pycluster.kernel.ids import Address, Identity
from pycluster.settings import Settings

#: Seeds named in full; the rest are counted.
_NAMED = 7


def banner(
    settings: Settings, identity: Identity, advertised: Address, data_dir: str, web: tuple[Address, ...]
) -> list[str]:
    """One line each."""
    listening = Address(settings.bind_host, settings.port)
    reached = "" if listening == advertised else f", reached by the others at {advertised}"
    lines = [
        f"PyCluster {__version__}: node {settings.name} of cluster {settings.cluster},"
        f" on {listening} (UDP and TCP){reached}",
        f"Data directory: {data_dir} (node identity {identity.uuid})",
        f"Will contact: {_contacts(settings)}",
    ]
    if settings.state_engine == "etcd":
        lines.append("State: in etcd at " + ", ".join(map(str, settings.state_endpoints)))
    if web:
        lines.append("Page and API: " + ", ".join(f"http://{address}" for address in web))
    if settings.hooks:
        lines.append("Hooks: " + ", ".join(f"{hook.name} on {' '.join(hook.on)}" for hook in settings.hooks))
    if settings.templates:
        names = [one.name for one in settings.templates]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        lines.append(f"Renders: {', '.join(names[:_NAMED])}{more}")
    lines.append(
        "Security is off: this agent trusts the network it is on; nothing is encrypted or authenticated,"
        " and only this machine may change anything over HTTP"
    )
    return lines


def _contacts(settings: Settings) -> str:
    others = [
        f"{seed.name} at {Address(seed.host, seed.port)}" for seed in settings.seeds if seed.name != settings.name
    ]
    others += [str(Address(host, port)) for host, port in settings.join]
    if not others:
        return "nobody until somebody contacts this node; [nodes] and -join name none but itself"
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return ", ".join(others[:_NAMED]) + more + ", and whoever they know"
