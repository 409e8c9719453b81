"""Which files a stream has seen, and in which order: the memory of Auto Loader.

One SQLite file in the checkpoint's `sources/<n>/`. Each file that is found gets the next number, for good. A batch is a
range of numbers, and its end is all that `offsets/N` has to hold. The writes of a batch, in order:

1. `add` numbers the new files; one transaction, on disk when it returns;
2. `offsets/N` names the last number of the batch;
3. the sink commits;
4. `commits/N`;
5. `commit_through` notes the time, for `cloud_files_state` alone: nothing is decided by it.

Killed after 1: the numbered files lie behind the newest offset, so the next batch has them. Killed after 2 or 3: the
batch is run again from its numbers, with the same files. Killed after 4: nothing is left to do but 5, which the next
start catches up on.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/production#monitor-auto-loader
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

FILE_NAME = "files.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    discovered_ms INTEGER NOT NULL,
    committed_ms INTEGER,
    skipped INTEGER NOT NULL DEFAULT 0,
    archived_ms INTEGER,
    moved_to TEXT
);
CREATE INDEX IF NOT EXISTS file_path ON file (path, modified_ns);
CREATE INDEX IF NOT EXISTS file_to_clean ON file (committed_ms) WHERE archived_ms IS NULL AND skipped = 0;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_LAYOUT = 1
_CHUNK = 20_000
_T = TypeVar("_T")


@dataclass(frozen=True)
class Found:
    """A file that a listing came upon. `path` is relative to the source's root."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Numbered(Found):
    """A file with its place in the order of discovery."""

    number: int = 0


