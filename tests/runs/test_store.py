"""The history of runs."""

from __future__ import annotations

import contextvars
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelhouse.errors import UserError
from reelhouse.runs.process import has_gone, this_process
from reelhouse.runs.record import ExpectationResult, HistoryLost, RunKind, RunStatus, TableChange, current_run
from reelhouse.runs.store import RunStore


@pytest.fixture(params=["sqlite", "sqlite+pysqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(tmp_path: Path, request: pytest.FixtureRequest):
    """The history by the standard library, by SQLAlchemy in a file, and by SQLAlchemy in a server."""
    url = f"{request.param}:///{tmp_path}/runs.db"
    if request.param == "postgresql":
        url = emptied(os.environ["REELHOUSE_POSTGRES"])
    opened = RunStore(url)
    yield opened
    opened.close()


def emptied(url: str) -> str:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        for table in ("runs", "table_changes", "expectations", "notes", "cancel_requests"):
            connection.execute(sqlalchemy.text(f"drop table if exists {table}"))
    engine.dispose()
    return url


def test_a_run_is_found_by_its_id_and_by_the_beginning_of_it(store):
    run = store.begin(RunKind.PIPELINE, "ingest", input={"day": 1})
    store.end(run.id, RunStatus.SUCCEEDED, output={"rows": 3})
    found = store.run(run.id[:8])
    assert (found.name, found.status, found.input, found.output) == (
        "ingest",
        RunStatus.SUCCEEDED,
        {"day": 1},
        {"rows": 3},
    )
    assert found.ended_at >= found.started_at


def test_an_unknown_run_is_refused_with_the_newest_ids(store):
    run = store.begin(RunKind.JOB, "nightly")
    with pytest.raises(UserError, match=run.id):
        store.run("nope")


def test_what_a_run_starts_becomes_its_child_in_the_order_of_start(store):
    top = store.begin(RunKind.PIPELINE, "top")
    token = current_run.set(top.id)
    try:
        names = ["a", "b", "c"]
        for name in names:
            store.begin(RunKind.ACTIVITY, name)
    finally:
        current_run.reset(token)
    assert [run.name for run in store.children(top.id)] == names
    assert [run.name for run in store.tree(top.id)] == ["top", *names]
    assert [run.name for run in store.runs()] == ["top"]


def test_threads_write_under_the_run_they_were_started_from(store):
    top = store.begin(RunKind.JOB, "job")
    token = current_run.set(top.id)
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(store.begin, RunKind.TASK, f"task {i}"))
        for i in range(20)
    ]
    current_run.reset(token)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.children(top.id)) == 20


def test_changes_and_expectations_come_back_as_they_were_written(store):
    run = store.begin(RunKind.FLOW, "titles")
    change = TableChange("netflix.silver.titles", 3, "MERGE", 10, added=1, updated=2, removed=3, duration_ms=4)
    expectation = ExpectationResult("netflix.silver.titles", "id_is_valid", "DROP", 9, 1)
    store.table_changed(change, run_id=run.id)
    store.expectation(expectation, run_id=run.id)
    store.note("compute is not used here", run_id=run.id)
    assert store.table_changes([run.id]) == [change]
    assert store.expectations([run.id]) == [expectation]
    assert [note.message for note in store.notes([run.id])] == ["compute is not used here"]


def test_listeners_hear_begin_change_and_end(store):
    heard = []
    store.subscribe(heard.append)
    run = store.begin(RunKind.JOB, "job")
    store.table_changed(TableChange("t", 0, "WRITE", 1), run_id=run.id)
    store.end(run.id, RunStatus.FAILED, error={"message": "no"})
    assert [type(fact).__name__ for fact in heard] == ["Run", "TableChange", "Run"]
    assert heard[-1].status is RunStatus.FAILED


