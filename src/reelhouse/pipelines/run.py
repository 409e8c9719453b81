"""Runs an update of a declarative pipeline.

First it is told whether anything is new at all, without an engine. Then the files are loaded, the graph is planned and
checked, and only after that is anything written: flow by flow, each in commits of its own.
https://docs.databricks.com/aws/en/ldp/updates
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from reelhouse.errors import ReelhouseError, Unsupported
from reelhouse.pipelines import memo
from reelhouse.pipelines.inputs import Inputs
from reelhouse.pipelines.load import hash_of, source_files
from reelhouse.pipelines.settings import (
    FlowResult,
    FlowState,
    PipelineServices,
    PipelineSettings,
    UpdateResult,
    UpdateState,
)
from reelhouse.pipelines.state import PipelineState
from reelhouse.runs.record import RunKind, RunStatus, current_run

__all__ = ["FlowResult", "FlowState", "PipelineServices", "UpdateResult", "UpdateState", "run_update", "state_folder"]


def run_update(
    settings: PipelineSettings,
    services: PipelineServices,
    *,
    full_refresh: Sequence[str] = (),
    full_refresh_all: bool = False,
    refresh_selection: Sequence[str] = (),
    validate_only: bool = False,
) -> UpdateResult:
    """Update a pipeline, and return what came of each flow.

    Args:
        full_refresh: names of tables to empty and refill; no other table is worked on, but for `refresh_selection`.
        full_refresh_all: empty and refill every table.
        refresh_selection: names of tables to refresh; no other table is worked on.
        validate_only: check the graph, names and types, and write nothing.

    An update that fails is told by the result's state and error. Raises `UserError` when another update of the pipeline
    is active, `Unsupported` for settings that are not done here.
    """
    if settings.continuous:
        raise Unsupported(
            f"Pipeline '{settings.key}' is continuous, which is not supported",
            where=settings.place.at("continuous"),
            remedy="Only triggered pipelines run here: set continuous to false.",
        )
    if settings.event_log:
        raise Unsupported(
            f"Pipeline '{settings.key}' publishes its event log to a table, which is not supported",
            where=settings.place.at("event_log"),
            remedy="Read it with reelhouse.pipelines.event_log.read_event_log.",
        )
    state = PipelineState(state_folder(settings, services))
    started_ns = time.time_ns()
    update_id = str(uuid.uuid4())
    with state.lock(settings.name):
        selective = bool(full_refresh or full_refresh_all or refresh_selection or validate_only)
        run = None
        if services.runs is not None:
            run = services.runs.begin(RunKind.UPDATE, settings.name, type="pipeline", run_id=update_id)
        token = current_run.set(update_id) if run is not None else None
        result = UpdateResult(update_id, UpdateState.FAILED, error="The update was interrupted")
        try:
            result = _update(
                settings,
                services,
                state,
                update_id,
                started_ns,
                selective,
                (tuple(refresh_selection), tuple(full_refresh), full_refresh_all, validate_only),
            )
        finally:
            if token is not None:
                current_run.reset(token)
            if services.runs is not None:
                status = RunStatus.SUCCEEDED if result.succeeded else RunStatus.FAILED
                output = {"state": result.state.value, "up_to_date": result.up_to_date}
                services.runs.end(update_id, status, output=output, error=result.error)
    return result


def _update(
    settings: PipelineSettings,
    services: PipelineServices,
    state: PipelineState,
    update_id: str,
    started_ns: int,
    selective: bool,
    selection: tuple[tuple[str, ...], tuple[str, ...], bool, bool],
) -> UpdateResult:
    try:
        files = source_files(settings.libraries, settings.root, settings.place)
    except ReelhouseError as error:
        return UpdateResult(update_id, UpdateState.FAILED, error=str(error))
    inputs = Inputs(services.catalog, services.lake)
    key = memo.key_of(settings, hash_of(files, settings.root_path))
    if not selective and memo.is_up_to_date(state, key, inputs):
        return UpdateResult(update_id, UpdateState.COMPLETED, up_to_date=True)
    from reelhouse.pipelines.update import Update

    return Update(settings, services, state, inputs, update_id, started_ns, key, files).run(*selection)


def state_folder(settings: PipelineSettings, services: PipelineServices) -> Path:
    """Where a pipeline's checkpoints, hidden tables and event log lie: its storage, else the project's state."""
    if settings.storage:
        return Path(services.lake.local(settings.storage)) / "system"
    return services.state_dir / settings.key
