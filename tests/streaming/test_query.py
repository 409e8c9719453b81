"""The micro-batch loop: what is read when, and that a crash at any point loses nothing and doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from reelhouse.streaming.query import BatchResult, run
from reelhouse.streaming.source import Limit
from reelhouse.streaming.trigger import processing_time


def test_what_is_there_becomes_one_batch(query: SimpleNamespace) -> None:
    query.put("a.csv", "1", "2")
    query.put("b.csv", "3")

    results = query.run()

    assert query.sink.batches() == [["1", "2", "3"]]
    assert [(result.batch_id, result.files_read) for result in results] == [(0, 2)]


def test_a_run_without_news_makes_no_batch(query: SimpleNamespace) -> None:
    query.put("a.csv", "1")
    query.run()

    assert query.run() == []
    assert sorted(path.name for path in (query.checkpoint / "offsets").iterdir()) == ["0"]


def test_an_empty_source_makes_no_batch(query: SimpleNamespace) -> None:
    assert query.run() == []


def test_the_next_run_reads_the_news_alone(query: SimpleNamespace) -> None:
    query.put("a.csv", "1")
    query.run()
    query.put("b.csv", "2")

    query.run()

    assert query.sink.batches() == [["1"], ["2"]]


def test_limits_make_several_batches_of_what_was_there_at_the_start(query: SimpleNamespace) -> None:
    for name in "abcde":
        query.put(f"{name}.csv", name)

    results = query.run(Limit(files=2))

    assert [len(batch) for batch in query.sink.batches()] == [2, 2, 1]
    assert [result.files_read for result in results] == [2, 2, 1]


def test_a_file_that_lands_during_an_available_now_run_waits_for_the_next(query: SimpleNamespace) -> None:
    query.put("a.csv", "1")
    query.put("b.csv", "2")
    batches = query.batches(Limit(files=1))
    batches.refresh()
    batches.run(batches.next())
    query.put("c.csv", "3")

    batches.run(batches.next())

    assert batches.next() is None
    assert sorted(query.sink.rows()) == ["1", "2"]
    query.run()
    assert sorted(query.sink.rows()) == ["1", "2", "3"]


def test_the_trigger_once_ignores_limits(query: SimpleNamespace) -> None:
    for name in "abcde":
        query.put(f"{name}.csv", name)

    query.run(Limit(files=2), limited=False)

    assert [len(batch) for batch in query.sink.batches()] == [5]


def test_a_planned_batch_is_run_again_with_the_same_files(query: SimpleNamespace) -> None:
    query.put("a.csv", "1")
    batches = query.batches()
    batches.refresh()
    assert batches.next() is not None
    query.put("b.csv", "2")

    results = query.run()

    assert query.sink.batches() == [["1"], ["2"]]
    assert [result.planned.repeated for result in results] == [True, False]


def test_a_batch_that_the_sink_has_refused_is_tried_again(
    query: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    query.put("a.csv", "1")
    add = query.sink.add
    query.sink.add = lambda *_: (_ for _ in ()).throw(OSError("no space left"))
    with pytest.raises(OSError, match="no space left"):
        query.run()
    query.sink.add = add

    query.run()

    assert query.sink.batches() == [["1"]]


def test_what_is_outstanding_is_what_the_limits_left(query: SimpleNamespace) -> None:
    for name in "abc":
        query.put(f"{name}.csv", "12345")
    batches = query.batches(Limit(files=1))
    batches.refresh()
    batches.run(batches.next())

    assert batches.outstanding() == ((2, 10),)


def test_a_query_by_processing_time_goes_on_until_it_is_stopped(query: SimpleNamespace) -> None:
    query.put("a.csv", "1")
    stop = threading.Event()
    seen: list[BatchResult] = []

    def on_batch(result: BatchResult) -> None:
        seen.append(result)
        if len(seen) < 3:
            query.put(f"{len(seen)}.csv", "more")
        else:
            stop.set()

    run(query.batches(), processing_time("10 seconds"), stop=stop, on_batch=on_batch, clock=query.clock)

    assert [result.batch_id for result in seen] == [0, 1, 2]
    assert query.clock.monotonic() == 20


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest
from reelhouse.autoloader.discovery import Selection
from reelhouse.clock import SystemClock
from reelhouse.streaming.checkpoint import Checkpoint
from reelhouse.streaming.file_source import FileSource
from reelhouse.streaming.query import MicroBatches, drain
from reelhouse.streaming.source import Limit

folder = Path(sys.argv[2])
checkpoint = Checkpoint(str(folder / "checkpoint"))
checkpoint.acquire()
lines = conftest.Lines(folder / "source")
source = FileSource("cloudFiles", Selection(str(folder / "source")), checkpoint.source_folder(0), lines,
                    SystemClock(), limit=Limit(files=2))
for result in drain(MicroBatches(checkpoint, [source], conftest.FolderSink(folder / "sink"))):
    pass
"""

POINTS = [
    "streaming.metadata",
    "streaming.discovered",
    "streaming.before_offsets",
    "streaming.after_offsets",
    "streaming.after_sink",
    "streaming.after_commit",
    "streaming.before_offsets:2",
    "streaming.after_offsets:2",
    "streaming.after_sink:2",
    "streaming.after_commit:2",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(
    query: SimpleNamespace, tmp_path: Path, point: str
) -> None:
    for name in "abc":
        query.put(f"{name}.csv", name)
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(tmp_path)]

    killed = subprocess.run(command, env={**os.environ, "REELHOUSE_FAIL_AT": point})
    query.put("d.csv", "d")
    again = subprocess.run(command, env={**os.environ, "REELHOUSE_FAIL_AT": ""})

    assert killed.returncode == -signal.SIGKILL
    assert again.returncode == 0
    assert sorted(query.sink.rows()) == ["a", "b", "c", "d"]
    assert query.run() == []