def test_a_run_whose_process_was_killed_is_closed_by_the_next_start(tmp_path):
    code = (
        "import os, sys; from reelhouse.runs.store import RunStore; from reelhouse.runs.record import RunKind;"
        f"RunStore('sqlite:///{tmp_path}/runs.db').begin(RunKind.JOB, 'doomed'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, env=os.environ)
    store = RunStore(f"sqlite:///{tmp_path}/runs.db")
    assert [run.name for run in store.close_abandoned()] == ["doomed"]
    assert store.runs()[0].status is RunStatus.FAILED
    store.close()


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be opened"):
        RunStore(f"sqlite:///{tmp_path}/no/such/folder/runs.db")


def test_runs_are_filtered_by_status_pipeline_and_time(store):
    top = store.begin(RunKind.PIPELINE, "Ingest")
    child = store.begin(RunKind.PIPELINE, "child", parent_id=top.id)
    other = store.begin(RunKind.JOB, "nightly")
    store.end(other.id, RunStatus.FAILED)
    assert [run.name for run in store.runs()] == ["nightly", "Ingest"]
    assert [run.id for run in store.runs(status=RunStatus.FAILED)] == [other.id]
    assert [run.id for run in store.runs(pipeline="CHILD")] == [child.id]
    assert store.runs(pipeline="ingest", since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert [run.id for run in store.runs(since=top.started_at, limit=1)] == [other.id]


def test_what_the_monitor_tells_of_a_run_comes_back(store):
    run = store.begin(RunKind.PIPELINE, "p", details={"runGroupId": "g", "isRecovery": True})
    assert store.run(run.id).details == {"runGroupId": "g", "isRecovery": True}
    assert [found.id for found in store.group("g")] == [run.id]


def test_a_queued_run_is_in_progress_once_it_has_started(store):
    heard = []
    store.subscribe(heard.append)
    run = store.begin(RunKind.PIPELINE, "p", queued=True)
    assert store.run(run.id).status is RunStatus.QUEUED
    store.started(run.id)
    assert store.run(run.id).status is RunStatus.IN_PROGRESS
    assert [fact.status.value for fact in heard] == ["Queued", "InProgress"]


def test_requests_to_stop_are_kept_until_they_are_met(store):
    run = store.begin(RunKind.PIPELINE, "p")
    store.request_cancel(run.id[:8], recursive=False)
    assert store.cancel_requests() == {run.id: False}
    store.request_cancel(run.id)
    assert store.cancel_requests() == {run.id: True}
    store.cancel_done([run.id])
    assert store.cancel_requests() == {}
    store.end(run.id, RunStatus.SUCCEEDED)
    with pytest.raises(UserError, match="has ended already: Succeeded"):
        store.request_cancel(run.id)


def test_a_history_made_by_an_earlier_version_is_still_read(tmp_path):
    file = tmp_path / "runs.db"
    connection = sqlite3.connect(file)
    connection.execute(
        "create table runs (id varchar(64) primary key, kind varchar(16) not null, name text not null, type text not"
        " null, parent_id varchar(64), sequence bigint not null, started_at varchar(32) not null, ended_at"
        " varchar(32), status varchar(16) not null, input text, output text, error text, process text not null)"
    )
    connection.execute(
        "insert into runs values ('old', 'job', 'nightly', '', null, 1, '2026-01-01T00:00:00+00:00', null, 'Succeeded',"
        " null, null, null, 'elsewhere:1')"
    )
    connection.commit()
    connection.close()

    store = RunStore(f"sqlite:///{file}")
    run = store.begin(RunKind.PIPELINE, "new", details={"runGroupId": "g"})
    assert store.run("old").details == {}
    assert store.run(run.id).details == {"runGroupId": "g"}
    store.close()


def test_a_process_with_the_number_of_an_earlier_one_is_not_that_one():
    host, _, rest = this_process().rpartition(":")
    number, _, start = rest.partition("@")
    assert not has_gone(this_process())
    assert not has_gone(f"{host}:{number}")
    assert not has_gone(f"somewhere-else:{number}@1")
    assert has_gone(f"{host}:{number}@{int(start) - 1}") or not start
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    assert has_gone(f"{host}:{done.stdout.strip()}@1")


def test_a_process_that_has_ended_and_was_not_looked_at_is_gone():
    child = subprocess.Popen([sys.executable, "-c", ""])
    name = f"{socket.gethostname()}:{child.pid}"
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert has_gone(name) == Path("/proc/self/stat").exists()  # without it the system does not tell
    finally:
        child.wait()


def test_a_history_that_cannot_be_written_says_so(tmp_path):
    store = RunStore(f"sqlite:///{tmp_path}/runs.db")
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("drop table runs")
    with pytest.raises(HistoryLost, match="cannot be written: no such table"):
        store.begin(RunKind.JOB, "j")
    connection.close()
    store.close()
