"""One write, one commit: the engine writes Parquet files beside the table, the log entry makes them the table's.

https://docs.databricks.com/aws/en/delta/
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelhouse.delta.change_feed import INSERT, POSTIMAGE, TYPE
from reelhouse.delta.write import Commit, Mode, OnViolation, Target, WriteSpec
from reelhouse.errors import Unsupported
from reelhouse.failpoints import reach
from reelhouse.plans import plan
from reelhouse.runs.record import TableChange

if TYPE_CHECKING:
    from reelhouse.delta.plan import WritePlan
    from reelhouse.spark.context import SessionContext

MASK = "__reelhouse_mask"
CHANGE = "__reelhouse_change"
"""A column of rows to write to a table that records its changes: 0 for a row that stays, or a key of `_NEW`."""
_NEW = {1: INSERT, 2: POSTIMAGE}
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_MOST_RULES = 62
NO_TABLE = -1
"""The version before the first."""


def write(
    context: SessionContext,
    relation: plan.Relation,
    target: Target,
    spec: WriteSpec,
    recorded_as: plan.Relation | None = None,
    before: plan.Relation | None = None,
) -> Commit:
    """Write a plan's rows to a Delta table. See `SessionContext.write`."""
    started = time.monotonic()
    if _is_repeated(context, target, spec):
        return Commit(None, 0)
    spec = _as_of_now(context, target, spec)
    resolved = context.resolve(relation)
    commit = write_resolved(context, resolved, target, spec, None if before is None else context.resolve(before))
    shown = relation if recorded_as is None else recorded_as
    _record(context, shown, target, spec, commit, round((time.monotonic() - started) * 1000))
    return commit


def write_resolved(
    context: SessionContext,
    resolved: plan.Relation,
    target: Target,
    spec: WriteSpec,
    before: plan.Relation | None = None,
) -> Commit:
    """As `write`, of a plan that the engine can run as it is, and without a record of it."""
    from reelhouse.delta import staging
    from reelhouse.delta.commit import commit_files
    from reelhouse.delta.plan import plan_write

    schema = _without(context.wire.schema(resolved), CHANGE if before is not None else None)
    decided = plan_write(target, schema, spec)
    zone = context.conf.read("spark.sql.session.timeZone") or "UTC"
    rows = shape(resolved, decided, zone, CHANGE if before is not None else None)
    partition_by = [MASK, *decided.partition_by] if decided.rules else list(decided.partition_by)
    stage, change_stage = staging.new_stage(target.location), staging.new_stage(target.location)
    try:
        context.wire.write_parquet(rows, stage, [CHANGE, *partition_by] if before is not None else partition_by)
        staged = staging.staged_files(stage, MASK if decided.rules else None, decided.partition_by)
        counts: Mapping[str, int | None] | None = spec.counts
        if _is_to_compare(spec) and decided.snapshot is not None and (decided.snapshot.files or not staged):
            counts = _compare(context, target, decided, spec, staged)
            same = not any(counts.values())
            if same and spec.skip_if_same and not decided.metadata_changed:
                return _nothing_new(decided, spec, staged)
        changes: Sequence[Any] = ()
        if before is not None:
            told = _changes(decided, staged, before, zone)
            context.wire.write_parquet(told, change_stage, list(decided.partition_by))
            changes = staging.staged_files(change_stage, None, decided.partition_by)
        example = _example(staged, decided)
        reach("spark.staged")
        return _commit(commit_files, target, stage, schema, spec, decided, counts, example, changes)
    finally:
        staging.discard(stage)
        staging.discard(change_stage)


def _without(schema: Any, column: str | None) -> str:
    """The schema as JSON, without a column of ours."""
    found = schema.jsonValue()
    fields = [field for field in found["fields"] if field["name"] != column]
    return json.dumps({**found, "fields": fields})


def _changes(decided: WritePlan, staged: Sequence[Any], before: plan.Relation, zone: str) -> plan.Relation:
    """The rows of the change data feed: those that were, and, read back from what is staged, those that are new.

    Read back, so that the feed tells the values that the table has, whatever the time or chance gave them.
    """
    from reelhouse.plans.tables import nullable, read_files, union

    schema = nullable(json.loads(decided.schema))
    names = [field["name"] for field in schema["fields"]]
    kinds = {field["name"]: field["type"] for field in schema["fields"]}
    had = decided.snapshot.schema if decided.snapshot else decided.schema
    known = {field["name"].lower() for field in json.loads(had)["fields"]}
    old = [
        plan.named(_cast(plan.column(name) if name.lower() in known else plan.null(), kinds[name]), name)
        for name in names
    ]
    parts = [plan.project(before, [*old, plan.column(TYPE)])]
    for mark, type in _NEW.items():
        files = [(file.path, file.partition_values) for file in staged if f"/{CHANGE}={mark}/" in file.path]
        if files:
            read = read_files(schema, decided.partition_by, files)
            parts.append(plan.project(read, [*map(plan.column, names), plan.named(plan.text_literal(type), TYPE)]))
    rows = parts[0] if len(parts) == 1 else union(parts)
    if not decided.partition_by:
        return rows
    return plan.project(
        rows,
        [
            plan.named(plan.expression(partition_text(name, kinds[name], zone)), name)
            if name in decided.partition_by
            else plan.column(name)
            for name in [*names, TYPE]
        ],
    )


