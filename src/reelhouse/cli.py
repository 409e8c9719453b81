"""The command line: a thin caller of `Project`."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelhouse.errors import ReelhouseError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from reelhouse.project import Project
    from reelhouse.report.summary import Summary
    from reelhouse.runs.record import Run

FAILED, WRONG_CALL, FAULT_OF_OURS, INTERRUPTED = 1, 2, 70, 130

app = typer.Typer(
    help="Run Azure Data Factory pipelines, Databricks jobs, notebooks and declarative pipelines on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
job_app = typer.Typer(help="Jobs of the asset bundle.", no_args_is_help=True)
pipeline_app = typer.Typer(help="Declarative pipelines of the asset bundle.", no_args_is_help=True)
notebook_app = typer.Typer(help="Single notebooks.", no_args_is_help=True)
app.add_typer(job_app, name="job")
app.add_typer(pipeline_app, name="pipeline")
app.add_typer(notebook_app, name="notebook")

ProjectOption = Annotated[Path, typer.Option("--project", "-C", help="The project's folder.", show_default="here")]
StateOption = Annotated[Path | None, typer.Option("--state", help="Where local state goes instead of .reelhouse/.")]
TargetOption = Annotated[
    str | None, typer.Option("--target", "-t", help="The bundle's target.", show_default="its default one")
]
EngineOption = Annotated[str, typer.Option("--engine", help="sail (embedded), or sc://host:port of a Spark server.")]
MirrorOption = Annotated[
    list[str] | None,
    typer.Option("--mirror", help="Answer HTTP sources from a folder: URL_PREFIX=FOLDER, or FOLDER for all of them."),
]
VariableOption = Annotated[list[str] | None, typer.Option("--var", help="A variable of the bundle, name=value.")]
ParameterOption = Annotated[list[str] | None, typer.Option("-p", "--parameter", help="A parameter, name=value.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on standard output instead of text.")]


def main() -> None:
    """Entry point of the command.

    The project is closed by now, so the process ends at once: taking the interpreter apart, with all that PySpark and
    pandas have loaded, takes a quarter of a second.
    """
    code = call()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def call() -> int:
    """Run the command line; its exit code. Errors of the user are one message and code 2, Ctrl-C is 130."""
    from reelhouse.report.failure import as_text

    try:
        code = app(standalone_mode=False)
    except ReelhouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_CALL
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        usage = as_text(error)
        if usage is None:
            traceback.print_exc()
            return FAULT_OF_OURS
        print(usage, file=sys.stderr)
        return WRONG_CALL
    return code if isinstance(code, int) else 0


# -- running -------------------------------------------------------------------------------------------------------


@app.command()
def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PIPELINE | show ID]", help="A pipeline of adf/; or `show` and the id of a run."),
    ] = None,
    parameter: ParameterOption = None,
    mirror: MirrorOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run; run nothing.")] = False,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a Data Factory pipeline (the project's main one by default), or show a past run as a tree."""
    words = words or []
    with _opened(project, state, target, engine, mirror, var) as opened:
        if words[:1] == ["show"]:
            _show_run(opened, words[1:], as_json)
            return
        if len(words) > 1:
            raise UserError(f"'{words[1]}' is one word too many", remedy="Name one pipeline; parameters go after -p.")
        name = words[0] if words else None
        if dry_run:
            print(opened.explain(name))
            return
        arguments = opened.arguments(name, parameter or [])
        _watched(opened, as_json, lambda: opened.run_pipeline(name, arguments))


