"""Commands for runs of pipelines that are there: run one again, stop one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from reelhouse.cli.command import FAILED, opened_project, pairs, print_json, run_as_json, watched
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
from reelhouse.runs.record import RunStatus

LOOK_EVERY_SECONDS = 0.1
RunArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="The id of a run, or its beginning.")]


def rerun(
    run_id: RunArgument,
    from_activity: Annotated[
        str | None, typer.Option("--from", metavar="ACTIVITY", help="Only this activity and what depends on it.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not succeed, inside loops too.")] = False,
    activity: Annotated[str | None, typer.Option("--activity", metavar="NAME", help="Only this activity.")] = None,
    parameter: ParameterOption = None,
    mirror: MirrorOption = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline again with the parameters it had: all of it, or a part; the rest keeps its recorded output.

    -p gives secret parameters again, which are not recorded.
    """
    if sum((from_activity is not None, failed, activity is not None)) > 1:
        raise UserError("--from, --failed and --activity exclude each other")
    with opened_project(project, state, target, engine, mirror, var) as opened:
        given = pairs(parameter or [])
        watched(
            opened,
            as_json,
            lambda: opened.rerun(
                run_id, from_activity=from_activity, from_failed=failed, only=activity, parameters=given
            ),
        )


def cancel(
    run_id: RunArgument,
    children: Annotated[
        bool, typer.Option("--children/--no-children", help="Whether the pipelines it started stop too.")
    ] = True,
    wait: Annotated[float, typer.Option(help="Seconds to wait for it to stop.")] = 30.0,
    project: ProjectOption = Path(),
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a pipeline run of another process: what runs is stopped in order and recorded as Cancelled."""
    with opened_project(project, state, None, "sail", None, None) as opened:
        run = opened.runs.request_cancel(run_id, recursive=children)
        end = time.monotonic() + wait
        while not run.has_ended and time.monotonic() < end:
            time.sleep(LOOK_EVERY_SECONDS)
            run = opened.runs.run(run.id)
        if as_json:
            print_json(run_as_json(run))
        elif not run.has_ended:
            print(f"{run.name} ({run.id[:8]}) was asked to stop; it has not yet after {wait:g} s.")
        else:
            print(f"{run.name} ({run.id[:8]}): {run.status.value}")
        if run.status is not RunStatus.CANCELLED:
            raise typer.Exit(FAILED)
