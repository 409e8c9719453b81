"""The history of runs in a database: SQLite by default, any SQLAlchemy URL.

Every write is its own short transaction, over before the call returns: what is to have effects is recorded before it
begins, and the history is right after `kill -9`. SQLite does not wait for the disk at each of them (WAL with
`synchronous=normal`), so that a power cut may take the last moments, never the file. A run whose process has gone stays
`InProgress` until the next start of the project marks it (`close_abandoned`).
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import UserError, did_you_mean
from reelhouse.runs.database import Row, Values, open_database
from reelhouse.runs.process import has_gone, this_process
from reelhouse.runs.record import ExpectationResult, Run, RunKind, RunStatus, TableChange, current_run
from reelhouse.runs.tables import ADDED, TABLES, index_statements, table_statements

_CHUNK = 500
"""How many ids one query names; databases take only so many parameters."""


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
        self._database = open_database(url)
        self._database.write(*((statement, {}) for statement in table_statements()))
        self._add_columns()
        self._database.write(*((statement, {}) for statement in index_statements()))
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Any], None]] = []
        self._open: dict[str, Run] = {}
        self._sequence = 0

    def close(self) -> None:
        """Give up the database connections."""
        self._database.close()

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
        details: Mapping[str, Any] | None = None,
        queued: bool = False,
    ) -> Run:
        run = Run(
            id=run_id or str(uuid.uuid4()),
            kind=kind,
            name=name,
            type=type,
            parent_id=parent_id or current_run.get(),
            started_at=self._clock.now(),
            input=dict(input or {}),
            details=dict(details or {}),
            status=RunStatus.QUEUED if queued else RunStatus.IN_PROGRESS,
        )
        with self._lock:
            self._open[run.id] = run
        self._insert(
            "runs",
            {
                "id": run.id,
                "kind": run.kind.value,
                "name": name,
                "type": type,
                "parent_id": run.parent_id,
                "started_at": _text(run.started_at),
                "ended_at": None,
                "status": run.status.value,
                "input": _json(run.input),
                "output": None,
                "error": None,
                "process": this_process(),
                "group_id": run.details.get("runGroupId"),
                "details": _json(run.details) if run.details else None,
            },
        )
        self._tell(run)
        return run

    def started(self, run_id: str) -> None:
        self._database.write(("update runs set status = 'InProgress' where id = :id", {"id": run_id}))
        with self._lock:
            begun = self._open.get(run_id)
            if begun is not None:
                begun = self._open[run_id] = replace(begun, status=RunStatus.IN_PROGRESS)
        if begun is not None:
            self._tell(begun)

    def end(self, run_id: str, status: RunStatus, *, output: Any = None, error: Any = None) -> None:
        ended_at = self._clock.now()
        self._database.write(
            (
                "update runs set status = :status, ended_at = :ended_at, output = :output, error = :error"
                " where id = :id",
                {
                    "id": run_id,
                    "status": status.value,
                    "ended_at": _text(ended_at),
                    "output": _json(output),
                    "error": _json(error),
                },
            )
        )
        with self._lock:
            begun = self._open.pop(run_id, None)
        if begun is not None:
            self._tell(replace(begun, status=status, ended_at=ended_at, output=output, error=error))

    def table_changed(self, change: TableChange, *, run_id: str | None = None) -> None:
        self._insert(
            "table_changes",
            {
                "run_id": run_id or current_run.get(),
                "at": _text(self._clock.now()),
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
            },
        )
        self._tell(change)

    def expectation(self, result: ExpectationResult, *, run_id: str | None = None) -> None:
        self._insert(
            "expectations",
            {
                "run_id": run_id or current_run.get(),
                "at": _text(self._clock.now()),
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
        self._insert("notes", {"run_id": owner, "at": _text(self._clock.now()), "message": message})
        self._tell(Note(message, owner))

    def subscribe(self, listener: Callable[[Any], None]) -> None:
        self._listeners.append(listener)

    # -- questions -------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """The run with this id, or with this beginning of an id. Raises `UserError` when none or several match."""
        found = self._runs("id >= :id and id < :after", {"id": run_id, "after": run_id + "\uffff"})
        exact = [run for run in found if run.id == run_id]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            raise UserError(f"{len(found)} runs begin with '{run_id}'", remedy="Give more of the id.")
        raise UserError(f"There is no run '{run_id}'", remedy=did_you_mean(run_id, (r.id for r in self.runs(limit=5))))

    def runs(
        self,
        *,
        limit: int = 20,
        status: RunStatus | None = None,
        pipeline: str | None = None,
        since: datetime | None = None,
    ) -> list[Run]:
        """The newest runs that nothing else started, newest first.

        With `pipeline` (letter case is ignored) the runs of that pipeline, whoever started them.
        """
        conditions = ["parent_id is null"]
        values: dict[str, Any] = {"limit": limit}
        if pipeline is not None:
            conditions = ["kind = 'pipeline'", "lower(name) = :pipeline"]
            values["pipeline"] = pipeline.lower()
        if status is not None:
            conditions.append("status = :status")
            values["status"] = status.value
        if since is not None:
            conditions.append("started_at >= :since")
            values["since"] = _text(since)
        return self._runs(" and ".join(conditions), values, "started_at desc, sequence desc limit :limit")

    def pipeline_runs(self, after: datetime, before: datetime) -> list[Run]:
        """The runs of pipelines, children too, that began before a moment and went on or ended after another."""
        condition = "kind = 'pipeline' and started_at <= :before and (ended_at is null or ended_at >= :after)"
        return self._runs(condition, {"after": _text(after), "before": _text(before)})

    def group(self, group_id: str) -> list[Run]:
        """The run that began a group, and its reruns, in the order of their start."""
        return self._runs("group_id = :group", {"group": group_id})

    def count_queued(self, pipeline: str) -> int:
        statement = "select count(*) as waiting from runs where status = 'Queued' and name = :name"
        return int(self._database.read(statement, {"name": pipeline})[0]["waiting"])

    def newest(self) -> str | None:
        """The id of the run that began last among those that nothing else started."""
        found = self.runs(limit=1)
        return found[0].id if found else None

    def children(self, run_id: str) -> list[Run]:
        """The runs that this one started, in the order of their start."""
        return self._runs("parent_id = :parent", {"parent": run_id})

    def tree(self, run_id: str) -> list[Run]:
        """The run and everything below it; a parent comes before its children, children in the order of their start."""
        top = self.run(run_id)
        found: dict[str | None, list[Run]] = {}
        level = [top.id]
        while level:
            below = [run for ids in _chunks(level) for run in self._runs(*_among("parent_id", ids))]
            for run in below:
                found.setdefault(run.parent_id, []).append(run)
            level = [run.id for run in below]
        ordered = [top]
        for run in ordered:  # grows while it is walked
            ordered.extend(found.get(run.id, []))
        return ordered

    def table_changes(self, run_ids: Sequence[str]) -> list[TableChange]:
        """What these runs did to tables, in order."""
        return [
            TableChange(
                row["table_name"], row["version"], row["operation"], row["row_count"], row["added"], row["updated"],
                row["removed"], row["quarantined"], row["files_read"], row["duration_ms"],
            )
            for row in self._of_runs("table_changes", run_ids)
        ]  # fmt: skip

    def expectations(self, run_ids: Sequence[str]) -> list[ExpectationResult]:
        """The counts of expectations in these runs, in order."""
        return [
            ExpectationResult(row["dataset"], row["name"], row["action"], row["passed"], row["failed"])
            for row in self._of_runs("expectations", run_ids)
        ]

    def notes(self, run_ids: Sequence[str]) -> list[Note]:
        """What these runs wanted a person to read, in order."""
        return [Note(row["message"], row["run_id"]) for row in self._of_runs("notes", run_ids)]

    def close_abandoned(self) -> list[Run]:
        """Mark as Failed the runs whose process is no longer there; the list of what was marked.

        Only processes of this machine are judged.
        """
        rows = self._database.read("select id, process from runs where status in ('InProgress', 'Queued')", {})
        gone = [row["id"] for row in rows if has_gone(row["process"])]
        error = {"errorCode": "ProcessGone", "message": "The process that ran this ended without a word."}
        for run_id in gone:
            self.end(run_id, RunStatus.FAILED, error=error)
        return [run for ids in _chunks(gone) for run in self._runs(*_among("id", ids))]

    # -- stopping from elsewhere -------------------------------------------------------------------------------

    def request_cancel(self, run_id: str, *, recursive: bool = True) -> Run:
        """Ask the process that runs a pipeline to stop it; with `recursive` its child pipelines too.

        Raises `UserError` for a run that has ended, or that is no pipeline's.
        """
        run = self.run(run_id)
        if run.kind is not RunKind.PIPELINE:
            owner = f"Cancel the run of the pipeline, {run.parent_id}." if run.parent_id else ""
            raise UserError(f"'{run.name}' ({run.id[:8]}) is the run of a {run.kind.value}", remedy=owner)
        if run.has_ended:
            raise UserError(f"The run {run.id[:8]} of '{run.name}' has ended already: {run.status.value}")
        values = {"run_id": run.id, "at": _text(self._clock.now()), "recursive": int(recursive)}
        statement = "insert into cancel_requests (run_id, at, recursive) values (:run_id, :at, :recursive)"
        self._database.write((statement, values))
        return run

    def cancel_requests(self) -> Mapping[str, bool]:
        found: dict[str, bool] = {}
        for row in self._database.read("select run_id, recursive from cancel_requests", {}):
            found[row["run_id"]] = found.get(row["run_id"], False) or bool(row["recursive"])
        return found

    def cancel_done(self, run_ids: Sequence[str]) -> None:
        self._database.write(*(("delete from cancel_requests where run_id = :id", {"id": id}) for id in run_ids))

    # -- plumbing --------------------------------------------------------------------------------------------

    def _add_columns(self) -> None:
        for table, columns in ADDED.items():
            for column in columns:
                if not self._has(table, column):
                    try:
                        self._database.write((f"alter table {table} add column {column} {TABLES[table][column]}", {}))
                    except Exception:
                        if not self._has(table, column):  # another process was faster otherwise
                            raise

    def _has(self, table: str, column: str) -> bool:
        try:
            self._database.read(f"select {column} from {table} where 1 = 0", {})
        except Exception:
            return False
        return True

    def _insert(self, table: str, values: Values) -> None:
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
        row = {"sequence": sequence, **values}
        columns = TABLES[table]
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        self._database.write((f"insert into {table} ({names}) values ({marks})", row))

    def _runs(self, condition: str, values: Values, order: str = "started_at, sequence") -> list[Run]:
        rows = self._database.read(f"select * from runs where {condition} order by {order}", values)
        return [_run(row) for row in rows]

    def _of_runs(self, table: str, run_ids: Sequence[str]) -> list[Row]:
        rows: list[Row] = []
        for ids in _chunks(run_ids):
            condition, values = _among("run_id", ids)
            rows += self._database.read(f"select * from {table} where {condition}", values)
        return sorted(rows, key=lambda row: (row["at"], row["sequence"]))

    def _tell(self, fact: object) -> None:
        for listener in self._listeners:
            listener(fact)


def _among(column: str, ids: Sequence[str]) -> tuple[str, Values]:
    values = {f"id{index}": id for index, id in enumerate(ids)}
    return f"{column} in ({', '.join(f':{name}' for name in values)})", values


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _run(row: Row) -> Run:
    return Run(
        id=row["id"],
        kind=RunKind(row["kind"]),
        name=row["name"],
        type=row["type"],
        parent_id=row["parent_id"],
        started_at=datetime.fromisoformat(row["started_at"]),
        input=json.loads(row["input"]) if row["input"] else {},
        status=RunStatus(row["status"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        output=json.loads(row["output"]) if row["output"] else None,
        error=json.loads(row["error"]) if row["error"] else None,
        details=json.loads(row["details"]) if row["details"] else {},
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