def _as_of_now(context: SessionContext, target: Target, spec: WriteSpec) -> WriteSpec:
    """An overwrite that knows the version it replaces, so that rows which others add meanwhile are not lost silently.

    Taken before the plan is resolved: what the plan reads of the table itself is that version, or a later one.
    """
    if spec.mode is not Mode.OVERWRITE or spec.read_version is not None:
        return spec
    snapshot = context.snapshot(target.location)
    return replace(spec, read_version=NO_TABLE if snapshot is None else snapshot.version)


def _is_to_compare(spec: WriteSpec) -> bool:
    return spec.mode is Mode.OVERWRITE and (spec.skip_if_same or (bool(spec.key) and spec.counts is None))


def _commit(
    commit_files: Any,
    target: Target,
    stage: str,
    schema: str,
    spec: WriteSpec,
    decided: WritePlan,
    counts: Mapping[str, int | None] | None,
    example: str,
    changes: Sequence[Any],
) -> Commit:
    from reelhouse.delta.expectations import ExpectationViolation

    try:
        commit: Commit = commit_files(
            target,
            stage,
            schema,
            spec,
            mask_column=MASK if decided.rules else None,
            counts=counts,
            planned=decided,
            changes=changes,
        )
        return commit
    except ExpectationViolation as error:
        raise ExpectationViolation(error.what, error.failed, remedy=error.remedy or example) from error


# --- the rows as the table wants them ---------------------------------------------------------------------------------


def shape(
    resolved: plan.Relation, decided: WritePlan, time_zone: str = "UTC", beside: str | None = None
) -> plan.Relation:
    """The rows under the table's names and types, with the mask of broken rules when there are rules. Pure.

    `beside` is a column of ours that is handed on.

    Partition columns become the text that Delta writes for their values: engines differ in how they spell them in the
    names of folders, and the embedded one writes NULL as 0 and cannot write timestamps.
    """
    rows = resolved
    missing = _missing(decided) if decided.rules else []
    own = [plan.column(beside)] if beside else []
    if not decided.keeps_columns or missing:
        columns = [
            plan.named(
                plan.column(column.source)
                if column.cast_to is None
                else _cast(plan.column(column.source), column.cast_to),
                column.name,
            )
            for column in decided.projection
        ]
        rows = plan.project(
            rows, [*columns, *(plan.named(_cast(plan.null(), type), name) for name, type in missing), *own]
        )
    if decided.rules:
        rows = plan.project(rows, [plan.star(), plan.named(mask([rule.constraint for rule in decided.rules]), MASK)])
    if decided.partition_by:
        rows = plan.project(rows, [*_partitions_as_text(decided, time_zone), *own])
    return rows


def _partitions_as_text(decided: WritePlan, time_zone: str) -> list[Any]:
    types = {field["name"]: field["type"] for field in json.loads(decided.schema)["fields"]}
    have = [column.name for column in decided.projection]
    have += [name for name in types if name not in have] if decided.rules else []
    names = [*have, *([MASK] if decided.rules else [])]
    return [
        plan.named(plan.expression(partition_text(name, types[name], time_zone)), name)
        if name in decided.partition_by
        else plan.column(name)
        for name in names
    ]


def partition_text(name: str, type: Any, time_zone: str) -> str:
    """The expression for a partition value as Delta's text, in UTC. Pure.

    https://github.com/delta-io/delta/blob/master/PROTOCOL.md#partition-value-serialization
    """
    column = plan.quote(name)
    if type == "timestamp":
        text = f"date_format(to_utc_timestamp({column}, '{time_zone}'), 'yyyy-MM-dd HH:mm:ss.SSSSSS')"
    elif type == "timestamp_ntz":
        text = f"date_format({column}, 'yyyy-MM-dd HH:mm:ss.SSSSSS')"
    elif isinstance(type, dict) or type == "binary":
        raise Unsupported(f"A table cannot be partitioned by '{name}' here, whose type is {type}")
    else:
        text = f"CAST({column} AS STRING)"
    return f"coalesce({text}, '{NO_VALUE}')"


def mask(rules: Sequence[str]) -> Any:
    """The number whose bit i is set when rule i is not true. Pure."""
    if len(rules) > _MOST_RULES:
        raise Unsupported(f"A write with {len(rules)} expectations and constraints", remedy=f"At most {_MOST_RULES}.")
    terms = [f"(CASE WHEN ({rule}\n) THEN 0L ELSE {1 << bit}L END)" for bit, rule in enumerate(rules)]
    return plan.expression(" + ".join(terms))