class FileState:
    """The state of one cloudFiles source. For one writer; any number may read."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, FILE_NAME)
        os.makedirs(folder, exist_ok=True)
        self._db = _connect(self.path)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _LAYOUT:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_LAYOUT}; COMMIT;")

    def close(self) -> None:
        self._db.close()

    def unknown(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that the state does not have. Looks each up in the index: cost grows with `paths` alone."""
        known = "SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM file WHERE path = value)"
        return [row[0] for chunk in _chunks(list(paths)) for row in self._db.execute(known, (json.dumps(chunk),))]

    def changed(self, files: Sequence[Found]) -> list[Found]:
        """Those of `files` that the state does not have, or has with another modification time or size."""
        newest = (
            "SELECT key FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM file WHERE path = value ->> 0"
            " AND modified_ns = value ->> 1 AND size = value ->> 2)"
        )
        result: list[Found] = []
        for chunk in _chunks(files):
            text = json.dumps([[file.path, file.modified_ns, file.size] for file in chunk])
            result += [chunk[row[0]] for row in self._db.execute(newest, (text,))]
        return result

    def add(self, files: Sequence[Found], now_ms: int, *, skipped: bool = False) -> None:
        """Number new files in the order given. `skipped` files count as seen and are never read."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO file (path, size, modified_ns, discovered_ms, skipped) VALUES (?, ?, ?, ?, ?)",
                [(file.path, file.size, file.modified_ns, now_ms, int(skipped)) for file in files],
            )
            self._db.execute("INSERT OR IGNORE INTO fact VALUES ('first_listing_ms', ?)", (str(now_ms),))

    @property
    def listed_before(self) -> bool:
        """Whether a first listing was ever recorded, even one that found nothing."""
        return self._db.execute("SELECT 1 FROM fact WHERE name = 'first_listing_ms'").fetchone() is not None

    def last_number(self) -> int:
        """The number of the file found last, 0 when none was."""
        row = self._db.execute("SELECT max(number) FROM file").fetchone()
        forgotten = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'file'").fetchone()
        return max(row[0] or 0, forgotten[0] if forgotten else 0)

    def between(self, start: int, end: int) -> list[Numbered]:
        """The files to read with `start` < number <= `end`, in order."""
        return list(self._iterate(start, end))

    def end_of_batch(self, start: int, bound: int, max_files: int | None, max_bytes: int | None) -> int:
        """The last number of a batch that begins after `start` and stays within the limits.

        The byte limit is soft: the file that passes it still belongs to the batch. At least one file is taken.
        """
        end, count, total = start, 0, 0
        for file in self._iterate(start, bound):
            if (max_files is not None and count >= max_files) or (max_bytes is not None and total >= max_bytes):
                return end
            end, count, total = file.number, count + 1, total + file.size
        return end

    def outstanding(self, start: int) -> tuple[int, int]:
        """How many files, and bytes, are known and lie after `start`."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM file WHERE number > ? AND skipped = 0", (start,)
        ).fetchone()
        return int(row[0]), int(row[1])

    def commit_through(self, number: int, now_ms: int, *, forget_before_ns: int | None = None) -> None:
        """Note that all files up to `number` are in the sink; forget those modified before `forget_before_ns`."""
        with self._transaction():
            self._db.execute(
                "UPDATE file SET committed_ms = ? WHERE number <= ? AND number > ? AND committed_ms IS NULL",
                (now_ms, number, int(self._fact("committed_through") or 0)),
            )
            self._db.execute("INSERT OR REPLACE INTO fact VALUES ('committed_through', ?)", (str(number),))
            if forget_before_ns is not None:
                self._db.execute("DELETE FROM file WHERE number <= ? AND modified_ns < ?", (number, forget_before_ns))

    def to_clean(self, committed_before_ms: int) -> list[Numbered]:
        """The files that were committed before a moment and still lie where they were found."""
        return [
            Numbered(*row)
            for row in self._db.execute(
                "SELECT path, size, modified_ns, number FROM file"
                " WHERE committed_ms <= ? AND archived_ms IS NULL AND skipped = 0 ORDER BY number",
                (committed_before_ms,),
            )
        ]

    def archive(self, number: int, now_ms: int, moved_to: str | None) -> None:
        """Note that a file was moved, or deleted when `moved_to` is None."""
        self._db.execute("UPDATE file SET archived_ms = ?, moved_to = ? WHERE number = ?", (now_ms, moved_to, number))

    def committed_through(self) -> int:
        """The last number of which `commit_through` was told."""
        return int(self._fact("committed_through") or 0)

    def _fact(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _iterate(self, start: int, end: int) -> Iterator[Numbered]:
        rows = self._db.execute(
            "SELECT path, size, modified_ns, number FROM file WHERE number > ? AND number <= ? AND skipped = 0"
            " ORDER BY number",
            (start, end),
        )
        return (Numbered(*row) for row in rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def cloud_files_state(checkpoint: str, *, root_of: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """The rows of the table function `cloud_files_state(checkpoint)`: one for each file that a stream has seen.

    `root_of` gives the address that the paths of source n are relative to.
    https://docs.databricks.com/aws/en/sql/language-manual/functions/cloud_files_state
    """
    rows: list[dict[str, Any]] = []
    sources = os.path.join(checkpoint, "sources")
    for name in sorted(os.listdir(sources)) if os.path.isdir(sources) else []:
        path = os.path.join(sources, name, FILE_NAME)
        if name.isdigit() and os.path.exists(path):
            rows += _rows_of(path, int(name), (root_of or {}).get(int(name), ""))
    return rows


def _rows_of(path: str, source_id: int, root: str) -> Iterator[dict[str, Any]]:
    db = _connect(path)
    try:
        found = db.execute(
            "SELECT path, size, modified_ns, discovered_ms, committed_ms, skipped, archived_ms, moved_to"
            " FROM file ORDER BY number"
        )
        for row in found.fetchall():
            relative, size, modified_ns, discovered_ms, committed_ms, skipped, archived_ms, moved_to = row
            yield {
                "path": f"{root.rstrip('/')}/{relative}" if root else relative,
                "size": size,
                "create_time": datetime.fromtimestamp(modified_ns / 1e9).astimezone(),
                "discovery_time": datetime.fromtimestamp(discovered_ms / 1e3).astimezone(),
                "processed_time": _moment(committed_ms),
                "commit_time": _moment(committed_ms),
                "archive_time": _moment(archived_ms),
                "archive_mode": None if archived_ms is None else "MOVE" if moved_to else "DELETE",
                "move_location": moved_to,
                "source_id": str(source_id),
                "flow_name": None,
                "ingestion_state": "SKIPPED_EXISTING" if skipped else None,
            }
    finally:
        db.close()


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1e3).astimezone()


def _connect(path: str) -> sqlite3.Connection:
    # One file, no -wal beside it: the default journal is undone by whoever opens next, and a checkpoint can be copied.
    db = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def _chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
