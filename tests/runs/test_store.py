"""The history of runs."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reelhouse.errors import UserError
from reelhouse.runs.record import ExpectationResult, RunKind, RunStatus, TableChange, current_run
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
        for table in ("runs", "table_changes", "expectations", "notes"):
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
