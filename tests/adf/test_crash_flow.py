"""A run that is killed, or whose history finds no room, leaves nothing half done, and a rerun completes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelhouse.adf.recovery import Recovery
from reelhouse.adf.run import run_pipeline
from reelhouse.runs.record import RunKind, RunStatus
from reelhouse.runs.store import RunStore

SCRIPT = """
import resource, sys
from pathlib import Path
from reelhouse.adf.factory import load_factory
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.errors import UserError
from reelhouse.runs.store import RunStore
from reelhouse.storage.lake import Lake

folder, room = Path(sys.argv[1]), int(sys.argv[2])
runs = RunStore(f"sqlite:///{folder / 'runs.db'}")
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    run_pipeline(load_factory(folder / "factory"), "main", {}, AdfServices(Lake(folder / "lake"), runs))
except UserError as error:
    print(error, flush=True)
"""
FILES = 40


@pytest.fixture
def loop(make_factory, act, copy, dataset, raw: Path):
    """A factory that copies files, four at a time, and waits a second after each."""
    (raw / "in").mkdir()
    for number in range(FILES):
        (raw / f"in/{number}.txt").write_text(f"file {number}")
    file = {"folder": "in", "file": "@concat(item(), '.txt')"}
    body = [
        copy("copy", dataset("ds_file", **file), dataset("ds_file", **{**file, "folder": "out"})),
        act("rest", "Wait", "copy", waitTimeInSeconds=1),
    ]
    return make_factory({"main": [act("each", "ForEach", items=f"@range(0, {FILES})", batchCount=4, activities=body)]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


def test_a_loop_that_is_killed_is_marked_and_completed_by_a_rerun(
    loop, store, services, raw: Path, tmp_path: Path, eventually
):
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), "0"])
    eventually(lambda: (raw / "out").is_dir() and len(list((raw / "out").glob("*.txt"))) >= 6)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in (raw / "out").glob("*.txt")}
    assert 6 <= len(done) < FILES

    top = store.runs()[0]
    assert top.status is RunStatus.IN_PROGRESS
    marked = store.close_abandoned()
    assert {"main", "each"} <= {run.name for run in marked}
    assert store.run(top.id).status is RunStatus.FAILED
    assert store.run(top.id).error["errorCode"] == "ProcessGone"
    ended = [run for run in store.tree(top.id) if run.name == "copy" and run.status is RunStatus.SUCCEEDED]

    services.runs = store
    again = run_pipeline(loop, "main", {}, services, recovery=Recovery(top.id, from_failed=True))

    assert again.status is RunStatus.SUCCEEDED, again.message
    assert {path.name: path.read_text() for path in (raw / "out").glob("*.txt")} == {
        f"{number}.txt": f"file {number}" for number in range(FILES)
    }
    copies = [run for run in store.tree(again.id) if run.name == "copy"]
    assert len(copies) == FILES
    assert {run.details["reusedFrom"] for run in copies if "reusedFrom" in run.details} == {run.id for run in ended}
    kept = {f"{run.details['iteration']}.txt" for run in ended}
    assert all((raw / "out" / name).stat().st_mtime_ns == done[name] for name in kept)


def test_a_history_without_room_stops_the_run_and_says_so(make_factory, act, store, services, tmp_path: Path):
    inner = [act("work", "Filter", items="@range(0, 50)", condition="@greater(item(), 3)")]
    factory = make_factory({"main": [act("each", "ForEach", items="@range(0, 1000)", batchCount=8, activities=inner)]})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), "300000"], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "runs.db' cannot be written" in done.stdout
    assert "reelhouse rerun ID --failed" in done.stdout
    top = store.runs()[0]
    store.close_abandoned()
    recorded = [run for run in store.tree(top.id) if run.name == "work"]
    assert 0 < len(recorded) < 1000

    services.runs = store
    again = run_pipeline(factory, "main", {}, services, recovery=Recovery(top.id, from_failed=True))
    assert again.status is RunStatus.SUCCEEDED
    assert len([run for run in store.tree(again.id) if run.kind is RunKind.ACTIVITY]) == 1001
