"""The summary, trees and tables as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from reelhouse.lineage.store import LineageNode
from reelhouse.report.summary import Summary, message_of
from reelhouse.runs.record import Run, RunStatus

STYLES = {
    RunStatus.SUCCEEDED: ("✓", "green"),
    RunStatus.FAILED: ("✗", "bold red"),
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
        console.print(expectations_table(summary))
    for note in summary.notes:
        console.print(Text(f"note: {note}", style="dim"))
    console.print(ending(summary))
    console.print(next_commands(summary))


def tables_table(summary: Summary) -> Table:
    """One line a table, grouped by layer."""
    table = _plain_table("layer", "table")
    for column in ("rows", "added", "updated", "removed", "quarantined", "version", "time"):
        table.add_column(column, justify="right")
    layer = None
    for line in summary.tables:
        if layer not in (None, line.layer):
            table.add_section()
        quiet = "" if line.commits else "dim"
        table.add_row(
            line.layer if line.layer != layer else "",
            line.name.split(".")[-1],
            _number(line.rows),
            _change(line.added, "+"),
            _change(line.updated, "~"),
            _change(line.removed, "-"),
            Text(_count(line.quarantined), style="yellow" if line.quarantined else ""),
            str(line.version),
            f"{line.seconds:.2f} s" if line.commits else "unchanged",
            style=quiet,
        )
        layer = line.layer
    return table


def expectations_table(summary: Summary) -> Table:
    """One line an expectation with what passed and what failed."""
    table = _plain_table("expectation of", "rule", "on violation")
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
    """The result in one line, or a panel that says what failed and why."""
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
    return Group(line, Panel(Group(*reasons), title="what failed", title_align="left", border_style="red"))


def next_commands(summary: Summary) -> Text:
    """Where the lake is and what a newcomer may type next."""
    biggest = next((line.name for line in summary.tables if line.layer == "gold"), None)
    tries = [f"reelhouse run show {summary.run.id[:8]}"]
    if biggest:
        dim_title = next((line.name for line in summary.tables if line.name.endswith(".dim_title")), biggest)
        tries = ["reelhouse tables", f"reelhouse show {dim_title}", f"reelhouse lineage {dim_title} --up", *tries]
    text = Text(f"The lake is {summary.lake}\n", style="dim")
    text.append("Try next: " + "   ".join(tries), style="dim")
    return text


def runs_table(runs: Iterable[Run]) -> Table:
    """The newest runs, one line each."""
    table = _plain_table("run", "what", "started (UTC)", "time", "status")
    for run in runs:
        mark, style = STYLES[run.status]
        table.add_row(
            run.id[:8],
            f"{run.kind.value} {run.name}",
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            _duration(run),
            Text(f"{mark} {run.status.value}", style=style),
        )
    return table


def run_tree(runs: Sequence[Run]) -> Tree:
    """A run and all it started, each with its time and, when it failed, the reason."""
    branches: dict[str, Tree] = {}
    root: Tree | None = None
    for run in runs:
        label = _run_label(run)
        if root is None or run.parent_id not in branches:
            branch = Tree(label) if root is None else root.add(label)
            root = root or branch
        else:
            branch = branches[run.parent_id].add(label)
        branches[run.id] = branch
    return root or Tree("no runs")


def lineage_tree(node: LineageNode) -> Tree:
    """A dataset with its sources, or uses, below it."""
    tree = Tree(_dataset_label(node))
    _grow(tree, node)
    return tree


def rows_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Rows of a query. A null is shown as a dim `null`."""
    table = _plain_table(*columns)
    for row in rows:
        table.add_row(*(Text("null", style="dim") if value is None else Text(_cell(value)) for value in row))
    return table


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


def _run_label(run: Run) -> Text:
    mark, style = STYLES[run.status]
    label = Text.assemble(
        (f"{mark} ", style),
        run.name,
        (f"  {run.type or run.kind.value}", "dim"),
        (f"  {_duration(run)}", "cyan"),
    )
    message = message_of(run.error)
    if message:
        label.append(f"\n{message}", style="red")
    return label


def _duration(run: Run) -> str:
    if run.ended_at is None:
        return ""
    seconds = (run.ended_at - run.started_at).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _short(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _cell(value: Any) -> str:
    return str(value).replace("\n", "⏎").replace("\r", "")


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _change(value: int | None, sign: str) -> str:
    return "" if not value else f"{sign}{value:,}"
