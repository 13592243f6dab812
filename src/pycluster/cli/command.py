"""Verbs and groups of verbs: options with one dash, options before the verb, and "did you mean"."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import click

from pycluster.cli.given import FORMS, Given
from pycluster.cli.options import HARMLESS


def did_you_mean(word: str, among: Iterable[str]) -> str:
    """``did you mean X?`` with the nearest of ``among``, or nothing."""
    import difflib

    near = difflib.get_close_matches(word, list(among), n=1)
    return f"did you mean {near[0]}?" if near else ""


def check_dashes(command: click.Command, ctx: click.Context, tokens: list[str]) -> None:
    """Raise ``UsageError`` for an option that does not exist.

    Left to click, ``-datadir x`` would be ``-d atadir``: a word with one dash is read as short options.
    """
    takes_value = {
        name: not param.is_flag and not param.count
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    rest = iter(tokens)
    for token in rest:
        if token == "--":
            return
        if len(token) < 2 or token[0] != "-":
            if isinstance(command, click.Group):
                return
            continue
        name, equals, _ = token.partition("=")
        if name in takes_value:
            if takes_value[name] and not equals:
                next(rest, None)
        elif not _is_short(token, takes_value):
            hint = did_you_mean(name.lstrip("-"), sorted({known.lstrip("-") for known in takes_value}))
            hint = hint.replace("did you mean ", "did you mean -", 1)
            raise click.UsageError(f"there is no option {name}" + (f"; {hint}" if hint else ""), ctx)


def _is_short(token: str, takes_value: Mapping[str, bool]) -> bool:
    """Whether this is ``-ojson``, or several switches of one letter such as ``-qw``."""
    if token.startswith("-o") and token[2:] in FORMS:
        return "-o" in takes_value
    return all(takes_value.get(f"-{letter}") is False for letter in token[1:])


class Verb(click.Command):
    """One verb. Options that stood before it count as if they stood behind it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; raises ``UsageError`` for an option that this verb does not take."""
        check_dashes(self, ctx, args)
        rest = super().parse_args(ctx, args)
        given = ctx.find_object(Given)
        own = {param.name for param in self.params} | HARMLESS
        foreign = sorted(name for name in (given.options if given else {}) if name not in own)
        if foreign and not ctx.resilient_parsing:
            shown = ", ".join(f"-{name.replace('_', '-')}" for name in foreign)
            raise click.UsageError(f"{ctx.info_name} does not take {shown}", ctx)
        return rest


class Verbs(click.Group):
    """Verbs by name, each imported when it is first needed. ``places`` gives ``module:attribute`` for each."""

    command_class = Verb

    def __init__(self, *args: Any, places: Mapping[str, str], **how: Any) -> None:
        super().__init__(*args, **how)
        self._places = dict(places)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were given."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the verb."""
        check_dashes(self, ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first word names; raises ``UsageError`` with the nearest one."""
        if args[0] not in self._places and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], self._places)
            path = "" if ctx.parent is None else f"{ctx.info_name} "
            raise click.UsageError(f"there is no verb {path}{args[0]}" + (f"; {hint}" if hint else ""), ctx)
        return super().resolve_command(ctx, args)
