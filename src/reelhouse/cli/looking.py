"""Commands that look: at tables, their history and lineage, at runs, and at the artifacts themselves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from reelhouse.cli.command import FAILED, console, opened_project, print_json, print_rows, run_as_json
from reelhouse.cli.options import (
    EngineOption,
    JsonOption,
    ProjectOption,
    StateOption,
    TargetOption,
    VariableOption,
)
from reelhouse.errors import UserError, did_you_mean
from reelhouse.runs.record import RunStatus


def sql(
    statement: Annotated[str, typer.Argument(help="One SQL statement.")],
    limit: Annotated[int, typer.Option(help="Rows to show at most.")] = 100,
    project: ProjectOption = Path(),
    state: StateOption = None,
    engine: EngineOption = "sail",
    as_json: JsonOption = False,
) -> None:
    """Run a SQL statement in the project's catalog."""
    with opened_project(project, state, None, engine, None, None) as opened:
        frame = opened.spark.sql(statement).limit(limit + 1)
        rows = [tuple(row) for row in frame.collect()]
        print_rows(frame.columns, rows[:limit], as_json)
        if len(rows) > limit and not as_json:
            print(f"… more than {limit} rows; --limit shows more.", file=sys.stderr)


def tables(project: ProjectOption = Path(), state: StateOption = None, as_json: JsonOption = False) -> None:
    """List the tables with their rows and newest version."""
    with opened_project(project, state, None, "sail", None, None) as opened:
        rows = [(s.name, s.rows, s.version) for s in opened.table_states()]
        print_rows(["table", "rows", "version"], rows, as_json)


def history(
    table: Annotated[str, typer.Argument(help="A table's name.")],
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the commits of a table, newest first."""
    with opened_project(project, state, None, "sail", None, None) as opened:
        columns = ["version", "timestamp", "operation", "parameters", "metrics"]
        rows: list[tuple[Any, ...]] = [
            (entry.version, entry.timestamp, entry.operation, dict(entry.parameters), dict(entry.metrics))
            for entry in opened.history(table)
        ]
        if not as_json:
            rows = [(*row[:3], _texts(row[3]), _texts(row[4])) for row in rows]
        print_rows(columns, rows, as_json)


def show(
    table: Annotated[str, typer.Argument(help="A table's name.")],
    version: Annotated[int | None, typer.Option(help="An older version of the table.")] = None,
    limit: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows of a table, as it is or as it was."""
    with opened_project(project, state, None, "sail", None, None) as opened:
        frame = opened.table(table, version).limit(limit)
        print_rows(frame.columns, [tuple(row) for row in frame.collect()], as_json)


def lineage(
    table: Annotated[str, typer.Argument(help="A table's name, an address of the lake or a URL.")],
    up: Annotated[bool, typer.Option("--up", help="What it was made from (the default).")] = False,
    down: Annotated[bool, typer.Option("--down", help="What was made from it.")] = False,
    columns: Annotated[bool, typer.Option("--columns", help="Columns instead of tables.")] = False,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw where a table comes from, or what depends on it."""
    if up and down:
        raise UserError("--up and --down exclude each other")
    with opened_project(project, state, None, "sail", None, None) as opened:
        name = opened.dataset_name(table)
        if columns:
            pairs = opened.lineage.columns_of(name)
            rows = [(pair.target_column, pair.source.name, pair.source_column) for pair in pairs]
            print_rows(["column", "source", "source column"], rows, as_json)
            return
        node = opened.lineage.downstream(name) if down else opened.lineage.upstream(name)
        if as_json:
            print_json(_node_as_json(node))
            return
        from reelhouse.report.terminal import lineage_tree

        console().print(lineage_tree(node))


def validate(
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check all artifacts: references, schemas, expressions, unknown properties. Nothing runs."""
    with opened_project(project, state, target, "sail", None, var) as opened:
        findings = opened.validate()
        if as_json:
            print_json(
                [
                    {"severity": f.severity.value, "file": f.place.file, "path": f.place.path, "message": f.message}
                    for f in findings
                ]
            )
        else:
            for finding in findings:
                print(f"{finding.severity.value}: {finding}")
            errors = sum(finding.severity.value == "error" for finding in findings)
            print(f"{errors} errors, {len(findings) - errors} warnings.")
        if any(finding.severity.value == "error" for finding in findings):
            raise typer.Exit(FAILED)


def runs(
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    status: Annotated[str | None, typer.Option(help="Only runs of this status, such as Failed.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only runs of this pipeline, child runs too.")] = None,
    last: Annotated[str | None, typer.Option(help="Only runs begun since: 30m, 12h, 7d.")] = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest runs."""
    wanted = _status(status) if status is not None else None
    with opened_project(project, state, None, "sail", None, None) as opened:
        since = opened.clock.now() - _span(last) if last is not None else None
        found = opened.runs.runs(limit=limit, status=wanted, pipeline=pipeline, since=since)
        if as_json:
            print_json([run_as_json(run) for run in found])
            return
        from reelhouse.report.terminal import runs_table

        console().print(runs_table(found))


def _status(word: str) -> RunStatus:
    known = {status.value.lower(): status for status in RunStatus}
    if word.lower() not in known:
        raise UserError(f"'{word}' is no status of a run", remedy=did_you_mean(word, [s.value for s in RunStatus]))
    return known[word.lower()]


def _span(word: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if not word[:-1].isdigit() or word[-1:] not in units:
        raise UserError(f"'{word}' is no span of time", remedy="Write 30m, 12h or 7d.")
    return timedelta(**{units[word[-1]]: int(word[:-1])})


def _texts(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _node_as_json(node: Any) -> dict[str, Any]:
    return {
        "type": node.dataset.type,
        "name": node.dataset.name,
        "next": [_node_as_json(child) for child in node.next],
    }
