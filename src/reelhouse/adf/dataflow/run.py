"""Runs a data flow: opens its ends, makes one Spark plan of each sink, writes them, and tells what was done.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-data-flow-activity
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.dataflow.check import in_order
from reelhouse.adf.dataflow.compile import Flow, Scope
from reelhouse.adf.dataflow.definition import DataFlow
from reelhouse.adf.dataflow.delta_sink import write_delta
from reelhouse.adf.dataflow.ends import open_end
from reelhouse.adf.dataflow.sink import Plan, plan_sink, write_files
from reelhouse.adf.dataflow.source import USER_CODE, open_source
from reelhouse.adf.dataflow.sql_ends import read_table, write_table
from reelhouse.adf.dataflow.stream import Stream
from reelhouse.adf.dataflow.syntax import Node, Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform import KINDS
from reelhouse.adf.dataflow.transform.spec import number
from reelhouse.adf.errors import ActivityFailed, Cancelled

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STAGING = "_dataflow_staging"
"""Below the root of the lake, outside of all containers."""
LEFTOVER_SECONDS = 7 * 24 * 3600


def run_flow(
    ctx: ActivityContext,
    flow: DataFlow,
    parameters: Mapping[str, Node],
    dataset_parameters: Mapping[str, Mapping[str, Any]],
    spark: SparkSession,
) -> dict[str, Any]:
    """Run a data flow to its end; the output of its activity comes back.

    `parameters` are expressions, `dataset_parameters` are by stream. Raises `UserError` for what the script says
    wrong, `ActivityFailed` for what fails while it runs.
    """
    clock = ctx.services.clock
    staging = Path(ctx.services.lake.root) / STAGING
    _remove_leftovers(staging, clock.now().timestamp())
    folder = staging / uuid.uuid4().hex
    scope = Scope(Flow(spark, parameters, clock.now(), folder))
    try:
        plans = _plans(ctx, flow, dataset_parameters, scope)
        metrics: dict[str, Any] = {}
        read: dict[str, int] = {}
        for plan, sources in plans:
            if ctx.services.cancel.is_set():
                raise Cancelled
            started = clock.monotonic()
            rows = _write(ctx, plan, scope)
            if rows:
                metrics[plan.item.name] = {
                    "rowsWritten": rows,
                    "sinkProcessingTime": int((clock.monotonic() - started) * 1000),
                    "sources": {name: {"rowsRead": _read(name, sources, read)} for name in sorted(plan.sources)},
                    "stages": [],
                }
    except ScriptError as error:
        raise flow.placed(error) from None
    except Exception as error:
        if type(error).__module__.startswith(("pyspark", "grpc")):
            raise ActivityFailed(USER_CODE, f"Job failed due to reason: {_first_line(error)}") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"runStatus": {"computeAcquisitionDuration": 0, "dsl": flow.text, "metrics": metrics}}


def _remove_leftovers(staging: Path, now: float) -> None:
    """Remove what runs left that were killed."""
    for folder in staging.glob("*"):
        if now - folder.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _plans(
    ctx: ActivityContext, flow: DataFlow, dataset_parameters: Mapping[str, Mapping[str, Any]], scope: Scope
) -> list[tuple[Plan, Mapping[str, Stream]]]:
    """What each sink writes, in the order they are written in. Nothing has been written when this ends."""
    streams: dict[str, Stream] = {}
    sources: dict[str, Stream] = {}
    plans: list[Plan] = []
    for item in in_order(flow):
        inputs = tuple(streams[name] for name in item.inputs)
        if item.kind in ("source", "sink"):
            end = (flow.sources if item.kind == "source" else flow.sinks)[item.name]
            store = open_end(ctx, flow, end, item, scope, dataset_parameters.get(item.name, {}))
            if item.kind == "source":
                given = read_table(ctx, item, store, scope) if store.format == "sql" else None
                streams[item.name] = sources[item.name] = open_source(item, store, scope, given)
            else:
                plans.append(plan_sink(item, store, inputs[0], scope))
            continue
        streams.update(_applied(item, inputs, scope))
    plans.sort(key=lambda plan: number(plan.item, "saveOrder", 0))
    return [(plan, sources) for plan in plans]


def _applied(item: Transformation, inputs: tuple[Stream, ...], scope: Scope) -> dict[str, Stream]:
    result = KINDS[item.kind].apply(item, inputs, _scope(scope, inputs))
    return result if isinstance(result, dict) else {item.name: result}


def _scope(scope: Scope, inputs: Iterable[Stream]) -> Scope:
    return Scope(scope.flow, tuple(inputs))


def _write(ctx: ActivityContext, plan: Plan, scope: Scope) -> int:
    if plan.store.format == "delta":
        return write_delta(plan, scope)
    if plan.store.format == "sql":
        return write_table(ctx, plan, scope)
    return write_files(plan, scope)


def _read(name: str, sources: Mapping[str, Stream], read: dict[str, int]) -> int:
    """How many rows a source has; counted once."""
    if name not in read:
        read[name] = int(sources[name].frame.count())
    return read[name]
