"""Where lineage is kept, and the tree it draws: from a source's URL to gold, or from a table to what uses it.

SQLite, in the shape of Databricks' system tables: one row an event and pair of datasets, one row a column pair.
https://docs.databricks.com/aws/en/admin/system-tables/lineage
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reelhouse.errors import UserError, did_you_mean
from reelhouse.lineage.event import ColumnPair, Dataset, LineageEvent
from reelhouse.runs.record import current_run

_SCHEMA = """
create table if not exists table_lineage (
    event_id text not null, event_time text not null, run_id text,
    source_type text, source_name text, target_type text, target_name text, target_version integer);
create index if not exists table_lineage_target on table_lineage (target_name);
create index if not exists table_lineage_source on table_lineage (source_name);
create table if not exists column_lineage (
    event_id text not null, event_time text not null, run_id text,
    source_type text, source_name text, source_column_name text,
    target_type text, target_name text, target_column_name text);
create index if not exists column_lineage_target on column_lineage (target_name, target_column_name);
"""


@dataclass(frozen=True)
class LineageNode:
    """A dataset in the tree; `next` are its sources (up) or its uses (down)."""

    dataset: Dataset
    next: tuple[LineageNode, ...]


class LineageStore:
    """`LineagePort` over a SQLite file. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=normal")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give up the file."""
        self._connection.close()

    def record(self, event: LineageEvent, *, run_id: str | None = None) -> None:
        event_id, at, run = str(uuid.uuid4()), datetime.now(UTC).isoformat(), run_id or current_run.get()
        target = event.target
        target_part = (target.type, target.name) if target else (None, None)
        sources: Iterable[Dataset | None] = event.sources or (None,)
        tables = [
            (event_id, at, run, *((s.type, s.name) if s else (None, None)), *target_part, event.target_version)
            for s in sources
        ]
        columns = [
            (event_id, at, run, p.source.type, p.source.name, p.source_column, *target_part, p.target_column)
            for p in event.columns
        ]
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                self._connection.executemany("insert into table_lineage values (?,?,?,?,?,?,?,?)", tables)
                self._connection.executemany("insert into column_lineage values (?,?,?,?,?,?,?,?,?)", columns)
                self._connection.execute("commit")
            except BaseException:
                self._connection.execute("rollback")
                raise

    def datasets(self) -> list[str]:
        """The names of all datasets that were ever read or written."""
        rows = self._query(
            "select source_name from table_lineage where source_name is not null"
            " union select target_name from table_lineage where target_name is not null"
        )
        return [name for (name,) in rows]

    def upstream(self, name: str) -> LineageNode:
        """The tree of what `name` was made from. Raises `UserError` for a dataset that nothing touched."""
        return self._tree(name, self._sources_of)

    def downstream(self, name: str) -> LineageNode:
        """The tree of what was made from `name`. Raises `UserError` for a dataset that nothing touched."""
        return self._tree(name, self._uses_of)

    def columns_of(self, name: str) -> list[ColumnPair]:
        """The column pairs that lead into `name`, without repeats."""
        rows = self._query(
            "select distinct source_type, source_name, source_column_name, target_column_name"
            " from column_lineage where target_name = ? order by 4, 2, 3",
            name,
        )
        return [ColumnPair(Dataset(kind, source), column, target) for kind, source, column, target in rows]

    def _sources_of(self, dataset: Dataset) -> set[tuple[str, str]]:
        """What a dataset was made from. A folder is made of the files in it that something wrote."""
        rows = self._query(
            "select distinct source_type, source_name from table_lineage where target_name = ?", dataset.name
        )
        if dataset.type == "PATH":
            inside = "select distinct target_type, target_name from table_lineage where target_name glob ?"
            rows += self._query(inside, f"{_literal(dataset.name.rstrip('/'))}/*")
        return {(kind, name) for kind, name in rows if name is not None}

    def _uses_of(self, dataset: Dataset) -> set[tuple[str, str]]:
        """What was made from a dataset. A file is used by whatever reads a folder that it lies in."""
        rows = self._query(
            "select distinct target_type, target_name from table_lineage where source_name = ?", dataset.name
        )
        if dataset.type == "PATH":
            around = (
                "select distinct source_type, source_name from table_lineage where source_type = 'PATH'"
                " and ?1 like rtrim(source_name, '/') || '/%' and source_name <> ?1"
            )
            rows += self._query(around, dataset.name)
        return {(kind, name) for kind, name in rows if name is not None}

    def _tree(self, name: str, neighbours: Callable[[Dataset], set[tuple[str, str]]]) -> LineageNode:
        kinds = self._query(
            "select source_type from table_lineage where source_name = ?1"
            " union select target_type from table_lineage where target_name = ?1",
            name,
        )
        if not kinds:
            raise UserError(f"Nothing has read or written '{name}'", remedy=did_you_mean(name, self.datasets()))
        return _grow(Dataset(kinds[0][0], name), neighbours, (name,))

    def _query(self, sql: str, *arguments: str) -> list[tuple[str, ...]]:
        with self._lock:
            return self._connection.execute(sql, arguments).fetchall()


def _grow(
    dataset: Dataset, neighbours: Callable[[Dataset], set[tuple[str, str]]], path: tuple[str, ...]
) -> LineageNode:
    branches = [
        _grow(Dataset(kind, name), neighbours, (*path, name))
        for kind, name in sorted(neighbours(dataset), key=lambda found: found[1])
        if name not in path
    ]
    return LineageNode(dataset, tuple(branches))


def _literal(text: str) -> str:
    """A text as a pattern of `glob` that matches only itself."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)
