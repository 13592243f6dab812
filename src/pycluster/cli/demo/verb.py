"""``demo``, as it is typed."""

from __future__ import annotations

import click

from pycluster.cli.command import Verb
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import NO_COLOR, seconds, takes


@click.command("demo", cls=Verb)
@click.option(
    "-nodes", "--nodes", type=click.IntRange(1, 99), default=5, show_default=True, metavar="N", help="How many agents."
)
@click.option(
    "-kill-leader-after",
    "--kill-leader-after",
    type=seconds,
    metavar="TIME",
    help="Kill the leader hard after this time, such as 5s.",
)
@click.option("-exit-after", "--exit-after", type=seconds, metavar="TIME", help="Stop everything after this time.")
@takes(NO_COLOR)
@pass_given
def demo(given: Given, nodes: int, kill_leader_after: float | None, exit_after: float | None) -> int:
    """Run a whole cluster on this machine, and watch. Real agents, each a process. Ctrl-C ends it."""
    from pycluster.cli.demo.stage import stage
    from pycluster.cli.demo.stops import Stops
    from pycluster.cli.demo.story import Story
    from pycluster.cli.demo.voices import Voices

    with Stops() as stops, stage(nodes) as plan:
        voices = Voices([place.name for place in plan.places], plain=given.switch("no_color"))
        return Story(plan, voices, stops, kill_leader_after, exit_after).play()
