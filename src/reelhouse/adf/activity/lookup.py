"""Lookup of the sources that Copy has.

https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, size_of, wrong
from reelhouse.adf.activity.copy_rows import lineage_of, where_is
from reelhouse.adf.dataset import OpenDataset, SqlTable, open_dataset
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.finding import Finding
from reelhouse.adf.movement.registry import CHECKS, DATASETS, SOURCES
from reelhouse.adf.movement.rows import Documents, RowStream
from reelhouse.adf.rest.json_values import plain
from reelhouse.adf.rest.pages import endpoint_of
from reelhouse.adf.rest.source import open_rest_source
from reelhouse.adf.settings import Lookup
from reelhouse.errors import Unsupported
from reelhouse.lineage.event import LineageEvent

MAX_ROWS = 5000
MAX_SIZE = 4 * 1024 * 1024
_SLICE = 500


def prepare_lookup(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Lookup)
    dataset = open_dataset(ctx, settings.dataset, ctx.properties.at("dataset"))
    if dataset.type == "RestResource":
        return _prepare_rest(ctx, settings, dataset)
    kind, place = str(settings.source.get("type")), ctx.properties.at("source")
    if kind not in SOURCES:
        raise Unsupported(
            f"Lookup from '{kind}' is not supported",
            where=place.at("type"),
            remedy=f"Supported: {', '.join(sorted(SOURCES))}.",
        )
    if dataset.type not in DATASETS[kind]:
        raise wrong(ctx, f"The source '{kind}' does not fit a {dataset.type} dataset", "source", "type")
    findings: list[Finding] = []
    CHECKS[kind](settings.source, place, findings)
    if findings:
        raise findings[0].error()
    first_only = as_boolean(ctx, ctx.value(settings.first_row_only, "firstRowOnly"), "firstRowOnly")

    def act() -> Any:
        try:
            stream = SOURCES[kind](ctx, settings.source, dataset, place)
            output = _output(_rows(stream), first_only)
        except ActivityFailed as error:
            if error.code != "2200":
                raise
            raise ActivityFailed("2100", error.message, failure_type=error.failure_type) from error
        if isinstance(dataset.location, SqlTable) and ctx.services.lineage is not None:
            ctx.services.lineage.record(LineageEvent((lineage_of(dataset),), None), run_id=ctx.run_id)
        return output

    shown = {"dataset": dataset.name, "path": where_is(dataset), "firstRowOnly": first_only}
    return Work(shown, act)


def _rows(stream: RowStream | Documents) -> Iterator[dict[str, Any]]:
    """The rows as JSON has them. Raises `ActivityFailed` for bytes."""
    if isinstance(stream, Documents):
        yield from stream.items
        return
    import pyarrow as pa

    for field in stream.schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise ActivityFailed("2100", f"The column '{field.name}' has byte arrays, which a Lookup does not give")
    for batch in stream.batches:
        for start in range(0, batch.num_rows, _SLICE):
            for row in batch.slice(start, _SLICE).to_pylist():
                yield json.loads(json.dumps(row, default=plain))


def _prepare_rest(ctx: ActivityContext, settings: Lookup, dataset: OpenDataset) -> Work:
    """A Lookup of what a REST endpoint answers: each object is a row."""
    place = ctx.properties.at("source")
    kind = settings.source.get("type")
    if kind != "RestSource":
        raise wrong(ctx, f"The source '{kind}' does not fit a RestResource dataset", "source", "type")
    documents = open_rest_source(ctx, settings.source, dataset, place)
    first_only = as_boolean(ctx, ctx.value(settings.first_row_only, "firstRowOnly"), "firstRowOnly")
    shown = {"dataset": dataset.name, "path": endpoint_of(dataset, place).url, "firstRowOnly": first_only}
    return Work(shown, lambda: _output(documents.items, first_only))


def _output(found: Iterator[dict[str, Any]], first_only: bool) -> dict[str, Any]:
    rows = list(islice(found, 1 if first_only else MAX_ROWS))
    output: dict[str, Any]
    if first_only:
        output = {"firstRow": rows[0]} if rows else {}
    else:
        output = {"count": len(rows), "value": rows}
    if size_of(output) > MAX_SIZE:
        raise ActivityFailed("2100", "The result of the lookup is larger than 4 MB")
    return output
