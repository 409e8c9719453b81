"""Change data capture as relational plans: from changes or snapshots to a table of the present, or of its history.

Nothing here runs: DataFrames in, DataFrames out, so that an engine of any size computes it.
https://docs.databricks.com/aws/en/ldp/what-is-change-data-capture
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.pipelines.definitions import ChangeFlow, SnapshotFlow

START, END = "__START_AT", "__END_AT"
SEQUENCE, OPERATION = "__sequence", "__operation"
UPSERT, DELETE, TRUNCATE = "upsert", "delete", "truncate"
_SIDE, _WAS, _IS, _CHANGED = "__side", "__was", "__is", "__changed"


@dataclass(frozen=True)
class Columns:
    """Which columns of a feed are what. Names are spelled as in the feed."""

    keys: tuple[str, ...]
    all: tuple[str, ...]
    """Columns of the target, keys among them, without the bounds of validity."""
    tracked: tuple[str, ...] = ()
    """A change in one of these opens a version; in another one it is written in place."""
    ignore_null: tuple[str, ...] = ()
    """A NULL in these keeps the former value."""

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(c for c in self.all if c not in self.keys)


def column_name(value: Any, place: Place) -> str:
    """The name that a string or a plain column reference means. Raises `UserError` for an expression."""
    if isinstance(value, str):
        return value.replace("`", "")
    name = getattr(getattr(value, "_expr", None), "_unparsed_identifier", None)
    if isinstance(name, str):
        return name.replace("`", "")
    raise UserError(f"'{value}' is not the name of a column", where=place)


def change_columns(flow: ChangeFlow, feed: Sequence[str]) -> Columns:
    """Sort out the columns of a change feed. Raises `UserError` naming a column that the feed lacks."""
    keys = _pick(flow.keys, feed, flow.place)
    wanted: tuple[str, ...] = tuple(feed)
    if flow.column_list is not None:
        chosen = _pick(flow.column_list, feed, flow.place)
        wanted = tuple(c for c in feed if c in chosen or c in keys)
    if flow.except_column_list is not None:
        left_out = _pick(flow.except_column_list, feed, flow.place)
        wanted = tuple(c for c in feed if c not in left_out or c in keys)
    ignored: tuple[str, ...] = ()
    values = tuple(c for c in wanted if c not in keys)
    if flow.ignore_null_columns is not None:
        ignored = _pick(flow.ignore_null_columns, feed, flow.place)
    elif flow.ignore_null_except is not None:
        kept = _pick(flow.ignore_null_except, feed, flow.place)
        ignored = tuple(c for c in values if c not in kept)
    elif flow.ignore_null_updates:
        ignored = values
    return Columns(keys, wanted, _tracked(flow, wanted, keys), ignored)


def snapshot_columns(flow: SnapshotFlow, snapshot: Sequence[str]) -> Columns:
    """Sort out the columns of a snapshot. Raises `UserError` naming a column that it lacks."""
    keys = _pick(flow.keys, snapshot, flow.place)
    return Columns(keys, tuple(snapshot), _tracked(flow, tuple(snapshot), keys))


def _tracked(flow: ChangeFlow | SnapshotFlow, columns: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    values = tuple(c for c in columns if c not in keys)
    if flow.track_history is not None:
        return tuple(c for c in _pick(flow.track_history, columns, flow.place) if c not in keys)
    if flow.track_history_except is not None:
        untracked = _pick(flow.track_history_except, columns, flow.place)
        return tuple(c for c in values if c not in untracked)
    return values


def _pick(given: Sequence[Any], columns: Sequence[str], place: Place) -> tuple[str, ...]:
    spelled = {c.lower(): c for c in columns}
    picked = []
    for value in given:
        name = column_name(value, place)
        if name.lower() not in spelled:
            raise UserError(
                f"Change data capture names column '{name}', which its source lacks",
                where=place,
                remedy=did_you_mean(name, columns),
            )
        picked.append(spelled[name.lower()])
    return tuple(picked)


# --- from a change feed -----------------------------------------------------------------------------------------------


def changes(feed: Any, flow: ChangeFlow, columns: Columns) -> Any:
    """The feed's rows as changes: the target's columns, the sequence and what is to be done."""
    rows = feed if flow.where is None else feed.where(flow.where)
    operation = F.lit(UPSERT)
    for condition, name in ((flow.apply_as_deletes, DELETE), (flow.apply_as_truncates, TRUNCATE)):
        if condition is not None:
            test = F.expr(condition) if isinstance(condition, str) else condition
            operation = F.when(test, F.lit(name)).otherwise(operation)
    sequence = flow.sequence_by
    if isinstance(sequence, str):
        sequence = F.col(sequence) if sequence in feed.columns else F.expr(sequence)
    return rows.select(*(_column(c) for c in columns.all), sequence.alias(SEQUENCE), operation.alias(OPERATION))


def present(log: Any, columns: Columns) -> Any:
    """SCD type 1: of each key the values at its highest sequence, unless that is a deletion.

    `log` holds all changes so far, so that a change that comes late finds the deletions before it.
    """
    by_key = Window.partitionBy(*map(_column, columns.keys))
    rows = _filled(_after_truncation(log), columns)
    newest = rows.withColumn("__newest", F.row_number().over(by_key.orderBy(F.col(SEQUENCE).desc())))
    return newest.where((F.col("__newest") == 1) & (F.col(OPERATION) == UPSERT)).select(*map(_column, columns.all))


def history(log: Any, columns: Columns) -> Any:
    """SCD type 2: every version of each key with the sequences between which it held.

    Changes that follow each other and agree in the tracked columns are one version, which shows the last one's values.
    """
    by_key = Window.partitionBy(*map(_column, columns.keys))
    in_order = by_key.orderBy(F.col(SEQUENCE))
    once = log.withColumn(
        "__nth",
        F.row_number().over(Window.partitionBy(*map(_column, columns.keys), F.col(SEQUENCE)).orderBy(F.col(OPERATION))),
    )
    rows = _filled(once.where(F.col("__nth") == 1), columns)
    before = F.lag(F.col(OPERATION)).over(in_order)
    differs = [~_column(c).eqNullSafe(F.lag(_column(c)).over(in_order)) for c in columns.tracked]
    begins = reduce(lambda a, b: a | b, differs, before.isNull() | (before != F.col(OPERATION)))
    begins = begins & ~((F.col(OPERATION) == DELETE) & F.coalesce(before == DELETE, F.lit(False)))
    rows = rows.withColumn("__begins", F.when(begins, F.lit(1)).otherwise(F.lit(0)))
    rows = rows.withColumn(
        "__version", F.sum("__begins").over(in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    )
    version = Window.partitionBy(*map(_column, columns.keys), F.col("__version"))
    rows = rows.withColumn(START, F.min(SEQUENCE).over(version))
    rows = rows.withColumn("__last", F.row_number().over(version.orderBy(F.col(SEQUENCE).desc())))
    rows = rows.where(F.col("__last") == 1)
    rows = rows.withColumn(END, F.lead(F.col(START)).over(by_key.orderBy(F.col(START))))
    return rows.where(F.col(OPERATION) == UPSERT).select(*map(_column, columns.all), F.col(START), F.col(END))


def _after_truncation(log: Any) -> Any:
    """The changes that no truncation wiped away: those whose sequence is not below the highest one's."""
    truncations = log.where(F.col(OPERATION) == TRUNCATE).agg(F.max(SEQUENCE).alias("__truncated"))
    kept = log.where(F.col(OPERATION) != TRUNCATE).crossJoin(truncations)
    return kept.where(F.col("__truncated").isNull() | (F.col(SEQUENCE) >= F.col("__truncated"))).drop("__truncated")