def _missing(decided: WritePlan) -> list[tuple[str, Any]]:
    """Columns of the table that the rows lack; a rule may ask for them."""
    have = {column.name for column in decided.projection}
    return [
        (field["name"], field["type"]) for field in json.loads(decided.schema)["fields"] if field["name"] not in have
    ]


def _cast(expr: Any, type: Any) -> Any:
    from pyspark.sql.connect.types import pyspark_types_to_proto_types
    from pyspark.sql.types import StructType

    field = {"name": "c", "type": type, "nullable": True, "metadata": {}}
    data_type = StructType.fromJson({"type": "struct", "fields": [field]}).fields[0].dataType
    result = plan.proto.Expression()
    result.cast.expr.CopyFrom(expr)
    result.cast.type.CopyFrom(pyspark_types_to_proto_types(data_type))
    return result


# --- what the rows say before they are committed ----------------------------------------------------------------------


def _compare(
    context: SessionContext, target: Target, decided: WritePlan, spec: WriteSpec, staged: Sequence[Any]
) -> dict[str, int | None]:
    """Rows added, updated and removed by an overwrite, told by a hash of every row."""
    from reelhouse.plans.tables import nullable, read_files
    from reelhouse.spark.compare import compare

    dropped = sum(1 << bit for bit, rule in enumerate(decided.rules) if rule.action is OnViolation.DROP)
    kept = [(file.path, file.partition_values) for file in staged if not file.mask & dropped]
    new = read_files(nullable(json.loads(decided.schema)), decided.partition_by, kept)
    old = _with_new_columns(context.read_delta(target), decided)
    return compare(context, old, new, json.loads(decided.schema), spec.key)


def _with_new_columns(old: plan.Relation, decided: WritePlan) -> plan.Relation:
    """The table's present rows, with NULL in the columns that the write adds."""
    from reelhouse.delta.schema import fields_of

    assert decided.snapshot is not None
    present = {field["name"].lower() for field in fields_of(decided.snapshot.schema)}
    new = [field for field in fields_of(decided.schema) if field["name"].lower() not in present]
    if not new:
        return old
    kept = [plan.column(field["name"]) for field in fields_of(decided.schema) if field not in new]
    return plan.project(old, [*kept, *(plan.named(_cast(plan.null(), field["type"]), field["name"]) for field in new)])


def _nothing_new(decided: WritePlan, spec: WriteSpec, staged: Sequence[Any]) -> Commit:
    """What an overwrite with equal rows gives: the counts of its rules, and no version."""
    from reelhouse.delta.expectations import judge

    by_mask = _rows_by_mask(staged)
    verdict = judge(by_mask, decided.rules, "")
    rows = sum(count for bits, count in by_mask.items() if bits in verdict.kept_masks)
    failed = {rule.name: verdict.failed.get(rule.name, 0) for rule in spec.expectations}
    return Commit(None, rows, updated=0, failed=failed, checked=verdict.checked, dropped=verdict.dropped)


def _rows_by_mask(staged: Sequence[Any]) -> dict[int, int]:
    import pyarrow.parquet as pq

    rows: dict[int, int] = {}
    for file in staged:
        rows[file.mask] = rows.get(file.mask, 0) + pq.read_metadata(file.path).num_rows
    return rows


def _example(staged: Sequence[Any], decided: WritePlan) -> str:
    """A row that breaks a rule whose action is FAIL, as a sentence; empty when there is none."""
    import pyarrow.parquet as pq

    for bit, rule in enumerate(decided.rules):
        if rule.action is not OnViolation.FAIL:
            continue
        for file in staged:
            if not file.mask >> bit & 1:
                continue
            with pq.ParquetFile(file.path) as parquet:
                for batch in parquet.iter_batches(batch_size=1):
                    row = {**batch.to_pylist()[0], **file.partition_values}
                    return f"One such row: {json.dumps(row, default=str, ensure_ascii=False)}."
    return ""


# --- what is noted of it ----------------------------------------------------------------------------------------------


def _is_repeated(context: SessionContext, target: Target, spec: WriteSpec) -> bool:
    if spec.transaction is None:
        return False
    snapshot = context.snapshot(target.location)
    return snapshot is not None and snapshot.transactions.get(spec.transaction.app_id, -1) >= spec.transaction.version


def _record(
    context: SessionContext, relation: plan.Relation, target: Target, spec: WriteSpec, commit: Commit, took_ms: int
) -> None:
    from reelhouse.spark.lineage import record_write

    if context.runs is not None:
        context.runs.table_changed(
            TableChange(
                table=target.name or context.lake.url(target.location),
                version=commit.version,
                operation=spec.operation,
                rows=commit.rows,
                added=commit.added,
                updated=commit.updated,
                removed=commit.removed,
                quarantined=commit.dropped,
                files_read=spec.files_read,
                duration_ms=took_ms,
            )
        )
    if commit.version is not None:
        record_write(context, relation, target, commit.version)
