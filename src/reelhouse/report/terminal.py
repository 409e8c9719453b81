"""The summary, trees and tables as a person reads them in a terminal."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from reelhouse.lineage.store import LineageNode
from reelhouse.report.summary import QUARANTINE, Summary, TableLine, message_of
from reelhouse.runs.record import Run, RunStatus

SHORT_CELL = 24
"""A longer value may be cut when rows are lines."""
SHOWN_TURNS = 20
"""Of a longer loop only what did not succeed is drawn."""
STYLES = {
    RunStatus.SUCCEEDED: ("✓", "green"),
    RunStatus.FAILED: ("✗", "bold red"),
    RunStatus.QUEUED: ("…", "dim"),
    RunStatus.IN_PROGRESS: ("…", "yellow"),
    RunStatus.CANCELLED: ("■", "yellow"),
    RunStatus.SKIPPED: ("-", "dim"),
    RunStatus.INACTIVE: ("-", "dim"),
}


def print_summary(console: Console, summary: Summary) -> None:
    """Tables by layer, expectations, failures, where the lake is, and what to try next."""
    console.print()
    if summary.tables:
        console.print(tables_table(summary))
    if summary.expectations:
        console.print()
        console.print(expectations_table(summary))
    for note in summary.notes:
        console.print()
        console.print(Text(f"note: {note}", style="dim"))
    console.print()
    console.print(ending(summary))
    console.print(next_commands(summary))


def tables_table(summary: Summary) -> Table:
    """One line a table, grouped by layer. Columns in which nothing happened are left out."""
    lines = summary.tables
    counts: list[tuple[str, Callable[[TableLine], str]]] = [
        ("added", lambda line: _change(line.added, "+")),
        ("updated", lambda line: _change(line.updated, "~")),
        ("removed", lambda line: _change(line.removed, "-")),
        ("quarantine", lambda line: _count(line.quarantined)),
    ]
    shown = [(name, cell) for name, cell in counts if any(cell(line) for line in lines)]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("table", no_wrap=True, min_width=22)
    for name in ("rows", *(name for name, _ in shown), "version", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    layer = None
    for line in lines:
        if line.layer != layer:
            table.add_row(Text(line.layer, style="bold"))
            layer = line.layer
        table.add_row(
            f"  {_table_name(line)}",
            _number(line.rows),
            *(cell(line) for _, cell in shown),
            str(line.version),
            _seconds(line.seconds) if line.commits else "·",
            style="" if line.commits else "dim",
        )
    return table


def _table_name(line: TableLine) -> str:
    name = line.name.split(".")[-1]
    return "└ quarantine" if name.endswith(QUARANTINE) else name


def expectations_table(summary: Summary) -> Table:
    """One line an expectation with what passed and what failed."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("expectation of", "rule", "else"):
        table.add_column(column, no_wrap=True)
    table.add_column("passed", justify="right")
    table.add_column("failed", justify="right")
    dataset = None
    for result in summary.expectations:
        table.add_row(
            _short(result.dataset) if result.dataset != dataset else "",
            result.name,
            {"ALLOW": "warn", "DROP": "drop", "FAIL": "fail"}.get(result.action, result.action),
            f"{result.passed:,}",
            Text(f"{result.failed:,}", style="yellow" if result.failed else ""),
        )
        dataset = result.dataset
    return table


def ending(summary: Summary) -> RenderableType:
    """The result in one line, and a panel that says what failed and why. What the run handled is dimmed."""
    mark, style = STYLES[summary.run.status]
    files = "1 file" if summary.files_ingested == 1 else f"{summary.files_ingested:,} files"
    made = sum(line.commits for line in summary.tables)
    commits = "no table changed" if made == 0 else f"{made} commit{'s' * (made != 1)}"
    line = Text.assemble(
        (f"{mark} {summary.run.name} {summary.run.status.value}", style),
        f" in {summary.seconds:.1f} s: {files} ingested, {commits}.",
    )
    if not summary.failures:
        return line
    reasons: list[RenderableType] = []
    for failure in summary.failures:
        reasons.append(Text.assemble((f"{failure.kind} {failure.name}: ", "bold"), failure.message))
    handled = summary.succeeded
    title, style, border = ("failed and handled", "dim", "dim") if handled else ("what failed", "", "red")
    return Group(line, Panel(Group(*reasons), title=title, title_align="left", style=style, border_style=border))


def next_commands(summary: Summary) -> Text:
    """Where the lake is and what a newcomer may type next."""
    gold = [line.name.removeprefix("netflix.") for line in summary.tables if line.layer == "gold"]
    shown = next((name for name in gold if name.endswith("dim_title")), next(iter(gold), None))
    program = command_name()
    tries = [f"{program} run show {summary.run.id[:8]}"]
    if shown:
        tries = [f"{program} tables", f"{program} show {shown}", f"{program} lineage {shown} --up", *tries]
    text = Text(f"\nThe lake is {summary.lake}\nTry next:", style="dim")
    for command in tries:
        text.append(f"\n  {command}")
    return text


def command_name() -> str:
    """What to type to call this program: its name, or where it lies when the shell would not find it."""
    if shutil.which("reelhouse"):
        return "reelhouse"
    program = Path(sys.executable).parent / "reelhouse"
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


