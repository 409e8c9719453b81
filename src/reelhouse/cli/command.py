"""What every command does: open the project, run something while a person watches, print rows or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from reelhouse.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from reelhouse.project import Project
    from reelhouse.report.summary import Summary
    from reelhouse.runs.record import Run

FAILED, WRONG_CALL, FAULT_OF_OURS, INTERRUPTED = 1, 2, 70, 130
"""Exit codes."""


@contextmanager
def opened_project(
    folder: Path,
    state: Path | None,
    target: str | None,
    engine: str,
    mirrors: list[str] | None,
    variables: list[str] | None,
) -> Iterator[Project]:
    from reelhouse.project import Project

    project = Project.open(
        folder, state=state, target=target, engine=engine, mirror=mirrors or (), variables=pairs(variables or [])
    )
    try:
        yield project
    finally:
        project.close()


def watched(opened: Project, as_json: bool, work: Callable[[], Any]) -> None:
    """Run something with live progress, then print the summary; exit code 1 unless it succeeded."""
    from reelhouse.report.live import LiveProgress
    from reelhouse.report.terminal import print_summary

    terminal = console()
    if as_json:
        work()
    else:
        with LiveProgress(terminal) as progress:
            opened.runs.subscribe(progress)
            work()
    summary: Summary = opened.summary()
    if as_json:
        print_json(summary.as_json())
    else:
        print_summary(terminal, summary)
    if not summary.succeeded:
        raise typer.Exit(INTERRUPTED if opened.cancel.is_set() else FAILED)


def pairs(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UserError(f"'{word}' is not name=value")
        found[name] = value
    return found


def print_rows(columns: list[str], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    from reelhouse.report.terminal import rows_table

    terminal = console()
    terminal.print(rows_table(columns, rows, terminal.width))


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def run_as_json(run: Run) -> dict[str, Any]:
    from reelhouse.report.summary import run_as_json

    return run_as_json(run)


@dataclass
class _Consoles:
    console: Console | None = None


_CONSOLES = _Consoles()


def console() -> Console:
    if _CONSOLES.console is None:
        from rich.console import Console

        _CONSOLES.console = Console()
    return _CONSOLES.console
