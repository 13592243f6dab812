"""``status``, ``health`` and ``info``."""

from __future__ import annotations

import click
import msgspec

from pycluster.cli import members, targets, words
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.leadership import leader_cell
from pycluster.cli.options import AGENT, FORM, WATCH, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.process import Process, process_of
from pycluster.cli.watching import show
from pycluster.node.view import EngineView, QuorumView, StatusView


def quorum_text(quorum: QuorumView) -> str:
    """``3 of 3 voters reachable, 2 needed``."""
    if not quorum.voters:
        return quorum.detail or "the voters are not known yet"
    seats = [voter for voter in quorum.voters if not voter.learner]
    away = [voter.name for voter in seats if not voter.reachable]
    text = f"{quorum.reachable} of {len(seats)} voters reachable, {quorum.needed} needed"
    return f"{text}; not reachable: {', '.join(away)}" if away else text


def _quorum_cell(quorum: QuorumView) -> Cell:
    lost = quorum.reachable < quorum.needed or not quorum.voters
    thin = any(not voter.reachable for voter in quorum.voters)
    return quorum_text(quorum), "red" if lost else "yellow" if thin else ""


def _counts(status: StatusView) -> str:
    counts = status.counts
    pairs = {name: getattr(counts, name) for name in counts.__struct_fields__}
    return ", ".join(f"{number} {name}" for name, number in pairs.items() if number) or "none"


def _sheet(printer: Printer, status: StatusView) -> list[str]:
    health = status.health
    health_cell = words.health(health.status)
    facts: list[tuple[str, Cell]] = [
        ("cluster", status.cluster),
        ("node", f"{status.name} at {status.address}"),
        ("leader", leader_cell(status.leader, status.now_us)),
        ("quorum", _quorum_cell(status.quorum)),
        ("members", _counts(status)),
        ("health", (f"{health.status}{''.join(f'; {reason}' for reason in health.reasons)}", health_cell[1])),
        ("up", f"{words.span(status.started_us, status.now_us)}, version {status.version}"),
    ]
    if status.engine.kind != "embedded":
        facts.append(("state", _engine_cell(status.engine)))
    shown = [one for one in status.controllers if one.problem or printer.wide]
    facts += [
        ("controller", (f"{one.name}: {one.problem or one.phase}", "red" if one.problem else "")) for one in shown
    ]
    facts += [("warning", (warning, "yellow")) for warning in status.warnings]
    return [*printer.facts(facts), "", *members.table(printer, status.members)]


def _engine_cell(engine: EngineView) -> Cell:
    away = [endpoint for endpoint in engine.endpoints if endpoint.problem]
    text = f"{engine.kind} {engine.version}".rstrip() + f" at {', '.join(one.url for one in engine.endpoints)}"
    if engine.problem:
        return f"{text}; {engine.problem}", "red"
    return (f"{text}; {'; '.join(one.problem for one in away)}", "yellow") if away else (text, "")


def _gist(status: StatusView) -> object:
    leader = msgspec.structs.replace(status.leader, lease_ms=None)
    reach = [(voter.name, voter.reachable, voter.learner) for voter in status.quorum.voters]
    problems = [(one.name, one.problem) for one in status.controllers]
    shown = members.timeless(status.members)
    return leader, reach, status.quorum.phase, status.health, problems, status.engine, status.warnings, shown


@click.command("status", cls=Verb)
@takes(*AGENT, *FORM, WATCH)
@pass_given
def status(given: Given) -> int:
    """Everything on one sheet, as the agent sees it. Ends with 0 also where there is no leader."""
    printer = Printer(given)

    def draw(now: StatusView) -> int:
        printer.answer(now, lines=lambda: _sheet(printer, now), names=[now.name])
        return Exit.DONE

    return show(targets.client(given), printer, given.switch("watch"), draw, _gist)


@click.command("health", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def health(given: Given) -> int:
    """How far the agent trusts itself. Ends with 1 when it is critical."""
    printer = Printer(given)
    found = targets.client(given).health()
    facts: list[tuple[str, Cell]] = [
        ("health", words.health(found.status)),
        ("score", f"{found.score} (0 is fit)"),
        *(("reason", reason) for reason in found.reasons),
        ("leader", found.leader or "none"),
        ("quorum", words.yes(found.quorum)),
    ]
    printer.answer(found, lines=lambda: printer.facts(facts))
    return Exit.FAILED if found.status == "critical" else Exit.DONE


class Info(msgspec.Struct):
    """What ``info`` prints: the agent's identity and figures."""

    name: str
    uuid: str
    cluster: str
    cluster_uuid: str
    address: str
    version: str
    boot_id: str
    uptime_ms: int
    process: Process | None
    acting_intervals: list[dict[str, object]]
    leader_history: list[dict[str, object]]
    counters: dict[str, int]


@click.command("info", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def info(given: Given) -> int:
    """The agent itself: identity, process, figures. Also when it acted as leader, and the leaders it saw."""
    printer = Printer(given)
    asked = targets.client(given)
    now = asked.status()
    found = Info(
        name=now.name,
        uuid=now.uuid,
        cluster=now.cluster,
        cluster_uuid=now.quorum.cluster_uuid,
        address=now.address,
        version=now.version,
        boot_id=now.boot_id,
        uptime_ms=(now.now_us - now.started_us) // 1_000,
        process=process_of(asked),
        acting_intervals=[msgspec.to_builtins(interval) for interval in now.acting_intervals],
        leader_history=[msgspec.to_builtins(line) for line in now.leader_history],
        counters=now.counters,
    )
    printer.answer(found, lines=lambda: _info_lines(printer, found, now), names=[now.name])
    return Exit.DONE


def _info_lines(printer: Printer, found: Info, now: StatusView) -> list[str]:
    process = found.process
    lines = printer.facts(
        [
            ("name", found.name),
            ("uuid", found.uuid),
            ("cluster", f"{found.cluster} ({found.cluster_uuid})" if found.cluster_uuid else found.cluster),
            ("address", found.address),
            ("version", found.version),
            ("up", words.span(now.started_us, now.now_us)),
            ("process", str(process.pid) if process else ""),
            ("memory", f"{process.rss_bytes / 1_048_576:.1f} MiB" if process and process.rss_bytes else ""),
            ("processor", f"{process.cpu_s:.1f} s used" if process and process.cpu_s is not None else ""),
        ]
    )
    lines += ["", "Acted as leader:"] if now.acting_intervals else ["", "Never acted as leader."]
    for interval in now.acting_intervals:
        end = "now" if interval.ended_us is None else f"{words.span(interval.ended_us, now.now_us)} ago"
        why = f" ({interval.reason})" if interval.reason else ""
        lines.append(f"- term {interval.term}: {words.span(interval.started_us, now.now_us)} ago until {end}{why}")
    if now.leader_history:
        lines += ["", "Leaders seen:"]
    for seen in now.leader_history:
        why = f" ({seen.reason})" if seen.reason else ""
        lines.append(f"- term {seen.term}: {seen.leader or 'none'}, {words.span(seen.since_us, now.now_us)} ago{why}")
    if found.counters:
        lines += [
            "",
            *printer.table(("COUNTER", "VALUE"), [(key, str(n)) for key, n in sorted(found.counters.items())]),
        ]
    return lines
