"""Rows and summaries as a person reads them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from reelhouse.report.summary import TableState, failures, summarise
from reelhouse.report.terminal import print_summary, rows_table, run_tree
from reelhouse.runs.record import ExpectationResult, Run, RunKind, RunStatus, TableChange

AT = datetime(2026, 1, 1, 10, 0, 0, tzinfo=UTC)


def printed(*things: object, width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    for thing in things:
        console.print(thing)
    return out.getvalue()


def run(name: str, status: RunStatus = RunStatus.SUCCEEDED, parent: str | None = None, error: object = None) -> Run:
    return Run(name, RunKind.TASK, name, "", parent, AT, {}, status, AT, None, error)


def test_narrow_rows_are_lines_and_wide_ones_are_blocks() -> None:
    assert printed(rows_table(["a", "b"], [(1, None)])).splitlines()[1].split() == ["1", "null"]
    wide = [f"column_number_{i}" for i in range(9)]
    block = printed(rows_table(wide, [range(9)])).splitlines()
    assert block[0].split() == ["column_number_0", "0"]


def test_line_breaks_in_values_do_not_break_the_table() -> None:
    assert "a⏎b" in printed(rows_table(["t"], [("a\nb",)]))


def test_the_summary_fits_eighty_columns_and_counts_quarantined_rows_with_their_table() -> None:
    changes = [
        TableChange("netflix.silver.title_directors", 12, "MERGE", 44_310, 44_310, 1_234, 5_678, duration_ms=61_000),
        TableChange("netflix.silver.title_directors_quarantine", 3, "WRITE", 4, 4),
    ]
    states = [TableState(change.table, change.version or 0, change.rows) for change in changes]
    rule = ExpectationResult("netflix.silver.title_directors", "show_id_valid", "DROP", 44_310, 4)
    summary = summarise([run("netflix_platform")], changes, [rule], states, ["a note"], "/lake")
    out = io.StringIO()
    print_summary(Console(file=out, width=80), summary)
    lines = out.getvalue().splitlines()
    table = next(line for line in lines if "title_directors" in line and "44,310" in line)
    assert table.split() == ["title_directors", "44,310", "+44,310", "~1,234", "-5,678", "4", "12", "61", "s"]
    assert "…" not in out.getvalue()


def test_what_failed_first_is_told_and_not_what_it_made_fail() -> None:
    runs = [
        run("pipeline", RunStatus.FAILED, error={"message": "a task failed"}),
        run("task", RunStatus.FAILED, "pipeline", {"message": "no such table"}),
    ]
    assert [(failure.name, failure.message) for failure in failures(runs)] == [("task", "no such table")]


def test_a_tree_shows_each_run_below_the_one_that_started_it() -> None:
    lines = printed(run_tree([run("a"), run("b", parent="a"), run("c", parent="b")])).splitlines()
    assert [line.index(name) for line, name in zip(lines, "abc", strict=True)] == [2, 6, 10]
