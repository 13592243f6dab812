"""The settings as people are shown them: each by its name, with its value and where that came from."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.url import Url
from pycluster.settings.model import Hook, Loaded, Source, Template
from pycluster.settings.options import OPTIONS, RAW


def effective(loaded: Loaded) -> dict[str, object]:
    """``{"port": {"value": 7946, "source": "flag -port"}, ...}``, fit for JSON.

    Of a hook's command only the program is shown, and of a probe's URL no query: arguments may hold secrets, and this
    is readable over HTTP.
    """
    settings, sources = loaded.settings, loaded.sources
    shown: dict[str, object] = {}

    def show(name: str, value: object) -> None:
        shown[name] = {"value": value, "source": str(sources.get(name, Source("default")))}

    for option in OPTIONS:
        show(option.name, _plain(getattr(settings, option.field)))
    for seed in settings.seeds:
        show(f"nodes.{seed.name}", str(Address(seed.host, seed.port)))
    for key, value in settings.tags.items():
        show(f"tags.{key}", value)
    for hook in settings.hooks:
        show(f"hook.{hook.name}", _hook(hook))
    for template in settings.templates:
        show(f"template.{template.name}", _template(template))
    for section in RAW:
        for key, value in getattr(settings, section).items():
            show(f"{section}.{key}", value)
    return shown


def _plain(value: object) -> object:
    match value:
        case Address() | Url():
            return str(value)
        case (str(host), int(port)):
            return str(Address(host, port))
        case tuple():
            return [_plain(item) for item in value]
    return value


def _hook(hook: Hook) -> dict[str, object]:
    return {"on": list(hook.on), "program": hook.command[0], "timeout_s": hook.timeout_s}


def _template(template: Template) -> dict[str, object]:
    shown = {"destination": template.destination, "source": template.source, "entry": template.entry}
    programs = {name: "".join(getattr(template, name)[:1]) for name in ("check", "reload", "probe")}
    if programs["probe"].startswith("http:"):
        programs["probe"] = programs["probe"].partition("?")[0]
    return {**shown, "mode": f"{template.mode:04o}", **programs}