def runs_table(runs: Iterable[Run]) -> Table:
    """The newest runs, one line each."""
    found = list(runs)
    reruns = any("referencePipelineRunId" in run.details for run in found)
    table = _plain_table("run", "what", "started (UTC)", "time", "status", *(["rerun of"] if reruns else []))
    for run in found:
        mark, style = STYLES[run.status]
        of_run = [str(run.details.get("referencePipelineRunId", ""))[:8]] if reruns else []
        table.add_row(
            run.id[:8],
            f"{run.kind.value} {run.name}",
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            _duration(run),
            Text(f"{mark} {run.status.value}", style=style),
            *of_run,
        )
    return table


def run_tree(runs: Sequence[Run]) -> Tree:
    """A run and all it started, each with its time and, when it failed, the reason.

    The activities that decided the status of a pipeline are marked. Of a loop with many turns only those that did not
    succeed are drawn, and the first few of the others.
    """
    branches: dict[str, Tree] = {}
    decided = _deciding(runs)
    hidden = _hidden(runs)
    root: Tree | None = None
    for run in runs:
        parent = branches.get(run.parent_id or "")
        if run.id in hidden or (root is not None and run.parent_id in hidden):
            hidden.add(run.id)
            continue
        label = _run_label(run, run.name in decided.get(run.parent_id or "", ()))
        if root is None or parent is None:
            branch = Tree(label) if root is None else root.add(label)
            root = root or branch
        else:
            branch = parent.add(label)
        branches[run.id] = branch
    for run_id, count in _hidden_below(runs, hidden).items():
        branches[run_id].add(Text(f"… {count:,} more that succeeded", style="dim"))
    return root or Tree("no runs")


def _deciding(runs: Sequence[Run]) -> Mapping[str, Collection[str]]:
    """By pipeline run the activities that decided its status, where that is not plain: something did not succeed."""
    unsure = {run.parent_id for run in runs if run.status is not RunStatus.SUCCEEDED}
    return {
        run.id: run.output.get("decidedBy", ()) for run in runs if run.id in unsure and isinstance(run.output, Mapping)
    }


def _hidden(runs: Sequence[Run]) -> set[str]:
    """Activities that succeeded in the later turns of long loops."""
    return {
        run.id for run in runs if run.details.get("iteration", 0) >= SHOWN_TURNS and run.status is RunStatus.SUCCEEDED
    }


def _hidden_below(runs: Sequence[Run], hidden: Collection[str]) -> Mapping[str, int]:
    return Counter(run.parent_id for run in runs if run.id in hidden and run.parent_id and run.parent_id not in hidden)


def lineage_tree(node: LineageNode) -> Tree:
    """A dataset with its sources, or uses, below it."""
    tree = Tree(_dataset_label(node))
    _grow(tree, node)
    return tree


def rows_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], width: int = 80) -> RenderableType:
    """Rows of a query, one line each; one block each where the columns do not fit beside each other.

    A null is shown as a dim `null`.
    """
    found = list(rows)
    longest = [max([len(name), *(len(_cell(row[i])) for row in found)]) for i, name in enumerate(columns)]
    if sum(min(length, SHORT_CELL) + 2 for length in longest) > width:
        return Group(*(_record(columns, row) for row in found))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in found:
        table.add_row(*(_value(value) for value in row))
    return table


def _record(columns: Sequence[str], row: Sequence[Any]) -> Table:
    record = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    record.add_column(style="bold", no_wrap=True)
    record.add_column(overflow="fold")
    for name, value in zip(columns, row, strict=True):
        record.add_row(name, _value(value))
    record.add_row()
    return record


def _value(value: Any) -> Text:
    return Text("null", style="dim") if value is None else Text(_cell(value))


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table


def _grow(tree: Tree, node: LineageNode) -> None:
    for child in node.next:
        _grow(tree.add(_dataset_label(child)), child)


def _dataset_label(node: LineageNode) -> Text:
    return Text.assemble(node.dataset.name, (f"  {node.dataset.type.lower().replace('_', ' ')}", "dim"))


def _run_label(run: Run, decided: bool = False) -> Text:
    mark, style = STYLES[run.status]
    details = run.details
    turn = f" [{details['iteration']}]" if "iteration" in details else ""
    label = Text.assemble(
        (f"{mark} ", style),
        f"{run.name}{turn}",
        (f"  {run.type or run.kind.value}", "dim"),
        (f"  {_duration(run)}", "cyan"),
    )
    if decided:
        label.append("  decided the status", style="bold" if run.status is RunStatus.FAILED else "dim")
    for key, words in (
        ("retryAttempt", "retry {}"),
        ("reusedFrom", "used again from {:.8}"),
        ("referencePipelineRunId", "rerun of {:.8}"),
        ("startActivityName", "from {}"),
    ):
        if key in details:
            label.append(f"  {words.format(details[key])}", style="dim")
    message = message_of(run.error)
    if message:
        label.append(f"\n{message}", style="red")
    return label


def _duration(run: Run) -> str:
    if run.ended_at is None:
        return ""
    seconds = (run.ended_at - run.started_at).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _short(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    return str(value).replace("\r", "").replace("\n", "⏎")


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _change(value: int | None, sign: str) -> str:
    return "" if not value else f"{sign}{value:,}"