def _filled(rows: Any, columns: Columns) -> Any:
    """With `ignore_null`: each NULL of an update replaced by the last value since the key was last deleted."""
    if not columns.ignore_null:
        return rows
    in_order = Window.partitionBy(*map(_column, columns.keys)).orderBy(F.col(SEQUENCE))
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    deleted = F.when(F.col(OPERATION) == DELETE, F.lit(1)).otherwise(F.lit(0))
    rows = rows.withColumn("__deleted", deleted).withColumn("__life", F.sum("__deleted").over(so_far))
    life = (
        Window.partitionBy(*map(_column, columns.keys), F.col("__life"))
        .orderBy(F.col(SEQUENCE))
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    is_upsert = F.col(OPERATION) == UPSERT
    for column in columns.ignore_null:
        value = F.when(is_upsert, _column(column))
        rows = rows.withColumn(column, F.last(value, ignorenulls=True).over(life))
    return rows.drop("__deleted", "__life")


# --- from snapshots ---------------------------------------------------------------------------------------------------


def version_literal(version: Any, place: Place) -> Any:
    """A snapshot's version as a column. Raises `UserError` for a type that has no order on Databricks."""
    if isinstance(version, bool) or not isinstance(version, (int, str, datetime, date, float)):
        raise UserError(
            f"A snapshot's version is {version!r}; it can be an int, text, a date or a datetime", where=place
        )
    if isinstance(version, int):
        return F.lit(version).cast("bigint")
    return F.lit(version)


def bound_type(version: Any) -> str:
    """The type of the bounds of validity that versions like this one give."""
    if isinstance(version, datetime):
        return "timestamp"
    if isinstance(version, date):
        return "date"
    return {int: "bigint", str: "string", float: "double"}[type(version)]


def key_faults(snapshot: Any, columns: Columns, limit: int = 5) -> Any:
    """Keys that a snapshot has more than once, or that are NULL, with the number of their rows."""
    counted = snapshot.groupBy(*map(_column, columns.keys)).agg(F.count(F.lit(1)).alias("__rows"))
    is_null = reduce(lambda a, b: a | b, [_column(k).isNull() for k in columns.keys])
    return counted.where((F.col("__rows") > 1) | is_null).limit(limit)


def differences(target: Any, snapshot: Any, columns: Columns) -> Any:
    """One row: how many keys a snapshot adds to, changes in and removes from the open rows of a history."""
    rows = _compared(target, snapshot, columns)
    was, is_, changed = F.col(_WAS).isNotNull(), F.col(_IS).isNotNull(), F.col(_CHANGED)
    untracked = [c for c in columns.values if c not in columns.tracked]
    in_place = _any_differs(untracked)
    return rows.agg(
        _count(is_ & ~was).alias("added"),
        _count(was & is_ & (changed | in_place)).alias("updated"),
        _count(was & ~is_).alias("removed"),
    )


def snapshot_history(target: Any, snapshot: Any, columns: Columns, version: Any, bound_type: str) -> Any:
    """All rows of a history after a snapshot: one join of its open rows with the snapshot, and its closed rows.

    A key that is new opens a version at `version`; one whose tracked columns changed closes and opens one; one that is
    missing closes; a change in other columns is written in place.
    """
    rows = _compared(target, snapshot, columns)
    was, is_, changed, side = F.col(_WAS).isNotNull(), F.col(_IS).isNotNull(), F.col(_CHANGED), F.col(_SIDE)
    sides = rows.withColumn(_SIDE, F.explode(F.array(F.lit(0), F.lit(1))))
    emitted = sides.where(((side == 0) & was) | ((side == 1) & is_ & (~was | changed)))
    takes_new = (side == 1) | (was & is_ & ~changed)
    now = version.cast(bound_type)
    opened = emitted.select(
        *(F.when(takes_new, _column(_new(c))).otherwise(_column(_old(c))).alias(c) for c in columns.all),
        F.when(side == 1, now).otherwise(F.col(_WAS)).alias(START),
        F.when((side == 0) & (~is_ | changed), now).alias(END),
    )
    closed = target.where(F.col(END).isNotNull()).select(*map(_column, columns.all), F.col(START), F.col(END))
    return closed.unionByName(opened)


def first_history(snapshot: Any, columns: Columns, version: Any, bound_type: str) -> Any:
    """The history that begins with a snapshot: every row open since `version`."""
    return snapshot.select(
        *map(_column, columns.all), version.cast(bound_type).alias(START), F.lit(None).cast(bound_type).alias(END)
    )


def _compared(target: Any, snapshot: Any, columns: Columns) -> Any:
    """The open rows beside the snapshot's, by key, with whether the tracked columns differ."""
    open_rows = target.where(F.col(END).isNull())
    old = open_rows.select(*(_column(c).alias(_old(c)) for c in columns.all), F.col(START).alias(_WAS))
    new = snapshot.select(*(_column(c).alias(_new(c)) for c in columns.all), F.lit(1).alias(_IS))
    same_key = reduce(lambda a, b: a & b, [_column(_old(k)) == _column(_new(k)) for k in columns.keys])
    both = old.join(new, same_key, "full_outer")
    return both.withColumn(_CHANGED, F.col(_WAS).isNotNull() & F.col(_IS).isNotNull() & _any_differs(columns.tracked))


def _any_differs(columns: Sequence[str]) -> Any:
    return reduce(lambda a, b: a | b, [~_column(_old(c)).eqNullSafe(_column(_new(c))) for c in columns], F.lit(False))


def _count(condition: Any) -> Any:
    return F.coalesce(F.sum(F.when(condition, F.lit(1)).otherwise(F.lit(0))), F.lit(0))


def _column(name: str) -> Any:
    return F.col(f"`{name}`")


def _old(name: str) -> str:
    return f"__old_{name}"


def _new(name: str) -> str:
    return f"__new_{name}"
