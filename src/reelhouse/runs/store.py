"""The history of runs in a database: SQLite by default, any SQLAlchemy URL.

Every write is its own short transaction, so that the history is right after `kill -9`. A run whose process has gone
stays `InProgress` until the next start of the project marks it (`close_abandoned`).
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import UserError, did_you_mean
from reelhouse.runs.record import ExpectationResult, Run, RunKind, RunStatus, TableChange, current_run

_METADATA = sa.MetaData()

_RUNS = sa.Table(
    "runs",
    _METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("parent_id", sa.String(64), index=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.String(32), nullable=False, index=True),
    sa.Column("ended_at", sa.String(32)),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("input", sa.Text),
    sa.Column("output", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("process_id", sa.Integer),
)
_TABLE_CHANGES = sa.Table(
    "table_changes",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger),
    sa.Column("removed", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("files_read", sa.BigInteger),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
)
_EXPECTATIONS = sa.Table(
    "expectations",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("action", sa.String(8), nullable=False),
    sa.Column("passed", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
)
_NOTES = sa.Table(
    "notes",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Note:
    """Something a person should read, said during a run."""

    message: str
    run_id: str | None


class RunStore:
    """`RunLog` over a database, and the questions the command line asks of it."""

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """Open the history at a SQLAlchemy URL, for instance `sqlite:////lake/runs.db`, and make its tables."""
        self._clock = clock or SystemClock()
        self._engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _tune_sqlite)
        _METADATA.create_all(self._engine)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Any], None]] = []
        self._open: dict[str, Run] = {}
        self._sequence = 0

    def close(self) -> None:
        """Give up the database connections."""
        self._engine.dispose()

    # -- RunLog ----------------------------------------------------------------------------------------------

    def begin(
        self,
        kind: RunKind,
        name: str,
        *,
        type: str = "",
        input: Mapping[str, Any] | None = None,
        parent_id: str | None = None,
        run_id: str | None = None,
    ) -> Run:
        run = Run(
            id=run_id or str(uuid.uuid4()),
            kind=kind,
            name=name,
            type=type,
            parent_id=parent_id or current_run.get(),
            started_at=self._clock.now(),
            input=dict(input or {}),
        )
        with self._write() as connection:
            self._sequence += 1
            connection.execute(
                _RUNS.insert().values(
                    id=run.id,
                    kind=run.kind.value,
                    name=name,
                    type=type,
                    parent_id=run.parent_id,
                    sequence=self._sequence,
                    started_at=_text(run.started_at),
                    status=run.status.value,
                    input=_json(run.input),
                    process_id=os.getpid(),
                )
            )
            self._open[run.id] = run
        self._tell(run)
        return run

    def end(self, run_id: str, status: RunStatus, *, output: Any = None, error: Any = None) -> None:
        ended_at = self._clock.now()
        with self._write() as connection:
            connection.execute(
                _RUNS.update()
                .where(_RUNS.c.id == run_id)
                .values(status=status.value, ended_at=_text(ended_at), output=_json(output), error=_json(error))
            )
            begun = self._open.pop(run_id, None)
        if begun is not None:
            self._tell(
                Run(
                    begun.id, begun.kind, begun.name, begun.type, begun.parent_id, begun.started_at, begun.input,
                    status, ended_at, output, error,
                )
            )  # fmt: skip

    def table_changed(self, change: TableChange, *, run_id: str | None = None) -> None:
        values = {
            "table_name": change.table,
            "version": change.version,
            "operation": change.operation,
            "row_count": change.rows,
            "added": change.added,
            "updated": change.updated,
            "removed": change.removed,
            "quarantined": change.quarantined,
            "files_read": change.files_read,
            "duration_ms": change.duration_ms,
        }
        self._insert(_TABLE_CHANGES, run_id, values)
        self._tell(change)

    def expectation(self, result: ExpectationResult, *, run_id: str | None = None) -> None:
        self._insert(
            _EXPECTATIONS,
            run_id,
            {
                "dataset": result.dataset,
                "name": result.name,
                "action": result.action,
                "passed": result.passed,
                "failed": result.failed,
            },
        )
        self._tell(result)

    def note(self, message: str, *, run_id: str | None = None) -> None:
        owner = run_id or current_run.get()
        self._insert(_NOTES, owner, {"message": message})
        self._tell(Note(message, owner))

    def subscribe(self, listener: Callable[[Any], None]) -> None:
        self._listeners.append(listener)

    # -- questions -------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """The run with this id, or with this beginning of an id. Raises `UserError` when none or several match."""
        with self._engine.connect() as connection:
            rows = connection.execute(_RUNS.select().where(_RUNS.c.id.startswith(run_id, autoescape=True))).all()
            exact = [row for row in rows if row.id == run_id]
            if len(exact or rows) == 1:
                return _run(next(iter(exact or rows)))
            if rows:
                raise UserError(f"{len(rows)} runs begin with '{run_id}'", remedy="Give more of the id.")
            known = connection.execute(
                sa.select(_RUNS.c.id).where(_RUNS.c.parent_id.is_(None)).order_by(_RUNS.c.started_at.desc()).limit(5)
            ).scalars()
            raise UserError(f"There is no run '{run_id}'", remedy=did_you_mean(run_id, known))

    def runs(self, *, limit: int = 20, status: RunStatus | None = None) -> list[Run]:
        """The newest runs that nothing else started, newest first."""
        query = _RUNS.select().where(_RUNS.c.parent_id.is_(None))
        if status is not None:
            query = query.where(_RUNS.c.status == status.value)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_RUNS.c.started_at.desc(), _RUNS.c.sequence.desc()).limit(limit))
            return [_run(row) for row in rows]

    def newest(self) -> str | None:
        """The id of the run that began last among those that nothing else started."""
        found = self.runs(limit=1)
        return found[0].id if found else None

    def children(self, run_id: str) -> list[Run]:
        """The runs that this one started, in the order of their start."""
        query = _RUNS.select().where(_RUNS.c.parent_id == run_id).order_by(_RUNS.c.started_at, _RUNS.c.sequence)
        with self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(query)]

    def tree(self, run_id: str) -> list[Run]:
        """The run and everything below it; a parent comes before its children."""
        found = [self.run(run_id)]
        for run in found:  # grows while it is walked
            found.extend(self.children(run.id))
        return found

    def table_changes(self, run_ids: Sequence[str]) -> list[TableChange]:
        """What these runs did to tables, in order."""
        return [
            TableChange(
                row.table_name, row.version, row.operation, row.row_count, row.added, row.updated, row.removed,
                row.quarantined, row.files_read, row.duration_ms,
            )
            for row in self._of_runs(_TABLE_CHANGES, run_ids)
        ]  # fmt: skip

    def expectations(self, run_ids: Sequence[str]) -> list[ExpectationResult]:
        """The counts of expectations in these runs, in order."""
        return [
            ExpectationResult(row.dataset, row.name, row.action, row.passed, row.failed)
            for row in self._of_runs(_EXPECTATIONS, run_ids)
        ]

    def notes(self, run_ids: Sequence[str]) -> list[Note]:
        """What these runs wanted a person to read, in order."""
        return [Note(row.message, row.run_id) for row in self._of_runs(_NOTES, run_ids)]

    def close_abandoned(self) -> list[Run]:
        """Mark as Failed the runs whose process is no longer there; the list of what was marked."""
        with self._engine.connect() as connection:
            rows = connection.execute(_RUNS.select().where(_RUNS.c.status == RunStatus.IN_PROGRESS.value)).all()
        gone = [row for row in rows if row.process_id != os.getpid() and not _is_alive(row.process_id)]
        for row in gone:
            self.end(
                row.id,
                RunStatus.FAILED,
                error={"errorCode": "ProcessGone", "message": "The process that ran this ended without a word."},
            )
        return [_run(row) for row in gone]

    # -- plumbing --------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._lock, self._engine.begin() as connection:
            yield connection

    def _insert(self, table: sa.Table, run_id: str | None, values: Mapping[str, Any]) -> None:
        with self._write() as connection:
            connection.execute(
                table.insert().values(run_id=run_id or current_run.get(), at=_text(self._clock.now()), **values)
            )

    def _of_runs(self, table: sa.Table, run_ids: Sequence[str]) -> list[Any]:
        rows: list[Any] = []
        with self._engine.connect() as connection:
            for start in range(0, len(run_ids), 500):  # SQLite takes only so many parameters
                chunk = run_ids[start : start + 500]
                rows.extend(connection.execute(table.select().where(table.c.run_id.in_(chunk))))
        return sorted(rows, key=lambda row: row.id)

    def _tell(self, fact: object) -> None:
        for listener in self._listeners:
            listener(fact)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        kind=RunKind(row.kind),
        name=row.name,
        type=row.type,
        parent_id=row.parent_id,
        started_at=datetime.fromisoformat(row.started_at),
        input=json.loads(row.input) if row.input else {},
        status=RunStatus(row.status),
        ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
        output=json.loads(row.output) if row.output else None,
        error=json.loads(row.error) if row.error else None,
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _is_alive(process_id: int | None) -> bool:
    if not process_id:
        return False
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
