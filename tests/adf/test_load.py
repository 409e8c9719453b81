"""Large loops: the overhead of an activity stays small, and memory flat. `python -m bench.foreach` measures it."""

from __future__ import annotations

import threading

import pytest

from reelhouse.adf.workers import Workers
from reelhouse.runs.record import RunKind, RunStatus
from reelhouse.runs.store import RunStore


@pytest.fixture
def bench(load_script):
    return load_script("bench/foreach.py")


def test_a_loop_of_many_turns_is_cheap_and_does_not_fill_the_memory(bench, tmp_path):
    cost = bench.measure(tmp_path, items=3000, at_once=50)

    # Measured are 0.3 ms and 1 MB; a loaded machine may be many times slower.
    assert cost.milliseconds_each < 5
    assert cost.grown_mb < 30


def test_of_many_failed_turns_the_first_is_told(run, act):
    inner = [act("no", "Fail", message="@concat('turn ', item())", errorCode="E")]
    result = run([act("each", "ForEach", items="@range(0, 500)", batchCount=50, activities=inner)])

    assert "turn 0" in result.message


def test_threads_are_used_again(act, run):
    seen: set[int] = set()
    workers = Workers()
    over = threading.Semaphore(0)

    def work() -> None:
        seen.add(threading.get_ident())
        over.release()

    for _ in range(50):
        workers.start(work, "w")
        over.acquire()
    workers.close()

    assert len(seen) < 10


def test_work_never_waits_for_other_work():
    workers = Workers()
    together = threading.Barrier(30, timeout=20)
    over = threading.Semaphore(0)

    def work() -> None:
        together.wait()
        over.release()

    for number in range(30):
        workers.start(work, f"w{number}")
    for _ in range(30):
        assert over.acquire(timeout=20)
    workers.close()


def test_runs_written_by_many_threads_are_all_there(tmp_path):
    store = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")
    top = store.begin(RunKind.PIPELINE, "top")

    def work(number: int) -> None:
        for turn in range(20):
            run = store.begin(RunKind.ACTIVITY, f"{number}-{turn}", parent_id=top.id)
            store.end(run.id, RunStatus.SUCCEEDED, output={"n": turn})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    children = store.children(top.id)
    assert len(children) == 400
    assert {run.status for run in children} == {RunStatus.SUCCEEDED}
    store.close()
