"""What triggers have done, in a database: written before a run is started, so that `kill -9` loses and doubles nothing.

A trigger run and the ids of its pipeline runs are one transaction. A pipeline run that is written down here and that
the history of runs does not know has not begun; it begins later under the same id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from reelhouse.adf.trigger.events import Blob
from reelhouse.adf.trigger.plan import OPEN, TriggerRunStatus
from reelhouse.adf.trigger.state import Switch, TriggerRun
from reelhouse.runs.database import Database, Row, Values

_TABLES = (
    "create table if not exists triggers (name varchar(260) primary key, started smallint not null,"
    " since varchar(40) not null, listed smallint not null)",
    "create table if not exists trigger_runs (id varchar(64) primary key, name varchar(260) not null,"
    " type varchar(64) not null, event_key text not null, window_index bigint, status varchar(32) not null,"
    " at varchar(40) not null, since varchar(40) not null, next_try varchar(40), failed_tries bigint not null,"
    " message text not null, scope text not null, pipelines text not null, past text not null)",
    "create unique index if not exists trigger_runs_key on trigger_runs (name, event_key)",
    "create index if not exists trigger_runs_status on trigger_runs (status)",
    "create table if not exists blobs (name varchar(260) not null, path text not null, size bigint not null,"
    " stamp text not null, primary key (name, path))",
)


class DatabaseTriggers:
    """`TriggerStore` over a database: the state of all triggers of a project."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.write(*((statement, {}) for statement in _TABLES))

    def close(self) -> None:
        self._database.close()

    def switches(self) -> dict[str, Switch]:
        """Every trigger that was seen, by name."""
        rows = self._database.read("select * from triggers", {})
        return {row["name"]: Switch(bool(row["started"]), _moment(row["since"]), bool(row["listed"])) for row in rows}

    def switch(self, name: str, switch: Switch) -> None:
        """Write down that a trigger is started or stopped. One that is not listed forgets its files."""
        forget = [] if switch.listed else [("delete from blobs where name = :name", {"name": name})]
        self._database.write(_switch(name, switch), *forget)

    def put(self, *runs: TriggerRun, switch: tuple[str, Switch] | None = None) -> None:
        """Write trigger runs, new or changed, and how far their trigger has come: all or nothing."""
        self._database.write(*map(_put, runs), *([_switch(*switch)] if switch else []))

    def put_blobs(
        self, name: str, runs: Sequence[TriggerRun], changed: Mapping[str, Blob | None], switch: Switch
    ) -> None:
        """Write the trigger runs of a look at files with the files that have changed (None: gone): all or nothing."""
        statements: list[tuple[str, Values]] = []
        for path, blob in changed.items():
            statements.append(("delete from blobs where name = :name and path = :path", {"name": name, "path": path}))
            if blob is not None:
                values = {"name": name, "path": path, "size": blob.size, "stamp": blob.stamp}
                insert = "insert into blobs (name, path, size, stamp) values (:name, :path, :size, :stamp)"
                statements.append((insert, values))
        self._database.write(*statements, *map(_put, runs), _switch(name, switch))

    def blobs(self, name: str) -> dict[str, Blob]:
        """The files that a trigger knows."""
        rows = self._database.read("select path, size, stamp from blobs where name = :name", {"name": name})
        return {row["path"]: Blob(row["size"], row["stamp"]) for row in rows}

    def run(self, run_id: str) -> TriggerRun | None:
        """The trigger run with an id."""
        found = self._runs("id = :id", {"id": run_id})
        return found[0] if found else None

    def open_runs(self) -> list[TriggerRun]:
        """The trigger runs that have not ended, oldest first."""
        return self._runs(f"status in ({_quoted(OPEN)})", {})

    def windows(self, name: str) -> list[TriggerRun]:
        """The windows of a tumbling window trigger that have begun."""
        return self._runs("name = :name and window_index is not null", {"name": name})

    def between(self, after: datetime, before: datetime) -> list[TriggerRun]:
        """The trigger runs of a time, newest first."""
        values = {"after": _text(after), "before": _text(before)}
        return self._runs("at >= :after and at <= :before", values)[::-1]

    def _runs(self, condition: str, values: Values) -> list[TriggerRun]:
        rows = self._database.read(f"select * from trigger_runs where {condition} order by at, event_key", values)
        return [_trigger_run(row) for row in rows]


def _put(run: TriggerRun) -> tuple[str, Values]:
    values = {
        "id": run.id, "name": run.name, "type": run.type, "event_key": run.key, "window_index": run.window,
        "status": run.status.value, "at": _text(run.at), "since": _text(run.since),
        "next_try": None if run.next_try is None else _text(run.next_try), "failed_tries": run.failed_tries,
        "message": run.message, "scope": json.dumps(dict(run.scope)), "pipelines": json.dumps(dict(run.pipelines)),
        "past": json.dumps(dict(run.past)),
    }  # fmt: skip
    changed = ("status", "since", "next_try", "failed_tries", "message", "scope", "pipelines", "past")
    return (
        f"insert into trigger_runs ({', '.join(values)}) values ({', '.join(f':{name}' for name in values)})"
        f" on conflict (id) do update set {', '.join(f'{name} = excluded.{name}' for name in changed)}",
        values,
    )


def _switch(name: str, switch: Switch) -> tuple[str, Values]:
    return (
        "insert into triggers (name, started, since, listed) values (:name, :started, :since, :listed)"
        " on conflict (name) do update set started = excluded.started, since = excluded.since,"
        " listed = excluded.listed",
        {"name": name, "started": int(switch.started), "since": _text(switch.since), "listed": int(switch.listed)},
    )


def _trigger_run(row: Row) -> TriggerRun:
    return TriggerRun(
        row["id"],
        row["name"],
        row["type"],
        row["event_key"],
        TriggerRunStatus(row["status"]),
        _moment(row["at"]),
        _moment(row["since"]),
        json.loads(row["scope"]),
        json.loads(row["pipelines"]),
        row["window_index"],
        None if row["next_try"] is None else _moment(row["next_try"]),
        row["failed_tries"],
        row["message"],
        json.loads(row["past"]),
    )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
