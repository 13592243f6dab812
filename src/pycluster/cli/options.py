"""The options, each declared once, with one dash and with two; each verb names those that it takes."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from pycluster.cli.given import FORMS, Given

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}


def seconds(text: str) -> float:
    """``5``, ``5s``, ``500ms``, ``1m``: a time above zero, in seconds; raises ``BadParameter`` otherwise."""
    found = _DURATION.fullmatch(text)
    time_s = float(found[1]) * _UNIT_S[found[2] or ""] if found else 0.0
    if time_s <= 0:
        raise click.BadParameter(f"{text!r} is no time: write 5s, 500ms or 1m")
    return time_s


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    given = ctx.find_object(Given)
    if given is not None and param.name and value is not None and value != () and value is not False:
        given.keep(param.name, value)


def option(*names: str, **how: Any) -> click.Option:
    """An option that ends up in ``Given``. A name of several letters works with one dash and with two."""
    both = [form for name in names for form in ((name,) if len(name) == 2 else (name.replace("--", "-", 1), name))]
    return click.Option(both, expose_value=False, callback=_keep, **how)


def takes(*options: click.Option) -> Callable[[F], F]:
    """Add options to a verb."""

    def add(function: F) -> F:
        params = function.__dict__.setdefault("__click_params__", [])
        params.extend(reversed(options))
        return function

    return add


#: Which agent; every verb that asks one takes them, before the verb or after it.
PLACE = (
    option("--config", metavar="FILE", help="The configuration file (cluster.conf)."),
    option("--name", metavar="NAME", help="The name of the agent's node."),
    option("--data-dir", metavar="DIR", help="The data directory of the agent."),
)
AGENT = (
    *PLACE,
    option("--addr", metavar="ADDR", help="The agent to ask: http://HOST:PORT, HOST:PORT or unix:/PATH."),
    option("--timeout", type=seconds, metavar="TIME", help="How long to wait for an answer, such as 5s."),
)
NO_COLOR = option("--no-color", is_flag=True, help="No colours, as with NO_COLOR set.")
FORM = (
    option("-o", "--output", type=click.Choice(FORMS), metavar="FORM", help=f"The form: {', '.join(FORMS)}."),
    option("-q", "--quiet", is_flag=True, help="No headings and no notes; data and errors only."),
    NO_COLOR,
)
WATCH = option("-w", "--watch", is_flag=True, help="Print again whenever something changes.")
FILTER = option("-l", "--filter", multiple=True, metavar="KEY=VALUE", help="Only members with this tag. Repeatable.")
YES = option("-y", "--yes", is_flag=True, help="Do not ask.")
DRY_RUN = option("--dry-run", is_flag=True, help="Change nothing: only say whether it would be done.")

#: What only an agent takes. Values stay text: the settings judge all of them at once.
RUN = (
    option("--bind-address", metavar="ADDRESS", help="The address to listen on (0.0.0.0)."),
    option("--port", metavar="PORT", help="The port for UDP and TCP (7946)."),
    option("--advertise-address", metavar="ADDRESS", help="The address that the others shall use."),
    option("--web", metavar="HOST:PORT", help="Serve the page and the API over TCP there."),
    option("--join", multiple=True, metavar="HOST[:PORT]", help="A further host to contact. Repeatable."),
    option("--tag", multiple=True, metavar="KEY=VALUE", help="An attribute that all members see. Repeatable."),
    option("--region", metavar="REGION", help="Where the node is."),
    option("--zone", metavar="ZONE", help="Where in the region it is."),
    option("--log-format", metavar="FORM", help="text or json."),
)


def hidden(*options: click.Option) -> tuple[click.Option, ...]:
    """The same options, not listed by ``--help``."""
    copies = tuple(copy.copy(each) for each in options)
    for each in copies:
        each.hidden = True
    return copies


RUN_NAMES = frozenset(str(each.name) for each in RUN)
#: Options that a verb ignores where they mean nothing to it.
HARMLESS = frozenset(str(each.name) for each in (*AGENT, *FORM))
