"""A Delta table at one version as a plan: its Parquet files with the table's schema.

Reading the files that the log names, with an explicit schema, is right in every type on every engine, and never looks
at statistics. Where the files alone do not tell the rows (deleted rows, renamed columns) the engine's own Delta reader
is used.
"""

from __future__ import annotations

import itertools
import json
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.delta.snapshot import Snapshot

_MOST_KEPT = 256
MOST_PARTITIONS = 200
"""Reads of more partitions than these in one query are more than the embedded engine can plan."""
_EXACT_DIGITS = 15
_part_names = itertools.count(1)


@dataclass(frozen=True)
class _Kept:
    mark: tuple[int, int]
    snapshot: Snapshot


class Snapshots:
    """Opens tables; a table whose log has not grown since the last time is not read again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int], _Kept] = {}

    def open(
        self, location: str, version: int | None = None, timestamp: datetime | str | None = None
    ) -> Snapshot | None:
        """As `delta.snapshot.open_snapshot`, from memory when the newest entry is the one seen last."""
        from reelhouse.delta import log
        from reelhouse.delta.snapshot import open_snapshot

        if timestamp is not None:
            return open_snapshot(location, timestamp=timestamp)
        newest = log.current_version(location) if version is None else version
        if newest is None:
            return None
        mark = _mark(Path(log.entry_path(location, newest)))
        kept = self._kept.get((location, newest))
        if kept is not None and mark is not None and kept.mark == mark:
            return kept.snapshot
        snapshot = open_snapshot(location, version)
        if snapshot is not None and mark is not None and snapshot.version == newest:
            with self._lock:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[location, newest] = _Kept(mark, snapshot)
        return snapshot


def _mark(entry: Path) -> tuple[int, int] | None:
    try:
        status = entry.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def read_snapshot(snapshot: Snapshot, *, engine: str) -> plan.Relation:
    """The rows of a table at one version. `engine` is the engine's name."""
    if _needs_delta_reader(snapshot) or len(_partitions(snapshot)) > MOST_PARTITIONS:
        _check_statistics(snapshot, engine)
        return plan.read_data_source("delta", {"versionAsOf": str(snapshot.version)}, paths=[snapshot.location])
    schema = nullable(json.loads(snapshot.schema))
    return read_files(
        schema, snapshot.partition_columns, [(file.path, file.partition_values) for file in snapshot.files]
    )


def _partitions(snapshot: Snapshot) -> set[tuple[str | None, ...]]:
    if not snapshot.partition_columns:
        return set()
    return {tuple(file.partition_values.values()) for file in snapshot.files}


def read_files(
    schema: dict[str, Any],
    partition_columns: Sequence[str],
    files: Iterable[tuple[str, Mapping[str, str | None]]],
) -> plan.Relation:
    """The rows of Parquet files, each with the values of its partition columns. `schema` is a struct in JSON."""
    if not partition_columns:
        return plan.read_parquet([path for path, _ in files], json.dumps(schema))
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for path, partition in files:
        groups.setdefault(tuple(partition.get(name) for name in partition_columns), []).append(path)
    if not groups:
        return plan.empty(json.dumps(schema))
    in_files = {**schema, "fields": [field for field in schema["fields"] if field["name"] not in partition_columns]}
    parts = []
    for values, paths in groups.items():
        of = dict(zip(partition_columns, values, strict=True))
        parts.append(
            plan.project(
                plan.read_parquet(paths, json.dumps(in_files)),
                [
                    plan.named(plan.cast(plan.text_literal(_with_zone(of[name], field["type"])), field["type"]), name)
                    if name in of
                    else plan.column(name)
                    for field in schema["fields"]
                    for name in [field["name"]]
                ],
            )
        )
    return parts[0] if len(parts) == 1 else union(parts)


def union(parts: Sequence[plan.Relation]) -> plan.Relation:
    """The rows of all parts, as one flat union.

    As a tree of unions, Sail's optimizer loses columns where it drops partitions.
    """
    references = {f"__reelhouse_part_{next(_part_names)}": part for part in parts}
    return plan.with_relations(plan.sql(" UNION ALL ".join(f"SELECT * FROM {name}" for name in references)), references)


def _with_zone(value: str | None, type: Any) -> str | None:
    return f"{value}+00:00" if type == "timestamp" and value is not None and value[-6:-5] not in "+-" else value


def nullable(type: Any) -> Any:
    """A type in which everything may be NULL: files of other writers do not say otherwise."""
    if isinstance(type, list):
        return [nullable(item) for item in type]
    if not isinstance(type, dict):
        return type
    relaxed = {key: value if key == "metadata" else nullable(value) for key, value in type.items()}
    for key in ("nullable", "containsNull", "valueContainsNull"):
        if key in relaxed:
            relaxed[key] = True
    return relaxed


def _needs_delta_reader(snapshot: Snapshot) -> bool:
    if snapshot.properties.get("delta.columnMapping.mode", "none") != "none":
        return True
    return "deletionVectors" in snapshot.protocol[2] and any(True for _ in snapshot.table.deletion_vectors())


def _check_statistics(snapshot: Snapshot, engine: str) -> None:
    """Refuse what Sail would read wrongly: it takes a constant value from the statistics, as a double."""
    if engine != "sail":
        return
    risky = [field for field in json.loads(snapshot.schema)["fields"] if _is_risky(field["type"])]
    if not risky:
        return
    bounded = _columns_with_bounds(snapshot)
    for field in risky:
        if field["name"] in bounded:
            raise Unsupported(
                f"'{snapshot.name or snapshot.location}' has deletion vectors, mapped columns or very many partitions, "
                f"and statistics of its column '{field['name']}' ({field['type']}): the embedded engine may read such "
                "values wrongly",
                remedy="REORG the table, or use --engine sc://….",
            )


def _is_risky(type: Any) -> bool:
    kind = str(type)
    return kind == "float" or (kind.startswith("decimal(") and int(kind[8:-1].split(",")[0]) > _EXACT_DIGITS)


def _columns_with_bounds(snapshot: Snapshot) -> set[str]:
    import pyarrow as pa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        adds = pa.table(snapshot.table.get_add_actions(flatten=True))
    return {
        name.removeprefix("min.")
        for name in adds.column_names
        if name.startswith("min.") and adds.column(name).null_count < adds.num_rows
    }