@job_app.command("run")
def job_run(
    key: Annotated[str, typer.Argument(help="The job's key in the bundle.")],
    parameter: ParameterOption = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a job of the bundle."""
    with _opened(project, state, target, engine, None, var) as opened:
        arguments = _pairs(parameter or [])
        _watched(opened, as_json, lambda: opened.run_job(key, arguments))


@pipeline_app.command("run")
def pipeline_run(
    key: Annotated[str, typer.Argument(help="The pipeline's key in the bundle.")],
    full_refresh_all: Annotated[bool, typer.Option("--full-refresh-all", help="Empty and refill every table.")] = False,
    full_refresh: Annotated[list[str] | None, typer.Option("--full-refresh", help="A table to refill.")] = None,
    refresh: Annotated[list[str] | None, typer.Option("--refresh", help="A table to refresh, and no other.")] = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Update a declarative pipeline."""
    with _opened(project, state, target, engine, None, var) as opened:
        _watched(
            opened,
            as_json,
            lambda: opened.run_update(
                key,
                full_refresh=full_refresh or (),
                full_refresh_all=full_refresh_all,
                refresh_selection=refresh or (),
            ),
        )


@pipeline_app.command("validate")
def pipeline_validate(
    key: Annotated[str, typer.Argument(help="The pipeline's key in the bundle.")],
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a declarative pipeline's graph, names and types; write nothing."""
    with _opened(project, state, target, engine, None, var) as opened:
        _watched(opened, as_json, lambda: opened.run_update(key, validate_only=True))


@notebook_app.command("run")
def notebook_run(
    path: Annotated[Path, typer.Argument(help="The notebook's file.")],
    parameter: ParameterOption = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one notebook; `-p` sets its widgets."""
    with _opened(project, state, target, engine, None, var) as opened:
        arguments = _pairs(parameter or [])
        _watched(opened, as_json, lambda: opened.run_notebook(path, arguments))


# -- looking -------------------------------------------------------------------------------------------------------


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SQL statement.")],
    limit: Annotated[int, typer.Option(help="Rows to show at most.")] = 100,
    project: ProjectOption = Path(),
    state: StateOption = None,
    engine: EngineOption = "sail",
    as_json: JsonOption = False,
) -> None:
    """Run a SQL statement in the project's catalog."""
    with _opened(project, state, None, engine, None, None) as opened:
        frame = opened.spark.sql(statement).limit(limit + 1)
        rows = [tuple(row) for row in frame.collect()]
        _print_rows(frame.columns, rows[:limit], as_json)
        if len(rows) > limit and not as_json:
            print(f"… more than {limit} rows; --limit shows more.", file=sys.stderr)


@app.command()
def tables(project: ProjectOption = Path(), state: StateOption = None, as_json: JsonOption = False) -> None:
    """List the tables with their rows and newest version."""
    with _opened(project, state, None, "sail", None, None) as opened:
        rows = [(s.name, s.rows, s.version) for s in opened.table_states()]
        _print_rows(["table", "rows", "version"], rows, as_json)


@app.command()
def history(
    table: Annotated[str, typer.Argument(help="A table's name.")],
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the commits of a table, newest first."""
    with _opened(project, state, None, "sail", None, None) as opened:
        columns = ["version", "timestamp", "operation", "parameters", "metrics"]
        rows: list[tuple[Any, ...]] = [
            (entry.version, entry.timestamp, entry.operation, dict(entry.parameters), dict(entry.metrics))
            for entry in opened.history(table)
        ]
        if not as_json:
            rows = [(*row[:3], _texts(row[3]), _texts(row[4])) for row in rows]
        _print_rows(columns, rows, as_json)


@app.command()
def show(
    table: Annotated[str, typer.Argument(help="A table's name.")],
    version: Annotated[int | None, typer.Option(help="An older version of the table.")] = None,
    limit: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows of a table, as it is or as it was."""
    with _opened(project, state, None, "sail", None, None) as opened:
        frame = opened.table(table, version).limit(limit)
        _print_rows(frame.columns, [tuple(row) for row in frame.collect()], as_json)


@app.command()
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
    with _opened(project, state, None, "sail", None, None) as opened:
        name = opened.dataset_name(table)
        if columns:
            pairs = opened.lineage.columns_of(name)
            rows = [(pair.target_column, pair.source.name, pair.source_column) for pair in pairs]
            _print_rows(["column", "source", "source column"], rows, as_json)
            return
        node = opened.lineage.downstream(name) if down else opened.lineage.upstream(name)
        if as_json:
            _print_json(_node_as_json(node))
            return
        from reelhouse.report.terminal import lineage_tree

        _console().print(lineage_tree(node))


@app.command()
def validate(
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check all artifacts: references, schemas, expressions, unknown properties. Nothing runs."""
    with _opened(project, state, target, "sail", None, var) as opened:
        findings = opened.validate()
        if as_json:
            _print_json(
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


@app.command()
def runs(
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest runs."""
    with _opened(project, state, None, "sail", None, None) as opened:
        found = opened.runs.runs(limit=limit)
        if as_json:
            _print_json([_run_as_json(run) for run in found])
            return
        from reelhouse.report.terminal import runs_table

        _console().print(runs_table(found))


# -- helpers of the commands ---------------------------------------------------------------------------------------


@contextmanager
def _opened(
    folder: Path,
    state: Path | None,
    target: str | None,
    engine: str,
    mirrors: list[str] | None,
    variables: list[str] | None,
) -> Iterator[Project]:
    from reelhouse.project import Project

    project = Project.open(
        folder, state=state, target=target, engine=engine, mirror=mirrors or (), variables=_pairs(variables or [])
    )
    try:
        yield project
    finally:
        project.close()


def _watched(opened: Project, as_json: bool, work: Callable[[], Any]) -> None:
    """Run something with live progress, then print the summary; exit code 1 unless it succeeded."""
    from reelhouse.report.live import LiveProgress
    from reelhouse.report.terminal import print_summary

    console = _console()
    if as_json:
        work()
    else:
        with LiveProgress(console) as progress:
            opened.runs.subscribe(progress)
            work()
    summary: Summary = opened.summary()
    if as_json:
        _print_json(summary.as_json())
    else:
        print_summary(console, summary)
    if not summary.succeeded:
        raise typer.Exit(INTERRUPTED if opened.cancel.is_set() else FAILED)


def _show_run(opened: Project, words: list[str], as_json: bool) -> None:
    if len(words) != 1:
        raise UserError("`reelhouse run show` takes the id of one run", remedy="`reelhouse runs` lists them.")
    tree = opened.runs.tree(words[0])
    if as_json:
        _print_json([_run_as_json(run) for run in tree])
        return
    from reelhouse.report.terminal import run_tree

    _console().print(run_tree(tree))


def _texts(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _pairs(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UserError(f"'{word}' is not name=value")
        found[name] = value
    return found


def _print_rows(columns: list[str], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    if as_json:
        _print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    from reelhouse.report.terminal import rows_table

    console = _console()
    console.print(rows_table(columns, rows, console.width))


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _run_as_json(run: Run) -> dict[str, Any]:
    from reelhouse.report.summary import run_as_json

    return run_as_json(run)


def _node_as_json(node: Any) -> dict[str, Any]:
    return {
        "type": node.dataset.type,
        "name": node.dataset.name,
        "next": [_node_as_json(child) for child in node.next],
    }


@dataclass
class _Consoles:
    console: Console | None = None


_CONSOLES = _Consoles()


def _console() -> Console:
    if _CONSOLES.console is None:
        from rich.console import Console

        _CONSOLES.console = Console()
    return _CONSOLES.console


if __name__ == "__main__":
    main()
