"""``lease``: what keys are attached to, so that they go when their owner does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import click
import msgspec

from pycluster import store
from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.keys import text
from pycluster.cli.names import complete_lease
from pycluster.cli.options import AGENT, FORM, seconds, takes
from pycluster.cli.output import Printer
from pycluster.client.blocking import StateClient
from pycluster.client.leasing import RENEWALS, clock_s
from pycluster.kernel.errors import RemoteFault
from pycluster.node.keyviews import KeyView, lease_number, lease_text

PLACES = {
    "grant": "pycluster.cli.leases:grant",
    "revoke": "pycluster.cli.leases:revoke",
    "keep-alive": "pycluster.cli.leases:keep_alive",
    "ttl": "pycluster.cli.leases:ttl",
    "list": "pycluster.cli.leases:listed",
}
ID = click.argument("id_", shell_complete=complete_lease, metavar="ID")


class Shown(msgspec.Struct):
    """One lease; ``ttl_s`` is what is left of it."""

    id: str
    ttl_s: int
    granted_ttl_s: int
    keys: tuple[KeyView, ...] = ()


def whole_seconds(given: str) -> int:
    """A time as a lease takes it: whole seconds, rounded up."""
    return -int(-seconds(given) // 1)


@click.group("lease", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def lease() -> None:
    """Leases: keys that are put with one go when it ends."""


def _number(given: str) -> int:
    number = lease_number(given)
    if not number:
        raise click.UsageError("0 is no lease")
    return number


@click.command("grant", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("ttl_s", type=whole_seconds, metavar="TTL")
@pass_given
def grant(given: Given, ttl_s: int) -> int:
    """A lease of TTL (10s, 5m). `-o name` prints its ID alone."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        done = asked.grant(ttl_s)
    _say(printer, lease_text(done.id), done.ttl_s, f"granted for {done.ttl_s} s")
    return Exit.DONE


def _say(printer: Printer, id_: str, ttl_s: int, words: str) -> None:
    printer.answer({"id": id_, "ttl_s": ttl_s}, lines=lambda: [f"lease {id_} {words}"], names=[id_])


@click.command("revoke", cls=Verb)
@takes(*AGENT, *FORM)
@ID
@pass_given
def revoke(given: Given, id_: str) -> int:
    """End a lease and delete its keys. Ends with 3 when there is no such lease."""
    printer = Printer(given)
    number = _number(id_)
    with StateClient(*targets.chosen(given)) as asked:
        revision = asked.revoke(number)
    words = [] if printer.quiet else [f"lease {lease_text(number)} revoked, revision {revision}"]
    printer.answer({"id": lease_text(number), "revision": revision}, lines=lambda: words, names=[lease_text(number)])
    return Exit.DONE


@click.command("keep-alive", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-once", "--once", is_flag=True, help="Once, then end.")
@ID
@pass_given
def keep_alive(given: Given, id_: str, once: bool) -> int:
    """Renew a lease again and again, until Ctrl-C. Ends with 3 when it has ended.

    A renewal that fails is tried again while the lease lasts, but not with -once.
    """
    printer = Printer(given)
    number = _number(id_)
    with StateClient(*targets.chosen(given)) as asked:
        for ttl_s in kept(lambda: asked.keep_alive(number), printer.note):
            _say(printer, lease_text(number), ttl_s, f"lasts {ttl_s} s")
            if once:
                break
    return Exit.DONE


def kept(
    renew: Callable[[], int],
    note: Callable[[str], None],
    clock: Callable[[], float] = clock_s,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Renew a lease three times in its time, and more often where that fails; gives how many seconds it lasts.

    Raises ``RemoteFault`` where it may have ended meanwhile, or was never renewed.
    """
    until = -math.inf
    pause_s = 0.0
    while True:
        sent = clock()
        try:
            ttl_s = renew()
        except RemoteFault as error:
            left_s = until - clock()
            if left_s <= 0:
                raise
            note(f"not renewed, it is tried again for {left_s:.0f} s: {error}")
            sleep(min(pause_s / RENEWALS, left_s))
            continue
        until, pause_s = sent + ttl_s, ttl_s / RENEWALS
        yield ttl_s
        sleep(pause_s)


@click.command("ttl", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-keys", "--keys", is_flag=True, help="The keys attached to it, too.")
@ID
@pass_given
def ttl(given: Given, id_: str, keys: bool) -> int:
    """What is left of a lease. Ends with 3 when it has ended."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.time_to_live(_number(id_), keys=keys)
    shown = Shown(lease_text(found.id), found.ttl_s, found.granted_ttl_s, tuple(map(KeyView.of, found.keys)))
    printer.answer(shown, lines=lambda: _facts(printer, shown, found), names=[shown.id])
    return Exit.DONE


def _facts(printer: Printer, shown: Shown, found: store.LeaseTimeToLiveResult) -> list[str]:
    left = ("left", f"{found.ttl_s} s of {found.granted_ttl_s} s")
    return printer.facts([("lease", shown.id), left, *(("key", text(key)) for key in found.keys)])


@click.command("list", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def listed(given: Given) -> int:
    """Every lease."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        ids = [lease_text(one) for one in asked.leases()]
    printer.answer(ids, lines=lambda: printer.table(("LEASE",), [(one,) for one in ids]), names=ids)
    return Exit.DONE
