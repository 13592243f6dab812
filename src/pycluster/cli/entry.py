"""From the command line to an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from pycluster.cli.exits import Exit, code_of, report
from pycluster.cli.given import Given
from pycluster.cli.program import COMPLETION_VARIABLE, program
from pycluster.cli.streams import Answers, Unwritten
from pycluster.kernel.errors import LocalFault, PyClusterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb (of ``sys.argv`` unless ``arguments`` are given); gives the exit code, never raises for users."""
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(program, {"obj": Given()}, "pycluster", COMPLETION_VARIABLE, instruction)
    if sys.stdout is None:
        # The shell closed it (>&-): whoever wants no answer gets none.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    given = Given(own_process=arguments is None)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        output: Any = Answers(sys.stdout)
        with contextlib.redirect_stdout(output):
            code = _run(given, words)
            output.flush()
    except click.ClickException as wrong:
        _usage(wrong)
        code = Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        _close_output()
        code = Exit.BROKEN_PIPE
    except Unwritten as error:
        report(LocalFault("the answer was not written", why=error.strerror or "", remedy="send it elsewhere"))
        _close_output()
        code = Exit.FAILED
    except PyClusterError as error:
        report(error)
        code = code_of(error)
    except UnicodeEncodeError:
        # Paths, keys and values may be any bytes; names may not, and have to be sent.
        bytes_ = next((os.fsencode(word) for word in words if not _is_text(word)), None)
        if bytes_ is None:
            raise
        _usage(click.UsageError(f"{bytes_!r} is no UTF-8"))
        code = Exit.USAGE
    return code


def _is_text(word: str) -> bool:
    return not any("\udc80" <= sign <= "\udcff" for sign in word)


def _run(given: Given, arguments: list[str]) -> int:
    try:
        with program.make_context("pycluster", arguments, obj=given) as context:
            return int(program.invoke(context) or 0)
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _usage(wrong: click.ClickException) -> None:
    text = " ".join(wrong.format_message().split()).rstrip(".")
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    where = f" ({context.command_path} --help tells more)" if context is not None else ""
    if text[1:2].islower():
        text = text[0].lower() + text[1:]
    print(f"{text}{where}", file=sys.stderr)


def _close_output() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
