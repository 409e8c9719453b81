"""Commands that run something: a Data Factory pipeline, a job, a declarative pipeline, a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelhouse.cli.command import console, opened_project, pairs, print_json, run_as_json, watched
from reelhouse.cli.options import (
    EngineOption,
    JsonOption,
    MirrorOption,
    ParameterOption,
    ProjectOption,
    StateOption,
    TargetOption,
    VariableOption,
)
from reelhouse.errors import UserError

if TYPE_CHECKING:
    from reelhouse.project import Project

job_app = typer.Typer(help="Jobs of the asset bundle.", no_args_is_help=True)
pipeline_app = typer.Typer(help="Declarative pipelines of the asset bundle.", no_args_is_help=True)
notebook_app = typer.Typer(help="Single notebooks.", no_args_is_help=True)


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
    with opened_project(project, state, target, engine, mirror, var) as opened:
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
        watched(opened, as_json, lambda: opened.run_pipeline(name, arguments))


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
    with opened_project(project, state, target, engine, None, var) as opened:
        arguments = pairs(parameter or [])
        watched(opened, as_json, lambda: opened.run_job(key, arguments))


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
    with opened_project(project, state, target, engine, None, var) as opened:
        watched(
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
    with opened_project(project, state, target, engine, None, var) as opened:
        watched(opened, as_json, lambda: opened.run_update(key, validate_only=True))


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
    with opened_project(project, state, target, engine, None, var) as opened:
        arguments = pairs(parameter or [])
        watched(opened, as_json, lambda: opened.run_notebook(path, arguments))


def _show_run(opened: Project, words: list[str], as_json: bool) -> None:
    if len(words) != 1:
        raise UserError("`reelhouse run show` takes the id of one run", remedy="`reelhouse runs` lists them.")
    tree = opened.runs.tree(words[0])
    if as_json:
        print_json([run_as_json(run) for run in tree])
        return
    from reelhouse.report.terminal import run_tree

    console().print(run_tree(tree))
