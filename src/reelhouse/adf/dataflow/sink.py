"""Sinks: rows become files of a folder, or changes of a Delta table. Nothing is visible before it is whole.

https://learn.microsoft.com/azure/data-factory/data-flow-sink
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.ends import Store
from reelhouse.adf.dataflow.stream import Stream
from reelhouse.adf.dataflow.syntax import Call, Transformation, Typed
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.columns import mapped, without_duplicates
from reelhouse.adf.dataflow.transform.spec import flag, texts
from reelhouse.adf.dataflow.write_text import write_batch, write_header

ENDINGS = {"delimited": "csv", "json": "json", "parquet": "parquet"}


@dataclass(frozen=True)
class Plan:
    """What a sink will write: a frame with the names of its columns."""

    item: Transformation
    store: Store
    frame: Any
    names: list[str]
    policy: str | None
    sources: frozenset[str]


def plan_sink(item: Transformation, store: Store, stream: Stream, scope: Scope) -> Plan:
    """The columns that are written, by mapping, declared input or all there are. Raises `ScriptError`."""
    from pyspark.sql import functions as F

    mapping = item.clause("mapColumn")
    if mapping is not None:
        pairs = mapped(mapping, replace(scope, streams=(stream,)), stream)
    else:
        wanted = _declared(item.clause("input"))
        keep_all = flag(item, "allowSchemaDrift", default=True) or not wanted
        pairs = iter(
            [
                (field.name, F.col(field.column), field.origins, field.column)
                for field in stream.fields
                if keep_all or field.name.lower() in wanted
            ]
        )
    columns = without_duplicates(
        pairs,
        inputs=mapping is not None and flag(item, "skipDuplicateMapInputs"),
        outputs=flag(item, "skipDuplicateMapOutputs"),
        line=item.line,
    )
    if not columns:
        raise ScriptError(f"The sink '{item.name}' has no column to write", item.line)
    names = [name for name, _, _ in columns]
    selected = [value.alias(name) for name, value, _ in columns]
    policy = stream.hidden.get("policy")
    if policy is not None and store.format in ("delta", "sql"):
        selected.append(F.col(policy).alias(policy))
    return Plan(item, store, stream.frame.select(*selected), names, policy, stream.sources)


def _declared(call: Call | None) -> set[str]:
    return {node.name.lower() for node in call.arguments if isinstance(node, Typed)} if call is not None else set()


def write_files(plan: Plan, scope: Scope) -> int:
    """Write the rows as files of the folder; their number comes back."""
    folder = plan.store.local(plan.store.path)
    name = _single_name(plan, scope)
    frame = _as_written(plan)
    if name is not None or _one_partition(plan.item):
        frame = frame.coalesce(1)
    writer = frame.write
    if plan.store.format == "parquet":
        writer = writer.option("compression", plan.store.codec)
    staged = scope.flow.folder / uuid.uuid4().hex
    staged.parent.mkdir(parents=True, exist_ok=True)
    writer.parquet(str(staged))
    parts = sorted(path for path in staged.rglob("*.parquet") if not path.name.startswith((".", "_")))
    rows = _rows(parts)
    _place(plan, folder, parts, name, frame)
    return rows


def _single_name(plan: Plan, scope: Scope) -> str | None:
    """The name of the one file that is asked for."""
    nodes = texts(plan.item.option("partitionFileNames"))
    if len(nodes) > 1:
        raise ScriptError("One name of a file is supported, not one for each partition", nodes[1].line)
    if not nodes:
        return None
    name = str(scope.constant(nodes[0])).strip("/")
    if not name or ".." in name.split("/"):
        raise ScriptError(f"'{name}' is no name of a file", nodes[0].line)
    return name


def _one_partition(item: Transformation) -> bool:
    call = item.clause("partitionBy")
    return call is not None and len(call.arguments) > 1 and getattr(call.arguments[1], "value", None) == 1


def _as_written(plan: Plan) -> Any:
    """The frame as it is staged: texts for delimited text, one text a row for JSON."""
    from pyspark.sql import functions as F

    columns = [F.col(f"`{name.replace('`', '``')}`") for name in plan.names]
    if plan.store.format == "json":
        return plan.frame.select(F.to_json(F.struct(*columns)).alias("row"))
    if plan.store.format == "delimited":
        for field in plan.frame.schema.fields:
            if field.dataType.simpleString().startswith(("array", "struct", "map", "binary")):
                raise ScriptError(
                    f"The column '{field.name}' of sink '{plan.item.name}' cannot be written as delimited text, "
                    f"it is {field.dataType.simpleString()}",
                    plan.item.line,
                    remedy="Flatten it, or make it a text.",
                )
        return plan.frame.select(*(column.cast("string").alias(f"c{index}") for index, column in enumerate(columns)))
    return plan.frame


def _rows(parts: list[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(part).num_rows for part in parts)


def _place(plan: Plan, folder: Path, parts: list[Path], name: str | None, frame: Any) -> None:
    """Make the files beside their places, then put them there; with `truncate` what was there goes first."""
    folder.mkdir(parents=True, exist_ok=True)
    run = uuid.uuid4().hex
    groups: list[tuple[str, list[Path]]]
    if name is not None or not parts:
        groups = [(name or _part_name(plan, 0, run), parts)]
    else:
        groups = [(_part_name(plan, index, run), [part]) for index, part in enumerate(parts)]
    ready: list[tuple[Path, Path]] = []
    try:
        for target_name, group in groups:
            target = folder / target_name
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
            ready.append((temporary, target))
            _write(plan, temporary, group, frame)
        if flag(plan.item, "truncate"):
            _clear(folder, {temporary for temporary, _ in ready})
        for temporary, target in ready:
            os.replace(temporary, target)
    except BaseException:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
        raise


def _part_name(plan: Plan, index: int, run: str) -> str:
    codec = plan.store.codec
    middle = f"{codec}." if plan.store.format == "parquet" and codec not in ("", "none") else ""
    return f"part-{index:05}-{run[:8]}-{run[8:12]}-c000.{middle}{ENDINGS[plan.store.format]}"


def _clear(folder: Path, kept: set[Path]) -> None:
    for current, folders, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(current) / name
            if path not in kept:
                path.unlink()
        for inner in folders:
            path = Path(current) / inner
            if not any(path.iterdir()):
                path.rmdir()


def _write(plan: Plan, path: Path, parts: list[Path], frame: Any) -> None:
    import pyarrow.parquet as pq

    if plan.store.format == "parquet":
        _write_parquet(path, parts, frame, plan.store.codec)
        return
    dialect = plan.store.dialect
    with path.open("wb") as file:
        if plan.store.format == "delimited":
            write_header(file, plan.names, dialect)
        else:
            # One document a line, with nothing around it.
            dialect = replace(dialect, quote="", delimiter="\0", row_delimiter=None, encoding="utf-8")
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches():
                write_batch(file, batch, dialect, quote_all=flag(plan.item, "quoteAll"))


def _write_parquet(path: Path, parts: list[Path], frame: Any, codec: str) -> None:
    import pyarrow.parquet as pq

    if len(parts) == 1:
        shutil.copyfile(parts[0], path)
        return
    schema = pq.read_schema(parts[0]) if parts else frame.limit(0).toArrow().schema
    with pq.ParquetWriter(path, schema, compression=codec or "none") as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches():
                writer.write_batch(batch)
